"""Scores of resampled patients: what a test set of other patients like these would have given.

A patient is the unit: where one is tested in several repeats, all go into a draw together, since
repeats add no patients. Draws condition on the trained models: the luck of training is not in them
(for that: `metrics.corrected`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy import stats

from graphfuse.evaluate.metrics import BOUNDS
from graphfuse.schema import METRICS, Comparison

Interval = tuple[float | None, float | None]
_COUNTED = ("accuracy", "balanced_accuracy", "macro_f1", "mcc")
_BINS = 15  # of the expected calibration error
CELLS = 2_000_000  # draws × patients held at once


def bootstrap_scores(
    codes: np.ndarray, probability: np.ndarray, draws: int = 1000, seed: int = 0
) -> dict[str, Interval]:
    """95 % intervals of all of `schema.METRICS` on one held-out set, codes int `[N]` and
    probabilities `[N, K]`.

    Patients are drawn with replacement (Efron & Tibshirani 1993).
    """
    rng = np.random.default_rng(seed)
    one = np.zeros(len(codes), int)
    score = weighted_scores(np.ones((1, len(codes))), codes, probability)
    drawn = stacked(weighted_scores(w, codes, probability) for w in blocks(one, draws, rng))
    return {
        metric: interval(drawn[metric], score[metric].item(), len(codes), metric)
        for metric in METRICS
    }


def bootstrap_compare(
    a: str,
    b: str,
    codes: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    metrics: Sequence[str] = ("accuracy", "macro_f1", "auroc"),
    draws: int = 1000,
    seed: int = 0,
) -> list[Comparison]:
    """Paired comparisons of two models on one held-out set, codes int `[N]` and probabilities `[N,
    K]` of each.

    "better" only where the 95 % interval over resampled patients leaves out 0. p: twice the share
    of draws on the far side of
    0. Metrics without an interval are left out, but for models that agree in every draw: their
       difference is 0.
    """
    rng, one = np.random.default_rng(seed), np.ones((1, len(codes)))

    def difference(weights: np.ndarray) -> dict[str, np.ndarray]:
        theirs = weighted_scores(weights, codes, second, metrics)
        return {
            m: own - theirs[m] for m, own in weighted_scores(weights, codes, first, metrics).items()
        }

    real = difference(one)
    drawn = stacked(
        difference(weights) for weights in blocks(np.zeros(len(codes), int), draws, rng)
    )
    found = [
        _compared(a, b, metric, real[metric].item(), drawn[metric], len(codes))
        for metric in metrics
    ]
    return [pair for pair in found if pair]


def _compared(
    a: str, b: str, metric: str, real: float, drawn: np.ndarray, patients: int
) -> Comparison | None:
    low, high = interval(drawn, real, patients)
    if low is None and real == 0 and not drawn[np.isfinite(drawn)].any():
        low = high = 0.0
    if low is None:
        return None
    verdict = "no difference shown"
    if low > 0 or high < 0:
        verdict = "better" if (low > 0) != (metric in ("brier", "ece")) else "worse"
    shifted = drawn[np.isfinite(drawn)] + real - np.nanmean(drawn)
    beyond = min((shifted <= 0).sum(), (shifted >= 0).sum())
    p = min(1.0, 2 * (1 + beyond) / (1 + len(shifted)))
    return Comparison(
        a=a, b=b, metric=metric, difference=real, ci95=(low, high), p=float(p), verdict=verdict
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


def interval(drawn: np.ndarray, score: float, patients: int, metric: str = "") -> Interval:
    """The draws' 95 % percentiles, moved so that their mean stands at `score`, cut at the bounds of
    `metric`.

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
    low, high = np.clip(
        [low, high], *(BOUNDS.get(metric, (0.0, 1.0)) if metric else (-np.inf, np.inf))
    )
    return (float(low), float(high)) if low < high else (None, None)


