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

    Layers whose patients hear a mean count alike, however many neighbours they have (D'Souza et al.
    2022, arXiv 2210.14377, with patients for nodes and modalities' layers for planes). Nothing is
    learned.
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
    planes = senders.transpose(0, 1).flatten(2).repeat_interleave(len(lists) // senders.shape[1], 0)
    return tuple(
        m.transpose(0, 1).unflatten(2, senders.shape[2:]) for m in walk_lists(planes, lists)
    )
