"""A weighted mean of the modalities' own predictions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.fuse.late import mixture
from graphfuse.nn.slots import Fuse

PRIOR = 2.0  # patients who speak for each modality before any is seen


class Weighted(Fuse):
    """log Σ_m w_m p_m over the modalities present, w ≥ 0 and adding up to 1 over those: `[N, M, K]`
    → `[N, K]`.

    The weights start where inner cross-validation puts them (`prime`), all alike without it.
    """

    level = "decision"
    apart = True
    weighs = True

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        self.score = nn.Parameter(torch.zeros(modalities))

    @property
    def weights(self) -> Tensor:
        """Of a patient with every modality `[M]`."""
        return torch.softmax(self.score, 0)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        return mixture(h, present, self.score)

    @torch.no_grad()
    def prime(self, held: Tensor, present: Tensor, codes: Tensor) -> None:
        held, present, codes = (each[codes >= 0] for each in (held.double(), present, codes))
        known = torch.log_softmax(held, -1).gather(
            2, codes.view(-1, 1, 1).expand(-1, held.shape[1], 1)
        )[..., 0]
        self.score.copy_(mixture_weights(known, present.double()).log())


def mixture_weights(
    known: Tensor, present: Tensor, prior: float = PRIOR, rounds: int = 1000
) -> Tensor:
    """Weights `[M]` on the simplex that maximise Σ_i log(Σ_m w_m p_im / Σ_m w_m) + prior Σ_m log
    w_m, inner sums over the modalities that patient i has.

    `known` `[n, M]`: log p_im, of the patient's true class. By EM (Dempster, Laird and Rubin 1977):
    in expectation, before a patient is described by a modality that it has, w_m / Σ w draws fell on
    each that it lacks; they count.
    """
    present = present * present.any(1, keepdim=True)
    known = torch.where(present > 0, known, -torch.inf)
    said = torch.exp(known - known.amax(1, keepdim=True)).nan_to_num(0.0)
    absent = (1 - present) * present.any(1, keepdim=True)
    weights, tiny = (
        known.new_full((known.shape[1],), 1 / known.shape[1]),
        torch.finfo(known.dtype).tiny,
    )
    for _ in range(rounds):
        drawn = said / (said @ weights).clamp(min=tiny)[:, None]
        missed = absent / (present @ weights).clamp(min=tiny)[:, None]
        counts = weights * (drawn + missed).sum(0) + prior
        before, weights = weights, counts / counts.sum()
        if (weights - before).abs().max() < 1e-9:
            break
    return weights
