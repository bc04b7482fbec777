"""What each modality is worth: every subset of them, Shapley values, and whether they are used
together."""

from __future__ import annotations

import math
from typing import Any

from markupsafe import Markup

from graphfuse.report import figures
from graphfuse.report.figures import Dot
from graphfuse.report.ledger import COMPARED, against
from graphfuse.report.words import (
    INLINE,
    LOWER_IS_BETTER,
    NAMES,
    OURS,
    identical,
    listed,
    number,
    points,
    points_span,
    span,
)
from graphfuse.schema import Comparison, Contribution, Evaluation, Metrics, Score

FOLDED = 8  # rows from which a table is folded away


def told(metrics: Metrics, evaluation: Evaluation) -> dict[str, Any] | None:
    """What the section shows; `None` where the run looked at no subset, pattern or contribution of
    modalities."""
    found = {
        "subsets": _rows(metrics, "only:"),
        "patterns": _rows(metrics, "pattern:"),
        "source": _source(metrics),
        "shapley": _shapley(evaluation.contributions),
        "together": _together(evaluation.cross_modal),
        "folded": FOLDED,
    }
    own = metrics.models.get(OURS)
    if found["subsets"] and own:
        found["subsets"].append(
            {"name": "all", "ours": True, "cells": [_cell(own.get(m), None) for m in COMPARED]}
        )
    return (
        found
        if any(found[part] for part in ("subsets", "patterns", "shapley", "together"))
        else None
    )


def _rows(metrics: Metrics, prefix: str) -> list[dict]:
    """Rows of the variants of this prefix, fewer modalities first."""
    names = sorted(
        (name for name in metrics.variants if name.startswith(prefix)),
        key=lambda name: name.count("+"),
    )
    return [
        {
            "name": name.removeprefix(prefix),
            "ours": False,
            "cells": [
                _cell(metrics.variants[name].get(m), against(metrics, OURS, name, m))
                for m in COMPARED
            ],
        }
        for name in names
    ]


def _cell(score: Score | float | None, pair: Comparison | None) -> dict:
    known = isinstance(score, Score)
    return {
        "mean": number(score.mean if known else score),
        "interval": span(score.ci95) if known else "",
        "pair": pair,
    }


def _source(metrics: Metrics) -> str:
    """The net without the modalities that the label is derived from, in a sentence."""
    name = next((name for name in metrics.variants if name.startswith("without:")), None)
    score = metrics.variants[name].get("accuracy") if name else None
    if not isinstance(score, Score) or score.mean is None:
        return ""
    parents = listed(name.removeprefix("without:").split("+"))
    said = (
        f"The label is derived from {parents}. Without {parents} the net has "
        f"{number(score.mean)} accuracy"
    )
    said += f" ({span(score.ci95)})" if span(score.ci95) else ""
    pair = against(metrics, OURS, name, "accuracy")
    loss = (
        f", {points(abs(pair.difference))} points {'less' if pair.difference >= 0 else 'more'}"
        if pair
        else ""
    )
    return f"{said}{loss}: this score does not rest on the label's own recipe."


# ------------------------------------------------------------------------------------------ Shapley


def _shapley(found: list[Contribution]) -> dict | None:
    """Bars and a sentence, in accuracy where it is there."""
    metrics = [
        m for m in NAMES if m not in LOWER_IS_BETTER and any(each.metric == m for each in found)
    ]
    if not metrics:
        return None
    rows = sorted(
        (each for each in found if each.metric == metrics[0]), key=lambda each: -each.value
    )
    dots = [
        Dot(each.modality, *map(_hundred, (each.value, *each.ci95)), note=_note(each))
        for each in rows
    ]
    shown = [each.modality for each in rows if each.ci95[0] is not None and each.ci95[0] > 0]
    others = [each.modality for each in rows if each.modality not in shown]
    title = (
        f"Shapley values of the modalities in points of {INLINE[metrics[0]]}, bars with 95 % "
        "intervals"
    )
    parts = [f"a gain is shown for {listed(shown)}"] if shown else []
    parts += [f"none is shown for {listed(others, 'or')}"] if others else []
    return {
        "figure": Markup(
            figures.bars(dots, "shapley", title, f"points of {INLINE[metrics[0]]} added")
        ),
        "sentence": f"Of what each modality adds on average: {'; '.join(parts)}.",
        "rows": [
            {"name": each.modality, "cells": [_cell_of(found, each.modality, m) for m in metrics]}
            for each in rows
        ],
        "metrics": metrics,
    }


def _hundred(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else 100 * value


def _note(each: Contribution) -> str:
    return f"{points(each.value, sign=True)} ({points_span(each.ci95)})"


def _cell_of(found: list[Contribution], modality: str, metric: str) -> str:
    return next(
        (_note(each) for each in found if (each.modality, each.metric) == (modality, metric)), "–"
    )


# --------------------------------------------------------------------------------------------- EMAP


def _together(found: list[Comparison]) -> str:
    """Whether the net uses interactions between modalities, in a sentence; blank where nobody
    looked."""
    pairs = sorted(
        (pair for pair in found if pair.metric in NAMES),
        key=lambda pair: list(NAMES).index(pair.metric),
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
    changes = [
        (
            f"{INLINE[p.metric]} {points(p.difference, sign=True)} points "
            f"({points_span(p.ci95)}, {p.verdict})"
        )
        for p in pairs
    ]
    return (
        f"Cross-modal interactions: {answer}. The net against its additive projection, in "
        "which every modality has its say by "
        f"itself (EMAP): {'; '.join(changes)}."
    )
