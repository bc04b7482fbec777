"""Neighbour lists as tensors, and the two operations on them: a weighted sum over each receiver's
senders, and the product of a receiver's state with a sender's along each edge.

Each is the other's gradient, the sum also its own over the transposed lists. The sum is one
`embedding_bag` call, so that nothing is scattered and all is deterministic. Under `torch.func.vmap`
replicas become more rows of the same call; what is kept for the backward pass holds lists that
replicas share once, and no state of any edge.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

CHUNK = 2048  # edges whose states are gathered at a time: they stay in the cache
FULL = 4  # pairs per edge up to which all pairs' products are cheaper than those of the edges alone


class EdgeLists(NamedTuple):
    """Ragged lists of N receivers over S senders with E edges, and the same edges ordered by
    sender.

    `offsets` `[N + 1]`, `index` `[E]`, `weight` `[E]`, `receiver` `[E]`; `back_offsets` `[S + 1]`,
    `back_index` `[E]` (receivers, by sender), `back_order` `[E]` (edges, by sender).
    """

    offsets: Tensor
    index: Tensor
    weight: Tensor
    receiver: Tensor
    back_offsets: Tensor
    back_index: Tensor
    back_order: Tensor

    @classmethod
    def build(cls, offsets: Tensor, index: Tensor, weight: Tensor, senders: int) -> EdgeLists:
        """From CSR arrays; `weight` as it is to be applied (divide by the degree for a mean)."""
        receiver = torch.repeat_interleave(torch.arange(len(offsets) - 1), offsets.diff())
        order = torch.argsort(index, stable=True)
        counts = torch.bincount(index, minlength=senders)
        back = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
        return cls(offsets, index, weight, receiver, back, receiver[order], order)

    def padded(self, receivers: int, senders: int, edges: int) -> EdgeLists:
        """The same lists with more rows, senders and edges of weight 0 (all between the last ones),
        so that folds stack."""
        more = edges - len(self.index)
        index = torch.cat([self.index, self.index.new_full((more,), senders - 1)])
        weight = torch.cat([self.weight, self.weight.new_zeros(more)])
        grow = receivers + 1 - len(self.offsets)
        offsets = torch.cat([self.offsets, self.offsets.new_full((grow,), int(self.offsets[-1]))])
        offsets[-1] = edges
        return EdgeLists.build(offsets, index, weight, senders)

    def to(self, device, dtype) -> EdgeLists:
        return EdgeLists(
            *(t.to(device, dtype) if t.is_floating_point() else t.to(device) for t in self)
        )


def aggregate(states: Tensor, lists: EdgeLists, weight: Tensor | None = None) -> Tensor:
    """Σ over senders of weight × state: `[S, …]` → `[N, …]`; a receiver without senders gets zeros.

    `weight` `[E]` replaces the lists' own; gradients reach both states and weights.
    """
    weight = lists.weight if weight is None else weight
    flat = states.reshape(states.shape[0], -1)
    out = _Sum.apply(flat[None], weight.to(flat.dtype)[None], *_edges(lists))[0]
    return out.reshape(out.shape[0], *states.shape[1:])


def products(own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
    """Each edge's receiver · sender, over all their numbers: `[N, …]`, `[S, …]` → `[E]`."""
    return _Products.apply(own.flatten(1)[None], senders.flatten(1)[None], *_edges(lists))[0]


def _edges(lists: EdgeLists) -> tuple[Tensor, ...]:
    """All but the weights, one list of `[1, …]`."""
    return tuple(each[None] for each in (*lists[:2], *lists[3:]))


class _Sum(torch.autograd.Function):
    """States `[R, S, d]`, weights `[R, E]` → `[R, N, d]`, along L lists; R / L replicas in a row
    share one."""

    @staticmethod
    def forward(states, weight, offsets, index, receiver, back_offsets, back_index, back_order):
        return _sum(states, weight, offsets, index)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        states, weight, offsets, index, receiver, back_offsets, back_index, back_order = (
            ctx.saved_tensors
        )
        to_states = to_weight = None
        if ctx.needs_input_grad[0]:
            to_states = _sum(grad, _reordered(weight, back_order), back_offsets, back_index)
        if ctx.needs_input_grad[1]:
            to_weight = _products(grad, states, receiver, index)
        return to_states, to_weight, *(None,) * 6

    @staticmethod
    def vmap(info, in_dims, *inputs):
        if any(dim is not None for dim in in_dims[1:]):
            return _more_replicas(_Sum, info.batch_size, in_dims, inputs)
        side_by_side = inputs[0].movedim(in_dims[0], 2).flatten(2)
        return _Sum.apply(side_by_side, *inputs[1:]).unflatten(2, (info.batch_size, -1)), 2


