"""Multinomial ridge logistic regression in the coordinates of its kernel: the baselines and
the net's start.

With n patients and F features, the ridge solution lies in the span of the training rows, so it is
found exactly from the kernel K = X Xᵀ `[n, n]`, whatever F. In the kernel's eigenbasis the
curvature of the softmax loss is bounded by a diagonal (Böhning 1992, doi:10.1007/BF00048682:
Hessian ≤ ½ ZᵀZ), so an accelerated diagonal descent finds it (Nesterov momentum with adaptive
restart). Fits that count only some of the rows have a smaller curvature: one basis serves a
cross-validation's fits and the fit on all, as one product per step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg import eigh

from graphfuse.task.outcome import Target
from graphfuse.task.task import Task

PENALTIES = tuple(
    float(c) for c in 10.0 ** np.arange(-2.0, 3.1, 0.5)
)  # C: inverse penalty on a kernel of mean diagonal 1
LEAST = 1e-300  # of a mean diagonal


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted path over L penalties: `logits = kernel(new, train) @ alpha[l] + intercept[l]`.

    `alpha` float64 `[L, n, K]` on the unscaled kernel; `intercept` `[L, K]`; `inverse_penalties`
    `[L]`.
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
    target: Target,
    task: Task,
    inverse_penalties: tuple[float, ...] = PENALTIES,
    tolerance: float = 1e-4,
    steps: int = 400,
) -> Ridge:
    """Ridge logistic regression for every inverse penalty C, each from where the last one ended:
    min Σ loss + ‖W‖² / 2C.

    `kernel` float64 `[n, n]` among training patients; `target`: of the n patients, of
    whom those who are not known take no part. The intercept is not penalised. Tolerance and steps
    as in `Descent.to`.
    """
    descent = Descent(Dense(kernel), target, task)
    found = []
    for c in inverse_penalties:
        descent.to(c, tolerance, steps)
        found.append((descent.alpha()[:, 0], descent.intercept()[0]))
    alpha, intercept = map(np.stack, zip(*found, strict=True))
    return Ridge(alpha, intercept, tuple(inverse_penalties))


class Kernel(Protocol):
    """Inner products among n patients."""

    def coordinates(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Of the patients at `rows`: Z and B as in `coordinates`, of the kernel among them divided
        by its mean diagonal; and that."""

    def times(self, alpha: np.ndarray) -> np.ndarray:
        """kernel @ alpha `[n, J]`."""


