"""The results of a bench: a page with figures, tables in Markdown and csv files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from graphfuse.data.safe_csv import safe_csv
from graphfuse.evaluate.bench import Result
from graphfuse.evaluate.graph_controls import sentences
from graphfuse.files.atomic_write import Kind, whole
from graphfuse.report import formatting, graph_ablation, scores
from graphfuse.report.templates import template
from graphfuse.schema import Metrics, Score
from graphfuse.schema.run_model_name import (
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
_PAGES = ("bench.html", "bench.md", "bench.json", "README.txt")
_TABLES = ("results.csv", "timings.csv", "scores.csv", "comparisons.csv", "modalities.csv")
BENCH = Kind.of("folder of a bench", "parts", *_PAGES, *_TABLES)
_TIMED = ["cohort", "recipe", "model", "repeat", "fold", "seconds"]
_README = """\
bench.html       the page: every table and figure, opens offline
bench.md         the same tables, to paste
bench.json       how it was made: command, protocol, seed, versions, sha256 of every input
results.csv      a row for every cohort, recipe, model, repeat and fold; ece is that of the fold
                 alone, and in scores.csv that of all folds of a repeat together
timings.csv      seconds of each of those rows
scores.csv       means over folds with 95 % intervals over patients and training sets
comparisons.csv  paired differences; "better" and "worse" only where p_adjusted (by Holm, for all
                 comparisons of a cohort and recipe) is below 0.05; detectable: the smallest
                 difference that would have been shown with 80 % power
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
    shown = {"about": about, "summary": summary(results)}
    shown["contests"] = [_contest(result) for result in results]
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
    kinds = dict.fromkeys(each.metrics.kind for each in results)
    rules = dict.fromkeys(metrics_of(kind).headline_rule for kind in kinds)
    headlines = [headline(result) for result in results]
    rows, graphs = [], []
    for name in _models(results):
        cells = [_cell(result, name) for result in results]
        rows.append({"name": name, "cells": cells})
    for result, metric in zip(results, headlines, strict=True):
        graphs.append(sentences(result.metrics.comparisons, metric))
    shown: dict[str, Any] = {"rows": rows, "graphs": graphs, "rule": "; ".join(rules)}
    shown["titles"] = [_title(result, results) for result in results]
    shown["metrics"] = [metric.in_sentence for metric in headlines]
    shown["in_points"] = all(metric.percent for metric in headlines)
    return shown


def _models(results: Sequence[Result]) -> list[str]:
    """The models of all contests, without those of single modalities: first the baseline that does
    not use a patient's data, last of the known ones the net."""
    models: dict[str, None] = {}
    for result in results:
        models |= dict.fromkeys(result.metrics.models)
    shown = [name for name in models if not ModelId.parse(name).modalities]
    uninformed = [kind_of(kind).baseline for kind in trained_kinds()]
    first = [*uninformed, *_ORDER]
    return sorted(shown, key=lambda name: first.index(name) if name in first else len(first))


def _title(result: Result, results: Sequence[Result]) -> str:
    """The contest's name; with its recipe where the bench has several."""
    recipes = {each.contest.recipe.name for each in results}
    contest = result.contest
    if len(recipes) > 1:
        return f"{contest.name}, {contest.recipe.name}"
    return contest.name


def _cell(result: Result, name: str) -> dict[str, Any]:
    """A model's score in a contest, a dash where it has none."""
    metric = headline(result)
    scores_by_metric = result.metrics.models.get(name, {})
    score = scores_by_metric.get(metric.name)
    if not isinstance(score, Score):
        return {"mean": "–", "interval": "", "verdict": ""}
    mean = formatting.scored(score.mean, metric)
    interval = formatting.scored_span(score.ci95, metric)
    pair = graph_ablation.against(result.metrics, OURS, name, metric.name)
    verdict = pair.verdict if pair else ""
    return {"mean": mean, "interval": interval, "verdict": verdict}


def _contest(result: Result) -> dict[str, Any]:
    """A contest's own part of the page."""
    metrics, contest = result.metrics, result.contest
    shown: dict[str, Any] = {"contest": contest, "hashes": contest.hashes}
    shown["patients"] = len(contest.cohort)
    shown["labelled"] = int(contest.outcome.known.sum())
    shown["report_words"] = contest.outcome.task.report_words
    shown |= _scores_of(metrics)
    shown |= _forest(result)
    first = headline(result)
    shown["metric"] = first.in_sentence
    shown["shapley"] = [each for each in result.contributions if each.metric == first.name]
    shown["cross_modal"] = graph_ablation.against(metrics, OURS, ADDITIVE, first.name)
    return shown


def _scores_of(metrics: Metrics) -> dict[str, Any]:
    """The scores of a contest's models, and how they compare."""
    known = metrics_of(metrics.kind)
    compared, pairs = scores.comparisons(metrics)
    shown: dict[str, Any] = {"known": known, "compared": compared}
    shown["names"] = {metric.name: metric.title for metric in known}
    shown["sizes"] = formatting.sizes(metrics)
    shown["baselines"] = scores.baselines(metrics)
    shown["variants"] = scores.variants(metrics)
    shown["pairs"] = [pair for pair in pairs if not pair["variant"]]
    shown["graphs"] = graph_ablation.ablations(metrics)
    shown["graph_metrics"] = graph_ablation.compared_in(metrics)
    return shown


def _forest(result: Result) -> dict[str, Any]:
    """The forest plot of a contest, and whether rows of it are cut off."""
    contest = result.contest
    known = metrics_of(result.metrics.kind)
    drawn = [headline(result)]
    if known[known.primary] not in drawn:
        drawn.append(known[known.primary])
    name = _identifier(f"{contest.name}-{contest.recipe.name}")
    title = f"{contest.name}: scores by model with 95 % intervals"
    forest = scores.forest(result.metrics, drawn, name, title)
    is_cut = any(scores.is_unbounded(metric) for metric in drawn)
    return {"forest": forest, "far": is_cut}


def _identifier(text: str) -> str:
    """The text with a dash for every character that an id of HTML may not have."""
    return "".join(letter if letter.isalnum() else "-" for letter in text)


# --------------------------------------------------------------------------------------- csv tables


def _by_contest(
    results: Sequence[Result], rows_of: Callable[[Result], list[dict[str, Any]]]
) -> pd.DataFrame:
    """The rows of every contest, with the names of its cohort and recipe in front."""
    table = []
    for result in results:
        names = {"cohort": result.contest.name, "recipe": result.contest.recipe.name}
        rows = rows_of(result)
        table += [names | _flat(row) for row in rows]
    return pd.DataFrame(table)


def _scores(result: Result) -> list[dict[str, Any]]:
    """Rows of model, kind (rung or variant), metric, mean, sd and interval."""
    metrics = result.metrics
    known = metrics_of(metrics.kind).names
    rows = []
    for kind, models in (("rung", metrics.models), ("variant", metrics.variants)):
        for model, scored in models.items():
            for metric in known:
                names = {"model": model, "kind": kind, "metric": metric}
                rows.append(names | scored[metric].model_dump())
    return rows


def _comparisons(result: Result) -> list[dict[str, Any]]:
    return [pair.model_dump() for pair in result.metrics.comparisons]


def _contributions(result: Result) -> list[dict[str, Any]]:
    return [each.model_dump() for each in result.contributions]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """The row, its interval as two columns."""
    if "ci95" not in row:
        return row
    flat = dict(row)
    flat["lo"], flat["hi"] = flat.pop("ci95")
    return flat
