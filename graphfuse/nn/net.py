"""The net: four slots beside a linear start, joined by gates that start closed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn

from graphfuse.errors import InputError
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.registry import part


class Inputs(NamedTuple):
    """What the net sees of N patients with M channels (modalities, then signals on a graph of their
    own), L patient layers for each, and K classes.

    `x`: per channel what its encoder sees (see `parts.Encode`). `present` `[N, M]`. `start` `[N, M,
    2 + L, K]`: the linear start's logits of the patient's own columns, of their network neighbours
    (zeros without a network), and the mean over the patient's neighbours in each layer. `bias` `[N,
    M, K]`. `lists`: M × L, channel by channel: who hears from whom.
    """

    x: tuple[Tensor, ...]
    present: Tensor
    start: Tensor
    bias: Tensor
    lists: tuple[EdgeLists, ...]


class NetSpec(NamedTuple):
    """What a net is built from: part names per slot and sizes; `features`: what each channel's
    encoder is built with; `rounds`: how often patients hear from their neighbours; `bridge`:
    whether absent modalities are guessed from present ones."""

    encode: tuple[str, ...]
    features: tuple[int | tuple[int, ...], ...]
    propagate: str
    fuse: str
    head: str
    width: int
    classes: int
    layers: int = 1
    rounds: int = 1
    bridge: bool = False


Draw = Callable[[str, int | None], None]


def as_it_comes(slot: str, channel: int | None) -> None:
    """Leaves torch's generator as it stands."""


class Net(nn.Module):
    """logits = linear start through its gates + head(fuse(propagate(encode(x)))).

    The linear start is a ridge regression, given with the inputs. The encoder's own `gate` lets its
    gene-network neighbours in; `patient_gate` `[M, L]` lets in the patient's neighbours, both into
    the linear logits and into the states; all gates are 0 in a new net. The head starts at zero, so
    a net starts as its linear model and every departure from it is learned.

    `draw` is called with slot and channel (`None` where a part serves all) before a part is built,
    to seed torch's generator for the part's first weights. Raises `InputError` where encoders give
    token counts that do not go together, or fewer than the fusion needs.
    """

    def __init__(self, spec: NetSpec, draw: Draw = as_it_comes):
        super().__init__()
        count = len(spec.encode)
        fuse = part("fuse", spec.fuse)
        self.level = fuse.level
        self.encode = nn.ModuleList()
        for m, (name, features) in enumerate(zip(spec.encode, spec.features, strict=True)):
            draw("encode", m)
            self.encode.append(part("encode", name)(features, spec.width))
        self.tokens = _tokens(self.encode, spec.fuse, fuse.least_tokens)
        propagate = part("propagate", spec.propagate)
        self.rounds = spec.rounds
        along = [(None, 0)] if propagate.couples else [*product(range(count), range(spec.layers))]
        self.propagate = nn.ModuleList()
        for number, (m, layer) in product(range(spec.rounds), along):
            draw(f"propagate {number} {layer}", m)
            self.propagate.append(propagate(spec.width))
        draw("fuse", None)
        self.fuse = fuse(spec.classes if fuse.level == "decision" else spec.width, count)
        head = part("head", spec.head)
        own = [] if fuse.level == "embedding" else [*range(count)]
        joint = [] if fuse.level == "decision" else [None]
        self.head = nn.ModuleList()
        for m in [*own, *joint]:
            draw("head", m)
            self.head.append(head(spec.width, spec.classes))
        draw("bridge", None)
        self.bridge = Bridge(spec.width, count) if spec.bridge else None
        self.width = spec.width
        self.patient_gate = nn.Parameter(torch.zeros(count, spec.layers))

    def encoded(self, inputs: Inputs) -> Tensor:
        """What the encoders make of the channels `[N, M, T, D]`, whoever has them."""
        tokens = [encode(x) for encode, x in zip(self.encode, inputs.x, strict=True)]
        return torch.stack([each.expand(-1, self.tokens, -1) for each in tokens], 1)

    def states(
        self, inputs: Inputs, mask: Tensor | None = None, encoded: Tensor | None = None
    ) -> Tensor:
        """Encoded states before any message `[N, M, T, D]`; `mask` `[N, M, D]` is the replica's
        dropout mask; `encoded` is given where it is known already."""
        h = self.encoded(inputs) if encoded is None else encoded
        seen = inputs.present[..., None] if mask is None else mask * inputs.present[..., None]
        h = h * seen[:, :, None]
        return h if self.bridge is None else self.bridge(h, inputs.present)

    def states_by_round(
        self,
        inputs: Inputs,
        mask: Tensor | None = None,
        senders: Tensor | None = None,
        encoded: Tensor | None = None,
        rounds: int | None = None,
    ) -> list[Tensor]:
        """States before each round of messages and after the last of `rounds` (default: all), each
        `[N, M, T, D]`; other arguments as in `forward`."""
        found = [self.states(inputs, mask, encoded)]
        quiet = None if self.propagate[0].quiet else tuple(map(without_edges, inputs.lists))
        for number in range(self.rounds if rounds is None else rounds):
            h = found[-1]
            said = h if senders is None else senders[:, number]
            heard = self._heard(number, h, said, inputs.lists)
            heard = heard if quiet is None else heard - self._heard(number, h, said, quiet)
            door = self.patient_gate * inputs.present[..., None]
            heard = heard.unflatten(1, self.patient_gate.shape) * door[..., None, None]
            found.append(h + heard.sum(2))
        return found

    def sender_states(self, inputs: Inputs, encoded: Tensor | None = None) -> Tensor:
        """What these patients let others hear: their states before each round of messages `[N,
        rounds, M, T, D]`. The linear start in `inputs` is not looked at."""
        return torch.stack(self.states_by_round(inputs, encoded=encoded, rounds=self.rounds - 1), 1)

    def forward(
        self,
        inputs: Inputs,
        mask: Tensor | None = None,
        senders: Tensor | None = None,
        own: bool = False,
        kept: Tensor | None = None,
        encoded: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Logits `[N, K]`; with `own` (not at the embedding level) also those of each modality by
        itself `[N, M, K]`.

        `senders` `[S, rounds, M, T, D]`: the training patients' stored states before each round
        (default: these patients). `kept` `[N, M]` of 0 and 1: modalities that a training step
        keeps; a dropped one is absent but for its linear start. `encoded`: what the encoders say,
        where it is known already; `inputs.x` is then not looked at.
        """
        seen = inputs if kept is None else inputs._replace(present=inputs.present * kept)
        h, linear = self.states_by_round(seen, mask, senders, encoded)[-1], self.linear(inputs)
        if self.level == "embedding":
            return self.head[0](self.fuse(h, seen.present)) + linear.sum(1)
        said = (
            torch.stack([self.head[m](h[:, m].mean(1)) for m in range(h.shape[1])], 1)
            * seen.present[..., None]
            + linear
        )
        present = inputs.present
        if self.level == "hybrid":
            joint = self.head[-1](self.fuse.joint(h, seen.present)) + linear.sum(1)
            said = torch.cat([said, joint[:, None]], 1)
            present = torch.cat([present, torch.ones_like(present[:, :1])], 1)
        logits = self.fuse(said.detach() if own and self.fuse.apart else said, present)
        return (logits, said) if own else logits

    def _heard(
        self, number: int, h: Tensor, senders: Tensor, lists: tuple[EdgeLists, ...]
    ) -> Tensor:
        """Messages of a round `[N, M × L, T, D]`, before any gate."""
        if self.propagate[0].couples:
            return self.propagate[number](h, senders, lists)
        layers, parts = self.patient_gate.shape[1], self.propagate[number * len(lists) :]
        own, said = h.unbind(1), senders.unbind(1)
        each = enumerate(zip(parts, lists, strict=False))
        return torch.stack(
            [along(own[i // layers], said[i // layers], found) for i, (along, found) in each], 1
        )

    def linear(self, inputs: Inputs) -> Tensor:
        """The linear start through the gates `[N, M, K]`."""
        doors = torch.stack(
            [
                encode.gate[0] if encode.hops else self.patient_gate.new_zeros(())
                for encode in self.encode
            ]
        )
        doors = torch.cat([torch.ones_like(doors)[:, None], doors[:, None], self.patient_gate], 1)
        return ((doors[..., None] * inputs.start).sum(2) + inputs.bias) * inputs.present[..., None]


class Bridge(nn.Module):
    """A guess at the embeddings of absent modalities: the mean over those present of a linear map
    from each to each, through a gate per modality that starts closed. States `[N, M, T, D]`,
    `present` `[N, M]` → the same with absent rows filled."""

    def __init__(self, width: int, modalities: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(modalities, modalities, width, width) * width**-0.5)
        self.gate = nn.Parameter(torch.zeros(modalities))

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        guess = (
            torch.einsum("nitd,jide->njte", h, self.weight)
            / present.sum(1).clamp(min=1)[:, None, None, None]
        )
        return h + guess * (self.gate * (1 - present))[..., None, None]


def _tokens(encode: nn.ModuleList, fuse: str, least: int) -> int:
    """How many tokens every modality has in the net; those that give one have it repeated."""
    counts = sorted({each.tokens for each in encode} - {1}) or [1]
    if len(counts) > 1:
        raise InputError(
            f"[net] encode: encoders give {counts} tokens; only one count besides 1 goes together"
        )
    if counts[0] < least:
        raise InputError(
            f"[net] fuse = {fuse!r} needs at least {least} tokens of a modality (with one, "
            "attention has nothing to choose "
            'from and its weight is always 1); take encode = "tokens", or pathways'
        )
    return counts[0]


def without_edges(lists: EdgeLists) -> EdgeLists:
    """The same lists with every edge's weight 0."""
    return lists._replace(weight=torch.zeros_like(lists.weight))
