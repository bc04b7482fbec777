"""Embeddings of absent modalities, guessed from those present (`[net] bridge`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Bridge(nn.Module):
    """Guess the embeddings of absent modalities from those present.

    The guess is the mean, over the modalities present, of a linear map from each to each, through a
    gate per modality that starts closed.

    Parameters
    ----------
    width : int
        The net's width D.
    modalities : int
        The number of channels M.
    """

    def __init__(self, width: int, modalities: int):
        super().__init__()
        weight = torch.randn(modalities, modalities, width, width) * width**-0.5
        self.weight = nn.Parameter(weight)
        self.gate = nn.Parameter(torch.zeros(modalities))

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """States `[N, M, T, D]` with the absent rows filled."""
        total = torch.einsum("nitd,jide->njte", h, self.weight)
        count = present.sum(1).clamp(min=1)
        guess = total / count[:, None, None, None]
        gate = self.gate * (1 - present)  # [N, M]
        return h + guess * gate[..., None, None]
