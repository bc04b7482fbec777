"""What a report says of scores: the verdict, the ladder, comparisons, confusion and calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.report.figures import Bin, Dot
from graphfuse.schema import Comparison, Metrics, Score

OURS = "graphfuse"
HIDE_BELOW = 5  # counts of fewer patients than this are not shown

NAMES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro-F1",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "mcc": "MCC",
    "brier": "Brier",
    "ece": "ECE",
}
LOWER_IS_BETTER = ("brier", "ece")
MEANINGS = {
    "accuracy": "share of patients called right",
    "balanced_accuracy": "mean over classes of the share called right, so that a rare class counts like a common one",
    "macro_f1": "mean over classes of F1, the harmonic mean of precision and recall",
    "auroc": "chance that a patient of a class is ranked above one who is not of it; 0.5 is guessing",
    "auprc": "area under the precision-recall curve; guessing scores the class's share",
    "mcc": "correlation of calls and truth; 0 is guessing",
    "brier": "squared distance of the probabilities from the truth; lower is better",
    "ece": "how far stated confidence lies from the share called right; lower is better",
}
_ABOUT = {
    "majority": "always the commonest class",
    "clinical": "ridge regression on the clinical records",
    "single": "the one modality chosen by inner cross-validation",
    "early": "ridge regression on all modalities side by side",
    "late": "mean of the single modalities' probabilities",
    "forest": "random forest",
    "boosting": "gradient boosting",
    "no-graph": "the same net without graphs",
    OURS: "the net with its graphs",
}


def number(value: float | None, digits: int = 3) -> str:
    """`0.879`, with a true minus sign; a dash where unknown."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.removeprefix("-")


def signed(value: float) -> str:
    """`+0.001`, `−0.020`."""
    text = number(value)
    return text if text.startswith(("−", "–")) or text == number(0) else f"+{text}"


def span(interval: Sequence[float | None]) -> str:
    """`0.850 to 0.908`; nothing where an end is unknown."""
    ends = [number(end) for end in interval]
    return "" if "–" in ends else " to ".join(ends)


def about(name: str) -> str:
    """What a model is, in a few words."""
    kind, _, what = name.partition(":")
    if kind == "single" and what:
        return f"ridge regression on {what} alone"
    if kind == "without" and what:
        return f"the net with its graphs, {what.replace('+', ' and ')} withheld"
    said = {"group": f"what the {what} alone says", "pattern": f"the net on patients with {what.replace('+', ', ')} only"}
    return said.get(kind, "") if what else _ABOUT.get(name, "")


def count(patients: float) -> str:
    """A number of patients; `<5` where there are few."""
    return f"<{HIDE_BELOW}" if 0 < patients < HIDE_BELOW else f"{patients:,.0f}"


# ----------------------------------------------------------------------------------------------- verdict


def verdict(metrics: Metrics) -> str:
    """One sentence: the score, against the best rung chosen without looking, and what the graphs add."""
    score = metrics.models.get(OURS, {}).get("accuracy")
    if not isinstance(score, Score) or score.mean is None:
        return f"This run holds no accuracy of {OURS}."
    interval = f"95 % interval {span(score.ci95)}" if span(score.ci95) else "no interval: too few folds"
    parts = [f"{OURS} {number(score.mean)} accuracy ({interval})"]
    rung = next((name for name in ("single", "early", "late") if _against(metrics, name)), None)
    if rung:
        parts.append(f"{_words(_against(metrics, rung))} the best rung chosen without looking ({_scored(metrics, rung)})")
    graphs = _against(metrics, "no-graph")
    if graphs:
        change = f"{signed(graphs.difference)}, {span(graphs.ci95)}"
        parts.append(f"the graphs: {_words(graphs)} the same net without graphs ({change})")
    return "; ".join(parts) + "."


def tally(metrics: Metrics) -> str:
    """How many rungs the net is better than, worse than and not told apart from, by accuracy."""
    found: dict[str, list[str]] = {}
    for name in metrics.models:
        pair = _against(metrics, name)
        if pair:
            found.setdefault(pair.verdict, []).append(name)
    total = sum(map(len, found.values()))
    if not total:
        return ""
    parts = [
        f"{word} for {len(found[word])} ({', '.join(found[word])})"
        for word in ("better", "no difference shown", "worse") if word in found
    ]  # fmt: skip
    guess = f" Always calling the commonest class scores {_scored(metrics, 'majority').split(', ')[1]}."
    said = f"By accuracy, {OURS} against the {total} other rungs: {'; '.join(parts)}."
    return said + (guess if "majority" in metrics.models else "")


def _against(metrics: Metrics, name: str, metric: str = "accuracy") -> Comparison | None:
    return next((c for c in metrics.comparisons if (c.a, c.b, c.metric) == (OURS, name, metric)), None)


def _scored(metrics: Metrics, name: str) -> str:
    return f"{name}, {number(_mean(metrics.models.get(name, {}), 'accuracy'))}"


def _words(pair: Comparison) -> str:
    return f"{pair.verdict} {'to' if pair.verdict == 'no difference shown' else 'than'}"


def derived_from(metrics: Metrics) -> list[str]:
    """Modalities from which the label was computed, told by the variant without them."""
    names = [name.removeprefix("without:") for name in metrics.variants if name.startswith("without:")]
    return names[0].split("+") if names else []


# ------------------------------------------------------------------------------------------------ ladder


