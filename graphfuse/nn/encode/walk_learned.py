"""Concept planes, walked with learned weights and read out by attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from graphfuse.nn.slots import Encode
from graphfuse.nn.walk import step_then_jump

STATE = 16  # entries of a node's state
QUERIES = 8


class WalkLearned(Encode):
    """`[N, 2 + K, P]` → `[N, 1, D]`: every code has a direction and an identity of its own, walks
    have learned weights, and queries attend to the states they leave, whatever the order of the
    planes.

    All copies of a node start alike, so a walk AC leaves them alike: P states h + W_AC m_AC. A walk
    CA leaves K · P; they are averaged over each plane's active nodes before the activation, which
    comes to the plane's mean state x, plus W_CA x where the plane has two nodes or more: K states.
    So nothing of size K · P · d is ever held, for a replica or at all. Codes that the mask row
    calls absent and empty planes are not attended to.
    """

    sees = "planes"

    def __init__(self, features: tuple[int, int], width: int):
        super().__init__()
        codes = features[1]
        self.direction = nn.Parameter(torch.randn(codes, STATE))
        self.identity = nn.Parameter(torch.randn(codes, STATE))
        self.ac = nn.Linear(STATE, STATE, bias=False)
        self.ca = nn.Linear(STATE, STATE, bias=False)
        self.query = nn.Parameter(torch.randn(2, QUERIES, STATE) / STATE**0.5)
        entries = 2 * QUERIES * STATE
        self.out = nn.Parameter(torch.randn(entries, width) * (4 / entries) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        nodes, planes = self.states(x)
        node_query, plane_query = self.query
        observed = x[:, 1, :, None]  # [N, P, 1]
        filled = x[:, 2:].sum(-1, keepdim=True) > 0  # [N, K, 1]
        of_nodes = _attend(nodes, observed, node_query)
        of_planes = _attend(planes, filled.to(x.dtype), plane_query)
        readout = torch.cat([of_nodes, of_planes], 1).flatten(1)
        return (readout @ self.out + self.bias)[:, None]

    def states(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The states after the walks, of nodes `[N, P, STATE]` and of planes `[N, K, STATE]`."""
        values, observed, v = x[:, 0, :, None], x[:, 1, :, None], x[:, 2:]
        h = observed * (values * self.direction + self.identity)  # [N, P, STATE]
        active = v.sum(-1, keepdim=True)
        mean = v @ h / active.clamp(min=1)  # [N, K, STATE]
        arriving = step_then_jump(h[:, None], v)[:, 0]
        nodes = h + self.ac(arriving)  # sums are linear: W may act after them
        planes = mean + self.ca(mean) * (active > 1)
        return leaky_relu(nodes), leaky_relu(planes)


def _attend(states: Tensor, there: Tensor, query: Tensor) -> Tensor:
    """Each query's mean of the states that are `there`: `[N, T, d]`, `[N, T, 1]`, `[Q, d]` → `[N,
    Q, d]`."""
    score = torch.where(there > 0, states @ query.T, -1e9)
    weights = score.softmax(1) * there
    return weights.mT @ states
