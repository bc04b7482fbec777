"""Walks over a multiplex: K planes over the same P nodes, and messages along both kinds of two-step
walk, computed exactly without any supra-adjacency matrix.

A walk of kind AC takes a step to a neighbour inside a plane, then jumps to any copy of that node; a
walk of kind CA jumps first and takes its step then. A message is the mean over all walks that
arrive (D'Souza et al. 2022, arXiv 2210.14377). There walks are products of supra-adjacencies of
KP × KP entries; here a clique plane is its 0/1 row of active nodes, a sparse plane its edge lists,
and both messages take O(KPd), or O(Ed), with the same result.

All functions take any leading axes and run under `torch.func.vmap`. The plane axis of states may be
1: states that all planes share, as at the start, are never copied.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from graphfuse.nn.edge_lists import EdgeLists, aggregate


def clique_sums(h: Tensor, v: Tensor) -> Tensor:
    """Sum the states of the other active nodes of each plane.

    Parameters
    ----------
    h : Tensor, [..., K or 1, P, d]
        States of P nodes in K planes, or the same in all planes.
    v : Tensor, [..., K, P]
        1 where a node is active in a plane, else 0.

    Returns
    -------
    Tensor, [..., K, P, d]
        Zeros at inactive nodes.

    Examples
    --------
    >>> import torch
    >>> clique_sums(torch.tensor([[[1.0], [2.0], [4.0]]]), torch.tensor([[1, 1, 0]]))
    tensor([[[2.],
             [1.],
             [0.]]])
    """
    v = v.to(h.dtype)
    active = v[..., None]
    totals = _totals(h, v)[..., None, :]
    return active * (totals - active * h)


def step_then_jump(h: Tensor, v: Tensor) -> Tensor:
    """AC messages: `h` `[..., K or 1, P, d]`, `v` `[..., K, P]` → `[..., 1, P, d]`, the same at
    every copy of a node."""
    v = v.to(h.dtype)
    walks = _clique_neighbours(v).sum(-2)[..., None]
    arriving = v.mT @ _totals(h, v) - _to_themselves(h, v)
    # without walks the difference of two equal sums is not quite 0
    arriving = arriving * (walks > 0)
    return (arriving / walks.clamp(min=1)).unsqueeze(-3)


def jump_then_step(h: Tensor, v: Tensor) -> Tensor:
    """CA messages: `h` `[..., K or 1, P, d]`, `v` `[..., K, P]` → `[..., K, P, d]`.

    Every node is reached from all K copies of each neighbour in its plane, so the mean over walks
    is the mean over neighbours of the mean over their copies.
    """
    v = v.to(h.dtype)
    sums = clique_sums(h.mean(-3, keepdim=True), v)
    count = _clique_neighbours(v).clamp(min=1)
    return sums / count[..., None]


def walk(h: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """AC and CA messages over clique planes.

    Parameters
    ----------
    h : Tensor, [..., K or 1, P, d]
        States of P nodes in K planes, or the same in all planes.
    v : Tensor, [..., K, P]
        1 where a node is active in a plane, else 0.

    Returns
    -------
    ac, ca : Tensor, [..., K, P, d]
        A node without walks (inactive everywhere, or alone in its planes) gets zeros.
    """
    ca = jump_then_step(h, v)
    ac = step_then_jump(h, v)
    return ac.expand(ca.shape), ca


def walk_lists(h: Tensor, lists: Sequence[EdgeLists]) -> tuple[Tensor, Tensor]:
    """AC and CA messages over planes of any edges.

    Parameters
    ----------
    h : Tensor, [K, S, d]
        The senders' states in K planes.
    lists : sequence of K EdgeLists
        Edges from S senders to P receivers. Walks count by their weights (1 each for the plain mean
        over walks).

    Returns
    -------
    ac, ca : Tensor, [K, P, d]
        A receiver without edges gets zeros.
    """
    ones = h.new_ones(h.shape[1], 1)
    degree = torch.stack([aggregate(ones, plane) for plane in lists])  # [K, P, 1]
    steps = torch.stack([aggregate(states, plane) for states, plane in zip(h, lists, strict=True)])
    mean = h.mean(0)  # over the copies of a node: [S, d]
    jumps = torch.stack([aggregate(mean, plane) for plane in lists])
    ac = steps.sum(0) / _or_one(degree.sum(0))
    return ac.expand(jumps.shape), jumps / _or_one(degree)


class WalkLayer(nn.Module):
    """Concatenate a node's state after walks of either kind.

    H' = concat(act(H + m_AC), act(H + m_CA)), with messages m and act a leaky ReLU.

    Parameters
    ----------
    width : int
        Entries d of a state.
    weights : {"none", "linear"}
        With "none" nothing is learned, as published; with "linear" W_AC and W_CA `[d, d]` turn the
        states before they are summed.
    """

    def __init__(self, width: int, weights: str = "none"):
        super().__init__()
        linear = weights == "linear"
        self.ac = nn.Linear(width, width, bias=False) if linear else nn.Identity()
        self.ca = nn.Linear(width, width, bias=False) if linear else nn.Identity()

    def forward(self, h: Tensor, v: Tensor) -> Tensor:
        """`[..., K or 1, P, d]`, `[..., K, P]` → `[..., K, P, 2 d]`."""
        # sums are linear: turning what has fewer entries gives the same
        ac = leaky_relu(h + self.ac(step_then_jump(h, v)))
        ca = leaky_relu(h + jump_then_step(self.ca(h), v))
        return torch.cat([ac.expand(ca.shape), ca], -1)


def _totals(h: Tensor, v: Tensor) -> Tensor:
    """The sum over each plane's active nodes `[..., K, d]`."""
    if h.shape[-3] == 1:
        return v @ h.squeeze(-3)
    return (v[..., None, :] @ h).squeeze(-2)


def _to_themselves(h: Tensor, v: Tensor) -> Tensor:
    """The part of the sums over planes that stems from the node itself `[..., P, d]`."""
    square = v.square()[..., None]
    if h.shape[-3] == 1:
        return square.sum(-3) * h.squeeze(-3)
    return (square * h).sum(-3)


def _clique_neighbours(v: Tensor) -> Tensor:
    """How many other active nodes an active node's plane has `[..., K, P]`; 0 at inactive ones."""
    others = v.sum(-1, keepdim=True) - v
    return v * others


def _or_one(degree: Tensor) -> Tensor:
    return torch.where(degree > 0, degree, 1)
