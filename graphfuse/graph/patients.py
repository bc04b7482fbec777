"""The graphs of a whole cohort as one value, with every export."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.graph import convert
from graphfuse.graph.neighbours import Neighbours
from graphfuse.graph.network import GeneNetwork
from graphfuse.graph.signalling import Template
from graphfuse.schema.arguments import Seed, checked


@checked
@dataclass(frozen=True, eq=False)
class PatientGraph:
    """The graphs of a whole cohort, to look at and to take elsewhere; training fits its own in
    every fold.

    `layers`: name → neighbour lists among all patients; `network`: the gene network on the genes
    measured, or `None`; `features`: modality → standardised columns `[N, F]`, named by
    `feature_names`; `signalling`: the typed graph of genes' nodes, where the recipe has one;
    `about`: layer name → how it was made (rule, thresholds, search and its recall).
    """

    cohort: Cohort
    layers: dict[str, Neighbours]
    network: GeneNetwork | None
    features: dict[str, np.ndarray]
    feature_names: dict[str, list[str]]
    signalling: Template | None = None
    about: dict[str, dict] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: str | Path) -> PatientGraph:
        """The graph that `write` left in `folder`."""
        return convert.read_graph(folder)

    def to_hetero(self, dtype: str = "float32"):
        """A PyG `HeteroData` with patients, genes and every relation; features in `dtype`."""
        return convert.to_hetero(self, dtype)

    def to_networkx(self, layer: str | None = None):
        """A networkx graph of one layer, of the gene network (`"genes"`), or of everything (a
        MultiDiGraph)."""
        return convert.to_networkx(self, layer)

    def to_anndata(self, modality: str | None = None):
        """An AnnData of one modality (default: the first) with every layer in `obsp`."""
        return convert.to_anndata(self, modality)

    def to_mudata(self):
        """A MuData: an AnnData per modality, its layers in `obsp`, the gene network in `varp`."""
        return convert.to_mudata(self)

    def to_html(self, path: str | Path, seed: Seed = 0) -> str:
        """One page that opens offline: layers to switch, patients coloured by outcome, search. Says
        what it drew."""
        return convert.write_picture(self, path, seed)

    def to_frames(self) -> dict:
        """Nodes and edges as pandas tables."""
        return convert.to_frames(self)

    def write(self, folder: str | Path):
        """All of these, in every format, with a README."""
        return convert.write(self, folder)

    def _searched(self, layer: str) -> str:
        found = self.about.get(layer, {}).get("search") or {}
        return (
            ""
            if found.get("recall") is None
            else f" ({found['method']}, recall {found['recall']:.3f})"
        )

    def __repr__(self) -> str:
        lines = [f"PatientGraph({self.cohort.name}: {len(self.cohort):,} patients)"]
        lines += [
            f"  layer {name}: {found.edges:,} edges{self._searched(name)}"
            for name, found in self.layers.items()
        ]
        lines += [f"  {self.network!r}" if self.network is not None else "  no gene network"]
        return "\n".join(
            [*lines, *([f"  {self.signalling!r}"] if self.signalling is not None else [])]
        )
