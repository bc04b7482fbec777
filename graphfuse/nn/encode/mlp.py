"""A perceptron over the columns."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from graphfuse.nn.encode.table import Table

WIDER = 2  # hidden units for each entry of the embedding


class Perceptron(Table):
    """`[N, F]` → `[N, 1, D]`: V gelu(norm(x W / √F + b)) + c with 2 D hidden units.

    The layer norm divides by √(variance + 1): a patient whose columns all stand near the training
    mean stays near it, where the usual 1e-5 would blow up whatever noise is there (and leave
    integrated gradients a cliff at their baseline).
    """

    def __init__(self, features: int, width: int):
        hidden = WIDER * width
        super().__init__(features, hidden)
        self.norm = nn.LayerNorm(hidden, eps=1.0)
        self.out = nn.Parameter(torch.randn(hidden, width) * (2 / hidden) ** 0.5)
        self.out_bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return gelu(self.norm(super().forward(x))) @ self.out + self.out_bias
