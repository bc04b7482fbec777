"""The modalities' own predictions and one joint prediction, weighed against each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from graphfuse.nn.fuse.weighted import Weighted


class Hybrid(Weighted):
    """Average the probabilities of the modalities' heads and of a joint head.

    The log of a convex combination of M single-modality heads' probabilities and the joint head's,
    whose logits stand last: `[N, M + 1, K]` → `[N, K]`. The joint embedding is the sum through a
    hidden layer beside an identity path. The weights start where inner cross-validation puts them,
    the joint logits being the sum of the modalities'.
    """

    level = "hybrid"
    apart = False

    def __init__(self, dim: int, modalities: int):
        super().__init__(dim, modalities + 1)
        self.hidden, self.out = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def joint(self, h: Tensor, present: Tensor) -> Tensor:
        """`[N, M, T, D]` → `[N, D]`."""
        total = h.mean(2).sum(1)
        return total + self.out(gelu(self.hidden(total)))

    def prime(self, logits: Tensor, present: Tensor, labels: Tensor) -> None:
        shown = torch.where(present[..., None] > 0, logits, 0.0)
        logits = torch.cat([logits, shown.sum(1, keepdim=True)], 1)  # [n, M + 1, K]
        always = torch.ones_like(present[:, :1])
        super().prime(logits, torch.cat([present, always], 1), labels)
