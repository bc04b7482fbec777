"""A graph convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from graphfuse.nn.edge_lists import EdgeLists, aggregate
from graphfuse.nn.slots import Propagate

SLOPE = 0.25


class Convolution(Propagate):
    """σ(W (h_i + Σ_j w_ij h_j) / (1 + Σ_j |w_ij|) + b), σ = leaky ReLU (Kipf and Welling, arXiv
    1609.02907).

    Rows are normalised, not rows and columns: a sender counts alike however many neighbours it has,
    and a new patient changes nothing for the others. The patient's own state has weight 1, as much
    as all neighbours together where theirs sum to 1.
    """

    def __init__(self, width: int):
        super().__init__()
        self.map = nn.Linear(width, width)

    def forward(self, own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
        ones = torch.ones(len(senders), 1, dtype=own.dtype, device=own.device)
        degree = 1 + aggregate(ones, lists, lists.weight.abs())
        mean = (own + aggregate(senders, lists)) / degree[..., None]
        return leaky_relu(self.map(mean), SLOPE)
