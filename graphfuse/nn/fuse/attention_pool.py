"""A learned query looks at all tokens of all modalities."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.slots import Fuse


class AttentionPool(Fuse):
    """Σ over tokens of softmax(q_h · x / √D + c_hm) V_h x for each head h, heads side by side: `[N,
    M, T, D]` → `[N, D]`.

    The offset c says how much a modality counts whatever its tokens hold. Attention goes to the
    modalities present; an absent one's tokens have a fixed share, 1 / (M T), of the zeros that they
    are.
    """

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        self.query = nn.Parameter(torch.randn(heads_of(dim), dim) * dim**-0.5)
        self.offset = nn.Parameter(torch.zeros(heads_of(dim), modalities))
        self.value = nn.Linear(dim, dim, bias=False)

    def weights(self, h: Tensor, present: Tensor) -> Tensor:
        """How much each head looks at each token `[N, heads, M, T]`; over the modalities present it
        adds up to 1."""
        score = (
            torch.einsum("nmtd,hd->nhmt", h, self.query) * h.shape[-1] ** -0.5
            + self.offset[..., None]
        )
        here = present[:, None, :, None] > 0
        found = torch.softmax(torch.where(here, score, -1e9).flatten(2), -1).view(score.shape)
        return torch.where(here, found, 1 / (h.shape[1] * h.shape[2]))

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        values = self.value(h).unflatten(-1, (len(self.query), -1))
        return torch.einsum("nhmt,nmthe->nhe", self.weights(h, present), values).flatten(1)


def heads_of(dim: int) -> int:
    """How many attention heads an embedding of this width is cut into: 4, or what divides it."""
    return next(heads for heads in (4, 2, 1) if dim % heads == 0)
