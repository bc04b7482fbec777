"""Embeddings side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.slots import Fuse


class Concat(Fuse):
    """One linear map of all modalities' embeddings and of who is present."""

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        self.mix = nn.Linear(modalities * (dim + 1), dim)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        return self.mix(torch.cat([h.mean(2).flatten(1), present.to(h.dtype)], -1))
