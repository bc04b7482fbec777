"""What can be said of the scores of several test folds: means, intervals, comparisons."""

from __future__ import annotations

import numpy as np
from scipy import stats

from graphfuse.schema import Comparison, Score
from graphfuse.task.metric import Metric

FEWEST = 20  # patients of a group, or of a pattern of modalities, for it to have scores of its own
FEW_FOLDS = 5


def summary(values: np.ndarray, test_share: float, metric: Metric) -> Score:
    """Mean, SD over folds `[J]`, and the 95 % interval corrected for overlapping training sets
    (`corrected`), cut at the metric's own bounds."""
    values = values[np.isfinite(values)]
    if not len(values):
        return Score.none()
    mean, sd = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
    half = _half_width(values, test_share)
    low, high = metric.bounds
    interval = (
        (max(mean - half, low), min(mean + half, high)) if np.isfinite(half) else (None, None)
    )
    return Score(mean=mean, sd=sd, ci95=interval)


def corrected(values: np.ndarray, test_share: float) -> float:
    """Standard error of the mean of J resampled scores: sd · √(1/J + n_test/n_train) (Nadeau &
    Bengio 2003, doi:10.1023/A:1024068626366); `test_share` = n_test / n_train."""
    if len(values) < 2:
        return float("nan")
    return float(values.std(ddof=1) * np.sqrt(1 / len(values) + test_share))


def _half_width(values: np.ndarray, test_share: float) -> float:
    return corrected(values, test_share) * stats.t.ppf(0.975, max(len(values) - 1, 1))


def compare(
    a: str, b: str, metric: Metric, first: np.ndarray, second: np.ndarray, test_share: float
) -> Comparison | None:
    """Paired comparison over folds, `None` where no interval exists. "better" only where the 95 %
    interval leaves out 0."""
    difference = first - second
    difference = difference[np.isfinite(difference)]
    if len(difference) < 2 or (
        len(difference) < FEW_FOLDS and difference[0] and not np.ptp(difference)
    ):
        return None  # a few folds that agree to the last digit do so by luck
    mean, half = float(difference.mean()), _half_width(difference, test_share)
    error = corrected(difference, test_share)
    p = (
        1.0
        if error == 0 and mean == 0
        else float(2 * stats.t.sf(abs(mean) / max(error, 1e-300), len(difference) - 1))
    )
    verdict = "no difference shown"
    if mean - half > 0 or mean + half < 0:
        verdict = "better" if metric.is_better(mean) else "worse"
    return Comparison(
        a=a,
        b=b,
        metric=metric.name,
        difference=mean,
        ci95=(mean - half, mean + half),
        p=p,
        verdict=verdict,
    )
