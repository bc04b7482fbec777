"""Contributions of modalities: every subset of them, Shapley values, and interactions."""

from __future__ import annotations

import math
from typing import Any

from markupsafe import Markup

from graphfuse.evaluate.score_lines import verdict_words
from graphfuse.report import page_plots
from graphfuse.report.dot_plot import Dot
from graphfuse.report.formatting import (
    change,
    change_span,
    identical,
    listed,
    modalities_of,
    points,
    points_span,
    primary_of,
    scored,
    scored_sign,
    scored_span,
    sizes,
)
from graphfuse.report.graph_ablation import against, scored_cell
from graphfuse.schema import Comparison, Contribution, Evaluation, Metrics, Score
from graphfuse.schema.run_model_name import ONLY, OURS, PATTERN, WITHOUT, ModelId
from graphfuse.task.metric import Metric, MetricSet
from graphfuse.task.registry import metrics_of

FOLDED = 8  # rows from which a table is folded away
_ANSWERS = {  # on interactions, by the verdict on the net against its additive projection
    "better": "a gain from them is shown",
    "worse": "they do harm: the projection is better",
}


def contributions(metrics: Metrics, evaluation: Evaluation) -> dict[str, Any] | None:
    """What the section on modalities shows.

    Parameters
    ----------
    metrics : Metrics
        The scores of a run.
    evaluation : Evaluation
        What its evaluation added.

    Returns
    -------
    dict or None
        `None` where the run looked at no subset, pattern or contribution of modalities.
    """
    known = metrics_of(metrics.kind)
    shown: dict[str, Any] = {"patterns": _rows(metrics, PATTERN)}
    shown["subsets"] = _rows(metrics, ONLY)
    shown["shapley"] = _shapley(evaluation.contributions, known)
    shown["together"] = _together(evaluation.cross_modal, known, sizes(metrics))
    if not any(shown.values()):
        return None
    own = metrics.models.get(OURS)
    if shown["subsets"] and own:
        cells = [scored_cell(own.get(metric.name), metric, None) for metric in known.compared]
        shown["subsets"].append({"name": "all", "ours": True, "cells": cells})
    shown["source"] = _source(metrics)
    shown["folded"] = FOLDED
    return shown


def _variants(metrics: Metrics, kind: str) -> dict[str, ModelId]:
    """The variants of this kind, by name."""
    known = modalities_of(metrics)
    variants = {}
    for name in metrics.variants:
        model = ModelId.parse(name, known)
        if model.is_one_of(kind):
            variants[name] = model
    return variants


def _rows(metrics: Metrics, kind: str) -> list[dict]:
    """Rows of the variants of this kind, fewer modalities first."""
    variants = _variants(metrics, kind)
    names = sorted(variants, key=lambda name: len(variants[name].modalities))
    rows = []
    for name in names:
        cells = []
        for metric in metrics_of(metrics.kind).compared:
            score = metrics.variants[name].get(metric.name)
            pair = against(metrics, OURS, name, metric.name)
            cells.append(scored_cell(score, metric, pair))
        called = "+".join(variants[name].of)
        rows.append({"name": called, "ours": False, "cells": cells})
    return rows


def _source(metrics: Metrics) -> str:
    """The net without the modalities that the label is derived from, in a sentence."""
    without = _variants(metrics, WITHOUT)
    if not without:
        return ""
    name, model = next(iter(without.items()))
    primary = primary_of(metrics)
    score = metrics.variants[name].get(primary.name)
    if not isinstance(score, Score) or score.mean is None:
        return ""
    parents = listed(model.of)
    own = f"{scored(score.mean, primary)} {primary.in_sentence}"
    sentence = f"The label is derived from {parents}. Without {parents} the net has {own}"
    interval = scored_span(score.ci95, primary)
    if interval:
        sentence += f" ({interval})"
    pair = against(metrics, OURS, name, primary.name)
    if pair:
        way = "less" if pair.difference >= 0 else "more"
        size = change(primary, abs(pair.difference))
        sentence += f", {size} {way}"
    return f"{sentence}: this score does not depend on the data that define the label."


# ------------------------------------------------------------------------------------------ Shapley


