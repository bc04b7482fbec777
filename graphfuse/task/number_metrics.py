"""The metrics of numbers: R², errors in the outcome's units, correlations.

Each scores predictions (`output`, `[N, 3]`: values and their lower and upper bounds) against the
numbers of N patients (`y`, float64 `[N]`), under D weightings of these patients (`weights`,
`[D, N]`), and gives float64 `[D]`.
"""

from __future__ import annotations

import numpy as np

from graphfuse.statistics.columns import ROUNDING
from graphfuse.task.metric import Metric, MetricSet


def _r2(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """1 - Σ (y - value)² / Σ (y - mean)²; NaN where y does not vary."""
    shares = weights / weights.sum(1, keepdims=True)
    variance = _variance(np.broadcast_to(y, weights.shape), shares)
    squared_error = shares @ (y - output[:, 0]) ** 2
    return 1 - _divide_where_positive(squared_error, variance)


def _rmse(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The root of the mean squared error."""
    squared_error = weights @ (y - output[:, 0]) ** 2
    return np.sqrt(_divide_where_positive(squared_error, weights.sum(1)))


def _mae(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean absolute error."""
    error = weights @ np.abs(y - output[:, 0])
    return _divide_where_positive(error, weights.sum(1))


def _pearson(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation of values and truth."""
    ones = np.ones((len(weights), 1))
    return correlation(ones * y, ones * output[:, 0], weights)


def _spearman(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the ranks of values and truth."""
    ranks_of_truth = _weighted_ranks(y, weights)
    ranks_of_values = _weighted_ranks(output[:, 0], weights)
    return correlation(ranks_of_truth, ranks_of_values, weights)


def correlation(one: np.ndarray, two: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation, row by row.

    Parameters
    ----------
    one, two : np.ndarray
        Float64 `[D, N]` each: row d of one is correlated with row d of the other.
    weights : np.ndarray
        How much each value counts in its row, `[D, N]`.

    Returns
    -------
    np.ndarray
        Float64 `[D]`; NaN where one of the two does not vary.
    """
    shares = weights / weights.sum(1, keepdims=True)
    spread = np.sqrt(_variance(one, shares) * _variance(two, shares))
    one = one - (shares * one).sum(1, keepdims=True)
    two = two - (shares * two).sum(1, keepdims=True)
    covariance = (shares * one * two).sum(1)
    return np.clip(_divide_where_positive(covariance, spread), -1, 1)


def _variance(rows: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The variance `[D]` of rows `[D, N]` whose values count by shares; 0 where it is rounding
    alone."""
    mean = (shares * rows).sum(1, keepdims=True)
    variance = (shares * (rows - mean) ** 2).sum(1)
    rounding = ROUNDING * np.abs(rows).max(1, initial=0)
    return np.where(variance > rounding**2, variance, 0.0)


def _weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean rank of each of the values `[N]` among draws `[D, N]`; tied values share theirs."""
    order = np.argsort(values, kind="stable")
    level = np.unique(values, return_inverse=True)[1]
    starts = np.unique(values[order], return_index=True)[1]
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)  # [D, levels]
    ranks = np.cumsum(sizes, axis=1) - sizes / 2
    return ranks[:, level]


def _divide_where_positive(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """`above / below`; NaN where `below` is not above 0, whatever is divided by it."""
    undefined = np.full(np.shape(above), np.nan)
    return np.divide(above, below, out=undefined, where=below > 0)


R2 = Metric(
    "r2",
    "R²",
    "share of the outcome's variance that is predicted; guessing the mean scores 0, and worse "
    "guesses less",
    _r2,
    chance=0.0,
    bounds=(-np.inf, 1.0),
    needs="patients whose outcomes differ",
    percent=False,
    compared=True,
    compared_outside=True,
    by_group=True,
)
RMSE = Metric(
    "rmse",
    "RMSE",
    "root of the mean squared error, in the outcome's units; lower is better",
    _rmse,
    chance=np.nan,
    bounds=(0.0, np.inf),
    lower_is_better=True,
    percent=False,
    compared=True,
    compared_outside=True,
    by_group=True,
)
MAE = Metric(
    "mae",
    "MAE",
    "mean absolute error, in the outcome's units; lower is better",
    _mae,
    chance=np.nan,
    bounds=(0.0, np.inf),
    lower_is_better=True,
    percent=False,
    by_group=True,
)
PEARSON = Metric(
    "pearson",
    "Pearson r",
    "correlation of predictions and truth; blind to a wrong scale or level",
    _pearson,
    chance=0.0,
    bounds=(-1.0, 1.0),
    needs="patients whose outcomes, and predictions, differ",
    percent=False,
)
SPEARMAN = Metric(
    "spearman",
    "Spearman ρ",
    "correlation of the ranks of predictions and truth",
    _spearman,
    chance=0.0,
    bounds=(-1.0, 1.0),
    needs="patients whose outcomes, and predictions, differ",
    percent=False,
    compared=True,
)

METRICS = MetricSet(
    "number",
    (R2, RMSE, MAE, PEARSON, SPEARMAN),
    primary="r2",
    secondary="rmse",
    headline_of=lambda width: "r2",
    headline_rule="R²",
)
