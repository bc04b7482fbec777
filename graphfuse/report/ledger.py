"""What the graphs are worth: the same net with real graphs, with their controls, and with none."""

from __future__ import annotations

from graphfuse.report.words import OURS, identical, listed, number, points, points_span, span
from graphfuse.schema import Comparison, Metrics, Score

PREFIXES = {"patient:": "the patient graph", "gene:": "the gene network"}
COMPARED = ("accuracy", "macro_f1", "auroc")
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
        _graph(metrics, prefix)
        for prefix in PREFIXES
        if any(name.startswith(prefix) for name in metrics.variants)
    ]


def _graph(metrics: Metrics, prefix: str) -> dict:
    models = metrics.models | metrics.variants
    bare = f"{prefix}empty" if f"{prefix}empty" in models else "no-graph"
    names = {"real": OURS} | {
        kind: f"{prefix}{kind}" for kind in _KINDS if f"{prefix}{kind}" in models
    }
    names["empty"] = bare
    rows = [
        {
            "name": {"real": "real", "empty": "none"}.get(kind, kind),
            "about": _KINDS[kind] + (" (the net without any graph)" if model == "no-graph" else ""),
            "ours": kind == "real",
            "cells": [
                _cell(models.get(model, {}).get(m), against(metrics, model, bare, m))
                for m in COMPARED
            ],
        }
        for kind, model in names.items()
        if model in models
    ]
    return {
        "name": PREFIXES[prefix],
        "sentences": _sentences(metrics, prefix, names, bare),
        "rows": rows,
    }


def against(metrics: Metrics, a: str, b: str, metric: str) -> Comparison | None:
    """The comparison of these two in this metric, where it was made."""
    return next((c for c in metrics.comparisons if (c.a, c.b, c.metric) == (a, b, metric)), None)


def _cell(score: Score | float | None, pair: Comparison | None) -> dict:
    """A score with its interval, and what it has over the net without the graph."""
    if not isinstance(score, Score):
        return {"mean": number(score), "interval": "", "pair": pair}
    return {"mean": number(score.mean), "interval": span(score.ci95), "pair": pair}


def _sentences(metrics: Metrics, prefix: str, names: dict[str, str], bare: str) -> list[str]:
    graph = PREFIXES[prefix].capitalize()
    real = against(metrics, OURS, bare, "accuracy")
    if real is None:
        return [f"{graph} was not compared with none."]
    if identical(*(against(metrics, OURS, bare, metric) for metric in COMPARED)):
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
            f"{graph} adds {points(real.difference)} points of accuracy "
            f"({points_span(real.ci95)}): {gain}."
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
    twin = against(metrics, OURS, f"{prefix}rewired", "accuracy")
    if twin:
        change = f"{points(twin.difference, sign=True)} points, {points_span(twin.ci95)}"
        found.append(
            f"The real graph against its rewired control: {twin.verdict} ({change}) in accuracy."
        )
    return found


def _verdict(metrics: Metrics, a: str, b: str) -> str:
    pair = against(metrics, a, b, "accuracy")
    return pair.verdict if pair else ""
