"""A patient as a signal on the gene network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.encode.table import Table
from graphfuse.nn.shared_matmul import product


class Network(Table):
    """Map a gene's value and the mean of its network neighbours linearly.

    `[N, 2, F]` → `[N, 1, D]`: (x + g · x̂) W / √F + b, where x̂ is the mean of a gene's neighbours.
    Every gene has its own row of W: node identity is learned, never shared (a net that shares
    weights over genes and reads them out symmetrically cannot tell two genes in equal positions
    apart). The gate g starts at 0: no network. `reach`: over how many rounds neighbours gather
    values, `restart`: the share of their own in each (see `network_deep`); with reach = 1 they
    count with their own values alone.
    """

    hops = 1
    reach = 1
    restart = 0.0

    def __init__(self, features: int, width: int):
        super().__init__(features, width)
        self.gate = nn.Parameter(torch.zeros(self.hops))

    def forward(self, x: Tensor) -> Tensor:
        own, neighbours = (product(x, self.weight) * self.scale).unbind(1)
        return (own + self.gate * neighbours + self.bias)[:, None]
