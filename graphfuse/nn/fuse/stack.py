"""Stacked generalisation: a small logistic model of the modalities' own predictions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot, softplus

from graphfuse.nn.slots import Fuse

# how firmly the weights are held to 1/M, and the bias to 0, against a patient's log likelihood
RIDGE = 1.0
LEAST = 1e-5  # of a weight at the start: at 0 its gradient would be 0


class Stack(Fuse):
    """b + Σ_m a_m · logits_m over the modalities present, a_m = softplus(·) ≥ 0: `[N, M, K]` → `[N,
    K]`.

    Stacked generalisation (Wolpert 1992), weights not negative (Breiman 1996). They start where
    inner cross-validation puts them (`prime`); without it at 1/M, the geometric mean of the
    probabilities.
    """

    level = "decision"
    apart = True
    weighs = True

    def __init__(self, dim: int, modalities: int):
        super().__init__()
        self.raw = nn.Parameter(_inverse(torch.full((modalities,), 1 / modalities)))
        self.bias = nn.Parameter(torch.zeros(dim))

    @property
    def weights(self) -> Tensor:
        """a `[M]`."""
        return softplus(self.raw)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        shown = torch.where(present[..., None] > 0, h, 0.0)
        return torch.einsum("nmk,m->nk", shown, self.weights) + self.bias

    @torch.no_grad()
    def prime(self, logits: Tensor, present: Tensor, labels: Tensor) -> None:
        shown = torch.where(present[..., None] > 0, logits, 0.0).double()
        is_labelled = labels >= 0
        weights, bias = stacking_weights(shown[is_labelled], labels[is_labelled])
        self.raw.copy_(_inverse(weights.clamp(min=LEAST)))
        self.bias.copy_(bias)


def stacking_weights(logits: Tensor, labels: Tensor, ridge: float = RIDGE) -> tuple[Tensor, Tensor]:
    """Fit the weights of a sum of the modalities' logits by ridge-penalised logistic regression.

    They have least Σ_i -log softmax(b + Σ_m a_m logits_im)[class of i] + ridge/2 (|a - 1/M|² +
    |b|²), with a ≥ 0. The loss is convex: Newton's method, projected on a ≥ 0.

    Parameters
    ----------
    logits : Tensor, [n, M, K]
        Zero where a modality is absent.
    labels : Tensor of int64, [n]
    ridge : float

    Returns
    -------
    a : Tensor, [M]
    b : Tensor, [K]

    References
    ----------
    Bertsekas 1982 (projected Newton).
    """
    modalities, classes = logits.shape[1:]
    unit = torch.eye(classes).to(logits)
    design = torch.cat([logits, unit.expand(len(logits), -1, -1)], 1)  # [n, M + K, K]
    mean = logits.new_full((modalities,), 1 / modalities)
    centre = torch.cat([mean, logits.new_zeros(classes)])
    no_bound = logits.new_full((classes,), -torch.inf)
    least = torch.cat([torch.zeros_like(mean), no_bound])

    def loss(at: Tensor) -> Tensor:
        outputs = torch.einsum("npk,p->nk", design, at)
        fit = cross_entropy(outputs, labels, reduction="sum")
        return fit + ridge / 2 * (at - centre).square().sum()

    truth = one_hot(labels, classes)
    at = centre
    for _ in range(100):
        slope, hessian = _derivatives(design, truth, at, centre, ridge)
        free = ((at > least) | (slope < 0)).to(at.dtype)
        of_free = free[:, None] * hessian * free + torch.diag(1 - free)
        step = torch.linalg.solve(of_free, free * slope)
        before, at = at, _shortened(loss, at, step, least)
        if (at - before).abs().max() < 1e-10:
            break
    return at[:modalities], at[modalities:]


def _derivatives(
    design: Tensor, truth: Tensor, at: Tensor, centre: Tensor, ridge: float
) -> tuple[Tensor, Tensor]:
    """The loss's gradient `[M + K]` and Hessian `[M + K, M + K]` at a point."""
    outputs = torch.einsum("npk,p->nk", design, at)
    p = torch.softmax(outputs, -1)
    slope = torch.einsum("npk,nk->p", design, p - truth) + ridge * (at - centre)
    mean = torch.einsum("npk,nk->np", design, p)
    squares = torch.einsum("npk,nk,nqk->pq", design, p, design)
    penalty = ridge * torch.eye(len(at)).to(at)
    return slope, squares - mean.T @ mean + penalty


def _shortened(loss, at: Tensor, step: Tensor, least: Tensor) -> Tensor:
    """The point that the longest of step, step/2, step/4, … reaches with less loss; the same point
    where none does."""
    now = loss(at)
    for halved in range(40):
        shorter = step * 0.5**halved
        point = torch.maximum(at - shorter, least)
        if loss(point) < now:
            return point
    return at


def _inverse(weights: Tensor) -> Tensor:
    """softplus, undone."""
    return weights + torch.log(-torch.expm1(-weights))
