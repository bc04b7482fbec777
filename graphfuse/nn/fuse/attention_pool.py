"""Attention of a learned query to all tokens of all modalities."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.slots import Fuse


class AttentionPool(Fuse):
    """Attend to all tokens of all modalities by a learned query.

    Σ over tokens of softmax(q_h · x / √D + c_hm) V_h x for each head h, heads side by side: `[N, M,
    T, D]` → `[N, D]`. The offset c is how much a modality counts whatever its tokens hold.
    Attention goes to the modalities present; an absent one's tokens, which are zeros, have the
    fixed weight 1 / (M T).
    """

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        heads = heads_of(dim)
        self.query = nn.Parameter(torch.randn(heads, dim) * dim**-0.5)
        self.offset = nn.Parameter(torch.zeros(heads, modalities))
        self.value = nn.Linear(dim, dim, bias=False)

    def weights(self, h: Tensor, present: Tensor) -> Tensor:
        """Each head's attention to each token `[N, heads, M, T]`; over the modalities present it
        adds up to 1."""
        modalities, tokens, dim = h.shape[1:]
        product = torch.einsum("nmtd,hd->nhmt", h, self.query)
        score = product * dim**-0.5 + self.offset[..., None]
        here = present[:, None, :, None] > 0
        masked = torch.where(here, score, -1e9).flatten(2)
        weights = torch.softmax(masked, -1).view(score.shape)
        return torch.where(here, weights, 1 / (modalities * tokens))

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        values = self.value(h).unflatten(-1, (len(self.query), -1))  # [N, M, T, heads, D / heads]
        weights = self.weights(h, present)
        return torch.einsum("nhmt,nmthe->nhe", weights, values).flatten(1)


def heads_of(dim: int) -> int:
    """How many attention heads an embedding of this width is cut into: 4, or what divides it."""
    return next(heads for heads in (4, 2, 1) if dim % heads == 0)
