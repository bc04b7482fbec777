"""The mean of the modalities' own predictions."""

from __future__ import annotations

import torch
from torch import Tensor

from graphfuse.nn.parts import Fuse


class Late(Fuse):
    """log of the mean probability over the modalities present: `[N, M, K]` → `[N, K]`."""

    level = "decision"
    apart = True

    def __init__(self, dim: int, modalities: int):
        super().__init__()

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        share = present.to(h.dtype) / present.sum(1, keepdim=True).clamp(min=1)
        weighted = torch.log_softmax(h, -1) + torch.log(share.clamp(min=1e-30))[..., None]
        return torch.logsumexp(weighted, 1)
