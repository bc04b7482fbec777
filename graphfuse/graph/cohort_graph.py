"""The graphs of a whole cohort as one value."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.gene.typed_gene_graph import Template
from graphfuse.graph.graph_scores import GraphScores
from graphfuse.graph.neighbour_lists import Neighbours


@dataclass(frozen=True, eq=False)
class CohortGraph:
    """The graphs of a whole cohort, as they are built, written and read; `PatientGraph` is the
    same with every export.

    Parameters
    ----------
    cohort : Cohort
        N patients.
    layers : dict of str to Neighbours
        Name → neighbour lists among all patients.
    network : GeneNetwork or None
        The gene network on the genes measured.
    features : dict of str to numpy.ndarray
        Modality → standardised columns, float64 `[N, F]`.
    feature_names : dict of str to list of str
        Modality → the names of these columns.
    signalling : Template, optional
        The typed graph of genes' nodes, where the recipe has one.
    about : dict of str to dict
        Layer name → how it was made (rule, thresholds, search and its recall).
    scores : GraphScores, optional
        Scores of a ranking on columns, genes and edges.
    """

    cohort: Cohort
    layers: dict[str, Neighbours]
    network: GeneNetwork | None
    features: dict[str, np.ndarray]
    feature_names: dict[str, list[str]]
    signalling: Template | None = None
    about: dict[str, dict] = field(default_factory=dict)
    scores: GraphScores | None = None

    def __repr__(self) -> str:
        patients = f"{len(self.cohort):,} patients"
        lines = [f"{type(self).__name__}({self.cohort.name}: {patients})"]
        for name, lists in self.layers.items():
            lines.append(f"  layer {name}: {lists.edges:,} edges{self._search_in_words(name)}")
        lines.append("  no gene network" if self.network is None else f"  {self.network!r}")
        if self.signalling is not None:
            lines.append(f"  {self.signalling!r}")
        if self.scores is not None:
            lines.append(f"  scores of {self.scores.target} by {self.scores.method}")
        return "\n".join(lines)

    def _search_in_words(self, layer: str) -> str:
        """How a layer's neighbours were searched for; empty where exactly."""
        search = self.about.get(layer, {}).get("search") or {}
        if search.get("recall") is None:
            return ""
        return f" ({search['method']}, recall {search['recall']:.3f})"
