"""Walks over a multiplex: K planes over the same P nodes, messages along both kinds of two-step
walk, in exact fast form.

A walk of kind AC steps to a neighbour inside a plane, then jumps to any copy of that node; a walk
of kind CA jumps first and steps then. A message is the mean over all walks that arrive (D'Souza et
al. 2022, arXiv 2210.14377). There the walks are the products of supra-adjacencies of KP × KP
entries; here a clique plane is its 0/1 row of active nodes, a sparse plane its neighbour lists, and
both messages take O(KPd), or O(Ed), with the same result.

Every function takes any leading axes, and runs under `torch.func.vmap`. The plane axis of states
may be 1: states that all planes share, as at the start, are never copied.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from graphfuse.nn.edge_lists import EdgeLists, aggregate


def clique_sums(h: Tensor, v: Tensor) -> Tensor:
    """Sum over the other active nodes of each plane, 0 at inactive ones: `h` `[…, K or 1, P, d]`,
    `v` `[…, K, P]` → `[…, K, P, d]`."""
    v = v.to(h.dtype)
    return v[..., None] * (_totals(h, v)[..., None, :] - v[..., None] * h)


def step_then_jump(h: Tensor, v: Tensor) -> Tensor:
    """AC messages: `h` `[…, K or 1, P, d]`, `v` `[…, K, P]` → `[…, 1, P, d]`, the same at every
    copy of a node."""
    v = v.to(h.dtype)
    square = v.square()[..., None]
    own = square.sum(-3) * h.squeeze(-3) if h.shape[-3] == 1 else (square * h).sum(-3)
    walks = _mates(v).sum(-2)[..., None]
    arriving = (v.mT @ _totals(h, v) - own) * (
        walks > 0
    )  # without walks a difference of equal sums is not quite 0
    return (arriving / walks.clamp(min=1)).unsqueeze(-3)


def jump_then_step(h: Tensor, v: Tensor) -> Tensor:
    """CA messages: `h` `[…, K or 1, P, d]`, `v` `[…, K, P]` → `[…, K, P, d]`. Every node is reached
    from all K copies of each plane-mate, so the mean over walks is the mean over plane-mates of the
    mean over their copies."""
    v = v.to(h.dtype)
    return clique_sums(h.mean(-3, keepdim=True), v) / _mates(v).clamp(min=1)[..., None]


def walk(h: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """(AC, CA) messages over clique planes: `h` `[…, K or 1, P, d]`, `v` `[…, K, P]` of 0 and 1 →
    two `[…, K, P, d]`.

    A node without walks (inactive everywhere, or alone in its planes) gets zeros.
    """
    ca = jump_then_step(h, v)
    return step_then_jump(h, v).expand(ca.shape), ca


def walk_lists(h: Tensor, lists: Sequence[EdgeLists]) -> tuple[Tensor, Tensor]:
    """(AC, CA) messages over any planes, given as K lists of P receivers over S senders: `h` `[K,
    S, d]` → two `[K, P, d]`.

    Walks count by the lists' weights (1 each for the plain mean over walks); a receiver without
    senders gets zeros.
    """
    ones = h.new_ones(h.shape[1], 1)
    degree = torch.stack([aggregate(ones, plane) for plane in lists])
    steps = torch.stack([aggregate(states, plane) for states, plane in zip(h, lists, strict=True)])
    jumps = torch.stack([aggregate(h.mean(0), plane) for plane in lists])
    ac = steps.sum(0) / _or_one(degree.sum(0))
    return ac.expand(jumps.shape), jumps / _or_one(degree)


class WalkLayer(nn.Module):
    """H' = concat(act(H + m_AC), act(H + m_CA)): `[…, K or 1, P, d]`, `[…, K, P]` → `[…, K, P,
    2d]`, act = leaky ReLU.

    `weights = "none"`: as published, nothing is learned; `"linear"`: W_AC and W_CA `[d, d]` turn
    the states before they are gathered.
    """

    def __init__(self, width: int, weights: str = "none"):
        super().__init__()
        linear = weights == "linear"
        self.ac = nn.Linear(width, width, bias=False) if linear else nn.Identity()
        self.ca = nn.Linear(width, width, bias=False) if linear else nn.Identity()

    def forward(self, h: Tensor, v: Tensor) -> Tensor:
        ac = leaky_relu(
            h + self.ac(step_then_jump(h, v))
        )  # gathering is linear: turning its smaller side gives the same
        ca = leaky_relu(h + jump_then_step(self.ca(h), v))
        return torch.cat([ac.expand(ca.shape), ca], -1)


def _totals(h: Tensor, v: Tensor) -> Tensor:
    """Sum over each plane's active nodes `[…, K, d]`."""
    return v @ h.squeeze(-3) if h.shape[-3] == 1 else (v[..., None, :] @ h).squeeze(-2)


def _mates(v: Tensor) -> Tensor:
    """How many other active nodes an active node's plane has `[…, K, P]`; 0 at inactive ones."""
    return v * (v.sum(-1, keepdim=True) - v)


def _or_one(degree: Tensor) -> Tensor:
    return torch.where(degree > 0, degree, 1)
