"""A linear map of the columns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.shared_matmul import product
from graphfuse.nn.slots import Encode


class Table(Encode):
    """`[N, F]` → `[N, 1, D]`: x W / √F + b; unit-variance columns give unit-variance embeddings at
    the start."""

    linear = True

    def __init__(self, features: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("scale", torch.tensor(max(features, 1) ** -0.5))

    def forward(self, x: Tensor) -> Tensor:
        return (product(x, self.weight) * self.scale + self.bias)[:, None]
