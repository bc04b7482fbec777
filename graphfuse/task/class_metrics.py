"""The metrics of classes: accuracy, F1, areas under curves, calibration.

Each scores probabilities of K classes (`output`, `[N, K]`) against the classes that N patients are
of (`y`, int `[N]`), under D weightings of these patients (`weights`, `[D, N]`), and gives float64
`[D]`. Draws of a bootstrap are such weightings: how often each patient was drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from graphfuse.task.metric import Metric, MetricSet

BINS = 15  # of the expected calibration error
_TWO_CLASSES = "patients of two classes"

# ------------------------------------------------------------------------- of the class called


def _accuracy(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The share of patients whose most probable class is theirs."""
    is_right = output.argmax(1) == y  # [N]
    return _ratio_of_counts(weights @ is_right, weights.sum(1))


def _balanced_accuracy(y, output, weights, levels=None) -> np.ndarray:
    """The mean recall of the classes `levels`, by default of all."""
    hits, true, _ = _class_counts(y, output, weights)
    recall = _ratio_of_counts(hits, true)  # [D, K]
    return _mean_over_classes(recall.T, _levels_or_all(levels, output))


def _macro_f1(y, output, weights, levels=None) -> np.ndarray:
    """The mean F1 of the classes `levels`, by default of all.

    A class called but absent counts as 0; one that is neither called nor present is left out.
    """
    hits, true, called = _class_counts(y, output, weights)
    f1 = _ratio_of_counts(2 * hits, true + called)  # [D, K]
    return _mean_over_classes(f1.T, _levels_or_all(levels, output))


