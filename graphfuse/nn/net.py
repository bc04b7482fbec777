"""The net: four slots beside a linear start, joined by gates that start closed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from graphfuse.nn.lists import Lists
from graphfuse.nn.parts import part


class Inputs(NamedTuple):
    """What the net sees of N patients with M modalities and K classes.

    `x`: per modality `[N, F]`, or `[N, 1 + hops, F]` where the encoder looks along the gene network. `present` `[N, M]`.
    `start` `[N, M, 1 + hops + 1, K]`: the linear start's logits of the patient's own columns, of their network
    neighbours (zeros without a network) and the mean over the patient's neighbours. `bias` `[N, M, K]`.
    `lists`: per modality, who hears from whom.
    """

    x: tuple[Tensor, ...]
    present: Tensor
    start: Tensor
    bias: Tensor
    lists: tuple[Lists, ...]


class Shape(NamedTuple):
    """What a net is built from: part names per slot and sizes."""

    encode: tuple[str, ...]
    features: tuple[int, ...]
    propagate: str
    fuse: str
    head: str
    width: int
    classes: int


class Net(nn.Module):
    """logits = linear start through its gates + head(fuse(propagate(encode(x)))).

    The linear start is a ridge regression, given with the inputs. The encoder's own `gate` lets its gene-network
    neighbours in; `patient_gate` `[M]` lets in the patient's neighbours, both into the linear logits and into the
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
        self.propagate = nn.ModuleList(part("propagate", shape.propagate)(shape.width) for _ in range(count))
        self.fuse = fuse(shape.classes if self.decides else shape.width, count)
        head = part("head", shape.head)
        self.head = nn.ModuleList(head(shape.width, shape.classes) for _ in range(count if self.decides else 1))
        self.width = shape.width
        self.patient_gate = nn.Parameter(torch.zeros(count))

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
        messages = []
        for m, (propagate, lists) in enumerate(zip(self.propagate, inputs.lists, strict=True)):
            heard = propagate(h[:, m], senders[:, m], lists) - propagate(h[:, m], senders[:, m], silent(lists))
            messages.append(self.patient_gate[m] * heard)
        return torch.stack(messages, 1) * inputs.present[:, :, None, None]

    def linear(self, inputs: Inputs) -> Tensor:
        """The linear start through the gates `[N, M, K]`."""
        own, network, patients = inputs.start.unbind(2)
        doors = torch.stack([encode.gate[0] if encode.hops else self.patient_gate.new_zeros(()) for encode in self.encode])
        mixed = own + doors[:, None] * network + self.patient_gate[:, None] * patients
        return (mixed + inputs.bias) * inputs.present[..., None]


def silent(lists: Lists) -> Lists:
    """The same lists with every edge's weight 0."""
    return lists._replace(weight=torch.zeros_like(lists.weight))
