"""Steps that learn from training patients and apply to anyone: impute, scale, select.

Every step is a frozen value with `fit(table, codes)` → step and `apply(table)` → table, where a
table is a float64 array `[N, F]` with NaN for missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class Impute:
    """Missing values become the training median of their column (0 where a column was never
    seen)."""

    median: np.ndarray

    @classmethod
    def fit(cls, table: np.ndarray) -> Impute:
        if not np.isnan(table).any():
            return cls(np.median(table, axis=0) if len(table) else np.zeros(table.shape[1]))
        seen = ~np.isnan(table).all(axis=0)
        median = np.zeros(table.shape[1])
        median[seen] = np.nanmedian(table[:, seen], axis=0)
        return cls(median)

    def apply(self, table: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(table), self.median, table)


@dataclass(frozen=True, eq=False)
class Scale:
    """Zero mean over training patients, and there a standard deviation of 1, or a range (largest
    less smallest) of 1, after which a column with outliers says less; a column constant there
    becomes 0 everywhere."""

    mean: np.ndarray
    factor: np.ndarray

    @classmethod
    def fit(cls, table: np.ndarray, by: Literal["deviation", "range"] = "deviation") -> Scale:
        mean, sd = table.mean(axis=0), table.std(axis=0)
        constant = sd <= 1e-9 * np.maximum(1.0, np.abs(mean))
        width = np.ptp(table, axis=0) if by == "range" and len(table) else sd
        return cls(mean, np.where(constant, 0.0, 1 / np.where(constant, 1.0, width)))

    def apply(self, table: np.ndarray) -> np.ndarray:
        return (table - self.mean) * self.factor


@dataclass(frozen=True, eq=False)
class Select:
    """The `top` columns by one-way ANOVA F over the training labels; ties go by column name, never
    by column order."""

    keep: np.ndarray

    @classmethod
    def fit(
        cls, table: np.ndarray, codes: np.ndarray, names: Sequence[str], top: int | None
    ) -> Select:
        if top is None or top >= table.shape[1]:
            return cls(np.arange(table.shape[1]))
        order = np.lexsort((np.asarray(names, dtype=str), -anova_f(table, codes)))
        return cls(np.sort(order[:top]))

    def apply(self, table: np.ndarray) -> np.ndarray:
        return table[:, self.keep]


def anova_f(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """One-way ANOVA F statistic of every column `[F]` over class codes `[N]` (-1 = unlabelled, left
    out)."""
    table, codes = table[codes >= 0], codes[codes >= 0]
    groups = [table[codes == c] for c in np.unique(codes)]
    between = sum(len(g) * (g.mean(0) - table.mean(0)) ** 2 for g in groups) / max(
        len(groups) - 1, 1
    )
    within = sum(((g - g.mean(0)) ** 2).sum(0) for g in groups) / max(len(table) - len(groups), 1)
    parted = np.where(
        between > 1e-12, np.inf, 0.0
    )  # without spread in any class: a perfect marker, or a constant
    return np.divide(between, within, out=parted, where=within > 1e-12)
