"""What the graphs are worth: the same net with real graphs, with their controls, and with none."""

from __future__ import annotations

from graphfuse.report.words import (
    change,
    change_span,
    identical,
    listed,
    primary_of,
    scored,
    scored_span,
)
from graphfuse.schema import Comparison, Metrics, Score
from graphfuse.schema.model_id import GRAPHS, NO_GRAPH, OURS, ModelId
from graphfuse.task.metric import Metric
from graphfuse.task.registry import metrics_of

_KINDS = {
    "real": "as measured",
    "rewired": "every node keeps its number of edges, to others",
    "random": "as many edges, anywhere",
    "identity": "every node hears itself alone",
    "empty": "no edges",
}


def told(metrics: Metrics) -> list[dict]:
    """For each graph with controls: its name, sentences, and a row for the real graph and each
    control."""
    return [
        _graph(metrics, graph)
        for graph in GRAPHS
        if any(ModelId.parse(name).graph == graph for name in metrics.variants)
    ]


def _graph(metrics: Metrics, graph: str) -> dict:
    models = metrics.models | metrics.variants
    controls = {kind: str(ModelId(graph, (kind,))) for kind in _KINDS}
    names = {"real": OURS} | {kind: name for kind, name in controls.items() if name in models}
    bare = names.setdefault("empty", NO_GRAPH)
    rows = [
        {
            "name": {"real": "real", "empty": "none"}.get(kind, kind),
            "about": _KINDS[kind] + (" (the net without any graph)" if model == NO_GRAPH else ""),
            "ours": kind == "real",
            "cells": [
                scored_cell(
                    models.get(model, {}).get(m.name), m, against(metrics, model, bare, m.name)
                )
                for m in metrics_of(metrics.kind).compared
            ],
        }
        for kind, model in names.items()
        if model in models
    ]
    return {
        "name": GRAPHS[graph],
        "sentences": _sentences(metrics, graph, names, bare),
        "rows": rows,
    }


def compared_in(metrics: Metrics) -> list[str]:
    """The names of the metrics in which a run's models are compared."""
    return [metric.name for metric in metrics_of(metrics.kind).compared]


def against(metrics: Metrics, a: str, b: str, metric: str) -> Comparison | None:
    """The comparison of these two in this metric, where it was made."""
    return next((c for c in metrics.comparisons if (c.a, c.b, c.metric) == (a, b, metric)), None)


def scored_cell(score: Score | float | None, metric: Metric, pair: Comparison | None) -> dict:
    """A score with its interval, and a comparison that stands beside it."""
    is_known = isinstance(score, Score)
    return {
        "mean": scored(score.mean if is_known else score, metric),
        "interval": scored_span(score.ci95, metric) if is_known else "",
        "pair": pair,
    }


def _sentences(metrics: Metrics, of: str, names: dict[str, str], bare: str) -> list[str]:
    graph = GRAPHS[of].capitalize()
    primary = primary_of(metrics)
    real = against(metrics, OURS, bare, primary.name)
    if real is None:
        return [f"{graph} was not compared with none."]
    if identical(*(against(metrics, OURS, bare, metric) for metric in compared_in(metrics))):
        return [
            (
                f"{graph} adds nothing: without it every prediction scores the same. It has no "
                "edges, or its gates stayed shut."
            )
        ]
    gain = {"better": "a gain is shown", "worse": "a loss is shown"}.get(
        real.verdict, "no gain shown"
    )
    found = [
        (
            f"{graph} adds {change(primary, real.difference)} of {primary.in_sentence} "
            f"({change_span(primary, real.ci95)}): {gain}."
        )
    ]
    also = [
        k
        for k in ("rewired", "random", "identity")
        if k in names and _verdict(metrics, names[k], bare) == "better"
    ]
    if real.verdict == "better" and also:
        found.append(
            f"So does the net with {listed(also)} edges, so the gain is not shown to come "
            "from who is joined to whom."
        )
    twin = against(metrics, OURS, str(ModelId(of, ("rewired",))), primary.name)
    if twin:
        gap = change(primary, twin.difference, sign=True)
        said = f"{gap}, {change_span(primary, twin.ci95)}"
        found.append(
            f"The real graph against its rewired control: {twin.verdict} ({said}) in "
            f"{primary.in_sentence}."
        )
    return found


def _verdict(metrics: Metrics, a: str, b: str) -> str:
    pair = against(metrics, a, b, primary_of(metrics).name)
    return pair.verdict if pair else ""
