"""Steps that learn from training patients and apply to anyone: impute, scale, select.

Every step is a frozen value with `fit(table, codes)` → step and `apply(table)` → table, where a
table is a float64 array `[N, F]` with NaN for missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

# Share of a column's largest value that rounding may account for: some hundred times what float64
# rounds by, and far less than any measurement resolves.
ROUNDING = 1e-13


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
    becomes 0 everywhere.

    Whether a column is constant is judged against the size of its own values (`is_constant`), so
    that neither its unit nor an offset decides whether it counts.
    """

    mean: np.ndarray
    factor: np.ndarray

    @classmethod
    def fit(cls, table: np.ndarray, by: Literal["deviation", "range"] = "deviation") -> Scale:
        if not len(table):
            return cls(np.zeros(table.shape[1]), np.zeros(table.shape[1]))
        scaled, exponent = _near_one(table)
        mean = scaled.mean(axis=0)
        deviations = scaled - mean
        drift = deviations.mean(axis=0)  # what rounding left in the mean of large values
        width = np.ptp(scaled, axis=0) if by == "range" else deviations.std(axis=0)
        constant = is_constant(table)
        factor = np.ldexp(1 / np.where(constant, 1.0, width), -exponent)
        return cls(np.ldexp(mean + drift, exponent), np.where(constant, 0.0, factor))

    def apply(self, table: np.ndarray) -> np.ndarray:
        return (table - self.mean) * self.factor


def is_constant(table: np.ndarray) -> np.ndarray:
    """bool `[F]`: columns of `[N, F]` whose values differ by no more than their own rounding."""
    if not len(table):
        return np.ones(table.shape[1], dtype=bool)
    scaled, _ = _near_one(table)
    return np.ptp(scaled, axis=0) <= ROUNDING * np.abs(scaled).max(axis=0)


def _near_one(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns divided by powers of two, so that the largest value of each lies in [0.5, 1),
    and these powers `[F]`: exact, and squares neither overflow nor vanish."""
    _, exponent = np.frexp(np.abs(table).max(axis=0))
    return np.ldexp(table, -exponent), exponent


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
    out): infinite for a column without spread in any class, 0 for a constant one."""
    table, codes = table[codes >= 0], codes[codes >= 0]
    if not len(table):
        return np.zeros(table.shape[1])
    constant = is_constant(table)
    table, _ = _near_one(table)
    groups = [table[codes == code] for code in np.unique(codes)]
    mean = table.mean(axis=0)
    between = sum(len(group) * (group.mean(axis=0) - mean) ** 2 for group in groups)
    between = between / max(len(groups) - 1, 1)
    within = sum(((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in groups)
    within = within / max(len(table) - len(groups), 1)
    pure = np.all([is_constant(group) for group in groups], axis=0)
    f = np.divide(between, within, out=np.full(len(between), np.inf), where=~pure)
    return np.where(constant, 0.0, f)
