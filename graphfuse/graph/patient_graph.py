"""The graphs of a whole cohort, with every export."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from graphfuse.graph.cohort_graph import CohortGraph
from graphfuse.graph.export.anndata import to_anndata, to_mudata
from graphfuse.graph.export.hetero import to_hetero
from graphfuse.graph.export.networkx import to_networkx
from graphfuse.graph.export.page.html import write_picture
from graphfuse.graph.export.read_folder import read_graph
from graphfuse.graph.export.tables import to_frames
from graphfuse.graph.export.write_folder import write
from graphfuse.schema.arguments import Seed, checked


@checked
@dataclass(frozen=True, eq=False, repr=False)
class PatientGraph(CohortGraph):
    """The graphs of a whole cohort, to look at and to take elsewhere; training fits its own in
    every fold.

    `layers`: name → neighbour lists among all patients; `network`: the gene network on the genes
    measured, or `None`; `features`: modality → standardised columns `[N, F]`, named by
    `feature_names`; `signalling`: the typed graph of genes' nodes, where the recipe has one;
    `about`: layer name → how it was made (rule, thresholds, search and its recall).
    """

    @classmethod
    def of(cls, graph: CohortGraph) -> PatientGraph:
        """The same graph, with every export."""
        return cls(**{each.name: getattr(graph, each.name) for each in fields(CohortGraph)})

    @classmethod
    def read(cls, folder: str | Path) -> PatientGraph:
        """The graph that `write` left in `folder`."""
        return cls.of(read_graph(folder))

    def to_hetero(self, dtype: str = "float32"):
        """A PyG `HeteroData` with patients, genes and every relation; features in `dtype`."""
        return to_hetero(self, dtype)

    def to_networkx(self, layer: str | None = None):
        """A networkx graph of one layer, of the gene network (`"genes"`), or of everything (a
        MultiDiGraph)."""
        return to_networkx(self, layer)

    def to_anndata(self, modality: str | None = None):
        """An AnnData of one modality (default: the first) with every layer in `obsp`."""
        return to_anndata(self, modality)

    def to_mudata(self):
        """A MuData: an AnnData per modality, its layers in `obsp`, the gene network in `varp`."""
        return to_mudata(self)

    def to_html(self, path: str | Path, seed: Seed = 0) -> str:
        """One page that opens offline: layers to switch, patients coloured by outcome, search. Says
        what it drew."""
        return write_picture(self, path, seed)

    def to_frames(self) -> dict:
        """Nodes and edges as pandas tables."""
        return to_frames(self)

    def write(self, folder: str | Path):
        """All of these, in every format, with a README."""
        return write(self, folder)
