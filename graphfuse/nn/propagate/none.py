"""No message: patients stay alone."""

from __future__ import annotations

import torch
from torch import Tensor

from graphfuse.nn.edge_lists import Lists
from graphfuse.nn.slots import Propagate


class Nothing(Propagate):
    """The zero message."""

    quiet = True

    def __init__(self, width: int):
        super().__init__()

    def forward(self, own: Tensor, senders: Tensor, lists: Lists) -> Tensor:
        return torch.zeros_like(own)