def _mcc(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Matthews' correlation of K classes; 0 where all patients are called one class, NaN where
    they are of one."""
    hits, true, called = _class_counts(y, output, weights)
    total = weights.sum(1)
    spread_of_truth = total**2 - (true**2).sum(1)
    spread_of_calls = total**2 - (called**2).sum(1)
    spread = spread_of_truth * spread_of_calls
    covariance = hits.sum(1) * total - (true * called).sum(1)
    correlation = _ratio_of_counts(covariance, np.sqrt(np.maximum(spread, 0.0)))
    guessed = np.where(spread > 0, correlation, 0.0)
    return np.where(spread_of_truth > 0, guessed, np.nan)


def _class_counts(
    y: np.ndarray, output: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often each class is called rightly, is true, and is called: float64 `[D, K]` each."""
    one_hot = np.eye(output.shape[1])
    truth = one_hot[y]  # [N, K]
    call = one_hot[output.argmax(1)]  # [N, K]
    return weights @ (truth * call), weights @ truth, weights @ call


def _cells(classes: int) -> tuple[np.ndarray, np.ndarray, float]:
    """A patient for each cell of the confusion matrix of K classes, counting as 1 / K² of one.

    With none of 9 patients of a class called it, every draw of them scores it 0, though the next 9
    need not. So one patient more, spread evenly over the matrix, is added: Perks' prior of a
    multinomial (Perks 1947, Journal of the Institute of Actuaries 73).
    """
    one_hot = np.eye(classes)
    truth = np.repeat(np.arange(classes), classes)  # [K²]
    called = np.tile(one_hot, (classes, 1))  # [K², K]
    return truth, called, 1 / classes**2


# ---------------------------------------------------------------------------- areas under curves


def _auroc(y, output, weights, levels=None) -> np.ndarray:
    """The area under the receiver operating characteristic (see `_mean_area`)."""
    return _mean_area(_auroc_of, y, output, weights, levels)


def _auprc(y, output, weights, levels=None) -> np.ndarray:
    """The average precision (see `_mean_area`)."""
    return _mean_area(_average_precision_of, y, output, weights, levels)


def _mean_area(area_of: Callable, y, output, weights, levels) -> np.ndarray:
    """The area of the second class where K = 2; else the mean, one class against the rest, over
    the classes that have both cases and controls."""
    scored = [1] if output.shape[1] == 2 else range(output.shape[1])
    classes = [k for k in _levels_or_all(levels, output) if k in scored]
    areas = [area_of(weights, y == k, output[:, k]) for k in classes]
    table = np.reshape(areas, (-1, len(weights)))  # [classes, D]
    return _mean_over_classes(table, range(len(areas)))


def _auroc_of(weights: np.ndarray, is_case: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """The weighted share `[D]` of pairs of a case and a control that are in the right order.

    A tie counts as half a pair.
    """
    own = weights.T[is_case]  # [cases, D]
    lower, not_higher, controls = _controls_below_cases(weights, is_case, probability)
    in_order = (own * (lower + not_higher)).sum(0) / 2
    return _ratio_of_counts(in_order, own.sum(0) * controls)


def _average_precision_of(
    weights: np.ndarray, is_case: np.ndarray, probability: np.ndarray
) -> np.ndarray:
    """The weighted mean `[D]`, over cases, of the precision where all are called who are at least
    as probable; NaN without controls."""
    lower, _, controls = _controls_below_cases(weights, is_case, probability)
    own = weights.T[is_case]  # [cases, D]
    order = np.argsort(-probability[is_case], kind="stable")
    falling = -probability[is_case][order]
    last_alike = np.searchsorted(falling, -probability[is_case], side="right") - 1
    hits = _running_sums(own[order])[last_alike]
    called = hits + controls - lower
    precision = np.where(called > 0, _ratio_of_counts(hits, called), 0.0)
    area = _ratio_of_counts((own * precision).sum(0), own.sum(0))
    return np.where(controls > 0, area, np.nan)


def _controls_below_cases(
    weights: np.ndarray, is_case: np.ndarray, probability: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many controls are less probable than each case, how many are not more probable (both
    `[cases, D]`), and how many there are (`[D]`)."""
    order = np.argsort(probability[~is_case], kind="stable")
    rising = probability[~is_case][order]
    first = np.searchsorted(rising, probability[is_case], side="left")
    last = np.searchsorted(rising, probability[is_case], side="right")
    nobody = np.zeros((1, len(weights)))
    below = _running_sums(np.vstack([nobody, weights.T[~is_case][order]]))
    return below[first], below[last], below[-1]


def _running_sums(rows: np.ndarray) -> np.ndarray:
    """The sums `[N, D]` of the rows up to each, in place: whole rows are added at once, which takes
    a third of `np.cumsum` where D is hundreds."""
    for before, row in pairwise(rows):
        row += before
    return rows


# ----------------------------------------------------------------------------------- calibration


def _brier(y: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean squared distance of the probabilities from 1 at the true class, 0 elsewhere."""
    truth = np.eye(output.shape[1])[y]
    squares = ((output - truth) ** 2).sum(1)  # [N]
    return _ratio_of_counts(weights @ squares, weights.sum(1))


def _ece(y: np.ndarray, output: np.ndarray, weights: np.ndarray, bins: int = BINS) -> np.ndarray:
    """The expected calibration error less what it would be if every probability held, over bins of
    equal width of the called class's probability.

    The error is the mean over bins, by their share of patients, of |accuracy - mean confidence|
    (Guo et al. 2017, arXiv 1706.04599). It is above 0 for a perfectly calibrated model too, since
    few patients are never right in exactly the share stated: in a bin, hits less confidence is then
    about normal with mean 0 and variance Σ c (1 - c), whose mean absolute value is taken off
    (Bröcker & Smith 2007, doi:10.1175/WAF993.1, on such sampling).
    """
    confidence = output.max(1)
    is_right = y == output.argmax(1)
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    member = np.eye(bins)[bin_of]  # [N, bins]
    gap = member * (is_right - confidence)[:, None]
    spread = member * (confidence * (1 - confidence))[:, None]
    measured = np.abs(weights @ gap)  # [D, bins]
    expected = np.sqrt(2 / np.pi * (weights @ spread))
    return _ratio_of_counts((measured - expected).sum(1), weights.sum(1))


# ---------------------------------------------------------------------------------------- shared


def _ratio_of_counts(counts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """`counts / totals`; NaN, without a warning, where nobody is counted (0 / 0)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return counts / totals


def _levels_or_all(levels: Sequence[int] | None, output: np.ndarray) -> Sequence[int]:
    """The classes over which a mean runs."""
    return range(output.shape[1]) if levels is None else levels


def _mean_over_classes(by_class: np.ndarray, levels: Sequence[int]) -> np.ndarray:
    """The mean `[D]` of scores `[K, D]` over those of the classes `levels` that have one; NaN where
    none has."""
    table = by_class[list(levels)]
    has_score = np.isfinite(table)
    total = np.where(has_score, table, 0.0).sum(0)
    return _ratio_of_counts(total, has_score.sum(0))


# ----------------------------------------------- scores of a model that knows the class shares only


def _accuracy_of_commonest(shares: np.ndarray) -> float:
    """Accuracy of calling everyone the commonest class."""
    return float(shares.max())


def _balanced_accuracy_of_commonest(shares: np.ndarray) -> float:
    """The same of balanced accuracy: one of the classes present has a recall of 1."""
    return float(1 / (shares > 0).sum())


def _macro_f1_of_commonest(shares: np.ndarray) -> float:
    """The same of macro-F1."""
    largest = shares.max()
    f1 = 2 * largest / (1 + largest)
    return float(f1 / (shares > 0).sum())


def _auprc_of_guesses(shares: np.ndarray) -> float:
    """AUPRC of guessing: the share of the second of two classes, else the mean share."""
    share = shares[1] if len(shares) == 2 else shares.mean()
    return float(share)


def _brier_of_shares(shares: np.ndarray) -> float:
    """Brier score of giving everyone the class shares as probabilities."""
    return float(1 - (shares**2).sum())


# ----------------------------------------------------------------------------------- the metrics

ACCURACY = Metric(
    "accuracy",
    "Accuracy",
    "share of patients predicted correctly",
    _accuracy,
    chance=_accuracy_of_commonest,
    inline="accuracy",
    counts_hits=True,
    compared=True,
    compared_outside=True,
    by_group=True,
)
BALANCED_ACCURACY = Metric(
    "balanced_accuracy",
    "Balanced accuracy",
    "mean over classes of the share predicted correctly, so that a rare class counts like a "
    "common one",
    _balanced_accuracy,
    unseen=_cells,
    chance=_balanced_accuracy_of_commonest,
    inline="balanced accuracy",
    by_level=True,
    by_group=True,
)
MACRO_F1 = Metric(
    "macro_f1",
    "Macro-F1",
    "mean over classes of F1, the harmonic mean of precision and recall",
    _macro_f1,
    unseen=_cells,
    chance=_macro_f1_of_commonest,
    inline="macro-F1",
    by_level=True,
    compared=True,
    compared_outside=True,
    by_group=True,
)
AUROC = Metric(
    "auroc",
    "AUROC",
    "chance that a patient of a class is ranked above one who is not of it; 0.5 is guessing",
    _auroc,
    chance=0.5,
    needs=_TWO_CLASSES,
    by_level=True,
    compared=True,
    compared_outside=True,
    by_group=True,
)
AUPRC = Metric(
    "auprc",
    "AUPRC",
    "area under the precision-recall curve; guessing scores the class's share",
    _auprc,
    chance=_auprc_of_guesses,
    needs=_TWO_CLASSES,
    by_level=True,
)
MCC = Metric(
    "mcc",
    "MCC",
    "correlation of predicted and reference classes; 0 is guessing",
    _mcc,
    unseen=_cells,
    chance=0.0,
    bounds=(-1.0, 1.0),
    needs=_TWO_CLASSES,
)
BRIER = Metric(
    "brier",
    "Brier",
    "squared distance of the probabilities from the truth; lower is better",
    _brier,
    chance=_brier_of_shares,
    bounds=(0.0, 2.0),
    lower_is_better=True,
    compared_outside=True,
    by_group=True,
)
ECE = Metric(
    "ece",
    "ECE",
    "mean distance of confidence from the share predicted correctly, over the test patients of "
    "all folds together, less what chance alone gives a calibrated model of as many: calibrated "
    "is 0, a little below it too; lower is better",
    _ece,
    chance=0.0,
    bounds=(-0.5, 1.0),
    pooled=True,
    lower_is_better=True,
)


def _headline(classes: int) -> str:
    """The metric that stands for the whole, of so many classes."""
    return "auroc" if classes == 2 else "macro_f1"


METRICS = MetricSet(
    "class",
    (ACCURACY, BALANCED_ACCURACY, MACRO_F1, AUROC, AUPRC, MCC, BRIER, ECE),
    primary="accuracy",
    secondary="macro_f1",
    headline_of=_headline,
    headline_rule="AUROC where there are two classes, macro-F1 where there are more",
)
