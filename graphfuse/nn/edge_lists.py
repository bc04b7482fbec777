"""Edges between patients as tensors, and messages along them: a weighted sum over each patient's
neighbours, and the product of two patients' states along each edge.

Edges run from senders (patients whose states are known, S of them) to receivers (patients who get
messages, N of them). Those of a receiver stand side by side, as in a CSR matrix:

      senders                edges (E = 4)             receivers
                        0      1      2      3
        0 ──────────► index  0      2      2      1
        1               weight .5     .5     1.     1.
        2               receiver 0    0      1      2
                             └──┬──┘  └──┬─┘  └──┬─┘
        offsets = [0, 2, 3, 4]  0        1       2

    aggregate:  message[0] = .5 state[0] + .5 state[2]      [S, d] → [N, d]
                message[1] = 1. state[2]
                message[2] = 1. state[1]
    products:   out[e] = own[receiver[e]] · state[index[e]]  [N, d], [S, d] → [E]

Each operation is the gradient of the other, and the sum is its own gradient along the reversed
edges (`back_*`: the same edges, ordered by sender).

Why not scatter, as PyTorch Geometric does, or `torch.sparse`? The sum is one `embedding_bag` call:
nothing is scattered, so two runs give the same digits on a GPU too; `torch.func.vmap` turns
replicas into more columns or rows of the same call, which `torch.sparse` does not support; and the
backward pass keeps lists that replicas share only once, and no state of any edge.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

CHUNK = 2048  # edges whose states are gathered at a time: they stay in the cache
# pairs of a receiver and a sender per edge, up to which the products of all pairs (one matrix
# product) are cheaper than those of the edges alone
PAIRS_PER_EDGE = 4


class EdgeLists(NamedTuple):
    """Edges from S senders to N receivers, ordered by receiver, and again by sender.

    Parameters
    ----------
    offsets : Tensor of int64, [N + 1]
        The edges of receiver i are `offsets[i]` to `offsets[i + 1] - 1`.
    index : Tensor of int64, [E]
        The sender of each edge.
    weight : Tensor, [E]
        The weight with which an edge counts in a sum.
    receiver : Tensor of int64, [E]
        The receiver of each edge.
    back_offsets : Tensor of int64, [S + 1]
        As `offsets`, of the edges by sender.
    back_index : Tensor of int64, [E]
        The receiver of each edge, by sender.
    back_order : Tensor of int64, [E]
        The place of each edge by sender among the edges by receiver.
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
        """Edge lists from the three arrays of a CSR matrix.

        Parameters
        ----------
        offsets : Tensor of int64, [N + 1]
        index : Tensor of int64, [E]
        weight : Tensor, [E]
            As it is to be applied: divide by a receiver's number of edges for a mean.
        senders : int
            The number of senders S.

        Returns
        -------
        EdgeLists
        """
        rows = torch.arange(len(offsets) - 1)
        receiver = rows.repeat_interleave(offsets.diff())  # [E]
        order = torch.argsort(index, stable=True)  # [E]
        counts = torch.bincount(index, minlength=senders)  # [S]
        back_offsets = pad(counts.cumsum(0), (1, 0))  # a 0 in front: [S + 1]
        return cls(offsets, index, weight, receiver, back_offsets, receiver[order], order)

    def padded(self, receivers: int, senders: int, edges: int) -> EdgeLists:
        """The same lists with more receivers, senders and edges, so that folds can be stacked.

        The edges added have weight 0 and join the last receiver to the last sender.
        """
        more_edges = edges - len(self.index)
        index = pad(self.index, (0, more_edges), value=senders - 1)
        weight = pad(self.weight, (0, more_edges))
        more_rows = receivers + 1 - len(self.offsets)
        offsets = pad(self.offsets, (0, more_rows), value=int(self.offsets[-1]))
        offsets[-1] = edges
        return EdgeLists.build(offsets, index, weight, senders)

    def to(self, device, dtype) -> EdgeLists:
        """The lists on a device, their weights of a type of float."""
        moved = EdgeLists(*(each.to(device) for each in self))
        return moved._replace(weight=moved.weight.to(dtype))


