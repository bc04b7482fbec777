"""No message: patients stay alone."""

from __future__ import annotations

import torch
from torch import Tensor

from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.slots import Propagate


class Nothing(Propagate):
    """The zero message."""

    quiet = True

    def __init__(self, width: int):
        super().__init__()

    def forward(self, own: Tensor, senders: Tensor, lists: EdgeLists) -> Tensor:
        return torch.zeros_like(own)
