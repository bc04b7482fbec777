"""The graphs of a whole cohort as one value, with every export."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.graph import convert
from graphfuse.graph.neighbours import Neighbours
from graphfuse.graph.network import GeneNetwork
from graphfuse.graph.space import principal_components

__all__ = ["PatientGraph", "principal_components"]


@dataclass(frozen=True, eq=False)
class PatientGraph:
    """The graphs of a whole cohort, to look at and to take elsewhere; training fits its own in every fold.

    `layers`: modality → neighbour lists among all patients; `network`: the gene network on the genes measured, or `None`;
    `features`: modality → standardised columns `[N, F]`, named by `feature_names`.
    """

    cohort: Cohort
    layers: dict[str, Neighbours]
    network: GeneNetwork | None
    features: dict[str, np.ndarray]
    feature_names: dict[str, list[str]]

    def to_hetero(self):
        """A PyG `HeteroData` with patients, genes and every relation."""
        return convert.to_hetero(self)

    def to_networkx(self, layer: str):
        """A networkx graph of one layer, or of the gene network (`"genes"`)."""
        return convert.to_networkx(self, layer)

    def to_anndata(self, modality: str | None = None):
        """An AnnData of one modality (default: the first) with every layer in `obsp`."""
        return convert.to_anndata(self, modality)

    def to_frames(self) -> dict:
        """Nodes and edges as pandas tables."""
        return convert.to_frames(self)

    def write(self, folder):
        """All of these, in every format, with a README."""
        return convert.write(self, folder)

    def __repr__(self) -> str:
        lines = [f"PatientGraph({self.cohort.name}: {len(self.cohort):,} patients)"]
        lines += [f"  layer {name}: {found.edges:,} edges" for name, found in self.layers.items()]
        return "\n".join([*lines, f"  {self.network!r}" if self.network is not None else "  no gene network"])
