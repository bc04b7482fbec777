"""Multinomial ridge logistic regression in the coordinates of its kernel: what linear baselines and
the net's linear start are made of.

With n patients and F features, the ridge solution lies in the span of the training rows, so it is
found exactly from the kernel K = X Xᵀ `[n, n]`, whatever F:

    K = V Λ Vᵀ           eigenvectors and eigenvalues, once for each kernel
    Z = V Λ^½  [n, r]    the patients in the kernel's own coordinates: Z Zᵀ = K
    logits = Z w + b     min over w, b of  Σ loss + ‖w‖² / 2C

In these coordinates the curvature of the softmax loss is bounded by a diagonal (Böhning 1992,
doi:10.1007/BF00048682: Hessian ≤ ½ ZᵀZ = ½ Λ), so an accelerated diagonal descent solves it
(Nesterov momentum with adaptive restart; O'Donoghue and Candès 2015,
doi:10.1007/s10208-013-9150-3). Fits that count only some of the rows have a smaller curvature: one
basis serves all fits of a cross-validation and the fit on all, as one product a step.

Own code, because solvers of libraries take one fit at a time and the columns themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg import eigh

from graphfuse.task.outcome import Target
from graphfuse.task.task import Task

# C, the inverse penalty on a kernel of mean diagonal 1: 0.01 to 1000.
PENALTIES = tuple((10.0 ** np.arange(-2.0, 3.1, 0.5)).tolist())
LEAST = 1e-300  # of a mean diagonal


class Kernel(Protocol):
    """Inner products among n patients."""

    def coordinates(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Z and B, as `coordinates` gives them, of the kernel among the patients at `rows` divided
        by its mean diagonal; and that mean diagonal."""

    def times(self, alpha: np.ndarray) -> np.ndarray:
        """kernel @ alpha `[n, J]`."""


