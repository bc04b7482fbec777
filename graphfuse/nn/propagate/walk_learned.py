"""Walks over the patient multiplex with learned weights."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.propagate.walk import walked
from graphfuse.nn.slots import Propagate


class WalkLearned(Propagate):
    """AC W + CA V: each kind of walk through a map `[D, D]` of its own."""

    couples = True
    quiet = True

    def __init__(self, width: int):
        super().__init__()
        self.ac = nn.Linear(width, width, bias=False)
        self.ca = nn.Linear(width, width, bias=False)

    def forward(self, own: Tensor, senders: Tensor, lists: Sequence[EdgeLists]) -> Tensor:
        ac, ca = walked(senders, lists)
        return self.ac(ac) + self.ca(ca)
