"""What a bench came to: tables to read, to paste and to go on with, and one page with its
figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from graphfuse.data.write_tables import safe_csv
from graphfuse.evaluate.bench import Result
from graphfuse.evaluate.graph_controls import sentences
from graphfuse.files.atomic_write import Kind, whole
from graphfuse.report import formatting, graph_ablation, scores
from graphfuse.report.templates import template
from graphfuse.schema import Score
from graphfuse.schema.model_id import (
    ADDITIVE,
    EARLY,
    LATE,
    NO_GRAPH,
    OURS,
    SINGLE,
    ModelId,
)
from graphfuse.task.metric import Metric
from graphfuse.task.registry import kind_of, metrics_of, trained_kinds

_ORDER = (  # after the baseline that knows nothing of a patient
    "clinical",
    SINGLE,
    EARLY,
    LATE,
    "forest",
    "boosting",
    NO_GRAPH,
    OURS,
)
BENCH = Kind.of(
    "folder of a bench",
    "parts",
    *("bench.html", "bench.md", "bench.json", "results.csv", "timings.csv", "scores.csv"),
    *("comparisons.csv", "modalities.csv", "README.txt"),
)
_TIMED = ["cohort", "recipe", "model", "repeat", "fold", "seconds"]
_README = """\
bench.html       the page: every table and figure, opens offline
bench.md         the same tables, to paste
bench.json       how it was made: command, protocol, seed, versions, sha256 of every input
results.csv      a row for every cohort, recipe, model, repeat and fold
timings.csv      seconds of each of those rows
scores.csv       means over folds with 95 % intervals (corrected for overlapping training sets)
comparisons.csv  paired differences; "better" and "worse" only where the interval leaves out 0
modalities.csv   what each modality adds (Shapley values), where subsets were scored
parts/           finished repeats, named by a hash of all they depend on; the same command goes on
                 from them. May be deleted
"""


def write_bench(
    folder: Path, results: Sequence[Result], table: pd.DataFrame, about: dict[str, Any]
) -> None:
    """Every file of a bench folder but `parts/` and `bench.json`.

    The same inputs give the same bytes, timings apart.

    Parameters
    ----------
    folder : pathlib.Path
        An existing folder.
    results : sequence of Result
        What each contest came to.
    table : pandas.DataFrame
        A row for every cohort, recipe, model, repeat and fold, with the `seconds` that it took.
    about : dict
        What `bench.json` says.
    """
    safe_csv(table.drop(columns="seconds"), folder / "results.csv")
    safe_csv(table[_TIMED], folder / "timings.csv")
    safe_csv(_by_contest(results, _scores), folder / "scores.csv")
    safe_csv(_by_contest(results, _comparisons), folder / "comparisons.csv")
    safe_csv(_by_contest(results, _contributions), folder / "modalities.csv")
    shown = {
        "about": about,
        "contests": [_contest(result) for result in results],
        "summary": summary(results),
    }
    for name in ("bench.html", "bench.md"):
        text = template(f"{name}.jinja").render(**shown)
        with whole(folder / name) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
    (folder / "README.txt").write_text(_README, encoding="utf-8")


def headline(result: Result) -> Metric:
    """The metric that the summary shows of a contest."""
    metrics = metrics_of(result.metrics.kind)
    return metrics[metrics.headline_of(result.contest.outcome.task.width)]


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """One column a contest and one row a model: mean and interval of the headline metric, and
    whether the net is better or worse than the model.

    Parameters
    ----------
    results : sequence of Result
        What each contest came to.

    Returns
    -------
    dict
        `titles`, `metrics` and `graphs` (sentences), one a contest; `rows`, one a model with one of
        its `cells` a contest; `rule`, by which the metrics were chosen; `in_points`, whether all of
        them are written in points.
    """
    rules = dict.fromkeys(metrics_of(each.metrics.kind).headline_rule for each in results)
    headlines = [headline(result) for result in results]
    rows, graphs = [], []
    for name in _models(results):
        rows.append({"name": name, "cells": [_cell(result, name) for result in results]})
    for result, metric in zip(results, headlines, strict=True):
        graphs.append(sentences(result.metrics.comparisons, metric))
    return {
        "titles": [_title(result, results) for result in results],
        "rule": "; ".join(rules),
        "metrics": [metric.in_sentence for metric in headlines],
        "in_points": all(metric.percent for metric in headlines),
        "rows": rows,
        "graphs": graphs,
    }


def _models(results: Sequence[Result]) -> list[str]:
    """The models of all contests that do not stand for single modalities: first what knows nothing
    of a patient, the net last of those known here."""
    models = dict.fromkeys(name for result in results for name in result.metrics.models)
    shown = [name for name in models if not ModelId.parse(name).modalities]
    baselines = [kind_of(kind).baseline for kind in trained_kinds()]
    order = {name: place for place, name in enumerate([*baselines, *_ORDER])}
    return sorted(shown, key=lambda name: order.get(name, len(order)))


def _title(result: Result, results: Sequence[Result]) -> str:
    """The contest's name; with its recipe where the bench has several."""
    recipes = {each.contest.recipe.name for each in results}
    contest = result.contest
    return f"{contest.name}, {contest.recipe.name}" if len(recipes) > 1 else contest.name


