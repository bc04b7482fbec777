"""Several tokens of one table, for fusions that attend to tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from graphfuse.nn.encode.table import Table

COUNT = 4


class Tokens(Table):
    """`[N, F]` → `[N, 4, D]`: token t is gelu(x W_t / √F + b_t) + e_t, with e_t learned.

    The weights of all tokens stand side by side, `weight` `[F, 4 D]`. What a token looks for is
    learned; with gene sets it is given beforehand (`pathways`).
    """

    def __init__(self, features: int, width: int):
        super().__init__(features, COUNT * width)
        self.tokens = COUNT
        self.embedding = nn.Parameter(torch.randn(COUNT, width) * width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        side_by_side = gelu(super().forward(x).squeeze(1))  # [N, 4 D]
        tokens = side_by_side.unflatten(1, self.embedding.shape)
        return tokens + self.embedding
