"""The search for the penalty of a ridge regression, by the loss on patients held out.

Every fit of a kernel set (one for each inner fold, and the one on all patients) is solved side by
side, from penalty to penalty. Penalties are compared at a loose tolerance; the chosen one is then
solved at the usual tolerance.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from graphfuse.learn.linear.inner_folds import ON_ALL
from graphfuse.learn.linear.kernel_sets import KernelSet, kernel_sets
from graphfuse.learn.linear.kernels import summed
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.ridge import PENALTIES, Descent, lowest_level
from graphfuse.learn.linear.ridge_key import RidgeKey, results_along
from graphfuse.task.outcome import Target

# Gradient per patient below which fits at different penalties are compared; the chosen one is
# solved further.
ROUGH = 1e-3


@dataclass(frozen=True, eq=False)
class RidgePath:
    """A ridge regression at the penalty with the lowest held-out loss.

    Attributes
    ----------
    level : int
        Of the penalty, among `ridge.PENALTIES`.
    held_out : np.ndarray
        Logits `[partitions, n, K]` of every patient by the fits that hold the patient out.
    loss : float
        Their mean loss.
    rough_loss : float
        The same before the last steps, as penalties were compared.
    ends : list of (np.ndarray, np.ndarray)
        For every kernel set, alphas `[n, fits, K]` and intercepts `[fits, K]`.
    seconds : float
        What the search took.
    """

    level: int
    held_out: np.ndarray
    loss: float
    rough_loss: float
    ends: list[tuple[np.ndarray, np.ndarray]]
    seconds: float


def path(fold: PreparedFold, key: RidgeKey) -> RidgePath:
    """The regression of this key, solved."""
    results = results_along(fold, [key])
    return results.get(("path", key), lambda: PenaltySearch(fold, key).finished())


def loss_below(fold: PreparedFold, key: RidgeKey, bound: float) -> float:
    """The held-out loss of a regression; infinite where its rough loss exceeds `bound`, and the
    regression is solved no further."""
    results = results_along(fold, [key])

    def judged() -> float:
        search = PenaltySearch(fold, key)
        if search.rough_loss > bound:
            return np.inf
        return results.get(("path", key), search.finished).loss

    return results.get(("loss below", key, bound), judged)


class PenaltySearch:
    """Ridge regressions on all kernel sets, at the penalty with the lowest rough held-out loss.

    Attributes
    ----------
    level : int
        The penalty's level.
    rough_loss : float
        The held-out loss there, with gradients below `ROUGH` per patient.
    """

    def __init__(self, fold: PreparedFold, key: RidgeKey):
        self._began = time.perf_counter()
        self._fold = fold
        self._sets = kernel_sets(fold, key.modalities)
        self._target = _known_through(fold, key.modalities)
        self._descents = [self._descent(each, key) for each in self._sets]
        self._weights: dict[int, list[np.ndarray]] = {}
        self.level, self.rough_loss = lowest_level(self._loss_at, key.first)

    def finished(self) -> RidgePath:
        """The regression at the chosen penalty, solved at the usual tolerance."""
        for descent, start in zip(self._descents, self._weights[self.level], strict=True):
            descent.weights = start
            descent.to(PENALTIES[self.level])
        ends = [(descent.alpha(), descent.intercept()) for descent in self._descents]
        held_out, loss = self._held_out()
        seconds = time.perf_counter() - self._began
        return RidgePath(self.level, held_out, loss, self.rough_loss, ends, seconds)

    def _descent(self, kernel_set: KernelSet, key: RidgeKey) -> Descent:
        """All fits on one kernel set."""
        depth = self._fold.preparation.depth
        smoothed = [kernel_set.kernels[m].along(key.gates_of(m, depth)) for m in key.modalities]
        counted = [~self._fold.inner.held_out(fit) for fit in kernel_set.fits]
        return Descent(summed(smoothed), self._target, self._fold.task, np.column_stack(counted))

    def _loss_at(self, level: int) -> float:
        """The rough held-out loss at a level of the penalty."""
        for descent in self._descents:
            descent.to(PENALTIES[level], ROUGH)
        self._weights[level] = [descent.weights for descent in self._descents]
        return self._held_out()[1]

    def _held_out(self) -> tuple[np.ndarray, float]:
        """Logits `[partitions, n, K]` of the fits for those whom they hold out, and their loss."""
        inner = self._fold.inner
        held_out = np.zeros((*inner.partitions.shape, self._fold.task.width))
        for kernel_set, descent in zip(self._sets, self._descents, strict=True):
            logits = descent.logits()  # [n, fits, K]
            for column, fit in enumerate(kernel_set.fits):
                if fit != ON_ALL:
                    rows = inner.held_out(fit)
                    held_out[fit.partition, rows] = logits[rows, column]
        return held_out, float(self._fold.task.mean_loss(held_out, self._target).mean())


def _known_through(fold: PreparedFold, modalities: tuple[str, ...]) -> Target:
    """The target, known of the patients who have one of these modalities; where there is none, of
    all: what is learned then is what is said of a patient without columns."""
    columns = [list(fold.views.own).index(m) for m in modalities]
    target = fold.target.hide(~fold.views.present[:, columns].any(1))
    return target if target.known.any() else fold.target