def weighted_scores(
    weights: np.ndarray,
    codes: np.ndarray,
    probability: np.ndarray,
    metrics: Sequence[str] = METRICS,
    scored: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """metric → `[D]`, the scores of `metrics.scores` with a weight for each patient: weights `[D,
    N]`, codes int `[N]`, probabilities `[N, K]`.

    `scored`: the classes over which means over classes run (default all); NaN where a draw holds
    none of them.
    """
    scored = np.arange(probability.shape[1]) if scored is None else scored
    truth = np.eye(probability.shape[1])[codes]
    right = codes == probability.argmax(1)
    total = weights.sum(1)
    found = _counted(weights, truth, probability, scored) if set(metrics) & set(_COUNTED) else {}
    with np.errstate(invalid="ignore", divide="ignore"):
        if "brier" in metrics:
            found["brier"] = weights @ ((probability - truth) ** 2).sum(1) / total
        if "ece" in metrics:
            found["ece"] = (
                np.abs(weights @ _overconfidence(right, probability.max(1))).sum(1) / total
            )
    for name, area in (("auroc", _auroc), ("auprc", _precision)):
        if name in metrics:
            ranked = [k for k in scored if len(truth.T) > 2 or k == 1]
            found[name] = _mean(
                [area(weights, truth[:, k] > 0, probability[:, k]) for k in ranked], len(weights)
            )
    return {metric: found[metric] for metric in metrics}


def _counted(
    weights: np.ndarray, truth: np.ndarray, probability: np.ndarray, scored: np.ndarray
) -> dict[str, np.ndarray]:
    """Scores that need only how often each class is true, called, and both."""
    call = np.eye(truth.shape[1])[probability.argmax(1)]
    hit, true, called = weights @ (truth * call), weights @ truth, weights @ call
    total = weights.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = (total**2 - (true**2).sum(1)) * (total**2 - (called**2).sum(1))
        covariance = hit.sum(1) * total - (true * called).sum(1)
        recall, f1 = (hit / true)[:, scored], (2 * hit / (true + called))[:, scored]
        mcc = np.where(spread > 0, covariance / np.sqrt(spread), 0.0)
        accuracy = hit.sum(1) / total
    means = (_mean(list(each.T), len(weights)) for each in (recall, f1))
    return dict(zip(_COUNTED, (accuracy, *means, mcc), strict=True))


def _overconfidence(right: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Called right less the confidence stated, in the patient's bin `[N, bins]`."""
    slot = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return np.eye(_BINS)[slot] * (right - confidence)[:, None]


def _auroc(weights: np.ndarray, case: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """The weighted share of pairs of a case and a control in the right order, ties counting
    half."""
    order = np.argsort(chance, kind="stable")
    weights, case = weights[:, order], case[order]
    controls = np.pad(np.cumsum(weights * ~case, axis=1), ((0, 0), (1, 0)))
    first = np.searchsorted(chance[order], chance[order][case], side="left")
    last = np.searchsorted(chance[order], chance[order][case], side="right")
    own = weights[:, case]
    with np.errstate(invalid="ignore", divide="ignore"):
        below = (own * (controls[:, first] + controls[:, last])).sum(1) / 2
        return below / (own.sum(1) * controls[:, -1])


def _precision(weights: np.ndarray, case: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Average precision: Σ over thresholds of the recall gained × the precision there."""
    order = np.argsort(-chance, kind="stable")
    ends = np.flatnonzero(
        np.diff(chance[order], append=-np.inf)
    )  # the last of those with the same chance
    called = np.cumsum(weights[:, order], axis=1)[:, ends]
    hit = np.cumsum(weights[:, order] * case[order], axis=1)[:, ends]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(called > 0, hit / called, 0.0)
        area = (np.diff(hit, prepend=0.0) * precision).sum(1) / hit[:, -1]
        return np.where(called[:, -1] > hit[:, -1], area, np.nan)  # without controls there is none


def _mean(columns: list[np.ndarray], draws: int) -> np.ndarray:
    """The mean over the classes that have a score in a draw; NaN where none has."""
    if not columns:
        return np.full(draws, np.nan)
    table = np.stack(columns)
    known = np.isfinite(table)
    with np.errstate(invalid="ignore"):
        return np.where(known, table, 0.0).sum(0) / known.sum(0)
