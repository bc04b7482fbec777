"""What each modality is worth: every subset of them, Shapley values, and whether they are used
together."""

from __future__ import annotations

import math
from typing import Any

from markupsafe import Markup

from graphfuse.report import figures
from graphfuse.report.dots import Dot
from graphfuse.report.ledger import against, scored_cell
from graphfuse.report.words import (
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
from graphfuse.schema import Comparison, Contribution, Evaluation, Metrics, Score
from graphfuse.schema.model_id import ONLY, OURS, PATTERN, WITHOUT, ModelId
from graphfuse.task.metric import Metric, MetricSet
from graphfuse.task.registry import metrics_of

FOLDED = 8  # rows from which a table is folded away


def told(metrics: Metrics, evaluation: Evaluation) -> dict[str, Any] | None:
    """What the section shows; `None` where the run looked at no subset, pattern or contribution of
    modalities."""
    known = metrics_of(metrics.kind)
    found = {
        "subsets": _rows(metrics, ONLY),
        "patterns": _rows(metrics, PATTERN),
        "source": _source(metrics),
        "shapley": _shapley(evaluation.contributions, known),
        "together": _together(evaluation.cross_modal, known, sizes(metrics)),
        "folded": FOLDED,
    }
    own = metrics.models.get(OURS)
    if found["subsets"] and own:
        cells = [scored_cell(own.get(m.name), m, None) for m in known.compared]
        found["subsets"].append({"name": "all", "ours": True, "cells": cells})
    return (
        found
        if any(found[part] for part in ("subsets", "patterns", "shapley", "together"))
        else None
    )


def _rows(metrics: Metrics, kind: str) -> list[dict]:
    """Rows of the variants of this kind, fewer modalities first."""
    known = modalities_of(metrics)
    models = {name: ModelId.parse(name, known) for name in metrics.variants}
    names = [name for name, model in models.items() if model.is_one_of(kind)]
    names.sort(key=lambda name: len(models[name].modalities))
    return [
        {
            "name": "+".join(models[name].of),
            "ours": False,
            "cells": [
                scored_cell(
                    metrics.variants[name].get(m.name), m, against(metrics, OURS, name, m.name)
                )
                for m in metrics_of(metrics.kind).compared
            ],
        }
        for name in names
    ]


def _source(metrics: Metrics) -> str:
    """The net without the modalities that the label is derived from, in a sentence."""
    known = modalities_of(metrics)
    models = {name: ModelId.parse(name, known) for name in metrics.variants}
    name = next((name for name, model in models.items() if model.is_one_of(WITHOUT)), None)
    primary = primary_of(metrics)
    score = metrics.variants[name].get(primary.name) if name else None
    if not isinstance(score, Score) or score.mean is None:
        return ""
    parents = listed(models[name].of)
    said = (
        f"The label is derived from {parents}. Without {parents} the net has "
        f"{scored(score.mean, primary)} {primary.in_sentence}"
    )
    interval = scored_span(score.ci95, primary)
    said += f" ({interval})" if interval else ""
    pair = against(metrics, OURS, name, primary.name)
    loss = ""
    if pair:
        way = "less" if pair.difference >= 0 else "more"
        loss = f", {change(primary, abs(pair.difference))} {way}"
    return f"{said}{loss}: this score does not rest on the label's own recipe."


# ------------------------------------------------------------------------------------------ Shapley


def _shapley(found: list[Contribution], known: MetricSet) -> dict | None:
    """Bars and a sentence, in the first metric that is there and in which more is better."""
    there = {each.metric for each in found}
    metrics = [each for each in known if each.name in there and not each.lower_is_better]
    if not metrics:
        return None
    first = metrics[0]
    rows = sorted(
        (each for each in found if each.metric == first.name), key=lambda each: -each.value
    )
    dots = [
        Dot(
            each.modality,
            *(_drawn(first, end) for end in (each.value, *each.ci95)),
            note=_note(first, each),
        )
        for each in rows
    ]
    shown = [each.modality for each in rows if each.ci95[0] is not None and each.ci95[0] > 0]
    others = [each.modality for each in rows if each.modality not in shown]
    unit = f"points of {first.in_sentence}" if first.percent else first.in_sentence
    title = f"Shapley values of the modalities in {unit}, bars with 95 % intervals"
    parts = [f"a gain is shown for {listed(shown)}"] if shown else []
    parts += [f"none is shown for {listed(others, 'or')}"] if others else []
    return {
        "figure": Markup(figures.bars(dots, "shapley", title, f"{unit} added")),
        "sentence": f"Of what each modality adds on average: {'; '.join(parts)}.",
        "rows": [
            {"name": each.modality, "cells": [_cell_of(found, each.modality, m) for m in metrics]}
            for each in rows
        ],
        "metrics": [metric.name for metric in metrics],
        "in_points": first.percent,
    }


def _drawn(metric: Metric, value: float | None) -> float | None:
    """A value as long as its bar, in points where the metric is written so."""
    if value is None or not math.isfinite(value):
        return None
    return 100 * value if metric.percent else value


def _note(metric: Metric, each: Contribution) -> str:
    if metric.percent:
        return f"{points(each.value, sign=True)} ({points_span(each.ci95)})"
    return f"{scored_sign(each.value, metric)} ({change_span(metric, each.ci95)})"


def _cell_of(found: list[Contribution], modality: str, metric: Metric) -> str:
    for each in found:
        if (each.modality, each.metric) == (modality, metric.name):
            return _note(metric, each)
    return "–"


# --------------------------------------------------------------------------------------------- EMAP


def _together(found: list[Comparison], known: MetricSet, own: dict[str, float | None]) -> str:
    """Whether the net uses interactions between modalities, in a sentence; blank where nobody
    looked."""
    pairs = sorted(
        (pair for pair in found if pair.metric in known),
        key=lambda pair: known.names.index(pair.metric),
    )
    if not pairs:
        return ""
    if identical(*pairs):
        return (
            "Cross-modal interactions: none. The net scores the same as its additive "
            "projection, in which every modality has "
            "its say by itself (EMAP)."
        )
    first = pairs[0]
    answer = {
        "better": "their use is shown",
        "worse": "they do harm: the projection is better",
    }.get(first.verdict, "no use of them is shown")
    changes = []
    for pair in pairs:
        metric, like = known[pair.metric], own[pair.metric]
        said = change(metric, pair.difference, sign=True, like=like)
        interval = change_span(metric, pair.ci95, like)
        changes.append(f"{metric.in_sentence} {said} ({interval}, {pair.verdict})")
    return (
        f"Cross-modal interactions: {answer}. The net against its additive projection, in "
        "which every modality has its say by "
        f"itself (EMAP): {'; '.join(changes)}."
    )
