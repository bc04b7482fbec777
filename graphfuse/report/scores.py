"""Scores in a report: the verdict, the baseline models and the comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from graphfuse.report import page_plots
from graphfuse.report.dot_plot import Dot
from graphfuse.report.formatting import (
    about,
    identical,
    listed,
    modalities_of,
    number,
    primary_of,
    scored,
    scored_sign,
    scored_span,
)
from graphfuse.report.graph_ablation import against
from graphfuse.schema import SECONDS, Comparison, Metrics, Score
from graphfuse.schema.run_model_name import (
    EARLY,
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

CHOSEN = {
    SINGLE: "the single modality chosen by inner folds",
    EARLY: "ridge regression on all modalities side by side",
    LATE: "the mean of the single modalities",
}


# ------------------------------------------------------------------------------------------ verdict


def verdict(metrics: Metrics) -> str:
    """What a run came to: the score, against what needs no net, and what the graphs add.

    Parameters
    ----------
    metrics : Metrics
        The scores of a run.

    Returns
    -------
    str
        One sentence.
    """
    primary = primary_of(metrics)
    score = metrics.models.get(OURS, {}).get(primary.name)
    if not isinstance(score, Score) or score.mean is None:
        return f"This run holds no {primary.in_sentence} of {OURS}."
    ends = scored_span(score.ci95, primary)
    interval = f"95 % interval {ends}" if ends else f"no interval: {_why_none(metrics)}"
    mean = scored(score.mean, primary)
    own = f"{OURS} {mean} {primary.in_sentence} ({interval})"
    parts = [own, *_beside(metrics), *_graphs(metrics)]
    return "; ".join(parts) + "."


def _graphs(metrics: Metrics) -> list[str]:
    """The net against the same net without graphs; nothing where that was not run."""
    pair = _against(metrics, NO_GRAPH)
    if pair is None:
        return []
    of_net = [each for each in metrics.comparisons if each.a == OURS]
    in_all_metrics = [each for each in of_net if each.b == NO_GRAPH]
    if identical(*in_all_metrics):
        return ["the graphs: identical without them (none, or its learned weights stayed 0)"]
    primary = primary_of(metrics)
    difference = scored_sign(pair.difference, primary)
    interval = scored_span(pair.ci95, primary)
    change = f"({difference}, {interval})"
    return [f"the graphs: {_words(pair)} the same net without graphs {change}"]


def _why_none(metrics: Metrics) -> str:
    """Why a score has no interval."""
    is_corrected = metrics.protocol.get("interval", "corrected") == "corrected"  # earlier versions
    return "too few folds" if is_corrected else "the held-out patients are too few, or all alike"


def _beside(metrics: Metrics) -> list[str]:
    """The net against the first of `CHOSEN` that was run, and against whichever of them scores
    best."""
    there = [name for name in CHOSEN if _against(metrics, name)]
    if not there:
        return []
    first = there[0]
    verdict = _words(_against(metrics, first))
    part = f"{verdict} {CHOSEN[first]} ({_scored(metrics, first)})"
    if len(there) == 1:
        return [part]
    strongest = _strongest(metrics, there)
    among = f"the strongest of {listed(there)}"
    if first == strongest:
        return [f"{part}, which is also {among}"]
    verdict = _words(_against(metrics, strongest))
    score = _scored(metrics, strongest)
    return [part, f"{verdict} {among}, chosen afterwards ({score})"]


def _strongest(metrics: Metrics, names: list[str]) -> str:
    """The first of the models with the best mean in the primary metric."""
    primary, known = primary_of(metrics), {}
    for name in names:
        mean = _mean(metrics.models.get(name, {}), primary.name)
        if mean is not None:
            known[name] = mean
    if not known:
        return names[0]
    best = min if primary.lower_is_better else max
    return best(known, key=known.get)


def tally(metrics: Metrics) -> str:
    """How many models the net is better than, worse than and not significantly different from, by
    the primary metric.

    Parameters
    ----------
    metrics : Metrics
        The scores of a run.

    Returns
    -------
    str
        One or two sentences; blank where nothing was compared.
    """
    by_verdict: dict[str, list[str]] = {}
    for name in metrics.models:
        pair = _against(metrics, name)
        if pair:
            by_verdict.setdefault(pair.verdict, []).append(name)
    total = sum(map(len, by_verdict.values()))
    if not total:
        return ""
    parts = []
    for verdict in ("better", "no difference shown", "worse"):
        names = by_verdict.get(verdict)
        if names:
            joined = ", ".join(names)
            parts.append(f"{verdict} for {len(names)} ({joined})")
    by, verdicts = primary_of(metrics).in_sentence, "; ".join(parts)
    return f"By {by}, {OURS} against the {total} other models: {verdicts}.{_guess(metrics)}"


def _guess(metrics: Metrics) -> str:
    """What the baseline scores that knows nothing of a patient; blank where it was not run."""
    task = kind_of(metrics.kind).named(())
    if task.baseline not in metrics.models:
        return ""
    guessed = task.baseline_meaning.removeprefix("always ")
    score = _scored(metrics, task.baseline).split(", ")[1]
    return f" Always {task.report_words.calling} {guessed} scores {score}."


def _against(metrics: Metrics, name: str, metric: str | None = None) -> Comparison | None:
    """The net against the model of this name; in the primary metric unless in another."""
    return against(metrics, OURS, name, metric or primary_of(metrics).name)


def _scored(metrics: Metrics, name: str) -> str:
    """`early, 0.867`: a model with its mean in the primary metric."""
    primary = primary_of(metrics)
    mean = _mean(metrics.models.get(name, {}), primary.name)
    return f"{name}, {scored(mean, primary)}"


def _words(pair: Comparison) -> str:
    joint = "to" if pair.verdict == "no difference shown" else "than"
    return f"{pair.verdict} {joint}"


def derived_from(metrics: Metrics) -> list[str]:
    """Modalities from which the label was computed, as the variant without them is named."""
    known = modalities_of(metrics)
    models = [ModelId.parse(name, known) for name in metrics.variants]
    parents = [model.modalities for model in models if model.is_one_of(WITHOUT)]
    return list(parents[0]) if parents else []


def _has_a_section(name: str) -> bool:
    """Whether a variant is shown in the sections on graphs and modalities."""
    model = ModelId.parse(name)
    return model.is_control or model.is_one_of(ONLY, PATTERN)


# ---------------------------------------------------------------------------------- baseline models


@dataclass(frozen=True)
class Cell:
    """A score as shown: mean, interval, whether it is the best of its column."""

    mean: str
    interval: str
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A model with a cell a metric (in their order) and its fit seconds."""

    name: str
    about: str
    ours: bool
    cells: list[Cell]
    seconds: str


