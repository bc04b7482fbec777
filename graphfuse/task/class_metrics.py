"""The metrics of classes: `y` int `[N]` are class codes, the output is probabilities `[N, K]`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphfuse.task.metric import Metric, MetricSet

BINS = 15  # of the expected calibration error

# ------------------------------------------------------------------------------- calls and classes


def _accuracy(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _ratio(weights @ (output.argmax(1) == y), weights.sum(1))


def _balanced_accuracy(y, output, weights, levels=None) -> np.ndarray:
    hit, true, _ = _counts(y, output, weights)
    return _mean_over(_ratio(hit, true).T, _all_or(levels, output))


def _macro_f1(y, output, weights, levels=None) -> np.ndarray:
    """A class called but absent counts as 0; one that is neither called nor there, not at all."""
    hit, true, called = _counts(y, output, weights)
    return _mean_over(_ratio(2 * hit, true + called).T, _all_or(levels, output))


def _mcc(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """0 where one class is all there is, or all that is called."""
    hit, true, called = _counts(y, output, weights)
    total = weights.sum(1)
    spread = (total**2 - (true**2).sum(1)) * (total**2 - (called**2).sum(1))
    covariance = hit.sum(1) * total - (true * called).sum(1)
    return np.where(spread > 0, _ratio(covariance, np.sqrt(np.maximum(spread, 0.0))), 0.0)


def _counts(y: np.ndarray, output: np.ndarray, weights: np.ndarray):
    """How often each class is rightly called, is true, and is called: float64 `[D, K]` each."""
    one_hot = np.eye(output.shape[1])
    truth, call = one_hot[y], one_hot[output.argmax(1)]
    return weights @ (truth * call), weights @ truth, weights @ call


# ---------------------------------------------------------------------------------- areas and ranks


def _auroc(y, output, weights, levels=None) -> np.ndarray:
    return _area(_auroc_of, y, output, weights, levels)


def _auprc(y, output, weights, levels=None) -> np.ndarray:
    return _area(_average_precision_of, y, output, weights, levels)


def _area(area: Callable, y, output, weights, levels) -> np.ndarray:
    """An area of the second class where K = 2, else its mean over the classes with both cases and
    controls, one against the rest."""
    classes = [1] if output.shape[1] == 2 else range(output.shape[1])
    ranked = [k for k in _all_or(levels, output) if k in classes]
    areas = [area(weights, y == k, output[:, k]) for k in ranked]
    return _mean_over(np.reshape(areas, (-1, len(weights))), range(len(areas)))


def _auroc_of(weights: np.ndarray, case: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """The weighted share of pairs of a case and a control in the right order, ties counting
    half."""
    order = np.argsort(probability, kind="stable")
    weights, case, ascending = weights[:, order], case[order], probability[order]
    controls = np.pad(np.cumsum(weights * ~case, axis=1), ((0, 0), (1, 0)))
    first = np.searchsorted(ascending, ascending[case], side="left")
    last = np.searchsorted(ascending, ascending[case], side="right")
    own = weights[:, case]
    below = (own * (controls[:, first] + controls[:, last])).sum(1) / 2
    return _ratio(below, own.sum(1) * controls[:, -1])


def _average_precision_of(
    weights: np.ndarray, case: np.ndarray, probability: np.ndarray
) -> np.ndarray:
    """Σ over thresholds of the recall gained × the precision there; NaN without controls."""
    order = np.argsort(-probability, kind="stable")
    # the last of those with the same probability
    ends = np.flatnonzero(np.diff(probability[order], append=-np.inf))
    called = np.cumsum(weights[:, order], axis=1)[:, ends]
    hit = np.cumsum(weights[:, order] * case[order], axis=1)[:, ends]
    precision = np.where(called > 0, _ratio(hit, called), 0.0)
    area = _ratio((np.diff(hit, prepend=0.0) * precision).sum(1), hit[:, -1])
    return np.where(called[:, -1] > hit[:, -1], area, np.nan)


# -------------------------------------------------------------------------------------- calibration


def _brier(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Σ_k (p_k - y_k)², the mean over rows."""
    truth = np.eye(output.shape[1])[y]
    return _ratio(weights @ ((output - truth) ** 2).sum(1), weights.sum(1))