@dataclass(frozen=True, eq=False)
class Dense:
    """A kernel as it is: `values` `[n, n]`."""

    values: np.ndarray

    def coordinates(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        among = self.values[np.ix_(rows, rows)]
        size = max(float(np.trace(among)) / max(len(among), 1), LEAST)
        return *coordinates(among / size), size

    def times(self, alpha: np.ndarray) -> np.ndarray:
        return self.values @ alpha


@dataclass(frozen=True, eq=False)
class Factored:
    """The kernel of a `table` `[n, F]` with few columns, never written out."""

    table: np.ndarray

    def coordinates(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        among = self.table[rows]
        size = max(float((among**2).sum()) / max(len(among), 1), LEAST)
        placed, _ = coordinates_of_columns(among / np.sqrt(size))
        return placed, placed / (placed**2).sum(0), size

    def times(self, alpha: np.ndarray) -> np.ndarray:
        return self.table @ (self.table.T @ alpha)


class Descent:
    """G ridge regressions on one kernel among n patients, each counting other patients, walked from
    penalty to penalty.

    `counted` bool `[n, G]`: whom each counts (default: one that counts all). Patients who are
    not known count in none. The kernel is scaled inside to a mean diagonal of 1 over those
    who count somewhere, at `rows`.
    """

    def __init__(
        self, kernel: Kernel, target: Target, task: Task, counted: np.ndarray | None = None
    ):
        counted = np.ones((len(target.values), 1), bool) if counted is None else counted
        self.task, self.kernel, self.patients = task, kernel, len(target.values)
        self.rows = np.flatnonzero(target.known & counted.any(1))
        z, self.basis, self.size = kernel.coordinates(self.rows)
        self.design = np.hstack([z, np.ones((len(z), 1))])
        self.counted = np.ascontiguousarray(counted[self.rows].T, float)
        self.coded = task.coded(target)[self.rows].T[:, None]
        # classes first: sums over them are cheap
        self.weights = np.zeros((task.width, counted.shape[1], self.design.shape[1]))
        means = (self.counted * self.coded).sum(2) / np.maximum(self.counted.sum(1), 1)
        self.weights[..., -1] = task.intercepts(means)

    def to(self, inverse_penalty: float, tolerance: float = 1e-4, steps: int = 400) -> None:
        """Moves all weights to their optimum at C, from where they are: min Σ loss + ‖W‖² / 2C.

        It stops where no gradient exceeds `tolerance` per patient, or after `steps`.
        """
        ridge = np.r_[np.full(self.design.shape[1] - 1, 1 / inverse_penalty), 0.0]
        curvature = self.task.curvature * (self.design**2).sum(0) + ridge
        weights, ahead, momentum = self.weights, self.weights, np.ones(self.weights.shape[1])
        for _ in range(steps):
            gradient = self._gradient(ahead) + ridge * ahead
            moved = ahead - gradient / curvature
            step = moved - weights
            momentum = np.where((gradient * step).sum((0, 2)) > 0, 1.0, momentum)
            faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead = moved + ((momentum - 1) / faster)[:, None] * step
            weights, momentum = moved, faster
            if np.abs(gradient).max() < tolerance * len(self.design):
                break
        self.weights = weights

    def _gradient(self, weights: np.ndarray) -> np.ndarray:
        """Of the summed loss."""
        residual = self.task.residual(self._logits(weights), self.coded)
        residual *= self.counted
        return (residual.reshape(-1, len(self.design)) @ self.design).reshape(weights.shape)

    def _logits(self, weights: np.ndarray) -> np.ndarray:
        """`[K, G, rows]`."""
        return (weights.reshape(-1, weights.shape[2]) @ self.design.T).reshape(
            *weights.shape[:2], -1
        )

    def logits(self) -> np.ndarray:
        """`[n, G, K]` of all patients."""
        alpha = self.alpha()
        return self.kernel.times(alpha.reshape(len(alpha), -1)).reshape(alpha.shape) + (
            self.intercept()
        )

    def alpha(self) -> np.ndarray:
        """`[n, G, K]` on the unscaled kernel: logits = kernel @ alpha + intercept."""
        alpha = np.zeros((self.patients, *self.weights.shape[1::-1]))
        alpha[self.rows] = (
            np.einsum("nr,kgr->ngk", self.basis, self.weights[..., :-1], optimize=True) / self.size
        )
        return alpha

    def intercept(self) -> np.ndarray:
        """`[G, K]`."""
        return self.weights[..., -1].T


def coordinates(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The kernel's eigenbasis: Z `[n, r]` with Z Zᵀ = kernel, and B `[n, r]` with kernel @ B = Z.

    For kernel = X Xᵀ, Xᵀ B `[F, r]` is an orthonormal basis of the training rows and Z = X (Xᵀ B):
    X in that basis.
    """
    root, vectors = _eigenbasis(kernel)
    vectors = vectors * _turns(vectors)
    return vectors * root, vectors / root


def coordinates_of_columns(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same coordinates of a table `[n, F]` found on the side of its columns, where these are
    the fewer: Z `[n, r]`, and the orthonormal basis `[F, r]` in which Z = table @ basis."""
    _, basis = _eigenbasis(table.T @ table)
    placed = table @ basis
    turns = _turns(placed)
    return placed * turns, basis * turns


def _eigenbasis(symmetric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Square roots of the eigenvalues that are not zero, and their eigenvectors."""
    values, vectors = eigh(symmetric, check_finite=False, driver="evd")
    keep = values > values.max(initial=0) * 1e-10
    return np.sqrt(values[keep]), vectors[:, keep]


def _turns(vectors: np.ndarray) -> np.ndarray:
    """1 or -1 for each vector, so that their cubes' sums are positive: rounding turns none of
    them."""
    return np.where(np.einsum("nr,nr,nr->r", vectors, vectors, vectors) < 0, -1.0, 1.0)


def lowest_level(loss: Callable[[int], float], first: int) -> tuple[int, float]:
    """The penalty's level with the lowest loss, and that loss: upwards from `first` for as long as
    it falls, and downwards where `first` itself is the best."""
    best, lowest = first, loss(first)
    for level in range(first + 1, len(PENALTIES)):
        found = loss(level)
        if found >= lowest:
            break
        best, lowest = level, found
    if best == first:
        for level in range(first - 1, -1, -1):
            found = loss(level)
            if found >= lowest:
                break
            best, lowest = level, found
    return best, lowest