def aggregate(states: Tensor, lists: EdgeLists, weight: Tensor | None = None) -> Tensor:
    """Sum the senders' states over each receiver's edges, each times the edge's weight.

    Gradients reach both states and weights; both may be batched by `torch.func.vmap`.

    Parameters
    ----------
    states : Tensor, [S, ...]
        The senders' states.
    lists : EdgeLists
        E edges from S senders to N receivers.
    weight : Tensor, [E], optional
        Weights in place of those of `lists`.

    Returns
    -------
    Tensor, [N, ...]
        A receiver without edges gets zeros.

    Examples
    --------
    >>> import torch
    >>> lists = EdgeLists.build(
    ...     torch.tensor([0, 2, 3]), torch.tensor([0, 2, 2]), torch.tensor([0.5, 0.5, 1.0]), 3
    ... )
    >>> aggregate(torch.tensor([[2.0], [4.0], [6.0]]), lists)
    tensor([[4.],
            [6.]])
    """
    weight = lists.weight if weight is None else weight
    flat = states.reshape(states.shape[0], -1)  # [S, d]
    weight = weight.to(flat.dtype)
    (out,) = _Sum.apply(flat[None], weight[None], *_edges(lists))  # [N, d]
    return out.reshape(len(out), *states.shape[1:])


