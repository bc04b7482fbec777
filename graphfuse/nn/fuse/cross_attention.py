"""Attention of each modality's tokens to the tokens of the others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.fuse.attention_pool import heads_of
from graphfuse.nn.slots import Fuse


class CrossAttention(Fuse):
    """Add to each token what it attends to among the tokens of the other modalities.

    Σ_m mean_t (x_mt + attention of x_mt to the tokens of the other modalities present): `[N, M, T,
    D]` → `[N, D]`, with several heads; a token's modality is part of its query and its key. The
    fusion needs two tokens of a modality: with one, and two modalities, the softmax is over one key
    and always 1, which is a linear map and no attention. A modality alone is its own mean. The
    order of a modality's tokens does not matter. S = M T tokens cost `[N, heads, S, S]` numbers.

    References
    ----------
    Golovanevsky et al. 2022 (MADDi: attention across modalities, of one token each).
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
        """Each token's attention to each `[N, heads, S, S]`, tokens modality by modality; rows add
        up to 1, or are zero where no other modality is present."""
        modalities, tokens = h.shape[1:3]
        query = self._split(self.query(h + self.kind))  # [N, heads, S, D / heads]
        key = self._split(self.key(h + self.kind))
        score = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        other = 1 - torch.eye(modalities, dtype=h.dtype, device=h.device)
        allowed = other * present[:, None]  # [N, M, M]
        allowed = allowed.repeat_interleave(tokens, 1).repeat_interleave(tokens, 2)
        allowed = allowed[:, None]
        masked = torch.where(allowed > 0, score, -1e9)
        return torch.softmax(masked, -1) * allowed

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        weights = self.weights(h, present)
        attended = weights @ self._split(self.value(h))  # [N, heads, S, D / heads]
        attended = attended.transpose(1, 2).flatten(2)
        attended = self.out(attended).view(h.shape)
        tokens = h + attended * present[..., None, None]
        return tokens.mean(2).sum(1)

    def _split(self, x: Tensor) -> Tensor:
        """`[N, M, T, D]` → `[N, heads, S, D / heads]`."""
        return x.flatten(1, 2).unflatten(-1, (self.heads, -1)).transpose(1, 2)
