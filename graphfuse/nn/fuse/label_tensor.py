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
    """Learn from the tensor of all modalities' class probabilities, beside their mean.

    log of the mean probability + MLP(p_1 ⊗ … ⊗ p_M): logits `[N, M, K]` → `[N, K]`. Gradients of
    the MLP do not reach the modalities, so what only two of them together tell (an exclusive or) is
    beyond it. The MLP's last map starts at zero, so that a new net is `late`. An absent modality's
    factor is uniform, 1/K.

    Raises
    ------
    InputError
        Where the tensor would have more than 4,096 cells.

    References
    ----------
    Wang et al. 2021 (MOGONET: the view correlation discovery network, VCDN).
    """

    level = "decision"
    apart = True

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        cells = dim**modalities
        if cells > CELLS:
            raise InputError(
                f"[net] fuse = 'label_tensor': {dim} classes in each of {modalities} modalities "
                f"are {dim}^{modalities} = {cells:,} cells, expected at most {CELLS:,}; take fewer "
                "modalities (merge some), or fuse = 'late' or 'stack'"
            )
        self.hidden = nn.Linear(cells, min(cells, HIDDEN))
        self.out = nn.Linear(min(cells, HIDDEN), dim)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def tensor(self, h: Tensor, present: Tensor) -> Tensor:
        """Products of probabilities `[N, K^M]`, the last modality's class running fastest; each row
        adds up to 1."""
        logits = torch.where(present[..., None] > 0, h, 0.0)
        product, *rest = torch.softmax(logits, -1).unbind(1)
        for each in rest:
            product = (product[:, :, None] * each[:, None]).flatten(1)
        return product

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        # norm from 1, where all cells are alike, to √cells, where one is 1
        cells = self.tensor(h, present) * self.hidden.in_features**0.5
        mean = mixture(h, present, h.new_zeros(h.shape[1]))
        return mean + self.out(gelu(self.hidden(cells)))