def _ece(y: np.ndarray, output: np.ndarray, weights: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Equal bins of the called class's probability: Σ of share × |accuracy - mean confidence|
    (arXiv 1706.04599)."""
    confidence = output.max(1)
    right = y == output.argmax(1)
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.eye(bins)[bin_of] * (right - confidence)[:, None]  # [N, bins]
    return _ratio(np.abs(weights @ gap).sum(1), weights.sum(1))


# ------------------------------------------------------------------------------------------- shared


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """NaN where nothing is divided by nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return above / below


def _all_or(levels: Sequence[int] | None, output: np.ndarray) -> Sequence[int]:
    return range(output.shape[1]) if levels is None else levels


def _mean_over(by_class: np.ndarray, levels: Sequence[int]) -> np.ndarray:
    """The mean `[D]` of `by_class` `[K, D]` over those of these classes that have a score in a
    draw; NaN where none has."""
    table = by_class[list(levels)]
    known = np.isfinite(table)
    return _ratio(np.where(known, table, 0.0).sum(0), known.sum(0))


# ------------------------------------------------------------------------------------- the metrics


def _share_of_second(shares: np.ndarray) -> float:
    """What guessing scores in AUPRC: the share of the second of two classes, else the mean."""
    return float(shares[1] if len(shares) == 2 else shares.mean())


def _commonest_f1(shares: np.ndarray) -> float:
    """Macro-F1 of calling everyone the commonest class."""
    most = shares.max()
    return float(2 * most / (1 + most) / (shares > 0).sum())


_METRICS = (
    Metric(
        "accuracy",
        "Accuracy",
        "share of patients called right",
        _accuracy,
        chance=lambda shares: float(shares.max()),
        inline="accuracy",
        counts_hits=True,
        compared=True,
        compared_outside=True,
        by_group=True,
    ),
    Metric(
        "balanced_accuracy",
        "Balanced accuracy",
        "mean over classes of the share called right, so that a rare class counts like a common "
        "one",
        _balanced_accuracy,
        chance=lambda shares: float(1 / (shares > 0).sum()),
        inline="balanced accuracy",
        by_level=True,
        by_group=True,
    ),
    Metric(
        "macro_f1",
        "Macro-F1",
        "mean over classes of F1, the harmonic mean of precision and recall",
        _macro_f1,
        chance=_commonest_f1,
        inline="macro-F1",
        by_level=True,
        compared=True,
        compared_outside=True,
        by_group=True,
    ),
    Metric(
        "auroc",
        "AUROC",
        "chance that a patient of a class is ranked above one who is not of it; 0.5 is guessing",
        _auroc,
        chance=0.5,
        by_level=True,
        compared=True,
        compared_outside=True,
        by_group=True,
    ),
    Metric(
        "auprc",
        "AUPRC",
        "area under the precision-recall curve; guessing scores the class's share",
        _auprc,
        chance=_share_of_second,
        by_level=True,
    ),
    Metric(
        "mcc",
        "MCC",
        "correlation of calls and truth; 0 is guessing",
        _mcc,
        chance=0.0,
        bounds=(-1.0, 1.0),
    ),
    Metric(
        "brier",
        "Brier",
        "squared distance of the probabilities from the truth; lower is better",
        _brier,
        chance=lambda shares: float(1 - (shares**2).sum()),
        bounds=(0.0, 2.0),
        lower_is_better=True,
        compared_outside=True,
        by_group=True,
    ),
    Metric(
        "ece",
        "ECE",
        "how far stated confidence lies from the share called right; lower is better",
        _ece,
        chance=0.0,
        lower_is_better=True,
    ),
)

METRICS = MetricSet(
    "class",
    _METRICS,
    primary="accuracy",
    secondary="macro_f1",
    headline_of=lambda classes: "auroc" if classes == 2 else "macro_f1",
    headline_rule="AUROC where there are two classes, macro-F1 where there are more",
)
