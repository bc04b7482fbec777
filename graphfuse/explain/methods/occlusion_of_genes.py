"""Occlusion of genes: without all columns of a gene, those of all modalities together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods.occlusion import Occlusion


class OcclusionOfGenes(Occlusion):
    """Occlusion of all columns of a gene at once, those of all modalities together."""

    unit = "a gene"

    def units(self, net: FoldNet) -> Mapping[str, Sequence[str | None]]:
        """The gene of each input."""
        return net.symbols
