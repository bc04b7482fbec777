"""The modalities' own predictions and one joint prediction, weighed against each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from graphfuse.nn.fuse.weighted import Weighted


class Hybrid(Weighted):
    """log of a convex combination of M single-modality heads' probabilities and a joint head's,
    whose logits stand last: `[N, M + 1, K]` → `[N, K]`; the joint embedding is the sum through a
    hidden layer beside an identity path.

    The weights start where inner cross-validation puts them, the joint logits being the sum of the
    modalities'.
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

    def prime(self, held: Tensor, present: Tensor, codes: Tensor) -> None:
        said = torch.where(present[..., None] > 0, held, 0.0).sum(1, keepdim=True)
        super().prime(
            torch.cat([held, said], 1),
            torch.cat([present, torch.ones_like(present[:, :1])], 1),
            codes,
        )
