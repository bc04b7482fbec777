"""Products of pairs of modalities, of low rank."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.slots import Fuse

RANK = 16


class Bilinear(Fuse):
    """Add to the sum of the modalities products of pairs of them.

    Σ_m h_m + P Σ_{l<m} tanh(U_l h_l) ∘ tanh(U_m h_m): `[N, M, T, D]` → `[N, D]`, tokens averaged.
    The sum over pairs is ((Σ a)² - Σ a²) / 2. An absent modality, all zeros, adds nothing to any
    pair.

    References
    ----------
    Kim et al. 2017, *Hadamard product for low-rank bilinear pooling*.
    """

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        self.factor = nn.Parameter(torch.randn(modalities, dim, RANK) * dim**-0.5)
        self.out = nn.Parameter(torch.randn(RANK, dim) * RANK**-0.5)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        h = h.mean(2)
        factors = torch.einsum("nmd,mdr->nmr", h, self.factor)
        a = torch.tanh(factors)  # [N, M, 16]
        pairs = (a.sum(1).square() - a.square().sum(1)) / 2
        return h.sum(1) + pairs @ self.out
