"""Patients drawn with replacement, and percentiles of what such draws score.

Draws condition on the trained models: the luck of training is not in them (for that:
`patient_draws.PatientDraws.widening`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy import stats

from graphfuse.task.metric import Metric

Interval = tuple[float | None, float | None]
UNBOUNDED = (-np.inf, np.inf)
CELLS = 2_000_000  # draws × patients held at once


def weighted_scores(
    weights: np.ndarray, y: np.ndarray, output: np.ndarray, metrics: Iterable[Metric]
) -> dict[str, np.ndarray]:
    """Metric → `[D]`, its scores for weights `[D, N]` of the patients."""
    return {metric.name: metric.score(y, output, weights) for metric in metrics}


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
    drawn: np.ndarray,
    score: float,
    patients: int,
    bounds: tuple[float, float] = UNBOUNDED,
    widening: float = 1.0,
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
    widening : float
        By how much more the score varies than its draws (`PatientDraws.widening`).

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
    low, high = np.clip(score + widening * (percentiles - drawn.mean()), *bounds)
    if not low < high:
        return None, None
    return float(low), float(high)
