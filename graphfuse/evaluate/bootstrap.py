"""Scores of resampled patients: what a test set of other patients like these would have given.

A patient is the unit: where one is tested in several repeats, all go into a draw together, since
repeats add no patients. Draws condition on the trained models: the luck of training is not in them
(for that: `metrics.corrected`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy import stats

from graphfuse.schema import Comparison
from graphfuse.task.metric import Metric, MetricSet

Interval = tuple[float | None, float | None]
UNBOUNDED = (-np.inf, np.inf)
CELLS = 2_000_000  # draws × patients held at once


def bootstrap_scores(
    metrics: MetricSet, y: np.ndarray, output: np.ndarray, draws: int = 1000, seed: int = 0
) -> dict[str, Interval]:
    """95 % intervals of a model's scores on one test set, from patients drawn with replacement.

    Parameters
    ----------
    metrics : MetricSet
    y : np.ndarray
        `[N]`, the known outcomes.
    output : np.ndarray
        Of the model, `[N, O]`: `[N, K]` for K classes.
    draws : int
        How many test sets are drawn.
    seed : int

    Returns
    -------
    dict of str to tuple
        The interval of each metric, (None, None) where there is none.

    References
    ----------
    Efron & Tibshirani 1993, An Introduction to the Bootstrap.
    """
    rng = np.random.default_rng(seed)
    one_stratum = np.zeros(len(y), int)
    score = metrics.scores(y, output)
    samples = blocks(one_stratum, draws, rng)
    drawn = stacked(weighted_scores(weights, y, output, metrics) for weights in samples)
    intervals = {}
    for metric in metrics:
        name = metric.name
        intervals[name] = interval(drawn[name], score[name], len(y), metric.bounds)
    return intervals


def bootstrap_compare(
    a: str,
    b: str,
    y: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    metrics: Sequence[Metric],
    draws: int = 1000,
    seed: int = 0,
) -> list[Comparison]:
    """Paired comparisons of two models on one test set, over patients drawn with replacement.

    "better" only where the 95 % interval leaves out 0; p is twice the share of draws on the far
    side of it. Metrics without an interval are left out, but for models that agree in every draw:
    their difference is 0.

    Parameters
    ----------
    a, b : str
        The names of the models.
    y : np.ndarray
        `[N]`, the known outcomes.
    first, second : np.ndarray
        The outputs of `a` and of `b`, `[N, O]` each.
    metrics : sequence of Metric
        Those in which they are compared.
    draws : int
        How many test sets are drawn.
    seed : int

    Returns
    -------
    list of Comparison
        Differences are `a` less `b`.
    """

    def difference(weights: np.ndarray) -> dict[str, np.ndarray]:
        own = weighted_scores(weights, y, first, metrics)
        theirs = weighted_scores(weights, y, second, metrics)
        return {name: own[name] - theirs[name] for name in own}

    one_stratum = np.zeros(len(y), int)
    rng = np.random.default_rng(seed)
    real = difference(np.ones((1, len(y))))
    drawn = stacked(difference(weights) for weights in blocks(one_stratum, draws, rng))
    comparisons = []
    for metric in metrics:
        point = real[metric.name].item()
        pair = _compared(a, b, metric, point, drawn[metric.name], len(y))
        if pair is not None:
            comparisons.append(pair)
    return comparisons


def weighted_scores(
    weights: np.ndarray, y: np.ndarray, output: np.ndarray, metrics: Iterable[Metric]
) -> dict[str, np.ndarray]:
    """Metric → `[D]`, its scores for weights `[D, N]` of the patients."""
    return {metric.name: metric.score(y, output, weights) for metric in metrics}


def _compared(
    a: str, b: str, metric: Metric, real: float, drawn: np.ndarray, patients: int
) -> Comparison | None:
    """One comparison from the `real` difference and those of all draws; `None` without interval."""
    finite = drawn[np.isfinite(drawn)]
    low, high = interval(drawn, real, patients)
    if low is None and real == 0 and not finite.any():
        low = high = 0.0
    if low is None:
        return None
    verdict = "no difference shown"
    if low > 0 or high < 0:
        verdict = "better" if metric.is_better(low + high) else "worse"
    shifted = finite + real - np.nanmean(drawn)  # to a mean of `real`
    beyond = min((shifted <= 0).sum(), (shifted >= 0).sum())
    p = min(1.0, 2 * (1 + beyond) / (1 + len(shifted)))
    return Comparison(
        a=a, b=b, metric=metric.name, difference=real, ci95=(low, high), p=float(p), verdict=verdict
    )


def blocks(strata: np.ndarray, draws: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each draw holds each patient, a block of draws at a time.

    Parameters
    ----------
    strata : np.ndarray
        int `[N]`; every stratum keeps its size in every draw.
    draws : int
        How many draws there are in all blocks.
    rng : np.random.Generator

    Yields
    ------
    np.ndarray
        float64 `[block, N]`.
    """
    patients = len(strata)
    rows = [np.flatnonzero(strata == level) for level in np.unique(strata)]
    size = max(1, CELLS // max(patients, 1))
    for start in range(0, draws, size):
        block = min(size, draws - start)
        parts = []
        for own in rows:
            places = rng.integers(0, len(own), (block, len(own)))
            parts.append(own[places])
        picked = np.hstack(parts)  # [block, N]
        cells = picked + patients * np.arange(block)[:, None]  # places in [block, N], end to end
        counts = np.bincount(cells.ravel(), minlength=block * patients)
        yield counts.reshape(block, -1).astype(float)


def stacked(parts: Iterable[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Blocks of draws end to end."""
    parts = list(parts)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def interval(
    drawn: np.ndarray, score: float, patients: int, bounds: tuple[float, float] = UNBOUNDED
) -> Interval:
    """The 95 % percentiles of the draws, moved so that their mean is `score`, cut at the `bounds`.

    The move takes out what resampling itself adds, as it does to a calibration error. Percentiles
    are expanded as Student's t is against the normal, for so many `patients` in the smallest sample
    (Hesterberg 2015, doi:10.1080/00031305.2015.1089789).

    Parameters
    ----------
    drawn : np.ndarray
        `[draws]`, the score of each draw; NaN where it has none.
    score : float
        That of the patients as they are.
    patients : int
        In the smallest sample.
    bounds : tuple of float
        The smallest and the largest possible score.

    Returns
    -------
    tuple
        The lower and the upper end; (None, None) where half of the draws have no score, or where
        all agree or lie beyond a bound: patients who are all alike say nothing of others.
    """
    finite = np.isfinite(drawn)
    if patients < 2 or not np.isfinite(score) or not finite.mean() >= 0.5:
        return None, None
    drawn = drawn[finite]
    if np.ptp(drawn) < 1e-12:
        return None, None
    factor = np.sqrt(patients / (patients - 1))
    tail = stats.norm.cdf(factor * stats.t.ppf(0.025, patients - 1))
    percentiles = np.quantile(drawn, [tail, 1 - tail])
    low, high = np.clip(percentiles + score - drawn.mean(), *bounds)
    if not low < high:
        return None, None
    return float(low), float(high)
