"""The plain sum of embeddings."""

from __future__ import annotations

from torch import Tensor

from graphfuse.nn.slots import Fuse


class Sum(Fuse):
    """Σ_m h_m, tokens averaged; absent modalities' zeros add nothing."""

    def __init__(self, dim: int, modalities: int):
        super().__init__()

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        return h.mean(2).sum(1)
