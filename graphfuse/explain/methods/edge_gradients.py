"""Edge gradients: the gradient by an edge's weight, times the weight, of the edges of all graphs.

Columns are scored as by `gradient-x-input`. Edges of the gene network and links are the same there;
edges between patients are scored through the net here, and through its linear model there.
"""

from __future__ import annotations

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.explain.edge_gradients import Arriving, EdgeGradients
from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods.gradient_x_input import GradientXInput
from graphfuse.explain.patient_edge_gradients import net_scores
from graphfuse.explain.patient_edges import patient_edges
from graphfuse.learn.fold_model import Fitted
from graphfuse.task.task import Task


class ByEdgeGradients(GradientXInput):
    """Edge gradients: the gradient by the weight of an edge of the gene network, of a link or of an
    edge between patients, times the weight; columns by gradient x input."""

    def description(self, task: Task) -> str:
        """Name what is attributed."""
        return (
            f"The gradient of {task.attribution_words.of} by the weight of an edge (of the gene "
            "network, between a gene's nodes, between patients), times the weight, at the "
            "patients as they are; columns by gradient x input."
        )

    def about_patient_edges(self, task: Task) -> str:
        """Say that the whole net is looked at."""
        return (
            f"gradient by the weight times the weight,\n{' ' * 22}of "
            f"{task.attribution_words.of}, through the whole net"
        )

    def patient_edges(self, fitted: Fitted, cohort: Cohort, training: pd.Index) -> pd.DataFrame:
        """Scores through the nets, the mean over them."""
        return patient_edges(fitted, cohort, training, net_scores(fitted, cohort, self.gradients))

    def gradients(self, net: FoldNet) -> EdgeGradients:
        """The gradients by what arrives along edges."""
        return Arriving(net).at_patients()
