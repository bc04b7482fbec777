"""Numbers and names as reports write them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from graphfuse.errors import FEW
from graphfuse.schema import Comparison, Metrics
from graphfuse.schema.run_model_name import (
    EARLY,
    GRAPHS,
    GROUP,
    LATE,
    NO_GRAPH,
    ONLY,
    OURS,
    PATTERN,
    SINGLE,
    WITHOUT,
    ModelId,
)
from graphfuse.task.metric import Metric
from graphfuse.task.registry import kind_of, metrics_of

HIDE_BELOW = FEW  # counts of fewer patients than this are not shown

BASIS = {  # what intervals are over, by the protocol; the last two in runs of earlier versions
    "patients": "over patients and training sets",
    "groups": "over groups of patients and training sets",
    "corrected": "corrected for overlapping training sets",
    "bootstrap": "over resampled patients of the held-out part, for one training",
}
_ABOUT = {
    "clinical": "ridge regression on the clinical records",
    SINGLE: "the one modality chosen by inner cross-validation",
    EARLY: "ridge regression on all modalities side by side",
    "forest": "random forest",
    "boosting": "gradient boosting",
    NO_GRAPH: "the same net without graphs",
    OURS: "the net with its graphs",
}
_OF_MODALITIES = {  # of a model that is named after modalities, or a group
    SINGLE: "ridge regression on {what} alone",
    WITHOUT: "the net with its graphs, {listed} withheld",
    ONLY: "the net with its graphs on {listed} alone",
    GROUP: "what can be predicted from the {what} alone",
    PATTERN: "the net on patients with {listed} only",
}
_CONTROLS = {
    "rewired": "a rewired",
    "random": "a random",
    "identity": "an identity",
    "empty": "an empty",
}


def number(value: float | None, digits: int = 3) -> str:
    """`0.879`, with a true minus sign; a dash where unknown."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:,.{digits}f}"
    is_zero = float(text.replace(",", "")) == 0
    return text.removeprefix("-") if is_zero else text.replace("-", "−")


def signed(value: float) -> str:
    """`+0.001`, `−0.020`."""
    text = number(value)
    has_no_plus = text.startswith(("−", "–")) or text == number(0)
    return text if has_no_plus else f"+{text}"


def span(interval: Sequence[float | None], digits: int = 3) -> str:
    """`0.850 to 0.908`; nothing where an end is unknown."""
    ends = [number(end, digits) for end in interval]
    return "" if "–" in ends else " to ".join(ends)


def scored(value: float | None, metric: Metric, like: float | None = None) -> str:
    """A score, as `number`: three decimals, or three significant digits (or the decimals of a score
    `like` another) where scores of this metric may be of any size."""
    if not metric.is_of_any_size or value is None or not math.isfinite(value):
        return number(value)
    return metric.written(value, like).replace("-", "−")


def scored_sign(value: float, metric: Metric, like: float | None = None) -> str:
    """A difference of scores, as `signed`."""
    text = scored(value, metric, like)
    is_zero = not any(digit in text for digit in "123456789")
    has_no_plus = is_zero or text[0] in "−–"
    return text if has_no_plus else f"+{text}"


def scored_span(interval: Sequence[float | None], metric: Metric, like: float | None = None) -> str:
    """The interval of a score, as `span`; its ends have as many decimals, those of the larger one
    if not of a score `like` another."""
    if like is None:
        known = [end for end in interval if end is not None]
        like = max(known, key=abs, default=None)
    ends = [scored(end, metric, like) for end in interval]
    return "" if "–" in ends else " to ".join(ends)


def modalities_of(metrics: Metrics) -> list[str]:
    """The modalities of a run, of each of which there is a ridge regression."""
    models = [ModelId.parse(name) for name in metrics.models]
    return [name for model in models for name in model.modalities]


def about(model: ModelId, kind: str) -> str:
    """What a model of this kind of outcome is, in a few words."""
    if not any(model.of):
        task = kind_of(kind).named(())
        meanings = _ABOUT | {task.baseline: task.baseline_meaning}
        meanings[LATE] = f"mean of the single modalities' {task.report_words.outputs}"
        return meanings.get(str(model), "")
    what = "+".join(model.of)
    if model.is_control:
        graph = GRAPHS[model.kind].removeprefix("the ")
        return f"the net with {_CONTROLS.get(what, what)} {graph}"
    return _OF_MODALITIES[model.kind].format(what=what, listed=listed(model.of))


def count(patients: float) -> str:
    """A number of patients; `<5` where there are few."""
    return f"<{HIDE_BELOW}" if 0 < patients < HIDE_BELOW else f"{patients:,.0f}"


def points(value: float | None, sign: bool = False) -> str:
    """A difference of shares in points, one decimal: `0.4`, `−0.5`; with a plus if `sign`."""
    text = number(None if value is None else 100 * value, 1)
    is_plus = text[0] not in "−–" and text != "0.0"
    return f"+{text}" if sign and is_plus else text


def points_span(interval: Sequence[float | None]) -> str:
    """`−0.5 to 1.3`; `no interval` where an end is unknown."""
    ends = [points(end) for end in interval]
    return "no interval" if "–" in ends else " to ".join(ends)


def sizes(metrics: Metrics) -> dict[str, float | None]:
    """Metric → the net's own score, with whose decimals differences are written."""
    own = metrics.models.get(OURS, {})
    means = {}
    for metric in metrics_of(metrics.kind):
        score = own.get(metric.name)
        means[metric.name] = getattr(score, "mean", None)
    return means


def primary_of(metrics: Metrics) -> Metric:
    """The metric that sentences on these scores are about."""
    known = metrics_of(metrics.kind)
    return known[known.primary]


def change(
    metric: Metric, value: float | None, sign: bool = False, like: float | None = None
) -> str:
    """A difference in a metric: `0.4 points` where it is written in points, else `0.004`, with the
    decimals of a score `like` another."""
    if metric.percent:
        return f"{points(value, sign)} points"
    is_bare = value is None or not sign
    return scored(value, metric, like) if is_bare else scored_sign(value, metric, like)


def change_span(metric: Metric, interval: Sequence[float | None], like: float | None = None) -> str:
    """`−0.5 to 1.3`, in points where the metric is written so; `no interval` where an end is
    unknown."""
    if metric.percent:
        return points_span(interval)
    return scored_span(interval, metric, like) or "no interval"


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    *first, final = words
    return f"{', '.join(first)} {last} {final}"


def breakable(name: str) -> Markup:
    """A name that may be broken behind `:` and `+`, for narrow columns."""
    text = escape(name)
    for mark in (":", "+"):
        text = text.replace(Markup(mark), Markup(f"{mark}<wbr>"))
    return text


def identical(*pairs: Comparison | None) -> bool:
    """Whether nothing at all differs: every difference is 0, whoever is drawn."""
    numbers: list[float | None] = []
    for pair in pairs:
        if pair:
            numbers += [pair.difference, *pair.ci95]
    return bool(numbers) and all(number == 0 for number in numbers)


def verdict(pair: Comparison) -> str:
    """The verdict; `same in every fold` where no score differs at all."""
    return "same in every fold" if identical(pair) else pair.verdict