def products(own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
    """Multiply, along each edge, the receiver's state by the sender's, summed over all their
    entries.

    Parameters
    ----------
    own : Tensor, [N, ...]
        The receivers' states.
    senders : Tensor, [S, ...]
        The senders' states, of the same entries.
    lists : EdgeLists

    Returns
    -------
    Tensor, [E]

    Examples
    --------
    >>> import torch
    >>> lists = EdgeLists.build(
    ...     torch.tensor([0, 2, 3]), torch.tensor([0, 2, 2]), torch.tensor([0.5, 0.5, 1.0]), 3
    ... )
    >>> products(torch.tensor([[1.0], [2.0]]), torch.tensor([[2.0], [4.0], [6.0]]), lists)
    tensor([ 2.,  6., 12.])
    """
    own, senders = own.flatten(1), senders.flatten(1)
    (out,) = _Products.apply(own[None], senders[None], *_edges(lists))
    return out


def _edges(lists: EdgeLists) -> tuple[Tensor, ...]:
    """All but the weights, each with a leading axis: one list `[1, …]` that all replicas share."""
    offsets, index, _, *rest = lists
    return tuple(each[None] for each in (offsets, index, *rest))


# ----------------------------------------------------------------- the two operations and gradients


class _Sum(torch.autograd.Function):
    """States `[R, S, d]` and weights `[R, E]` of R replicas → sums `[R, N, d]`, along L lists; the
    first R / L replicas share the first list, and so on."""

    @staticmethod
    def forward(states, weight, offsets, index, receiver, back_offsets, back_index, back_order):
        return _sum(states, weight, offsets, index)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        states, weight, *edges = ctx.saved_tensors
        _, index, receiver, back_offsets, back_index, back_order = edges
        grad_states = grad_weight = None
        if ctx.needs_input_grad[0]:
            by_sender = _reordered(weight, back_order)
            grad_states = _sum(grad, by_sender, back_offsets, back_index)
        if ctx.needs_input_grad[1]:
            grad_weight = _products(grad, states, receiver, index)
        return grad_states, grad_weight, *(None,) * 6

    @staticmethod
    def vmap(info, in_dims, *inputs):
        if any(dim is not None for dim in in_dims[1:]):
            return _more_replicas(_Sum, info.batch_size, in_dims, inputs)
        # only states differ between the replicas: more columns of the same call
        states, *shared = inputs
        columns = states.movedim(in_dims[0], 2).flatten(2)  # [R, S, replicas × d]
        out = _Sum.apply(columns, *shared)  # [R, N, replicas × d]
        return out.unflatten(2, (info.batch_size, -1)), 2


class _Products(torch.autograd.Function):
    """Receivers' states `[R, N, d]` and senders' `[R, S, d]` → `[R, E]`, along L lists."""

    @staticmethod
    def forward(own, senders, offsets, index, receiver, back_offsets, back_index, back_order):
        return _products(own, senders, receiver, index)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        own, senders, *edges = ctx.saved_tensors
        offsets, index, _, back_offsets, back_index, back_order = edges
        grad_own = grad_senders = None
        if ctx.needs_input_grad[0]:
            grad_own = _sum(senders, grad, offsets, index)
        if ctx.needs_input_grad[1]:
            by_sender = _reordered(grad, back_order)
            grad_senders = _sum(own, by_sender, back_offsets, back_index)
        return grad_own, grad_senders, *(None,) * 6

    @staticmethod
    def vmap(info, in_dims, *inputs):
        return _more_replicas(_Products, info.batch_size, in_dims, inputs)


def _sum(states: Tensor, weight: Tensor, offsets: Tensor, index: Tensor) -> Tensor:
    """The sums `[R, N, d]` of all replicas by one call, their senders and edges side by side."""
    replicas, senders, width = states.shape
    edges = index.shape[1]
    starts = _rows(offsets[:, :-1], replicas, edges)
    end = offsets.new_full((1,), replicas * edges)
    rows = states.reshape(-1, width)
    out = embedding_bag(
        _rows(index, replicas, senders),
        rows.contiguous(),
        torch.cat([starts, end]),
        mode="sum",
        per_sample_weights=weight.flatten().contiguous(),
        include_last_offset=True,
    )
    return out.view(replicas, -1, width)


def _products(own: Tensor, senders: Tensor, receiver: Tensor, index: Tensor) -> Tensor:
    """The products `[R, E]`, of all pairs where edges are many, else of the edges alone."""
    pairs = own.shape[1] * senders.shape[1]
    if pairs <= PAIRS_PER_EDGE * index.shape[1]:
        return _of_all_pairs(own, senders, receiver, index)
    return _of_edges(own, senders, receiver, index)


def _of_all_pairs(own: Tensor, senders: Tensor, receiver: Tensor, index: Tensor) -> Tensor:
    """One matrix product, of which each edge's entry is taken."""
    products = own @ senders.mT  # [R, N, S]
    by_list = products.flatten(1).unflatten(0, (len(index), -1))  # [L, R / L, N × S]
    place = receiver * senders.shape[1] + index  # [L, E]
    place = place[:, None].expand(-1, by_list.shape[1], -1)
    return by_list.gather(2, place).flatten(0, 1)


def _of_edges(own: Tensor, senders: Tensor, receiver: Tensor, index: Tensor) -> Tensor:
    """The states at both ends of some edges at a time."""
    replicas = len(own)
    left_rows = _rows(receiver, replicas, own.shape[1]).split(CHUNK)
    right_rows = _rows(index, replicas, senders.shape[1]).split(CHUNK)
    left, right = own.flatten(0, 1), senders.flatten(0, 1)
    parts = [(left[i] * right[j]).sum(-1) for i, j in zip(left_rows, right_rows, strict=True)]
    return torch.cat(parts).view(replicas, -1)


def _rows(index: Tensor, replicas: int, size: int) -> Tensor:
    """`[L, …]` positions among `size` rows as positions among the `[R × size]` rows of all
    replicas."""
    replica = torch.arange(replicas, device=index.device)
    starts = size * replica.view(len(index), -1, 1)  # [L, R / L, 1]
    return (index[:, None] + starts).flatten()


def _reordered(values: Tensor, order: Tensor) -> Tensor:
    """Values of edges `[R, E]` in the order of the edges by sender."""
    lists, edges = order.shape
    by_list = values.reshape(lists, len(values) // lists, edges)
    place = order[:, None].expand_as(by_list)
    return by_list.gather(2, place).flatten(0, 1)


# ------------------------------------------------------------------------- replicas, as vmap has it


def _more_replicas(function, count: int, in_dims: tuple, inputs: tuple) -> tuple[Tensor, int]:
    """`function` with `count` times as many replicas: each with lists of its own where `vmap`
    batches the lists, else sharing them."""
    if any(dim is not None for dim in in_dims[2:]):
        return _with_own_lists(function, count, in_dims, inputs)
    return _with_shared_lists(function, count, in_dims, inputs)


def _with_own_lists(function, count: int, in_dims: tuple, inputs: tuple) -> tuple[Tensor, int]:
    """The new axis goes along that of the lists: `[count × R, …]` along `[count × L, …]`."""
    batched = [_batch_first(each, dim, count) for each, dim in zip(inputs, in_dims, strict=True)]
    out = function.apply(*(each.flatten(0, 1) for each in batched))
    return out.unflatten(0, (count, -1)), 0


def _with_shared_lists(function, count: int, in_dims: tuple, inputs: tuple) -> tuple[Tensor, int]:
    """The new axis goes within the replicas of each list: `[L, count × R / L, …]`, `[L, …]`."""
    edges = inputs[2:]
    lists, values = len(edges[0]), []
    for each, dim in zip(inputs[:2], in_dims[:2], strict=True):
        batched = _batch_first(each, dim, count)  # [count, R, …]
        by_list = batched.unflatten(1, (lists, -1)).transpose(0, 1)  # [L, count, R / L, …]
        values.append(by_list.flatten(0, 2))
    out = function.apply(*values, *edges)
    out = out.unflatten(0, (lists, count, -1)).transpose(0, 1)  # [count, L, R / L, …]
    return out.flatten(1, 2), 0


def _batch_first(tensor: Tensor, dim: int | None, count: int) -> Tensor:
    """The tensor with its batch axis first; one that is not batched is repeated without a copy."""
    if dim is None:
        return tensor.expand(count, *tensor.shape)
    return tensor.movedim(dim, 0)