def baselines(metrics: Metrics) -> list[Row]:
    """The models, the best mean of each column marked (all that show the same digits)."""
    known = metrics_of(metrics.kind)
    best = {metric.name: _best(metrics.models, metric) for metric in known}
    return _rows(metrics, metrics.models, best)


def variants(metrics: Metrics) -> list[Row]:
    """The variants and controls without a section of their own; nothing is marked as best."""
    names = [name for name in metrics.variants if not _has_a_section(name)]
    shown = {name: metrics.variants[name] for name in names}
    return _rows(metrics, shown, {})


def _rows(
    metrics: Metrics, models: Mapping[str, Mapping], best: Mapping[str, str | None]
) -> list[Row]:
    """A row for each of these models; `best`: the best mean of each metric, as shown."""
    rows, modalities = [], modalities_of(metrics)
    for name, scores in models.items():
        cells = []
        for metric in metrics_of(metrics.kind):
            interval = getattr(scores.get(metric.name), "ci95", (None, None))
            mean = _mean(scores, metric.name)
            text = scored(mean, metric)
            is_best = mean is not None and text == best.get(metric.name)
            cells.append(Cell(text, scored_span(interval, metric), is_best))
        meaning = about(ModelId.parse(name, modalities), metrics.kind)
        seconds = number(scores.get(SECONDS), 1)
        rows.append(Row(name, meaning, name == OURS, cells, seconds))
    return rows


def _best(models: Mapping[str, Mapping], metric: Metric) -> str | None:
    """The best of a column, as shown; `None` for a single row, which is best of nothing."""
    column = [_mean(scores, metric.name) for scores in models.values()]
    means = [mean for mean in column if mean is not None]
    if len(means) < 2:
        return None
    better = min if metric.lower_is_better else max
    return scored(better(means), metric)


def _mean(scores: Mapping, metric: str) -> float | None:
    score = scores.get(metric)
    mean = score.mean if isinstance(score, Score) else score
    return mean if mean is not None and math.isfinite(mean) else None


def dots(metrics: Metrics, metric: str) -> list[Dot]:
    """Rows of the forest plot: models, then variants that have no section of their own, hollow."""
    known = metrics_of(metrics.kind)[metric]
    rows = []
    for table, hollow in ((metrics.models, False), (metrics.variants, True)):
        for name, scores in table.items():
            if _has_a_section(name):
                continue
            interval = getattr(scores.get(metric), "ci95", (None, None))
            mean = _mean(scores, metric)
            note = scored(mean, known)
            rows.append(Dot(name, mean, *interval, note, name == OURS, hollow))
    return rows


def is_unbounded(metric: Metric) -> bool:
    """Whether a score may lie so far out of the others that a figure cuts it off."""
    return not np.isfinite(metric.bounds).all()


def forest(metrics: Metrics, shown: Sequence[Metric], name: str, title: str) -> Markup | None:
    """The forest plot of these metrics, as figures of a page are called; `None` without models."""
    panels = {metric.title: dots(metrics, metric.name) for metric in shown}
    if not any(panels.values()):
        return None
    unbounded = [metric.title for metric in shown if is_unbounded(metric)]
    return Markup(page_plots.forest(panels, name, title, unbounded))


# -------------------------------------------------------------------------------------- comparisons


def comparisons(metrics: Metrics) -> tuple[list[str], list[dict]]:
    """The net against every other model that has no section of its own.

    Parameters
    ----------
    metrics : Metrics
        The scores of a run.

    Returns
    -------
    compared : list of str
        The metrics compared.
    rows : list of dict
        For each other model its `name`, whether it is a `variant`, and `pairs`, a comparison a
        metric.
    """
    of_net = [pair for pair in metrics.comparisons if pair.a == OURS]
    pairs = [pair for pair in of_net if not _has_a_section(pair.b)]
    there = {pair.metric for pair in pairs}
    known = metrics_of(metrics.kind).names
    compared = [metric for metric in known if metric in there]
    others = list(dict.fromkeys(pair.b for pair in pairs))
    order = [*metrics.models, *metrics.variants]
    others.sort(key=lambda name: order.index(name) if name in order else len(order))
    rows = []
    for name in others:
        by_metric = [_against(metrics, name, metric) for metric in compared]
        rows.append({"name": name, "variant": name in metrics.variants, "pairs": by_metric})
    return compared, rows