class _Products(torch.autograd.Function):
    """Receivers' states `[R, N, d]`, senders' `[R, S, d]` → `[R, E]`, along L lists."""

    @staticmethod
    def forward(own, senders, offsets, index, receiver, back_offsets, back_index, back_order):
        return _products(own, senders, receiver, index)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        own, senders, offsets, index, receiver, back_offsets, back_index, back_order = (
            ctx.saved_tensors
        )
        to_own = to_senders = None
        if ctx.needs_input_grad[0]:
            to_own = _sum(senders, grad, offsets, index)
        if ctx.needs_input_grad[1]:
            to_senders = _sum(own, _reordered(grad, back_order), back_offsets, back_index)
        return to_own, to_senders, *(None,) * 6

    @staticmethod
    def vmap(info, in_dims, *inputs):
        return _more_replicas(_Products, info.batch_size, in_dims, inputs)


def _sum(states: Tensor, weight: Tensor, offsets: Tensor, index: Tensor) -> Tensor:
    replicas, senders, width = states.shape
    edges = index.shape[1]
    starts = torch.cat(
        [_rows(offsets[:, :-1], replicas, edges), offsets.new_full((1,), replicas * edges)]
    )
    out = embedding_bag(
        _rows(index, replicas, senders),
        states.reshape(-1, width).contiguous(),
        starts,
        mode="sum",
        per_sample_weights=weight.reshape(-1).contiguous(),
        include_last_offset=True,
    )
    return out.view(replicas, -1, width)


def _products(own: Tensor, senders: Tensor, receiver: Tensor, index: Tensor) -> Tensor:
    (replicas, rows, width), columns = own.shape, senders.shape[1]
    if rows * columns <= FULL * index.shape[1]:
        every = (own @ senders.mT).view(len(index), -1, rows * columns)
        place = (receiver * columns + index)[:, None]
        return every.gather(2, place.expand(-1, every.shape[1], -1)).flatten(0, 1)
    sides = [(_rows(receiver, replicas, rows), own), (_rows(index, replicas, columns), senders)]
    (left, a), (right, b) = [
        (place.split(CHUNK), states.reshape(-1, width)) for place, states in sides
    ]
    return torch.cat([(a[i] * b[j]).sum(-1) for i, j in zip(left, right, strict=True)]).view(
        replicas, -1
    )


def _rows(index: Tensor, replicas: int, size: int) -> Tensor:
    """`[L, …]` positions among `size` rows as positions among the `[R × size]` rows of all
    replicas."""
    step = torch.arange(replicas, device=index.device).view(len(index), -1, 1)
    return (index[:, None] + step * size).flatten()


def _reordered(values: Tensor, order: Tensor) -> Tensor:
    """`[R, E]` in the order of the lists' edges by sender."""
    grouped = values.reshape(len(order), len(values) // len(order), -1 if values.numel() else 0)
    return grouped.gather(2, order[:, None].expand_as(grouped)).flatten(0, 1)


def _more_replicas(function, count: int, in_dims: tuple, inputs: tuple) -> tuple[Tensor, int]:
    """`function` with one more axis of replicas: along its lists' axis if they have it, else within
    each list's replicas."""
    batched = any(dim is not None for dim in in_dims[2:])
    full = [
        each
        if i > 1 and not batched
        else each.expand(count, *each.shape)
        if dim is None
        else each.movedim(dim, 0)
        for i, (each, dim) in enumerate(zip(inputs, in_dims, strict=True))
    ]
    if batched:
        return function.apply(*(each.flatten(0, 1) for each in full)).unflatten(0, (count, -1)), 0
    values, edges = full[:2], full[2:]
    lists = len(edges[0])
    values = [each.unflatten(1, (lists, -1)).transpose(0, 1).flatten(0, 2) for each in values]
    return function.apply(*values, *edges).unflatten(0, (lists, count, -1)).transpose(0, 1).flatten(
        1, 2
    ), 0
