"""Ablation of the graphs: the same net with real graphs, with randomised ones, and with none."""

from __future__ import annotations

from graphfuse.evaluate.score_lines import detectable
from graphfuse.report.formatting import (
    change,
    change_span,
    identical,
    listed,
    primary_of,
    scored,
    scored_span,
)
from graphfuse.schema import Comparison, Metrics, Score
from graphfuse.schema.run_model_name import GRAPHS, NO_GRAPH, OURS, ModelId
from graphfuse.task.metric import Metric
from graphfuse.task.registry import metrics_of

_KINDS = {
    "real": "as measured",
    "rewired": "every node keeps its number of edges; the neighbours are others",
    "random": "as many edges between random nodes",
    "identity": "self-loops only",
    "empty": "no edges",
}
_GAINS = {"better": "a gain is shown", "worse": "a loss is shown"}


def ablations(metrics: Metrics) -> list[dict]:
    """What each graph with controls is worth.

    Parameters
    ----------
    metrics : Metrics
        The scores of a run.

    Returns
    -------
    list of dict
        For each graph its `name`, `sentences`, and `rows`, one for the real graph and each control.
    """
    controlled = {ModelId.parse(name).graph for name in metrics.variants}
    graphs = [graph for graph in GRAPHS if graph in controlled]
    return [_graph(metrics, graph) for graph in graphs]


def _graph(metrics: Metrics, graph: str) -> dict:
    """A graph: its sentences, and a row for each kind of it that was trained."""
    models = metrics.models | metrics.variants
    names = {"real": OURS}
    for kind in _KINDS:
        name = str(ModelId(graph, (kind,)))
        if name in models:
            names[kind] = name
    bare = names.setdefault("empty", NO_GRAPH)
    rows = []
    for kind, name in names.items():
        if name in models:
            rows.append(_row(metrics, kind, name, bare))
    sentences = _sentences(metrics, graph, names, bare)
    return {"name": GRAPHS[graph], "sentences": sentences, "rows": rows}


def _row(metrics: Metrics, kind: str, name: str, bare: str) -> dict:
    """A graph of this kind: what it is, and the scores of the net on it, against the net `bare` of
    edges."""
    scores = (metrics.models | metrics.variants)[name]
    cells = []
    for metric in metrics_of(metrics.kind).compared:
        pair = against(metrics, name, bare, metric.name)
        cells.append(scored_cell(scores.get(metric.name), metric, pair))
    meaning = _KINDS[kind]
    if name == NO_GRAPH:
        meaning += " (the net without any graph)"
    called = "none" if kind == "empty" else kind
    return {"name": called, "about": meaning, "ours": kind == "real", "cells": cells}


def compared_in(metrics: Metrics) -> list[str]:
    """The names of the metrics in which a run's models are compared."""
    return [metric.name for metric in metrics_of(metrics.kind).compared]


def against(metrics: Metrics, a: str, b: str, metric: str) -> Comparison | None:
    """The comparison of two models, where it was made.

    Parameters
    ----------
    metrics : Metrics
        The scores of a run.
    a, b : str
        The models.
    metric : str
        The name of the metric.

    Returns
    -------
    Comparison or None
    """
    for pair in metrics.comparisons:
        if (pair.a, pair.b, pair.metric) == (a, b, metric):
            return pair
    return None


def scored_cell(score: Score | float | None, metric: Metric, pair: Comparison | None) -> dict:
    """A score with its interval, and the comparison shown beside it."""
    mean, interval = score, ""
    if isinstance(score, Score):
        mean = score.mean
        interval = scored_span(score.ci95, metric)
    return {"mean": scored(mean, metric), "interval": interval, "pair": pair}


def _sentences(metrics: Metrics, of: str, names: dict[str, str], bare: str) -> list[str]:
    """What a graph adds to the net `bare` of it, and what its controls add."""
    graph = GRAPHS[of].capitalize()
    primary = primary_of(metrics)
    real = against(metrics, OURS, bare, primary.name)
    if real is None:
        return [f"{graph} was not compared with none."]
    in_all_metrics = [against(metrics, OURS, bare, metric) for metric in compared_in(metrics)]
    if identical(*in_all_metrics):
        same = f"{graph} adds nothing: without it every prediction scores the same."
        return [f"{same} It has no edges, or its learned weights stayed 0."]
    gain = _GAINS.get(real.verdict, "no gain shown")
    if real.verdict == "no difference shown" and real.detectable is not None:
        gain += f" ({detectable(real, primary, in_points=True)})"
    difference = change(primary, real.difference)
    interval = change_span(primary, real.ci95)
    sentences = [f"{graph} adds {difference} of {primary.in_sentence} ({interval}): {gain}."]
    also = _controls_that_gain(metrics, names, bare)
    if real.verdict == "better" and also:
        sentences.append(
            f"So does the net with {listed(also)} edges, so the gain is not shown to come "
            "from who is joined to whom."
        )
    return sentences + _against_rewired(metrics, of)


def _against_rewired(metrics: Metrics, of: str) -> list[str]:
    """The real graph against its rewired control, in a sentence; none where that was not run."""
    primary, control = primary_of(metrics), str(ModelId(of, ("rewired",)))
    pair = against(metrics, OURS, control, primary.name)
    if pair is None:
        return []
    difference = change(primary, pair.difference, sign=True)
    interval = change_span(primary, pair.ci95)
    verdict = f"{pair.verdict} ({difference}, {interval}) in {primary.in_sentence}"
    return [f"The real graph against its rewired control: {verdict}."]


def _controls_that_gain(metrics: Metrics, names: dict[str, str], bare: str) -> list[str]:
    """The controls with edges that are better than the net `bare` of them."""
    primary = primary_of(metrics)
    gaining = []
    for kind in ("rewired", "random", "identity"):
        if kind not in names:
            continue
        pair = against(metrics, names[kind], bare, primary.name)
        if pair and pair.verdict == "better":
            gaining.append(kind)
    return gaining
