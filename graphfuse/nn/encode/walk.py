"""Concept planes, walked and read out as published."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from graphfuse.nn.slots import Encode
from graphfuse.nn.walk import WalkLayer

HIDDEN = 100  # width of the readout


class Walk(Encode):
    """`[N, 2 + K, P]` → `[N, 1, D]`: two walk layers without weights, widths 1 → 2 → 4, one number
    per node and plane, and a perceptron on their positions, KP → 100 → D (D'Souza et al. 2022,
    arXiv 2210.14377).

    The published layers of 20 and of the classes are the net's width and head, its dropout the
    net's own; the mask row is not seen. The map 4 → 1 has no bias: the next layer's own holds it.
    """

    sees = "planes"

    def __init__(self, features: tuple[int, int], width: int):
        super().__init__()
        rows, codes = features
        planes = rows - 2
        self.state = nn.Parameter(torch.randn(4) / 2)
        position = torch.randn(planes, codes, HIDDEN)
        self.position = nn.Parameter(position * (2 / max(planes * codes, 1)) ** 0.5)
        self.position_bias = nn.Parameter(torch.zeros(HIDDEN))
        self.out = nn.Parameter(torch.randn(HIDDEN, width) * (2 / HIDDEN) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(width))

    @staticmethod
    def prepare(x: Tensor) -> Tensor:
        """Both walk layers, which learn nothing: `[N, 2 + K, P]` → `[N, 4 K, P]`."""
        v = x[:, 2:]
        once = WalkLayer(1)(x[:, None, 0, :, None], v)
        twice = WalkLayer(2)(once, v)  # [N, K, P, 4]
        return twice.movedim(-1, 1).flatten(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        states = x.unflatten(1, (4, -1))
        state = torch.einsum("nckp,c->nkp", states, self.state)
        position = self.position.flatten(0, 1)  # [K × P, 100]
        hidden = state.flatten(1) @ position + self.position_bias
        return (leaky_relu(hidden) @ self.out + self.bias)[:, None]
