"""Typed relations: each has a linear map of its own."""

from __future__ import annotations

from torch import Tensor, nn

from graphfuse.nn.edge_lists import EdgeLists, aggregate
from graphfuse.nn.slots import Propagate


class Relation(Propagate):
    """W_r Σ_j w_ij h_j: the relational graph convolution (Schlichtkrull et al., arXiv 1703.06103)
    of one relation.

    A relation is a patient layer of a modality; the net builds a part for each and sums their
    messages, so that W_r is the relation's alone. W_r starts at the identity: a new part is `mean`.
    """

    quiet = True

    def __init__(self, width: int):
        super().__init__()
        self.map = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.map.weight)

    def forward(self, own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
        return self.map(aggregate(senders, lists))