def _cell(result: Result, name: str) -> dict[str, Any]:
    """A model's score in a contest, a dash where it has none."""
    metric = headline(result)
    score = result.metrics.models.get(name, {}).get(metric.name)
    if not isinstance(score, Score):
        return {"mean": "–", "interval": "", "verdict": ""}
    pair = graph_ablation.against(result.metrics, OURS, name, metric.name)
    return {
        "mean": formatting.scored(score.mean, metric),
        "interval": formatting.scored_span(score.ci95, metric),
        "verdict": pair.verdict if pair else "",
    }


def _contest(result: Result) -> dict[str, Any]:
    """A contest's own part of the page."""
    metrics, contest = result.metrics, result.contest
    known, first = metrics_of(metrics.kind), headline(result)
    compared, pairs = scores.comparisons(metrics)
    return {
        "contest": contest,
        "patients": len(contest.cohort),
        "labelled": int(contest.outcome.known.sum()),
        "hashes": contest.hashes,
        **_forest(result),
        "known": known,
        "names": {metric.name: metric.title for metric in known},
        "sizes": formatting.sizes(metrics),
        "report_words": contest.outcome.task.report_words,
        "baselines": scores.baselines(metrics),
        "variants": scores.variants(metrics),
        "compared": compared,
        "pairs": [pair for pair in pairs if not pair["variant"]],
        "graphs": graph_ablation.ablations(metrics),
        "graph_metrics": graph_ablation.compared_in(metrics),
        "metric": first.in_sentence,
        "shapley": [each for each in result.contributions if each.metric == first.name],
        "cross_modal": graph_ablation.against(metrics, OURS, ADDITIVE, first.name),
    }


def _forest(result: Result) -> dict[str, Any]:
    """The forest plot of a contest, and whether rows of it are cut off."""
    contest, known = result.contest, metrics_of(result.metrics.kind)
    drawn = list(dict.fromkeys([headline(result), known[known.primary]]))
    name = _identifier(f"{contest.name}-{contest.recipe.name}")
    title = f"{contest.name}: scores by model with 95 % intervals"
    return {
        "forest": scores.forest(result.metrics, drawn, name, title),
        "far": any(scores.is_unbounded(metric) for metric in drawn),
    }


def _identifier(text: str) -> str:
    """The text with a dash for all that may not stand in an id of HTML."""
    return "".join(letter if letter.isalnum() else "-" for letter in text)


# --------------------------------------------------------------------------------------- csv tables


def _by_contest(
    results: Sequence[Result], rows_of: Callable[[Result], list[dict[str, Any]]]
) -> pd.DataFrame:
    """The rows of every contest, with the names of its cohort and recipe in front."""
    table = []
    for result in results:
        names = {"cohort": result.contest.name, "recipe": result.contest.recipe.name}
        table += [names | _flat(row) for row in rows_of(result)]
    return pd.DataFrame(table)


def _scores(result: Result) -> list[dict[str, Any]]:
    """Rows of model, kind (rung or variant), metric, mean, sd and interval."""
    metrics = result.metrics
    known = metrics_of(metrics.kind).names
    rows = []
    for kind, models in (("rung", metrics.models), ("variant", metrics.variants)):
        for model, scored in models.items():
            names = {"model": model, "kind": kind}
            rows += [names | {"metric": each} | scored[each].model_dump() for each in known]
    return rows


def _comparisons(result: Result) -> list[dict[str, Any]]:
    return [pair.model_dump() for pair in result.metrics.comparisons]


def _contributions(result: Result) -> list[dict[str, Any]]:
    return [each.model_dump() for each in result.contributions]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """The row, its interval as two columns."""
    if "ci95" not in row:
        return row
    low, high = row["ci95"]
    rest = {key: value for key, value in row.items() if key != "ci95"}
    return rest | {"lo": low, "hi": high}
