"""A path of one ridge regression over penalties, for tests of the solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfuse.learn.linear.ridge import PENALTIES, Dense, Descent
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task


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
