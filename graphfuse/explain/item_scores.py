"""Scores of ranked items, of all fold models together and of each alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ItemScores:
    """Scores of items, such as genes, in each of K directions.

    Attributes
    ----------
    mean : numpy.ndarray
        `[K, items]`: mean over patients of the absolute value of the attribution, which was
        averaged over folds with its sign.
    by_fold : numpy.ndarray
        `[folds, K, items]`: the same of each fold's model alone, or of each resample's.
    """

    mean: np.ndarray
    by_fold: np.ndarray

    def in_units(self, unit: np.ndarray) -> ItemScores:
        """The scores divided by a unit of each item, `[items]`."""
        return ItemScores(self.mean / unit, self.by_fold / unit)

    def ranged_over(self, other: ItemScores) -> ItemScores:
        """The same scores, with those of single models taken from another ranking."""
        return ItemScores(self.mean, other.by_fold)

    def of_direction(self, k: int) -> ItemScores:
        """The scores in one direction."""
        return ItemScores(self.mean[[k]], self.by_fold[:, [k]])

    @property
    def score(self) -> np.ndarray:
        """The mean over directions, `[items]`."""
        return self.mean.mean(0)

    @property
    def fold_scores(self) -> np.ndarray:
        """The same of each fold's model, `[folds, items]`."""
        return self.by_fold.mean(1)
