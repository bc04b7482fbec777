"""Means, intervals and comparisons of scores over several test folds."""

from __future__ import annotations

import numpy as np
from scipy import stats

from graphfuse.schema import Comparison, Score
from graphfuse.task.metric import Metric

FEWEST = 20  # patients of a group, or of a pattern of modalities, for it to have scores of its own
FEW_FOLDS = 5


def summary(values: np.ndarray, test_share: float, metric: Metric) -> Score:
    """Mean and SD of a score over folds, with a 95 % interval corrected for overlapping training
    sets.

    Parameters
    ----------
    values : np.ndarray
        `[J]`, the score in each fold; NaN where there is none.
    test_share : float
        n_test / n_train.
    metric : Metric
        At whose bounds the interval is cut.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return Score.none()
    mean = float(values.mean())
    sd = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    half = _half_width(values, test_share)
    if not np.isfinite(half):
        return Score(mean=mean, sd=sd, ci95=(None, None))
    lowest, highest = metric.bounds
    low = max(mean - half, lowest)
    high = min(mean + half, highest)
    return Score(mean=mean, sd=sd, ci95=(low, high))


def corrected(values: np.ndarray, test_share: float) -> float:
    """Standard error of the mean of J resampled scores: sd · √(1/J + n_test/n_train).

    Parameters
    ----------
    values : np.ndarray
        `[J]`.
    test_share : float
        n_test / n_train.

    Returns
    -------
    float
        NaN for fewer than two scores.

    References
    ----------
    Nadeau & Bengio 2003, doi:10.1023/A:1024068626366.
    """
    if len(values) < 2:
        return float("nan")
    factor = np.sqrt(1 / len(values) + test_share)
    return float(values.std(ddof=1) * factor)


def _half_width(values: np.ndarray, test_share: float) -> float:
    """Half of the width of the corrected 95 % interval."""
    freedom = max(len(values) - 1, 1)
    return corrected(values, test_share) * stats.t.ppf(0.975, freedom)


def compare(
    a: str, b: str, metric: Metric, first: np.ndarray, second: np.ndarray, test_share: float
) -> Comparison | None:
    """Paired comparison of two models over folds; "better" only where the 95 % interval leaves out
    0.

    Parameters
    ----------
    a, b : str
        The names of the models.
    metric : Metric
        In which they are compared.
    first, second : np.ndarray
        `[J]`, the scores of `a` and of `b` in the same folds; NaN where there is none.
    test_share : float
        n_test / n_train.

    Returns
    -------
    Comparison or None
        The difference is `a` less `b`. `None` where there is no interval.
    """
    difference = first - second
    difference = difference[np.isfinite(difference)]
    folds = len(difference)
    if folds < 2:
        return None
    if folds < FEW_FOLDS and difference[0] and not np.ptp(difference):
        return None  # a few folds that agree to the last digit do so by chance
    mean = float(difference.mean())
    half = _half_width(difference, test_share)
    p = _p_value(mean, corrected(difference, test_share), folds - 1)
    low, high = mean - half, mean + half
    verdict = "no difference shown"
    if low > 0 or high < 0:
        verdict = "better" if metric.is_better(mean) else "worse"
    return Comparison(
        a=a, b=b, metric=metric.name, difference=mean, ci95=(low, high), p=p, verdict=verdict
    )


def _p_value(mean: float, error: float, freedom: int) -> float:
    """Of a mean and its standard error, by Student's t; 1 where both are 0."""
    if error == 0 and mean == 0:
        return 1.0
    t = abs(mean) / max(error, 1e-300)
    return float(2 * stats.t.sf(t, freedom))
