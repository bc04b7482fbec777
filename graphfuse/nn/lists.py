"""Neighbour lists as tensors, and the one operation on them: a weighted sum over each receiver's senders.

`aggregate` is one `embedding_bag` call, forwards and backwards (the backward pass runs over the transposed lists, so it
is deterministic and scatters nothing). Under `torch.func.vmap` the replicas become more rows of the same call.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag


class Lists(NamedTuple):
    """Ragged lists of N receivers over S senders with E edges, and the same edges ordered by sender.

    `offsets` `[N + 1]`, `index` `[E]`, `weight` `[E]`, `receiver` `[E]`; `back_offsets` `[S + 1]`, `back_index` `[E]`
    (receivers, by sender), `back_order` `[E]` (edges, by sender).
    """

    offsets: Tensor
    index: Tensor
    weight: Tensor
    receiver: Tensor
    back_offsets: Tensor
    back_index: Tensor
    back_order: Tensor

    @classmethod
    def build(cls, offsets: Tensor, index: Tensor, weight: Tensor, senders: int) -> Lists:
        """From CSR arrays; `weight` as it is to be applied (divide by the degree for a mean)."""
        receiver = torch.repeat_interleave(torch.arange(len(offsets) - 1), offsets.diff())
        order = torch.argsort(index, stable=True)
        counts = torch.bincount(index, minlength=senders)
        back = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
        return cls(offsets, index, weight, receiver, back, receiver[order], order)

    def padded(self, receivers: int, senders: int, edges: int) -> Lists:
        """The same lists with more rows, senders and edges of weight 0 (all between the last ones), so that folds stack."""
        more = edges - len(self.index)
        index = torch.cat([self.index, self.index.new_full((more,), senders - 1)])
        weight = torch.cat([self.weight, self.weight.new_zeros(more)])
        grow = receivers + 1 - len(self.offsets)
        offsets = torch.cat([self.offsets, self.offsets.new_full((grow,), int(self.offsets[-1]))])
        offsets[-1] = edges
        return Lists.build(offsets, index, weight, senders)

    def to(self, device, dtype) -> Lists:
        return Lists(*(t.to(device, dtype) if t.is_floating_point() else t.to(device) for t in self))


def aggregate(states: Tensor, lists: Lists, weight: Tensor | None = None) -> Tensor:
    """Σ over senders of weight × state: `[S, …]` → `[N, …]`; a receiver without senders gets zeros.

    `weight` `[E]` replaces the lists' own; gradients reach both states and weights.
    """
    weight = lists.weight if weight is None else weight
    flat = states.reshape(states.shape[0], -1)
    out = _WeightedSum.apply(flat, weight.to(flat.dtype), *lists[:2], *lists[3:])
    return out.reshape(out.shape[0], *states.shape[1:])


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(states, weight, offsets, index, receiver, back_offsets, back_index, back_order):
        return _bag(states, index, offsets, weight)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        states, weight, offsets, index, receiver, back_offsets, back_index, back_order = ctx.saved_tensors
        to_states = to_weight = None
        if ctx.needs_input_grad[0]:
            to_states = _bag(grad, back_index, back_offsets, weight[back_order])
        if ctx.needs_input_grad[1]:
            to_weight = (grad[receiver] * states[index]).sum(-1)
        return to_states, to_weight, *(None,) * 6

    @staticmethod
    def vmap(info, in_dims, *inputs):
        count = info.batch_size
        states, weight, offsets, index, receiver, back_offsets, back_index, back_order = (
            t.expand(count, *t.shape) if dim is None else t.movedim(dim, 0) for t, dim in zip(inputs, in_dims, strict=True)
        )
        senders, rows, edges = states.shape[1], offsets.shape[1] - 1, index.shape[1]
        step = torch.arange(count, device=states.device)[:, None]
        out = _WeightedSum.apply(
            states.reshape(count * senders, -1),
            weight.reshape(-1),
            _joined(offsets, step * edges, count * edges),
            (index + step * senders).reshape(-1),
            (receiver + step * rows).reshape(-1),
            _joined(back_offsets, step * edges, count * edges),
            (back_index + step * rows).reshape(-1),
            (back_order + step * edges).reshape(-1),
        )
        return out.reshape(count, rows, -1), 0


def _bag(states: Tensor, index: Tensor, offsets: Tensor, weight: Tensor) -> Tensor:
    return embedding_bag(
        index, states.contiguous(), offsets, mode="sum", per_sample_weights=weight.contiguous(), include_last_offset=True
    )


def _joined(offsets: Tensor, shift: Tensor, total: int) -> Tensor:
    """Offsets of several lists as those of one long list."""
    return torch.cat([(offsets[:, :-1] + shift).reshape(-1), offsets.new_full((1,), total)])
