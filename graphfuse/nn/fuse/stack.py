"""Stacked generalisation: a small logistic model of the modalities' own predictions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot, softplus

from graphfuse.nn.slots import Fuse

# how firmly the weights are held to 1/M, and the bias to 0, against a patient's log likelihood
RIDGE = 1.0
LEAST = 1e-5  # of a weight: so that a modality that says nothing can still be heard later


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
        return (
            torch.einsum("nmk,m->nk", torch.where(present[..., None] > 0, h, 0.0), self.weights)
            + self.bias
        )

    @torch.no_grad()
    def prime(self, held: Tensor, present: Tensor, codes: Tensor) -> None:
        said = torch.where(present[..., None] > 0, held, 0.0).double()
        weights, bias = stacked(said[codes >= 0], codes[codes >= 0])
        self.raw.copy_(_inverse(weights.clamp(min=LEAST)))
        self.bias.copy_(bias)


def stacked(said: Tensor, codes: Tensor, ridge: float = RIDGE) -> tuple[Tensor, Tensor]:
    """a `[M]` ≥ 0 and b `[K]` of least Σ_i -log softmax(b + Σ_m a_m said_im)[class of i] + ridge/2
    (|a - 1/M|² + |b|²).

    `said` `[n, M, K]`, absent modalities zero. The loss is convex: Newton's method, projected on a
    ≥ 0 (Bertsekas 1982).
    """
    modalities, classes = said.shape[1:]
    unit = torch.eye(classes).to(said).expand(len(said), -1, -1)
    design, truth = torch.cat([said, unit], 1), one_hot(codes, classes)
    middle = torch.cat([said.new_full((modalities,), 1 / modalities), said.new_zeros(classes)])
    least = torch.cat([said.new_zeros(modalities), said.new_full((classes,), -torch.inf)])

    def loss(at: Tensor) -> Tensor:
        logits = torch.einsum("npk,p->nk", design, at)
        return (
            cross_entropy(logits, codes, reduction="sum") + ridge / 2 * (at - middle).square().sum()
        )

    at = middle
    for _ in range(100):
        p = torch.softmax(torch.einsum("npk,p->nk", design, at), -1)
        slope = torch.einsum("npk,nk->p", design, p - truth) + ridge * (at - middle)
        mean = torch.einsum("npk,nk->np", design, p)
        bend = (
            torch.einsum("npk,nk,nqk->pq", design, p, design)
            - mean.T @ mean
            + ridge * torch.eye(len(at)).to(at)
        )
        free = ((at > least) | (slope < 0)).to(at.dtype)
        step = torch.linalg.solve(free[:, None] * bend * free + torch.diag(1 - free), free * slope)
        before, at = at, _shortened(loss, at, step, least)
        if (at - before).abs().max() < 1e-10:
            break
    return at[:modalities], at[modalities:]


def _shortened(loss, at: Tensor, step: Tensor, least: Tensor) -> Tensor:
    """The point that the longest of step, step/2, step/4, … reaches with less loss; the same point
    where none does."""
    now = loss(at)
    for halved in range(40):
        found = torch.maximum(at - step * 0.5**halved, least)
        if loss(found) < now:
            return found
    return at


def _inverse(weights: Tensor) -> Tensor:
    """softplus, undone."""
    return weights + torch.log(-torch.expm1(-weights))
