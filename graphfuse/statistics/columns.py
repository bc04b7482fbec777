"""Statistics of the columns of a table: which are constant, and the one-way ANOVA F statistic."""

from __future__ import annotations

import numpy as np

# Share of a column's largest value that rounding may account for: some hundred times what float64
# rounds by, and far less than any measurement resolves.
ROUNDING = 1e-13


def is_constant(table: np.ndarray) -> np.ndarray:
    """Whether the values of each column differ by no more than their own rounding.

    Parameters
    ----------
    table : np.ndarray
        Finite numbers `[N, F]`.

    Returns
    -------
    np.ndarray
        bool `[F]`; True for every column of a table without rows.

    Examples
    --------
    >>> is_constant(np.array([[0.1 + 0.2, 1.0], [0.3, 2.0]])).tolist()
    [True, False]
    """
    if not len(table):
        return np.ones(table.shape[1], dtype=bool)
    highest, lowest = table.max(axis=0), table.min(axis=0)  # [F]
    (highest, lowest), _ = near_one(np.stack([highest, lowest]))
    return highest - lowest <= ROUNDING * np.maximum(highest, -lowest)


def near_one(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns divided by powers of two, so that the largest value of each lies in [0.5, 1).

    The division is exact, and squares of the result neither overflow nor vanish.

    Parameters
    ----------
    table : np.ndarray
        Finite numbers `[N, F]`, with at least one row.

    Returns
    -------
    scaled : np.ndarray
        `[N, F]`.
    exponent : np.ndarray
        int `[F]`: the powers of two by which the columns were divided.
    """
    _, exponent = np.frexp(np.abs(table).max(axis=0))
    return np.ldexp(table, -exponent), exponent


def anova_f(table: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One-way ANOVA F statistic of every column, as in `sklearn.feature_selection.f_classif`.

    Parameters
    ----------
    table : np.ndarray
        Finite numbers `[N, F]`.
    y : np.ndarray
        Class of each row, int `[N]`; rows of class -1 are unlabelled and left out.

    Returns
    -------
    np.ndarray
        float `[F]`: infinite for a column that does not vary within any class, 0 for a constant
        column.

    Examples
    --------
    >>> table = np.array([[1.0, 5.0], [2.0, 5.0], [8.0, 5.0], [9.0, 5.0]])
    >>> anova_f(table, np.array([0, 0, 1, 1])).tolist()
    [98.0, 0.0]
    """
    labelled = y >= 0
    table, y = table[labelled], y[labelled]
    if not len(table):
        return np.zeros(table.shape[1])
    constant = is_constant(table)
    scaled, _ = near_one(table)
    groups = [scaled[y == label] for label in np.unique(y)]
    between = _mean_square_between(groups, scaled.mean(axis=0))
    within = _mean_square_within(groups)
    is_pure = np.all([is_constant(group) for group in groups], axis=0)  # [F]
    infinite = np.full(len(between), np.inf)
    f = np.divide(between, within, out=infinite, where=~is_pure)
    return np.where(constant, 0.0, f)


def _mean_square_between(groups: list[np.ndarray], mean: np.ndarray) -> np.ndarray:
    """Mean square of the groups' means around the mean of all rows, `[F]`."""
    total = 0
    for group in groups:
        shift = group.mean(axis=0) - mean  # [F]
        total = total + len(group) * shift**2
    return total / max(len(groups) - 1, 1)


def _mean_square_within(groups: list[np.ndarray]) -> np.ndarray:
    """Mean square of the rows around the mean of their group, `[F]`."""
    total = 0
    for group in groups:
        residual = group - group.mean(axis=0)
        total = total + (residual**2).sum(axis=0)
    rows = sum(map(len, groups))
    return total / max(rows - len(groups), 1)
