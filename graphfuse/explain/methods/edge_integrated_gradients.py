"""Integrated gradients of edges, from a net without edges to the net as it is.

The path scales what arrives along the edges of all graphs together, the patients' own columns held
fixed, so attributions of edges sum to what all graphs change in a patient's output (completeness).
The edges of `integrated-gradients` lie on the path of columns instead, where edges and columns grow
together. Columns are scored as there.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.errors import GraphfuseError
from graphfuse.explain.edge_gradients import Arriving, EdgeGradients
from graphfuse.explain.edges import gene_edges, links_and_edges
from graphfuse.explain.method import Attribution, FoldNet
from graphfuse.explain.methods.integrated_gradients import (
    COMPLETE,
    STEPS,
    TOLERATED,
    IntegratedGradients,
)
from graphfuse.explain.patient_edge_gradients import net_scores
from graphfuse.explain.patient_edges import patient_edges
from graphfuse.learn.fold_model import Fitted
from graphfuse.task.task import Task

log = logging.getLogger(__name__)


class EdgeIntegratedGradients(IntegratedGradients):
    """Integrated gradients of edges of the gene network, links and edges between patients, from no
    edges to all, columns held fixed; columns by integrated gradients."""

    def description(self, task: Task) -> str:
        """Name what is attributed."""
        return (
            f"Integrated gradients of {task.attribution_words.of} by the weight of an edge (of the "
            "gene network, between a gene's nodes, between patients), from no edges to all, "
            "columns held fixed; columns by integrated gradients from the training mean."
        )

    def about_patient_edges(self, task: Task) -> str:
        """Say that the whole net is looked at."""
        return (
            f"integrated gradients by the weight,\n{' ' * 22}of {task.attribution_words.of}, "
            "through the whole net"
        )

    def attribute(self, net: FoldNet) -> Attribution:
        """Two paths: of the columns, and of the edges."""
        attribution = super().attribute(net)
        if net.network is None:
            return attribution
        gradients = integrated(net)
        links, edges = links_and_edges(net, gradients.of_genes)
        edges = gene_edges(net, gradients.of_genes) + edges
        error = max(gradients.error, attribution.error)
        return replace(attribution, edges=edges, links=links, error=error)

    def patient_edges(self, fitted: Fitted, cohort: Cohort, training: pd.Index) -> pd.DataFrame:
        """Scores through the nets, the mean over them."""
        return patient_edges(fitted, cohort, training, net_scores(fitted, cohort, integrated))


def integrated(net: FoldNet) -> EdgeGradients:
    """Gradients by what arrives along edges, averaged from no edges to all, in as many steps as
    completeness needs.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.

    Returns
    -------
    EdgeGradients

    Raises
    ------
    GraphfuseError
        Where the last number of steps misses more than 5 % of the change.
    """
    arriving = Arriving(net)
    for steps in STEPS:
        gradients = arriving.averaged(steps)
        if gradients.error <= COMPLETE:
            return gradients
    missed = f"integrated gradients of edges miss {gradients.error:.1%} of what edges change"
    if gradients.error <= TOLERATED:
        log.warning("%s after %d steps", missed, STEPS[-1])
        return gradients
    raise GraphfuseError(
        f"{missed} after {STEPS[-1]} steps. Where weights of edges are divided by their sum, as in "
        "attention, there is no path from no edges to all; take edge-gradients, or attention"
    )
