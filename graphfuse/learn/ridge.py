"""Multinomial ridge logistic regression in the coordinates of its kernel: the ladder's rungs and the net's start.

With n patients and F features, the ridge solution lies in the span of the training rows, so it is found exactly
from the kernel K = X Xᵀ `[n, n]`, whatever F. In the kernel's eigenbasis the curvature of the softmax loss is bounded
by a diagonal (Böhning 1992, doi:10.1007/BF00048682: Hessian ≤ ½ ZᵀZ), so all penalties of a path are solved
together by an accelerated diagonal descent (Nesterov momentum with adaptive restart).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.special import log_softmax, softmax

PENALTIES = tuple(float(c) for c in 10.0 ** np.arange(-2.0, 3.1, 0.5))  # C: inverse penalty on a kernel of mean diagonal 1


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted path over L penalties: `logits = kernel(new, train) @ alpha[l] + intercept[l]`.

    `alpha` float64 `[L, n, K]` on the unscaled kernel; `intercept` `[L, K]`; `inverse_penalties` `[L]`.
    """

    alpha: np.ndarray
    intercept: np.ndarray
    inverse_penalties: tuple[float, ...]

    def logits(self, kernel: np.ndarray) -> np.ndarray:
        """`[L, q, K]` for a kernel `[q, n]` between q patients and the training ones."""
        return kernel @ self.alpha + self.intercept[:, None]

    def at(self, level: int) -> Ridge:
        """The path cut to one penalty."""
        pick = slice(level, level + 1)
        return Ridge(self.alpha[pick], self.intercept[pick], self.inverse_penalties[pick])


def fit_ridge(
    kernel: np.ndarray,
    codes: np.ndarray,
    classes: int,
    inverse_penalties: tuple[float, ...] = PENALTIES,
    tolerance: float = 1e-4,
    steps: int = 400,
) -> Ridge:
    """Ridge logistic regression for every inverse penalty C at once: min Σ CE + ‖W‖² / 2C.

    `kernel` float64 `[n, n]` among training patients, scaled inside to a mean diagonal of 1; `codes` int `[n]` in
    `0 … classes - 1`, -1 for unlabelled patients, who take no part. The intercept is not penalised. Descent stops
    where no logit's gradient exceeds `tolerance` per patient, or after `steps`.
    """
    labelled = np.flatnonzero(codes >= 0)
    among = kernel[np.ix_(labelled, labelled)]
    size = max(float(np.trace(among)) / len(among), 1e-300)
    z, basis = coordinates(among / size)
    target = np.eye(classes)[codes[labelled]]
    penalty = 1 / np.asarray(inverse_penalties)
    weights, intercept = _descend(z, target, penalty, tolerance, steps)
    alpha = np.zeros((len(penalty), len(kernel), classes))
    alpha[:, labelled] = np.einsum("nr,lrk->lnk", basis, weights) / size
    return Ridge(alpha, intercept, tuple(inverse_penalties))


def coordinates(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The kernel's eigenbasis: Z `[n, r]` with Z Zᵀ = kernel, and B `[n, r]` with kernel @ B = Z.

    For kernel = X Xᵀ, Xᵀ B `[F, r]` is an orthonormal basis of the training rows and Z = X (Xᵀ B): X in that basis.
    """
    values, vectors = eigh(kernel, check_finite=False)
    keep = values > max(values[-1], 0) * 1e-10
    root, vectors = np.sqrt(values[keep]), vectors[:, keep]
    vectors = vectors * np.where((vectors**3).sum(0) < 0, -1.0, 1.0)  # a sign that rounding cannot turn
    return vectors * root, vectors / root


def _descend(z, target, penalty, tolerance, steps):
    """Weights `[L, r, K]` and intercepts `[L, K]` of all penalties, in coordinates where ZᵀZ is diagonal."""
    (n, r), classes, levels = z.shape, target.shape[1], len(penalty)
    design = np.hstack([z, np.ones((n, 1))])
    ridge = np.concatenate([np.repeat(penalty[:, None], r, 1), np.zeros((levels, 1))], 1)[:, :, None]
    curvature = 0.5 * (design**2).sum(0)[None, :, None] + ridge
    weights = np.zeros((levels, r + 1, classes))
    weights[:, -1] = np.log(target.mean(0) + 1e-3)
    ahead, momentum = weights.copy(), np.ones(levels)
    for _ in range(steps):
        logits = (design @ ahead.transpose(1, 0, 2).reshape(r + 1, -1)).reshape(n, levels, classes)
        residual = softmax(logits, axis=2) - target[:, None]
        gradient = (design.T @ residual.reshape(n, -1)).reshape(r + 1, levels, classes).transpose(1, 0, 2)
        gradient += ridge * ahead
        moved = ahead - gradient / curvature
        step = moved - weights
        uphill = (gradient * step).sum((1, 2)) > 0
        momentum = np.where(uphill, 1.0, momentum)
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + ((momentum - 1) / faster)[:, None, None] * step
        weights, momentum = moved, faster
        if np.abs(gradient).max() < tolerance * n:
            break
    return weights[:, :-1], weights[:, -1]


def log_loss(logits: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Mean cross-entropy `[L]` of logits `[L, n, K]` over labelled patients."""
    known = codes >= 0
    chosen = log_softmax(logits[:, known], axis=2)
    return -np.take_along_axis(chosen, codes[known][None, :, None], 2)[:, :, 0].mean(1)
