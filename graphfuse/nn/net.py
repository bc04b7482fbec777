"""The net: encoders, propagators, a fusion and heads beside a linear model, joined by gates that
start closed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn

from graphfuse.errors import InputError
from graphfuse.nn.bridge import Bridge
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.registry import part


class Inputs(NamedTuple):
    """What the net is given of N patients with M channels (modalities, then signals on graphs of
    their own), L patient layers for each, and K outputs.

    Parameters
    ----------
    x : tuple of M Tensor, each [N, ...]
        What each channel's encoder sees (see `graphfuse.nn.slots.Encode`).
    present : Tensor, [N, M]
        1 where a patient has a modality, else 0.
    start : Tensor, [N, M, 2 + L, K]
        Logits of the linear model: of the patient's own columns; of the columns averaged over
        neighbours in the gene network (zeros without a network); and, for each patient layer, the
        mean of the neighbours' logits.
    bias : Tensor, [N, M, K]
        The linear model's bias, divided among the modalities that a patient has.
    lists : tuple of M x L EdgeLists
        The edges of the patient layers, channel by channel.
    """

    x: tuple[Tensor, ...]
    present: Tensor
    start: Tensor
    bias: Tensor
    lists: tuple[EdgeLists, ...]


class NetSpec(NamedTuple):
    """What a net is built from.

    Parameters
    ----------
    encode : tuple of str
        Each channel's encoder, by name.
    features : tuple of int or of tuple of int
        What each channel's encoder is built with.
    propagate, fuse, head : str
        The other parts, by name.
    width : int
        The entries D of an embedding.
    classes : int
        The number of outputs K.
    layers : int
        The number of patient layers L of each channel.
    rounds : int
        How often patients get messages from their neighbours.
    bridge : bool
        Whether the embeddings of absent modalities are guessed from those present.
    """

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
    """Leave torch's generator as it stands."""


