"""The metrics of numbers: `y` float64 `[N]`, and outputs `[N, 3]`, values with their bounds."""

from __future__ import annotations

import numpy as np

from graphfuse.statistics.columns import ROUNDING
from graphfuse.task.metric import Metric, MetricSet


def _r2(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """1 - Σ (y - value)² / Σ (y - mean)²; NaN where y does not vary."""
    share = weights / weights.sum(1, keepdims=True)
    spread = _variance(np.broadcast_to(y, weights.shape), share)
    return 1 - _ratio(share @ (y - output[:, 0]) ** 2, spread)


def _rmse(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.sqrt(_ratio(weights @ (y - output[:, 0]) ** 2, weights.sum(1)))


def _mae(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _ratio(weights @ np.abs(y - output[:, 0]), weights.sum(1))


def _pearson(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    once = np.ones((len(weights), 1))
    return correlation(once * y, once * output[:, 0], weights)


def _spearman(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return correlation(_ranks(y, weights), _ranks(output[:, 0], weights), weights)


def correlation(one: np.ndarray, two: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's of rows `[D, N]` under weights `[D, N]`; NaN where one of them does not vary."""
    share = weights / weights.sum(1, keepdims=True)
    spread = np.sqrt(_variance(one, share) * _variance(two, share))
    one = one - (share * one).sum(1, keepdims=True)
    two = two - (share * two).sum(1, keepdims=True)
    return np.clip(_ratio((share * one * two).sum(1), spread), -1, 1)


def _variance(rows: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Of rows `[D, N]`, in which each value has a share; 0 where it is rounding alone."""
    mean = (share * rows).sum(1, keepdims=True)
    variance = (share * (rows - mean) ** 2).sum(1)
    return np.where(variance > (ROUNDING * np.abs(rows).max(1, initial=0)) ** 2, variance, 0.0)


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean rank of each of these values `[N]` among draws `[D, N]`, ties sharing theirs."""
    order = np.argsort(values, kind="stable")
    level = np.unique(values, return_inverse=True)[1]
    starts = np.unique(values[order], return_index=True)[1]
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)
    return (np.cumsum(sizes, axis=1) - sizes / 2)[:, level]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """NaN where something is divided by nothing."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)


_METRICS = (
    Metric(
        "r2",
        "R²",
        "share of the outcome's variance that is predicted; guessing the mean scores 0, and worse "
        "guesses less",
        _r2,
        chance=0.0,
        bounds=(-np.inf, 1.0),
        percent=False,
        compared=True,
        compared_outside=True,
        by_group=True,
    ),
    Metric(
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
    ),
    Metric(
        "mae",
        "MAE",
        "mean absolute error, in the outcome's units; lower is better",
        _mae,
        chance=np.nan,
        bounds=(0.0, np.inf),
        lower_is_better=True,
        percent=False,
        by_group=True,
    ),
    Metric(
        "pearson",
        "Pearson r",
        "correlation of predictions and truth; blind to a wrong scale or level",
        _pearson,
        chance=0.0,
        bounds=(-1.0, 1.0),
        percent=False,
    ),
    Metric(
        "spearman",
        "Spearman ρ",
        "correlation of the ranks of predictions and truth",
        _spearman,
        chance=0.0,
        bounds=(-1.0, 1.0),
        percent=False,
        compared=True,
    ),
)

METRICS = MetricSet(
    "number",
    _METRICS,
    primary="r2",
    secondary="rmse",
    headline_of=lambda width: "r2",
    headline_rule="R²",
)
