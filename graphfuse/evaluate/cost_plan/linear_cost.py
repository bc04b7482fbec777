"""What the linear part of a fold takes with more patients: its tables and kernels, ridge
regressions, and kernels brought into their own coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphfuse.evaluate.cost_plan.estimate import Spent
from graphfuse.learn.linear.inner_folds import HELD_OUT, INNER_FOLDS, PARTITIONS
from graphfuse.learn.linear.kernel_sets import kernel_sets
from graphfuse.learn.linear.kernels import is_narrow
from graphfuse.learn.linear.penalty_search import path
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.ridge import coordinates
from graphfuse.learn.linear.ridge_key import RidgeKey
from graphfuse.learn.parallel_folds import side_by_side

MOST_SOLVED = 1000  # patients with whom the parts are timed


@dataclass(frozen=True)
class Counts:
    """How often a fold fits its `tables`, `searches` over penalties, and turns other `kernels` than
    those of a search."""

    tables: int
    searches: int
    kernels: int


@dataclass(frozen=True)
class Solving:
    """CPU seconds of the linear part by what it consists of, as timed with so many `patients`.

    Parameters
    ----------
    patients : int
        With whom the others were timed.
    tables : float
        Of fitting a fold's tables and making their kernels.
    search : float
        Of one search over penalties, but for the turning of its kernel.
    turning : float
        Of bringing one kernel into its own coordinates.
    columns : tuple of int
        Of each table.
    """

    patients: int
    tables: float
    search: float
    turning: float
    columns: tuple[int, ...]

    @classmethod
    def timed(cls, prepared: Callable[[], PreparedFold]) -> Solving:
        """As the fold that is `prepared` here and its first search take, on one thread, as folds
        side by side are fitted."""
        return side_by_side(cls._timed, [prepared])[0]

    @classmethod
    def _timed(cls, prepared: Callable[[], PreparedFold]) -> Solving:
        began = Spent.now()
        fold = prepared()
        names = tuple(fold.cohort.modalities)
        count = len(fold.cohort)
        sets = kernel_sets(fold, names)  # kept, so that the search does not make them again
        tables = began.since().cpu
        began = Spent.now()
        path(fold, RidgeKey(names[:1], ((),)))
        searched = began.since().cpu
        turning = turned(count)
        del sets
        columns = tuple(own.shape[1] for own in fold.views.own.values())
        return cls(count, tables, max(0.0, searched - turning), turning, columns)

    def fold(self, counts: Counts, patients: int) -> float:
        """Of a fold of so many patients.

        Tables grow with the patients and kernels with their square, searches with their square and
        the regressions in each, turning with patients³. Where all tables are so narrow that their
        columns are worked with, there are no kernels, and all grows with the patients.
        """
        times = patients / self.patients
        if all(is_narrow(patients, each) for each in self.columns):
            return times * (counts.tables * self.tables + counts.searches * self.search)
        regressions = _regressions(patients) / _regressions(self.patients)
        tables = counts.tables * self.tables * max(times, times**2)
        searches = counts.searches * self.search * times**2 * regressions
        turning = (counts.searches + counts.kernels) * self.turning * times**3
        return tables + searches + turning

    def study(self, counts: Counts, folds: float, trained: float, everyone: int) -> float:
        """Of so many folds and the final model."""
        return folds * self.fold(counts, round(trained)) + self.fold(counts, everyone)


def turned(patients: int) -> float:
    """CPU seconds in which a kernel of so many patients is brought into its own coordinates."""
    rows = np.random.default_rng(0).normal(size=(patients, patients))
    kernel = rows @ rows.T
    began = Spent.now()
    coordinates(kernel)
    return began.since().cpu


def _regressions(patients: int) -> int:
    """In one search: inner folds of every partition, and all."""
    partitions = np.clip(HELD_OUT // max(patients, 1), *PARTITIONS)
    return INNER_FOLDS * int(partitions) + 1
