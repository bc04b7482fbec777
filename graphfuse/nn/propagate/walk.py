"""Walks over the patient multiplex: layers as planes, coupled through the copies of each
patient."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.slots import Propagate
from graphfuse.nn.walk import walk_lists


class Walk(Propagate):
    """The mean of both kinds of walk: step in the layer then jump to another modality's copy (AC),
    and jump then step (CA).

    Layers whose weights add up to 1 for each patient count alike, however many neighbours they have
    (D'Souza et al. 2022, arXiv 2210.14377, with patients for nodes and modalities' layers for
    planes). Nothing is learned.
    """

    couples = True
    quiet = True

    def __init__(self, width: int):
        super().__init__()

    def forward(self, own: Tensor, senders: Tensor, lists: Sequence[EdgeLists]) -> Tensor:
        ac, ca = walked(senders, lists)
        return (ac + ca) / 2


def walked(senders: Tensor, lists: Sequence[EdgeLists]) -> tuple[Tensor, Tensor]:
    """(AC, CA) messages `[N, P, T, D]` along P layers, as many for each of M modalities: `senders`
    `[S, M, T, D]`."""
    modalities, tokens, width = senders.shape[1:]
    states = senders.transpose(0, 1).flatten(2)  # [M, S, T × D]
    planes = states.repeat_interleave(len(lists) // modalities, 0)
    ac, ca = (message.transpose(0, 1) for message in walk_lists(planes, lists))
    return ac.unflatten(2, (tokens, width)), ca.unflatten(2, (tokens, width))
