"""A patient as a signal on the signalling graph."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from graphfuse.nn.slots import Encode

SMALL = 0.1  # of nodes' codes at the start: learned differences soon outweigh random ones


class Signals(Encode):
    """Sum over all nodes of the signalling graph what each computes from its own channels.

    `[N, C, P]` → `[N, 1, D]`. At node p with channels x: a = f ⊙ (x A + c) + o and v = x B, of
    width H = max(4, D / 8); z = Σ_p s ⊙ (tanh(a) + a ⊙ v) / √P, then a linear map to D. A and B are
    shared by all nodes (channels of different kinds never meet in one node, so their weights are of
    one kind); the product lets a node weigh what it measures by what its neighbours measure, and
    starts at 0. f, o and s `[P, H]` are the node's identity: free (`learned`), linear in a table
    `[P, d]` of what is known of it, or, with `none`, 1, 0 and 1. Without identity the output is the
    same for two patients whose signals an automorphism of the graph carries into one another:
    effects of opposite sign then cancel, and no gene is told from another in like position.

    Free codes are learned in rotated coordinates, θ `[a, b, 3H]` with a · b ≥ P and Σ_xy R_px θ_xy
    C_py the code of node p: an optimiser with a step per coordinate would else move every gene as
    far as the few that matter. Built with features = (C, P, identity): -1 learned, 0 none, d > 0
    the table's width. Nodes and channels may be padded with zeros, and so may every parameter and
    buffer: what is padded adds nothing.
    """

    sees = "nodes"

    def __init__(self, features: tuple[int, int, int], width: int):
        super().__init__()
        channels, nodes, identity = features
        hidden = max(4, width // 8)
        self.own = nn.Parameter(torch.randn(channels, hidden) * channels**-0.5)
        self.shift = nn.Parameter(torch.zeros(hidden))
        self.other = nn.Parameter(torch.zeros(channels, hidden))
        out = torch.randn(hidden, width) * hidden**-0.5
        self.out = nn.Parameter(out / (SMALL if identity else 1.0))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("scale", torch.tensor(nodes**-0.5))
        if identity < 0:
            self._learn_codes(nodes, hidden)
        elif identity > 0:
            self.node = nn.Parameter(_codes(identity, hidden) * identity**-0.5)
            self.register_buffer("table", torch.zeros(nodes, identity))
        else:
            self.register_buffer("alike", torch.ones(nodes, 1))

    def _learn_codes(self, nodes: int, hidden: int) -> None:
        """Free codes in rotated coordinates: a grid of rows × columns ≥ nodes."""
        rows = math.isqrt(nodes - 1) + 1
        columns = -(-nodes // rows)
        place = torch.arange(nodes)
        codes = _codes(rows * columns, hidden)
        self.node = nn.Parameter(codes.unflatten(0, (rows, columns)))
        self.register_buffer("by_row", _rotation(rows)[place // columns])
        self.register_buffer("by_column", _rotation(columns)[place % columns])

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)  # [N, P, C]
        own = x @ self.own + self.shift  # [N, P, H]
        other = x @ self.other
        factor, offset, weight = self._identity()
        own = factor * own + offset
        signal = weight * (torch.tanh(own) + own * other)
        total = signal.sum(1) * self.scale  # [N, H]
        return (total @ self.out + self.bias)[:, None]

    def _identity(self) -> tuple[Tensor | float, Tensor | float, Tensor]:
        """Factor, offset and weight of every node, each `[P, H]`; 1, 0 and `[P, 1]` where nodes are
        all alike."""
        if hasattr(self, "alike"):
            return 1.0, 0.0, self.alike
        if hasattr(self, "table"):
            codes = self.table @ self.node
        else:
            codes = torch.einsum("px,xyh,py->ph", self.by_row, self.node, self.by_column)
        factor, offset, weight = codes.chunk(3, -1)
        return 1 + factor, offset, weight


def _codes(rows: int, hidden: int) -> Tensor:
    """`[rows, 3 H]`: small random factors and weights, offsets 0."""
    small = SMALL * torch.randn(rows, 3, hidden)
    small[:, 1] = 0
    return small.flatten(1)


def _rotation(size: int) -> Tensor:
    """A random rotation `[size, size]`."""
    return torch.linalg.qr(torch.randn(size, size))[0]
