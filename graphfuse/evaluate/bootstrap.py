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
    """95 % intervals of all of these metrics on one held-out set, known outcomes `y` `[N]` and the
    model's `output` (`[N, K]` for K classes).

    Patients are drawn with replacement (Efron & Tibshirani 1993).
    """
    rng = np.random.default_rng(seed)
    one_stratum = np.zeros(len(y), int)
    score = metrics.scores(y, output)
    drawn = stacked(
        weighted_scores(weights, y, output, metrics) for weights in blocks(one_stratum, draws, rng)
    )
    return {
        metric.name: interval(drawn[metric.name], score[metric.name], len(y), metric.bounds)
        for metric in metrics
    }


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
    """Paired comparisons of two models on one held-out set, known outcomes `y` `[N]` and the output
    of each (`[N, K]` for K classes).

    "better" only where the 95 % interval over resampled patients leaves out 0; p is twice the share
    of draws on the far side of it. Metrics without an interval are left out, but for models that
    agree in every draw: their difference is 0.
    """
    rng, one = np.random.default_rng(seed), np.ones((1, len(y)))

    def difference(weights: np.ndarray) -> dict[str, np.ndarray]:
        own = weighted_scores(weights, y, first, metrics)
        theirs = weighted_scores(weights, y, second, metrics)
        return {name: own[name] - theirs[name] for name in own}

    real = difference(one)
    drawn = stacked(difference(weights) for weights in blocks(np.zeros(len(y), int), draws, rng))
    found = [
        _compared(a, b, metric, real[metric.name].item(), drawn[metric.name], len(y))
        for metric in metrics
    ]
    return [pair for pair in found if pair]


def weighted_scores(
    weights: np.ndarray, y: np.ndarray, output: np.ndarray, metrics: Iterable[Metric]
) -> dict[str, np.ndarray]:
    """Metric → `[D]`, its scores for weights `[D, N]` of the patients."""
    return {metric.name: metric.score(y, output, weights) for metric in metrics}


def _compared(
    a: str, b: str, metric: Metric, real: float, drawn: np.ndarray, patients: int
) -> Comparison | None:
    low, high = interval(drawn, real, patients)
    if low is None and real == 0 and not drawn[np.isfinite(drawn)].any():
        low = high = 0.0
    if low is None:
        return None
    verdict = "no difference shown"
    if low > 0 or high < 0:
        verdict = "better" if metric.is_better(low + high) else "worse"
    shifted = drawn[np.isfinite(drawn)] + real - np.nanmean(drawn)
    beyond = min((shifted <= 0).sum(), (shifted >= 0).sum())
    p = min(1.0, 2 * (1 + beyond) / (1 + len(shifted)))
    return Comparison(
        a=a, b=b, metric=metric.name, difference=real, ci95=(low, high), p=float(p), verdict=verdict
    )


def blocks(strata: np.ndarray, draws: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each draw holds each patient, float `[block, N]`, a block of draws at a time; every
    stratum (int `[N]`) keeps its size."""
    rows = [np.flatnonzero(strata == level) for level in np.unique(strata)]
    size = max(1, CELLS // max(len(strata), 1))
    for start in range(0, draws, size):
        block = min(size, draws - start)
        picked = np.hstack([own[rng.integers(0, len(own), (block, len(own)))] for own in rows])
        flat = picked + len(strata) * np.arange(block)[:, None]
        yield (
            np.bincount(flat.ravel(), minlength=block * len(strata))
            .reshape(block, -1)
            .astype(float)
        )


def stacked(parts: Iterable[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Blocks of draws end to end."""
    parts = list(parts)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def interval(
    drawn: np.ndarray, score: float, patients: int, bounds: tuple[float, float] = UNBOUNDED
) -> Interval:
    """The draws' 95 % percentiles, moved so that their mean stands at `score`, cut at the
    `bounds`.

    The move takes out what resampling itself adds, as it does to a calibration error. Percentiles
    are expanded as Student's t is against the normal, for so many `patients` in the smallest sample
    (Hesterberg 2015, doi:10.1080/00031305.2015.1089789). `None` where half of the draws have no
    score, or where all agree or lie beyond a bound: patients who are all alike tell nothing of
    others.
    """
    drawn = (
        drawn[np.isfinite(drawn)]
        if np.isfinite(drawn).mean() >= 0.5 and np.isfinite(score)
        else drawn[:0]
    )
    if patients < 2 or not len(drawn) or np.ptp(drawn) < 1e-12:
        return None, None
    tail = stats.norm.cdf(np.sqrt(patients / (patients - 1)) * stats.t.ppf(0.025, patients - 1))
    low, high = np.quantile(drawn, [tail, 1 - tail]) + score - drawn.mean()
    low, high = np.clip([low, high], *bounds)
    return (float(low), float(high)) if low < high else (None, None)
