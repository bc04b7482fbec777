"""A weighted mean of the modalities' own predictions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphfuse.nn.fuse.late import mixture
from graphfuse.nn.slots import Fuse

PRIOR = 2.0  # patients who count for each modality before any is seen


class Weighted(Fuse):
    """Average the modalities' own probabilities by learned weights.

    log Σ_m w_m p_m over the modalities present, w ≥ 0 and adding up to 1 over those: `[N, M, K]` →
    `[N, K]`.
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
    def prime(self, logits: Tensor, present: Tensor, labels: Tensor) -> None:
        is_labelled = labels >= 0
        labels, present = labels[is_labelled], present[is_labelled].double()
        log_p = torch.log_softmax(logits[is_labelled].double(), -1)  # [n, M, K]
        place = labels.view(-1, 1, 1).expand(-1, log_p.shape[1], 1)
        of_label = log_p.gather(2, place)[..., 0]  # [n, M]
        self.score.copy_(mixture_weights(of_label, present).log())


def mixture_weights(
    log_p: Tensor, present: Tensor, prior: float = PRIOR, rounds: int = 1000
) -> Tensor:
    """Fit the weights of a mixture of the modalities' predictions, by EM.

    They maximise Σ_i log(Σ_m w_m p_im / Σ_m w_m) + prior Σ_m log w_m on the simplex, inner sums
    over the modalities that patient i has. In expectation, before a patient is described by a
    modality that it has, w_m / Σ w draws fell on each that it lacks; they count.

    Parameters
    ----------
    log_p : Tensor, [n, M]
        Each modality's log probability of the patient's true class.
    present : Tensor, [n, M]
        1 where a patient has a modality, else 0.
    prior : float
        Patients who count for each modality before any is seen.
    rounds : int
        At most so many rounds of EM.

    Returns
    -------
    Tensor, [M]

    References
    ----------
    Dempster, Laird and Rubin 1977.
    """
    has_any = present.any(1, keepdim=True)
    present = present * has_any
    log_p = torch.where(present > 0, log_p, -torch.inf)
    relative = log_p - log_p.amax(1, keepdim=True)
    p = torch.exp(relative).nan_to_num(0.0)
    absent = (1 - present) * has_any
    tiny = torch.finfo(log_p.dtype).tiny
    modalities = log_p.shape[1]
    weights = log_p.new_full((modalities,), 1 / modalities)
    for _ in range(rounds):
        drawn = p / (p @ weights).clamp(min=tiny)[:, None]
        missed = absent / (present @ weights).clamp(min=tiny)[:, None]
        counts = weights * (drawn + missed).sum(0) + prior
        before, weights = weights, counts / counts.sum()
        if (weights - before).abs().max() < 1e-9:
            break
    return weights
