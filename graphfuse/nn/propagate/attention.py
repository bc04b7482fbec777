"""Attention over the neighbours: how much each counts is learned."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.func import vmap

from graphfuse.nn.edge_lists import EdgeLists, aggregate, products
from graphfuse.nn.slots import Propagate

HEADS = 4  # at most; as many as divide the width evenly
BOUND = 10.0  # scores bend smoothly towards ± this, so that no exponential overflows


class Attention(Propagate):
    """Σ_j α_ij V h_j by head, with α_ij = w_ij e^s_ij / Σ_k |w_ik| e^s_ik over the receiver's own
    edges.

    s_ij = (Q h_i + b) · K h_j / √d, bounded: which sender counts most depends on the receiver (as
    GATv2, arXiv 2105.14491, asks of graph attention, arXiv 1710.10903), and no state of an edge is
    ever kept, so that even lists in which everybody is everybody's neighbour fit in memory. An edge
    of weight 2 is two edges, one of weight 0 none. Q and b start at 0 and V at the identity: a new
    part is `mean`.
    """

    quiet = True

    def __init__(self, width: int):
        super().__init__()
        self.heads = math.gcd(HEADS, width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.query.weight)
        nn.init.zeros_(self.query.bias)
        nn.init.eye_(self.value.weight)

    def forward(self, own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
        mapped = self.query(own), self.key(senders), self.value(senders)

        def head(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            return attend(query, key, value, lists)

        messages = vmap(head, in_dims=1, out_dims=1)(*map(self._by_head, mapped))
        return messages.reshape(own.shape)

    def weights(self, own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
        """The attention α of each edge, the mean over heads and tokens `[E]`; it sums to 1 over a
        receiver's edges, where none of their weights is below 0."""
        query, key = self._by_head(self.query(own)), self._by_head(self.key(senders))
        by_head = []
        for number in range(query.shape[1]):
            weight = unnormalised(query[:, number], key[:, number], lists)
            ones = torch.ones_like(key[:, 0, :1])
            total = aggregate(ones, lists, weight.abs())[:, 0]  # [N]
            by_head.append(weight / total[lists.receiver])
        return torch.stack(by_head).mean(0)

    def _by_head(self, states: Tensor) -> Tensor:
        """`[N, T, D]` → `[N, T × heads, D / heads]`."""
        return states.unflatten(-1, (self.heads, -1)).flatten(1, 2)


def unnormalised(query: Tensor, key: Tensor, lists: EdgeLists) -> Tensor:
    """w_ij e^s_ij of each edge of one head `[E]`, from `[N, d]` and `[S, d]`."""
    scaled = query / (BOUND * query.shape[1] ** 0.5)
    score = BOUND * torch.tanh(products(scaled, key, lists))  # [E]
    return lists.weight * torch.exp(score)


def attend(query: Tensor, key: Tensor, value: Tensor, lists: EdgeLists) -> Tensor:
    """One head: `[N, d]`, `[S, d]`, `[S, e]` → `[N, e]`; a receiver without edges gets zeros."""
    weight = unnormalised(query, key, lists)
    messages = aggregate(value, lists, weight)
    ones = torch.ones_like(value[:, :1])
    total = aggregate(ones, lists, weight.abs())  # [N, 1]
    return messages / torch.where(total > 0, total, 1)
