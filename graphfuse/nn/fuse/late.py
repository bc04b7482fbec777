"""The mean of the modalities' own predictions."""

from __future__ import annotations

import torch
from torch import Tensor

from graphfuse.nn.slots import Fuse


class Late(Fuse):
    """log of the mean probability over the modalities present: `[N, M, K]` → `[N, K]`."""

    level = "decision"
    apart = True

    def __init__(self, dim: int, modalities: int):
        super().__init__()

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        return mixture(h, present, h.new_zeros(h.shape[1]))


def mixture(logits: Tensor, present: Tensor, score: Tensor) -> Tensor:
    """log Σ_m w_m p_m, with weights w = softmax of `score` `[M]` over the modalities present:
    logits `[N, M, K]` → `[N, K]`. Of a patient without any, all classes are alike."""
    here = present > 0
    share = torch.log_softmax(torch.where(here, score, -1e9), -1)
    shown = torch.where(here[..., None], logits, 0.0)
    log_p = torch.log_softmax(shown, -1)
    return torch.logsumexp(log_p + share[..., None], 1)