def _shapley(contributions: list[Contribution], known: MetricSet) -> dict | None:
    """Bars and a sentence, in the first metric that is there and in which more is better."""
    there = {each.metric for each in contributions}
    measured = [metric for metric in known if metric.name in there]
    metrics = [metric for metric in measured if not metric.lower_is_better]
    if not metrics:
        return None
    first = metrics[0]
    values = [each for each in contributions if each.metric == first.name]
    values.sort(key=lambda each: -each.value)
    rows = []
    for each in values:
        cells = [_cell_of(contributions, each.modality, metric) for metric in metrics]
        rows.append({"name": each.modality, "cells": cells})
    shown: dict[str, Any] = {"rows": rows, "in_points": first.percent}
    shown["figure"] = _bars(values, first)
    shown["sentence"] = _gains(values)
    shown["metrics"] = [metric.name for metric in metrics]
    shown["adjusted"] = any(each.p_adjusted is not None for each in contributions)
    return shown


def _bars(values: list[Contribution], metric: Metric) -> Markup:
    """Shapley values in one metric as bars."""
    unit = f"points of {metric.in_sentence}" if metric.percent else metric.in_sentence
    title = f"Shapley values of the modalities in {unit}, bars with 95 % intervals"
    dots = []
    for each in values:
        ends = [_drawn(metric, end) for end in each.ci95]
        length, note = _drawn(metric, each.value), _note(metric, each)
        dots.append(Dot(each.modality, length, *ends, note))
    return Markup(page_plots.bars(dots, "shapley", title, f"{unit} added"))


def _gains(values: list[Contribution]) -> str:
    """Which modalities are shown to add something, in a sentence."""
    shown, others = [], []
    for each in values:
        if each.value > 0 and _is_shown(each):
            shown.append(each.modality)
        else:
            others.append(each.modality)
    parts = []
    if shown:
        parts.append(f"a gain is shown for {listed(shown)}")
    if others:
        parts.append(f"none is shown for {listed(others, 'or')}")
    return f"Of what each modality adds on average: {'; '.join(parts)}."


def _is_shown(each: Contribution) -> bool:
    """Whether a value is shown to differ from 0: by its adjusted p; by its interval in runs of
    earlier versions, which have none."""
    low, high = each.ci95
    if low is None:
        return False
    return low > 0 or high < 0 if each.p_adjusted is None else each.p_adjusted < 0.05


def _drawn(metric: Metric, value: float | None) -> float | None:
    """A value as long as its bar, in points where the metric is written so."""
    if value is None or not math.isfinite(value):
        return None
    return 100 * value if metric.percent else value


def _note(metric: Metric, each: Contribution) -> str:
    """A value with its interval."""
    if metric.percent:
        value, interval = points(each.value, sign=True), points_span(each.ci95)
    else:
        value, interval = scored_sign(each.value, metric), change_span(metric, each.ci95)
    return f"{value} ({interval})"


def _cell_of(contributions: list[Contribution], modality: str, metric: Metric) -> str:
    for each in contributions:
        if (each.modality, each.metric) == (modality, metric.name):
            return _note(metric, each)
    return "–"


# --------------------------------------------------------------------------------------------- EMAP


def _together(comparisons: list[Comparison], known: MetricSet, own: dict[str, float | None]) -> str:
    """Whether the net uses interactions between modalities, in a sentence; blank where nobody
    looked."""
    pairs = [pair for pair in comparisons if pair.metric in known]
    pairs.sort(key=lambda pair: known.names.index(pair.metric))
    if not pairs:
        return ""
    if identical(*pairs):
        return (
            "Cross-modal interactions: none. The net scores the same as its additive "
            "projection, in which no modality interacts with another (EMAP)."
        )
    answer = _ANSWERS.get(pairs[0].verdict, "no gain from them is shown")
    changes = []
    for pair in pairs:
        metric, like = known[pair.metric], own[pair.metric]
        difference = change(metric, pair.difference, sign=True, like=like)
        interval = change_span(metric, pair.ci95, like)
        verdict = f"({interval}, {verdict_words(pair, metric, in_points=True)})"
        changes.append(f"{metric.in_sentence} {difference} {verdict}")
    return (
        f"Cross-modal interactions: {answer}. The net against its additive projection, in "
        f"which no modality interacts with another (EMAP): {'; '.join(changes)}."
    )
