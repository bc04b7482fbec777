"""Statistics of columns: whether they are constant, and what they say of classes."""

from __future__ import annotations

import numpy as np

# Share of a column's largest value that rounding may account for: some hundred times what float64
# rounds by, and far less than any measurement resolves.
ROUNDING = 1e-13


def is_constant(table: np.ndarray) -> np.ndarray:
    """bool `[F]`: columns of `[N, F]` whose values differ by no more than their own rounding."""
    if not len(table):
        return np.ones(table.shape[1], dtype=bool)
    scaled, _ = near_one(table)
    return np.ptp(scaled, axis=0) <= ROUNDING * np.abs(scaled).max(axis=0)


def near_one(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns divided by powers of two, so that the largest value of each lies in [0.5, 1),
    and these powers `[F]`: exact, and squares neither overflow nor vanish."""
    _, exponent = np.frexp(np.abs(table).max(axis=0))
    return np.ldexp(table, -exponent), exponent


def anova_f(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """One-way ANOVA F statistic of every column `[F]` over class codes `[N]` (-1 = unlabelled, left
    out): infinite for a column without spread in any class, 0 for a constant one."""
    table, codes = table[codes >= 0], codes[codes >= 0]
    if not len(table):
        return np.zeros(table.shape[1])
    constant = is_constant(table)
    table, _ = near_one(table)
    groups = [table[codes == code] for code in np.unique(codes)]
    mean = table.mean(axis=0)
    between = sum(len(group) * (group.mean(axis=0) - mean) ** 2 for group in groups)
    between = between / max(len(groups) - 1, 1)
    within = sum(((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in groups)
    within = within / max(len(table) - len(groups), 1)
    pure = np.all([is_constant(group) for group in groups], axis=0)
    f = np.divide(between, within, out=np.full(len(between), np.inf), where=~pure)
    return np.where(constant, 0.0, f)
