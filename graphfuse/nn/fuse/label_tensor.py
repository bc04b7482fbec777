"""The tensor of all modalities' class probabilities."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from graphfuse.errors import InputError
from graphfuse.nn.fuse.late import mixture
from graphfuse.nn.slots import Fuse

CELLS = 4096
HIDDEN = 64


class LabelTensor(Fuse):
    """log of the mean probability + MLP(p_1 ⊗ … ⊗ p_M): logits `[N, M, K]` → `[N, K]`; the MLP
    learns beside the modalities, which hear nothing of it: what only two of them together tell (an
    exclusive or) is beyond it.

    The view correlation discovery network (VCDN) of MOGONET (Wang et al. 2021), beside `late`: the
    MLP's last map starts at zero, so that a new net is `late`. An absent modality's factor is
    uniform, 1/K: its axis says nothing. Raises `InputError` where the tensor would have more than
    4,096 cells.
    """

    level = "decision"
    apart = True

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        cells = dim**modalities
        if cells > CELLS:
            raise InputError(
                f"[net] fuse = 'label_tensor': {dim} classes in each of {modalities} "
                f"modalities are {dim}^{modalities} = "
                f"{cells:,} cells, expected at most {CELLS:,}; take fewer modalities (merge "
                "some), or fuse = 'late' or 'stack'"
            )
        self.hidden = nn.Linear(cells, min(cells, HIDDEN))
        self.out = nn.Linear(min(cells, HIDDEN), dim)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def tensor(self, h: Tensor, present: Tensor) -> Tensor:
        """Products of probabilities `[N, K^M]`, the last modality's class running fastest; each row
        adds up to 1."""
        first, *rest = torch.softmax(torch.where(present[..., None] > 0, h, 0.0), -1).unbind(1)
        for each in rest:
            first = (first[:, :, None] * each[:, None]).flatten(1)
        return first

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        cells = (
            self.tensor(h, present) * self.hidden.in_features**0.5
        )  # norm from 1, all alike, to √cells, one-hot
        return mixture(h, present, h.new_zeros(h.shape[1])) + self.out(gelu(self.hidden(cells)))
