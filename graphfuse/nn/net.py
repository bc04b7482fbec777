"""The net: four slots beside a linear start, joined by gates that start closed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from graphfuse.nn.lists import Lists
from graphfuse.nn.parts import part


class Inputs(NamedTuple):
    """What the net sees of N patients with M channels (modalities, then signals on a graph of their own), L patient layers
    for each, and K classes.

    `x`: per channel what its encoder sees (see `parts.Encode`). `present` `[N, M]`. `start` `[N, M, 2 + L, K]`: the linear
    start's logits of the patient's own columns, of their network neighbours (zeros without a network), and the mean over
    the patient's neighbours in each layer. `bias` `[N, M, K]`. `lists`: M × L, channel by channel: who hears from whom.
    """

    x: tuple[Tensor, ...]
    present: Tensor
    start: Tensor
    bias: Tensor
    lists: tuple[Lists, ...]


class Shape(NamedTuple):
    """What a net is built from: part names per slot and sizes; `features`: what each channel's encoder is built with."""

    encode: tuple[str, ...]
    features: tuple[int | tuple[int, ...], ...]
    propagate: str
    fuse: str
    head: str
    width: int
    classes: int
    layers: int = 1


class Net(nn.Module):
    """logits = linear start through its gates + head(fuse(propagate(encode(x)))).

    The linear start is a ridge regression, given with the inputs. The encoder's own `gate` lets its gene-network
    neighbours in; `patient_gate` `[M, L]` lets in the patient's neighbours, both into the linear logits and into the
    states; all gates are 0 in a new net. The head starts at zero, so a net starts as its linear model and every
    departure from it is learned.
    """

    def __init__(self, shape: Shape):
        super().__init__()
        count = len(shape.encode)
        fuse = part("fuse", shape.fuse)
        self.decides = fuse.level == "decision"
        self.encode = nn.ModuleList(
            part("encode", name)(features, shape.width) for name, features in zip(shape.encode, shape.features, strict=True)
        )
        propagate = part("propagate", shape.propagate)
        times = 1 if propagate.couples else count * shape.layers
        self.propagate = nn.ModuleList(propagate(shape.width) for _ in range(times))
        self.fuse = fuse(shape.classes if self.decides else shape.width, count)
        head = part("head", shape.head)
        self.head = nn.ModuleList(head(shape.width, shape.classes) for _ in range(count if self.decides else 1))
        self.width = shape.width
        self.patient_gate = nn.Parameter(torch.zeros(count, shape.layers))

    def states(self, inputs: Inputs, mask: Tensor | None = None) -> Tensor:
        """Encoded states before any message `[N, M, T, D]`; `mask` `[N, M, D]` is the replica's dropout mask."""
        h = torch.stack([encode(x) for encode, x in zip(self.encode, inputs.x, strict=True)], 1)
        h = h if mask is None else h * mask[:, :, None]
        return h * inputs.present[:, :, None, None]

    def forward(self, inputs: Inputs, mask: Tensor | None = None, senders: Tensor | None = None) -> Tensor:
        """Logits `[N, K]`; `senders` `[S, M, T, D]` are the training patients' stored states (default: these patients)."""
        h = self.states(inputs, mask)
        h = h + self._messages(h, h if senders is None else senders, inputs)
        linear = self.linear(inputs)
        if self.decides:
            own = torch.stack([head(h[:, m].mean(1)) for m, head in enumerate(self.head)], 1)
            return self.fuse(own * inputs.present[..., None] + linear, inputs.present)
        return self.head[0](self.fuse(h, inputs.present)) + linear.sum(1)

    def _messages(self, h: Tensor, senders: Tensor, inputs: Inputs) -> Tensor:
        quiet = tuple(map(silent, inputs.lists))
        heard = self._heard(h, senders, inputs.lists) - self._heard(h, senders, quiet)
        heard = heard.unflatten(1, self.patient_gate.shape) * self.patient_gate[..., None, None]
        return heard.sum(2) * inputs.present[:, :, None, None]

    def _heard(self, h: Tensor, senders: Tensor, lists: tuple[Lists, ...]) -> Tensor:
        """Messages `[N, M × L, T, D]`, before any gate."""
        if self.propagate[0].couples:
            return self.propagate[0](h, senders, lists)
        layers = self.patient_gate.shape[1]
        each = enumerate(zip(self.propagate, lists, strict=True))
        return torch.stack([along(h[:, i // layers], senders[:, i // layers], found) for i, (along, found) in each], 1)

    def linear(self, inputs: Inputs) -> Tensor:
        """The linear start through the gates `[N, M, K]`."""
        doors = torch.stack([encode.gate[0] if encode.hops else self.patient_gate.new_zeros(()) for encode in self.encode])
        doors = torch.cat([torch.ones_like(doors)[:, None], doors[:, None], self.patient_gate], 1)
        return ((doors[..., None] * inputs.start).sum(2) + inputs.bias) * inputs.present[..., None]


def silent(lists: Lists) -> Lists:
    """The same lists with every edge's weight 0."""
    return lists._replace(weight=torch.zeros_like(lists.weight))
