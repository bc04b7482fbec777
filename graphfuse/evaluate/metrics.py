"""Scores of one test fold, and what can be said of many."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import stats
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    matthews_corrcoef,
    roc_auc_score,
)

from graphfuse.schema import METRICS, Comparison, Score

FEWEST = 20  # patients of a group, or of a pattern of modalities, for it to have scores of its own
FEW_FOLDS = 5
BOUNDS = {"mcc": (-1.0, 1.0), "brier": (0.0, 2.0)}  # all others lie between 0 and 1


def scores(codes: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """All of `schema.METRICS` for true codes int `[N]` and probabilities `[N, K]`.

    AUROC and AUPRC: of the second class where K = 2, else the mean over the classes with both cases
    and controls in the fold (one against the rest); NaN where there is none. Brier: mean over
    patients of Σ_k (p_k - y_k)². ECE: 15 equal bins of the called class's probability (arXiv
    1706.04599).
    """
    called = probability.argmax(1)
    truth = np.eye(probability.shape[1])[codes]
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # a class called but absent from the fold counts as F1 = 0
        found = {
            "accuracy": accuracy_score(codes, called),
            "balanced_accuracy": balanced_accuracy_score(codes, called),
            "macro_f1": f1_score(codes, called, average="macro", zero_division=0),
            "auroc": _by_class(roc_auc_score, truth, probability),
            "auprc": _by_class(average_precision_score, truth, probability),
            "mcc": matthews_corrcoef(codes, called),
            "brier": float(((probability - truth) ** 2).sum(1).mean()),
            "ece": calibration_error(codes == called, probability.max(1)),
        }
    return {name: float(found[name]) for name in METRICS}


def _by_class(metric, truth: np.ndarray, probability: np.ndarray) -> float:
    classes = [1] if truth.shape[1] == 2 else range(truth.shape[1])
    found = [
        metric(truth[:, k], probability[:, k])
        for k in classes
        if 0 < truth[:, k].sum() < len(truth)
    ]
    return float(np.mean(found)) if found else float("nan")


def calibration_error(right: np.ndarray, confidence: np.ndarray, bins: int = 15) -> float:
    """Σ over bins of share × |accuracy - mean confidence|."""
    slot = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(slot, minlength=bins)
    gap = np.bincount(slot, right, minlength=bins) - np.bincount(slot, confidence, minlength=bins)
    return float(np.abs(gap[count > 0]).sum() / len(right))


def summary(values: np.ndarray, test_share: float, metric: str) -> Score:
    """Mean, SD over folds `[J]`, and the 95 % interval corrected for overlapping training sets
    (`corrected`), cut at the metric's own bounds."""
    values = values[np.isfinite(values)]
    if not len(values):
        return Score(mean=None, sd=None, ci95=(None, None))
    mean, sd = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
    half = _half_width(values, test_share)
    low, high = BOUNDS.get(metric, (0.0, 1.0))
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
    a: str, b: str, metric: str, first: np.ndarray, second: np.ndarray, test_share: float
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
    lower_is_better = metric in ("brier", "ece")
    verdict = "no difference shown"
    if mean - half > 0 or mean + half < 0:
        verdict = "worse" if (mean < 0) != lower_is_better else "better"
    return Comparison(
        a=a,
        b=b,
        metric=metric,
        difference=mean,
        ci95=(mean - half, mean + half),
        p=p,
        verdict=verdict,
    )
