"""The mean of the neighbours' states."""

from __future__ import annotations

from torch import Tensor

from graphfuse.nn.edge_lists import EdgeLists, aggregate
from graphfuse.nn.slots import Propagate


class Mean(Propagate):
    """Σ_j w_ij h_j, the weights of a receiver summing to 1: no parameters of its own (SGC, arXiv
    1902.07153, one hop)."""

    quiet = True

    def __init__(self, width: int):
        super().__init__()

    def forward(self, own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
        return aggregate(senders, lists)
