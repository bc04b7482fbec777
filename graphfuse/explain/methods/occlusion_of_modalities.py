"""Occlusion of modalities: all columns at their training means, which is not the same as absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods.occlusion import Occlusion


class OcclusionOfModalities(Occlusion):
    """Occlusion of all columns of a modality at once."""

    unit = "a modality"

    def units(self, net: FoldNet) -> Mapping[str, Sequence[str | None]]:
        """The modality of each input."""
        return {name: [name] * own.shape[1] for name, own in net.columns.items()}
