"""One network on all columns side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from graphfuse.nn.slots import Fuse


class Early(Fuse):
    """Two hidden layers on the sum of the modalities' embeddings, `[N, M, T, D]` → `[N, D]`.

    With `encode = "table"` this is early fusion exactly: the encoders are linear, and W [x_1 … x_M]
    = Σ_m W_m x_m, so that their sum is the first layer of a network on the concatenated columns.
    (With any other encoder the modalities meet after it, and the fusion is intermediate.) An absent
    modality's columns are zeros, as after standardising and filling with the mean; a bias of its
    own says that they are absent.
    """

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        self.absent = nn.Parameter(torch.zeros(modalities, dim))
        self.norm = nn.LayerNorm(dim)
        self.hidden = nn.Linear(dim, dim)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        first = h.mean(2).sum(1) + (1 - present) @ self.absent
        return gelu(self.hidden(gelu(self.norm(first))))