class Net(nn.Module):
    """Predict `linear model through gates + head(fuse(propagate(encode(x))))`.

    The linear model is a ridge regression whose logits are given with the inputs. An encoder's
    `gate` lets in the neighbours in the gene network; `patient_gate` lets in the patient's
    neighbours, both their linear logits and their states. All gates are 0 in a new net, and its
    heads return zeros, so that a net starts as its linear model and learns every departure from it.

    Parameters
    ----------
    spec : NetSpec
        Names of parts, and sizes.
    draw : callable, optional
        `draw(slot, channel)` is called before a part is built, to seed torch's generator for the
        part's first weights; channel is `None` where a part serves all channels.

    Raises
    ------
    InputError
        Where encoders give numbers of tokens that do not go together, or fewer than the fusion
        needs.

    Examples
    --------
    >>> spec = NetSpec(("table", "table"), (5, 4), "mean", "sum", "class", width=8, classes=2)
    >>> net = Net(spec)
    >>> net.patient_gate.shape  # channels, layers
    torch.Size([2, 1])
    """

    def __init__(self, spec: NetSpec, draw: Draw = as_it_comes):
        super().__init__()
        fuse = part("fuse", spec.fuse)
        channels = range(len(spec.encode))
        self.level, self.rounds, self.width = fuse.level, spec.rounds, spec.width
        # the order of parts is that of the state dict
        self.encode = _encoders(spec, draw)
        self.tokens = _tokens(self.encode, spec.fuse, fuse.least_tokens)
        self.propagate = _propagators(spec, draw)
        draw("fuse", None)
        fused_entries = spec.classes if fuse.level == "decision" else spec.width
        self.fuse = fuse(fused_entries, len(channels))
        self.head = _heads(spec, fuse.level, draw)
        draw("bridge", None)
        self.bridge = Bridge(spec.width, len(channels)) if spec.bridge else None
        self.patient_gate = nn.Parameter(torch.zeros(len(channels), spec.layers))

    def forward(
        self,
        inputs: Inputs,
        mask: Tensor | None = None,
        senders: Tensor | None = None,
        by_modality: bool = False,
        kept: Tensor | None = None,
        encoded: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Predict the patients.

        Parameters
        ----------
        inputs : Inputs
            The N patients.
        mask : Tensor, [N, M, D], optional
            The replica's dropout mask: 0, or 1 / (1 - dropout).
        senders : Tensor, [S, rounds, M, T, D], optional
            The training patients' stored states (`sender_states`); by default those of the patients
            given.
        by_modality : bool
            Whether to return each modality's own logits too (not at the embedding level).
        kept : Tensor, [N, M], optional
            1 for modalities that a training step keeps, 0 for those that it drops: a dropped one is
            absent but for its linear logits.
        encoded : Tensor, [N, M, T, D], optional
            What `encoded` returns, where it is known; `inputs.x` is then not read.

        Returns
        -------
        Tensor, [N, K]
            Logits; with `by_modality` a pair, whose second entry holds each modality's own logits
            `[N, M, K]` (at the hybrid level also the joint ones, `[N, M + 1, K]`).
        """
        shown = inputs
        if kept is not None:
            shown = inputs._replace(present=inputs.present * kept)
        h = self.states_by_round(shown, mask, senders, encoded)[-1]  # [N, M, T, D]
        linear = self.linear(inputs)  # [N, M, K]
        if self.level == "embedding":
            (head,) = self.head
            return head(self.fuse(h, shown.present)) + linear.sum(1)
        own = self._own_logits(h) * shown.present[..., None]
        logits = own + linear  # [N, M, K]
        present = inputs.present
        if self.level == "hybrid":
            embedding = self.fuse.joint(h, shown.present)  # [N, D]
            joint = self.head[-1](embedding) + linear.sum(1)
            logits = torch.cat([logits, joint[:, None]], 1)  # [N, M + 1, K]
            always = torch.ones_like(present[:, :1])
            present = torch.cat([present, always], 1)
        train_alone = by_modality and self.fuse.apart
        fused = self.fuse(logits.detach() if train_alone else logits, present)
        return (fused, logits) if by_modality else fused

    def encoded(self, inputs: Inputs) -> Tensor:
        """The encoders' tokens of all channels `[N, M, T, D]`, whether or not patients have
        them."""
        tokens = []
        for encode, x in zip(self.encode, inputs.x, strict=True):
            own = encode(x)  # [N, T or 1, D]
            tokens.append(own.expand(-1, self.tokens, -1))
        return torch.stack(tokens, 1)

    def states(
        self, inputs: Inputs, mask: Tensor | None = None, encoded: Tensor | None = None
    ) -> Tensor:
        """The states before any message `[N, M, T, D]`; arguments as in `forward`."""
        h = self.encoded(inputs) if encoded is None else encoded
        shown = inputs.present[..., None]  # [N, M, 1]
        if mask is not None:
            shown = mask * shown
        h = h * shown[:, :, None]
        return h if self.bridge is None else self.bridge(h, inputs.present)

    def states_by_round(
        self,
        inputs: Inputs,
        mask: Tensor | None = None,
        senders: Tensor | None = None,
        encoded: Tensor | None = None,
        rounds: int | None = None,
    ) -> list[Tensor]:
        """The states before each round of messages and after the last of `rounds` (default: all),
        each `[N, M, T, D]`; other arguments as in `forward`."""
        states = [self.states(inputs, mask, encoded)]
        for number in range(self.rounds if rounds is None else rounds):
            h = states[-1]
            theirs = h if senders is None else senders[:, number]
            messages = self._messages(number, h, theirs, inputs.lists)
            by_layer = messages.unflatten(1, self.patient_gate.shape)  # [N, M, L, T, D]
            # anew in each round: with one product for all, gradients would round otherwise
            gate = self.patient_gate * inputs.present[..., None]  # [N, M, L]
            gated = by_layer * gate[..., None, None]
            states.append(h + gated.sum(2))
        return states

    def sender_states(self, inputs: Inputs, encoded: Tensor | None = None) -> Tensor:
        """The states that neighbours of these patients get messages of: those before each round
        `[N, rounds, M, T, D]`. The linear model's logits in `inputs` are not read."""
        states = self.states_by_round(inputs, encoded=encoded, rounds=self.rounds - 1)
        return torch.stack(states, 1)

    def linear(self, inputs: Inputs) -> Tensor:
        """The linear model's logits through the gates `[N, M, K]`."""
        closed = self.patient_gate.new_zeros(())
        networks = [encode.gate[0] if encode.hops else closed for encode in self.encode]
        network_gate = torch.stack(networks)[:, None]  # [M, 1]
        open_gate = torch.ones_like(network_gate)
        gates = torch.cat([open_gate, network_gate, self.patient_gate], 1)  # [M, 2 + L]
        logits = (gates[..., None] * inputs.start).sum(2) + inputs.bias
        return logits * inputs.present[..., None]

    def _messages(
        self, number: int, h: Tensor, senders: Tensor, lists: tuple[EdgeLists, ...]
    ) -> Tensor:
        """What a round's edges change `[N, M × L, T, D]`, before any gate."""
        messages = self._raw_messages(number, h, senders, lists)
        if self.propagate[0].quiet:
            return messages
        no_edges = tuple(without_edges(each) for each in lists)
        return messages - self._raw_messages(number, h, senders, no_edges)

    def _raw_messages(
        self, number: int, h: Tensor, senders: Tensor, lists: tuple[EdgeLists, ...]
    ) -> Tensor:
        """The propagators' messages of a round `[N, M × L, T, D]`."""
        if self.propagate[0].couples:
            return self.propagate[number](h, senders, lists)
        layers = self.patient_gate.shape[1]
        first = number * len(lists)
        own, theirs = h.unbind(1), senders.unbind(1)
        messages = []
        for i, edges in enumerate(lists):
            channel = i // layers
            propagate = self.propagate[first + i]
            messages.append(propagate(own[channel], theirs[channel], edges))
        return torch.stack(messages, 1)

    def _own_logits(self, h: Tensor) -> Tensor:
        """Each modality's logits by its own head `[N, M, K]`, without the linear model."""
        logits = []
        for m, own in enumerate(h.unbind(1)):
            embedding = own.mean(1)  # over tokens: [N, D]
            logits.append(self.head[m](embedding))
        return torch.stack(logits, 1)


def without_edges(lists: EdgeLists) -> EdgeLists:
    """The same lists with every edge's weight 0."""
    return lists._replace(weight=torch.zeros_like(lists.weight))


# ----------------------------------------------------------------------------------- building a net


def _encoders(spec: NetSpec, draw: Draw) -> nn.ModuleList:
    encoders = nn.ModuleList()
    for m, (name, features) in enumerate(zip(spec.encode, spec.features, strict=True)):
        draw("encode", m)
        encode = part("encode", name)
        encoders.append(encode(features, spec.width))
    return encoders


def _propagators(spec: NetSpec, draw: Draw) -> nn.ModuleList:
    """Round by round: one for each channel's layer, or one for all."""
    propagate = part("propagate", spec.propagate)
    places = [*product(range(len(spec.encode)), range(spec.layers))]
    if propagate.couples:
        places = [(None, 0)]
    propagators = nn.ModuleList()
    for number, (m, layer) in product(range(spec.rounds), places):
        draw(f"propagate {number} {layer}", m)
        propagators.append(propagate(spec.width))
    return propagators


def _heads(spec: NetSpec, level: str, draw: Draw) -> nn.ModuleList:
    """One for each modality, one for the joint embedding, or both."""
    head = part("head", spec.head)
    own = [] if level == "embedding" else [*range(len(spec.encode))]
    joint = [] if level == "decision" else [None]
    heads = nn.ModuleList()
    for m in [*own, *joint]:
        draw("head", m)
        heads.append(head(spec.width, spec.classes))
    return heads


def _tokens(encode: nn.ModuleList, fuse: str, least: int) -> int:
    """How many tokens every channel has in the net; those that give one have it repeated."""
    counts = sorted({each.tokens for each in encode} - {1}) or [1]
    if len(counts) > 1:
        raise InputError(
            f"[net] encode: encoders give {counts} tokens; only one count besides 1 goes together"
        )
    (count,) = counts
    if count < least:
        raise InputError(
            f"[net] fuse = {fuse!r} needs at least {least} tokens of a modality (with one, "
            "attention has nothing to choose from and its weight is always 1); take encode = "
            '"tokens", or pathways'
        )
    return count
