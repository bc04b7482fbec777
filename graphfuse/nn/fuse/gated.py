"""A sum in which each modality passes its own gate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.slots import Fuse


class Gated(Fuse):
    """Sum the modalities, each through a gate that depends on its embedding.

    Σ_m 2σ(a_m + u_m · h_m) h_m, tokens averaged; all gates start at 1, and an absent modality's
    zeros add nothing.
    """

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(modalities))
        self.slope = nn.Parameter(torch.zeros(modalities, dim))

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        h = h.mean(2)
        score = self.offset + (h * self.slope).sum(-1)  # [N, M]
        gate = 2 * torch.sigmoid(score)
        return (gate[..., None] * h).sum(1)
