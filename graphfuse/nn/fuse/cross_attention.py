"""Tokens of each modality look at the tokens of the others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.fuse.attention_pool import heads_of
from graphfuse.nn.slots import Fuse


class CrossAttention(Fuse):
    """Σ_m mean_t (x_mt + what x_mt finds among the tokens of the other modalities present): `[N, M,
    T, D]` → `[N, D]`.

    Multi-head attention; queries and keys know of which modality a token is. It needs two tokens of
    a modality: with one, and two modalities, the softmax is over one key and always 1, which is a
    linear map and no attention. A modality alone is its own mean. The order of a modality's tokens
    does not matter. S = M T tokens cost `[N, heads, S, S]` numbers. (Attention across modalities as
    in MADDi, Golovanevsky et al. 2022, there over one token each.)
    """

    least_tokens = 2

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        self.heads = heads_of(dim)
        self.kind = nn.Parameter(torch.randn(modalities, 1, dim))
        self.query, self.key, self.value, self.out = (
            nn.Linear(dim, dim, bias=False) for _ in range(4)
        )

    def weights(self, h: Tensor, present: Tensor) -> Tensor:
        """How much each token looks at each `[N, heads, S, S]`, tokens modality by modality; rows
        add up to 1, or are zero where no other modality is present."""
        modalities, tokens = h.shape[1:3]
        query, key = self._split(self.query(h + self.kind)), self._split(self.key(h + self.kind))
        score = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        other = 1 - torch.eye(modalities, dtype=h.dtype, device=h.device)
        heard = (
            (other * present[:, None])
            .repeat_interleave(tokens, 1)
            .repeat_interleave(tokens, 2)[:, None]
        )
        return torch.softmax(torch.where(heard > 0, score, -1e9), -1) * heard

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        found = self.weights(h, present) @ self._split(self.value(h))
        found = self.out(found.transpose(1, 2).flatten(2)).view(h.shape)
        return (h + found * present[..., None, None]).mean(2).sum(1)

    def _split(self, x: Tensor) -> Tensor:
        """`[N, M, T, D]` → `[N, heads, S, D / heads]`."""
        return x.flatten(1, 2).unflatten(-1, (self.heads, -1)).transpose(1, 2)