@dataclass(frozen=True)
class Cell:
    """A score as shown: mean, interval, whether it is the best of its column."""

    mean: str
    interval: str
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A model of the ladder with a cell a metric (in the order of `NAMES`) and its fit seconds."""

    name: str
    about: str
    ours: bool
    cells: list[Cell]
    seconds: str


def ladder(metrics: Metrics) -> list[Row]:
    """The models, the best mean of each column marked (all that show the same digits)."""
    return _ladder(metrics.models, {metric: _best(metrics.models, metric) for metric in NAMES})


def variants(metrics: Metrics) -> list[Row]:
    """What stands beside the ladder; nothing is marked as best."""
    return _ladder(metrics.variants, {})


def _ladder(models: Mapping[str, Mapping], best: Mapping[str, float | None]) -> list[Row]:
    rows = []
    for name, scores in models.items():
        cells = []
        for metric in NAMES:
            mean, interval = _mean(scores, metric), getattr(scores.get(metric), "ci95", (None, None))
            cells.append(Cell(number(mean), span(interval), mean is not None and _round(mean) == best.get(metric)))
        rows.append(Row(name, about(name), name == OURS, cells, number(scores.get("fit_seconds"), 1)))
    return rows


def _best(models: Mapping[str, Mapping], metric: str) -> float | None:
    """The best of a column, rounded; `None` for a single row, which is best of nothing."""
    means = [mean for scores in models.values() if (mean := _mean(scores, metric)) is not None]
    better = min if metric in LOWER_IS_BETTER else max
    return _round(better(means)) if len(means) > 1 else None


def _round(value: float) -> float:
    return float(f"{value:.3f}")


def _mean(scores: Mapping, metric: str) -> float | None:
    score = scores.get(metric)
    mean = score.mean if isinstance(score, Score) else score
    return mean if mean is not None and math.isfinite(mean) else None


def dots(metrics: Metrics, metric: str) -> list[Dot]:
    """Rows of the forest plot: models, then variants, hollow."""
    rows = []
    for table, hollow in ((metrics.models, False), (metrics.variants, True)):
        for name, scores in table.items():
            low, high = getattr(scores.get(metric), "ci95", (None, None))
            rows.append(Dot(name, _mean(scores, metric), low, high, strong=name == OURS, hollow=hollow))
    return rows


# ------------------------------------------------------------------------------------------- comparisons


def comparisons(metrics: Metrics) -> tuple[list[str], list[dict]]:
    """Metrics compared, and a row for each other model: its name, whether it is a variant, a comparison a metric."""
    pairs = [pair for pair in metrics.comparisons if pair.a == OURS]
    compared = [metric for metric in NAMES if any(pair.metric == metric for pair in pairs)]
    others = list(dict.fromkeys(pair.b for pair in pairs))
    order = {name: place for place, name in enumerate([*metrics.models, *metrics.variants])}
    others.sort(key=lambda name: order.get(name, len(order)))
    return compared, [
        {
            "name": name,
            "variant": name in metrics.variants,
            "pairs": [_against(metrics, name, metric) for metric in compared],
        }
        for name in others
    ]


# --------------------------------------------------------------------------------- confusion, calibration


@dataclass(frozen=True)
class Shaded:
    """A cell of the confusion matrix as shown; `share` of its row, in whole per cents, `None` where it is hidden."""

    text: str
    share: int | None


def confusion(predictions: pd.DataFrame, classes: Sequence[str], hide_below: int = HIDE_BELOW) -> list[list[Shaded]]:
    """Patients by truth (rows) and call (columns), the mean over repeats.

    Counts under `hide_below` are not shown; where a row hides only one, its largest count is given as a range, since the
    row's total would give the hidden one away.
    """
    repeats = max(predictions["repeat"].nunique(), 1)
    table = pd.crosstab(predictions["truth"], predictions["call"]).reindex(index=classes, columns=classes, fill_value=0)
    return [_row(counts / repeats, hide_below) for counts in table.to_numpy(float)]


def _row(counts: np.ndarray, hide_below: int) -> list[Shaded]:
    shown = np.rint(counts).astype(int)
    hidden = (counts > 0) & (shown < hide_below)
    total, row = max(counts.sum(), 1e-300), []
    for place, value in enumerate(shown):
        if hidden[place]:
            row.append(Shaded(f"<{hide_below}", None))
        elif hidden.sum() == 1 and place == np.where(hidden, -1, shown).argmax():
            rest = value + shown[hidden].item()
            row.append(Shaded(f"{max(rest - hide_below + 1, 0):,}–{rest:,}", None))
        else:
            row.append(Shaded(f"{value:,}", round(100 * counts[place] / total)))
    return row


def calibration(predictions: pd.DataFrame, classes: Sequence[str], bins: int = 10) -> list[Bin]:
    """Equal bins of the called class's probability with 95 % Wilson intervals at the patients of one repeat (repeats add no
    patients); bins of fewer patients than are shown are left out."""
    chances = [f"p_{name}" for name in classes if f"p_{name}" in predictions]
    if not chances or predictions.empty:
        return []
    confidence = predictions[chances].max(axis=1).to_numpy(float)
    right = (predictions["call"] == predictions["truth"]).to_numpy(float)
    slot = np.minimum(np.nan_to_num(confidence * bins).astype(int), bins - 1)
    repeats = max(predictions["repeat"].nunique(), 1)
    found = []
    for each in range(bins):
        inside = (slot == each) & np.isfinite(confidence)
        patients = inside.sum() / repeats
        if patients >= HIDE_BELOW:
            share = float(right[inside].mean())
            found.append(Bin(float(confidence[inside].mean()), share, *wilson(share, patients), inside.mean()))
    return found


def wilson(share: float, patients: float) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share of so many patients."""
    z = 1.959964
    middle, scale = share + z**2 / (2 * patients), 1 + z**2 / patients
    half = z * math.sqrt(share * (1 - share) / patients + z**2 / (4 * patients**2))
    return (middle - half) / scale, (middle + half) / scale
