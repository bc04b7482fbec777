"""Inner folds of a fold's training patients: several partitions, and fits that hold out one inner
fold each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfuse.learn.stratified_folds import assign_folds

INNER_FOLDS = 5
# at least and at most: what is chosen by several partitions depends less on how the dice fell
PARTITIONS = (2, 10)
HELD_OUT = 600  # so many partitions that labelled patients are held out about this often in all


@dataclass(frozen=True)
class Fit:
    """A fit on all training patients but those of one inner `fold` of one `partition`; on all of
    them where these are `None`."""

    partition: int | None = None
    fold: int | None = None

    @property
    def is_first(self) -> bool:
        """Whether the fit holds out an inner fold of the first partition."""
        return self.partition == 0


ON_ALL = Fit()


@dataclass(frozen=True, eq=False)
class InnerFolds:
    """Partitions of n training patients into inner folds: int `[P, n]`, the inner fold of every
    patient. The epoch search of a net shares the first."""

    partitions: np.ndarray

    @classmethod
    def deal(
        cls,
        strata: np.ndarray,
        seed: int,
        groups: np.ndarray | None = None,
        partitions: int | None = None,
    ) -> InnerFolds:
        """Partitions of patients with strata `[n]`, -1 for unlabelled, which keep `groups`
        `[n]` whole; by default, the more the fewer patients have a label."""
        if partitions is None:
            labelled = max((strata >= 0).sum(), 1)
            partitions = int(np.clip(HELD_OUT // labelled, *PARTITIONS))
        seeds = range(seed, seed + partitions)
        return cls(np.stack([assign_folds(strata, INNER_FOLDS, each, groups) for each in seeds]))

    @property
    def first(self) -> np.ndarray:
        """int `[n]`: the first partition."""
        return self.partitions[0]

    @property
    def fits(self) -> tuple[Fit, ...]:
        """A fit for every inner fold, partition by partition."""
        count = len(self.partitions)
        return tuple(Fit(p, fold) for p in range(count) for fold in range(INNER_FOLDS))

    def held_out(self, fit: Fit) -> np.ndarray:
        """bool `[n]`: whom the fit holds out."""
        if fit == ON_ALL:
            return np.zeros(self.partitions.shape[1], bool)
        return self.partitions[fit.partition] == fit.fold
