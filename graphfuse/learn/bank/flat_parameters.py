"""The parameters of all replicas as rows of one tensor, and each replica's own state dict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from graphfuse.learn.bank.stacked_tensors import stacked
from graphfuse.nn.net import Net


class FlatParameters:
    """Where each parameter of a net stands in a row of P numbers.

    Gates stand last: they do not decay.

    Parameters
    ----------
    nets : sequence of sequences of Net
        The nets of each fold, one per replica.
    device : torch.device
    dtype : torch.dtype

    Attributes
    ----------
    values : Tensor, [folds, replicas, P]
        The parameters at the start, padded with zeros where folds differ in columns.
    buffers : dict of str to Tensor
        The nets' buffers, each `[folds, replicas, ...]`.
    decayed : int
        How many of the P numbers decay: the first ones.
    """

    def __init__(self, nets: Sequence[Sequence[Net]], device: torch.device, dtype: torch.dtype):
        states = [[net.state_dict() for net in row] for row in nets]
        self.shapes = [_shapes(first) for first, *_ in states]
        every = {name: _stacked(states, name).to(device, dtype) for name in self.shapes[0]}
        parameters = (name for name, _ in nets[0][0].named_parameters())
        learned = sorted(parameters, key=is_gate)
        self.sizes = {name: every[name].shape[2:] for name in learned}
        counts = {name: size.numel() for name, size in self.sizes.items()}
        self.decayed = sum(count for name, count in counts.items() if not is_gate(name))
        self.counts = [*counts.values()]
        rows = [every[name].flatten(2) for name in learned]
        self.values = torch.cat(rows, 2)
        self.buffers = {name: each for name, each in every.items() if name not in counts}

    def named(self, values: Tensor) -> dict[str, Tensor]:
        """Name → parameter `[folds, replicas, …]`, views of `values` `[folds, replicas, P]`."""
        parts = values.split(self.counts, -1)
        named = {}
        for (name, size), part in zip(self.sizes.items(), parts, strict=True):
            named[name] = part.view(part.shape[:-1] + size)
        return named

    def state(self, values: Tensor, fold: int, replica: int) -> dict[str, Tensor]:
        """A replica's own state dict, its padding cut off, on the CPU."""
        every = {**self.named(values), **self.buffers}
        state = {}
        for name, shape in self.shapes[fold].items():
            kept = tuple(slice(size) for size in shape)
            own = every[name][fold, replica][kept]
            state[name] = own.detach().cpu().clone()
        return state


def is_gate(name: str) -> bool:
    """Whether a parameter of that name is a gate: gates do not decay."""
    return name.endswith("gate")


def _shapes(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def _stacked(states: Iterable[Iterable[dict[str, Tensor]]], name: str) -> Tensor:
    return stacked([[state[name] for state in row] for row in states])