@dataclass(frozen=True, eq=False)
class Dense:
    """A kernel as it is: `values` `[n, n]`."""

    values: np.ndarray

    def coordinates(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        among = self.values[np.ix_(rows, rows)]
        size = _mean_diagonal(np.trace(among), len(rows))
        return *coordinates(among / size), size

    def times(self, alpha: np.ndarray) -> np.ndarray:
        return self.values @ alpha


@dataclass(frozen=True, eq=False)
class Factored:
    """The kernel of a `table` `[n, F]` with few columns, never written out."""

    table: np.ndarray

    def coordinates(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        among = self.table[rows]
        size = _mean_diagonal((among**2).sum(), len(rows))
        z, _ = coordinates_of_columns(among / np.sqrt(size))
        return z, z / (z**2).sum(0), size

    def times(self, alpha: np.ndarray) -> np.ndarray:
        return self.table @ (self.table.T @ alpha)


def _mean_diagonal(trace: float, count: int) -> float:
    """Of a kernel among `count` patients; never 0."""
    return max(float(trace) / max(count, 1), LEAST)


class Descent:
    """G ridge regressions on one kernel among n patients, each on other patients, solved side by
    side from penalty to penalty.

    Parameters
    ----------
    kernel : Kernel
        Inner products among the n patients. It is scaled inside to a mean diagonal of 1 over those
        on whom any regression is fitted.
    target : Target
        Of the n patients; those who are not known count in no regression.
    task : Task
        Gives the loss.
    counted : np.ndarray, optional
        bool `[n, G]`: on whom each regression is fitted; by default there is one, on all.

    Attributes
    ----------
    weights : np.ndarray
        `[K, G, r + 1]` in the kernel's coordinates, the intercept last.
    """

    def __init__(
        self, kernel: Kernel, target: Target, task: Task, counted: np.ndarray | None = None
    ):
        patients = len(target.values)
        if counted is None:
            counted = np.ones((patients, 1), bool)
        self.task, self.kernel, self.patients = task, kernel, patients
        self.rows = np.flatnonzero(target.known & counted.any(1))
        z, self.basis, self.size = kernel.coordinates(self.rows)
        self.design = np.hstack([z, np.ones((len(z), 1))])  # [rows, r + 1]
        self.counted = np.ascontiguousarray(counted[self.rows].T, float)  # [G, rows]
        # classes first: sums over them are cheap
        self.coded = task.coded(target)[self.rows].T[:, None]  # [K, 1, rows]
        self.weights = np.zeros((task.width, counted.shape[1], self.design.shape[1]))
        sums = (self.counted * self.coded).sum(2)
        means = sums / np.maximum(self.counted.sum(1), 1)
        self.weights[..., -1] = task.intercepts(means)
        # The columns that are solved for. Where residuals add up to zero, the last column of the
        # logits is what the others leave of a sum that no step changes.
        self._solved = task.width - task.residuals_sum_to_zero
        self._sum = self.weights[..., -1].sum(0)[:, None]  # [G, 1]

    def to(self, inverse_penalty: float, tolerance: float = 1e-4, steps: int = 400) -> None:
        """Moves all weights to their optimum at a penalty, from where they are.

        Parameters
        ----------
        inverse_penalty : float
            C in: min Σ loss + ‖W‖² / 2C. Intercepts are not penalised.
        tolerance : float
            The descent stops where no gradient exceeds this, per patient.
        steps : int
            It stops after so many in any case.
        """
        ridge = np.full(self.design.shape[1], 1 / inverse_penalty)
        ridge[-1] = 0.0
        curvature = self.task.curvature * (self.design**2).sum(0) + ridge
        weights, ahead, momentum = self.weights, self.weights, np.ones(self.weights.shape[1])
        for _ in range(steps):
            gradient = self._gradient(ahead) + ridge * ahead
            moved = ahead - gradient / curvature
            step = moved - weights
            is_uphill = (gradient * step).sum((0, 2)) > 0
            momentum = np.where(is_uphill, 1.0, momentum)
            faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead = moved + ((momentum - 1) / faster)[:, None] * step
            weights, momentum = moved, faster
            if np.abs(gradient).max() < tolerance * len(self.design):
                break
        self.weights = weights

    def _gradient(self, weights: np.ndarray) -> np.ndarray:
        """Of the summed loss, `[K, G, r + 1]`."""
        residual = self.task.residual(self._logits(weights), self.coded)
        residual *= self.counted
        solved = residual[: self._solved].reshape(-1, len(self.design))
        gradient = np.empty_like(weights)
        into = gradient[: self._solved].reshape(-1, weights.shape[2])
        np.matmul(solved, self.design, out=into)
        if self._solved < len(gradient):
            np.negative(gradient[:-1].sum(0), out=gradient[-1])
        return gradient

    def _logits(self, weights: np.ndarray) -> np.ndarray:
        """`[K, G, rows]`."""
        solved = weights[: self._solved].reshape(-1, weights.shape[2])
        logits = np.empty((*weights.shape[:2], len(self.design)))
        into = logits[: self._solved].reshape(-1, len(self.design))
        np.matmul(solved, self.design.T, out=into)
        if self._solved < len(logits):
            np.subtract(self._sum, logits[:-1].sum(0), out=logits[-1])
        return logits

    def logits(self) -> np.ndarray:
        """`[n, G, K]` of all patients."""
        if len(self.rows) == self.patients:
            return self._logits(self.weights).transpose(2, 1, 0)
        alpha = self.alpha()
        products = self.kernel.times(alpha.reshape(len(alpha), -1))
        return products.reshape(alpha.shape) + self.intercept()

    def alpha(self) -> np.ndarray:
        """`[n, G, K]` on the unscaled kernel: logits = kernel @ alpha + intercept."""
        weights = self.weights[..., :-1]
        alpha = np.zeros((self.patients, *self.weights.shape[1::-1]))
        solved = np.einsum("nr,kgr->ngk", self.basis, weights, optimize=True)
        alpha[self.rows] = solved / self.size
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
    vectors = vectors * _signs(vectors)
    return vectors * root, vectors / root


def coordinates_of_columns(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same coordinates of a table `[n, F]` found on the side of its columns, where these are
    the fewer: Z `[n, r]`, and the orthonormal basis `[F, r]` in which Z = table @ basis."""
    _, basis = _eigenbasis(table.T @ table)
    z = table @ basis
    signs = _signs(z)
    return z * signs, basis * signs


def _eigenbasis(symmetric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Square roots of the eigenvalues that are not zero, and their eigenvectors."""
    values, vectors = eigh(symmetric, check_finite=False, driver="evd")
    keep = values > values.max(initial=0) * 1e-10
    return np.sqrt(values[keep]), vectors[:, keep]


def _signs(vectors: np.ndarray) -> np.ndarray:
    """1 or -1 for each vector `[n, r]`, so that the sums of their cubes are positive: rounding
    turns none of them round."""
    cubes = np.einsum("nr,nr,nr->r", vectors, vectors, vectors)
    return np.where(cubes < 0, -1.0, 1.0)


def lowest_level(loss: Callable[[int], float], first: int) -> tuple[int, float]:
    """The level of the penalty with the lowest loss, and that loss.

    From level `first` the search goes upwards for as long as the loss falls, and downwards where
    `first` itself is the best of those.
    """
    upwards, downwards = range(first + 1, len(PENALTIES)), range(first - 1, -1, -1)
    best, lowest = _while_falling(loss, upwards, first, loss(first))
    if best != first:
        return best, lowest
    return _while_falling(loss, downwards, best, lowest)


def _while_falling(
    loss: Callable[[int], float], levels: range, best: int, lowest: float
) -> tuple[int, float]:
    """The last of these levels up to which the loss falls from `lowest`, and the loss there."""
    for level in levels:
        current = loss(level)
        if current >= lowest:
            break
        best, lowest = level, current
    return best, lowest
