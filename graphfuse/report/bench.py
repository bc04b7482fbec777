"""What a bench came to: tables to read, to paste and to go on with, and one page with its
figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from graphfuse.data.export import safe_csv
from graphfuse.evaluate.bench import Result
from graphfuse.evaluate.ledger import sentences
from graphfuse.files.written import Kind, whole
from graphfuse.report import ledger, scores, words
from graphfuse.report.template import template
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

_RUNGS = (  # after what knows nothing of a patient
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
    """Every file of a bench folder but `parts/` and `bench.json`; `table`: the rows of all folds,
    `about`: what `bench.json` says. The same inputs give the same bytes, timings apart."""
    safe_csv(table.drop(columns="seconds"), folder / "results.csv")
    safe_csv(
        table[["cohort", "recipe", "model", "repeat", "fold", "seconds"]], folder / "timings.csv"
    )
    safe_csv(_scores(results), folder / "scores.csv")
    safe_csv(
        _rows(results, lambda r: [pair.model_dump() for pair in r.metrics.comparisons]),
        folder / "comparisons.csv",
    )
    safe_csv(
        _rows(results, lambda r: [each.model_dump() for each in r.contributions]),
        folder / "modalities.csv",
    )
    told = {
        "about": about,
        "contests": [_told(result) for result in results],
        "summary": summary(results),
    }
    for name, page in (("bench.html", "bench.html.jinja"), ("bench.md", "bench.md.jinja")):
        with whole(folder / name) as part:
            part.write_text(template(page).render(**told), encoding="utf-8", newline="\n")
    (folder / "README.txt").write_text(_README, encoding="utf-8")


def headline(result: Result) -> Metric:
    """The metric a contest is told by."""
    metrics = metrics_of(result.metrics.kind)
    return metrics[metrics.headline_of(result.contest.outcome.task.width)]


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """One column a contest and one row a rung: mean and interval of the headline metric, and what
    the net's difference to the rung comes to."""
    rungs = list(
        dict.fromkeys(
            name
            for result in results
            for name in result.metrics.models
            if not ModelId.parse(name).modalities
        )
    )
    nothing = [kind_of(kind).baseline for kind in trained_kinds()]
    order = {name: place for place, name in enumerate([*nothing, *_RUNGS])}
    rungs.sort(key=lambda name: order.get(name, len(order)))
    rules = dict.fromkeys(metrics_of(each.metrics.kind).headline_rule for each in results)
    return {
        "titles": [_title(result, results) for result in results],
        "rule": "; ".join(rules),
        "metrics": [headline(result).in_sentence for result in results],
        "in_points": all(headline(result).percent for result in results),
        "rows": [
            {"name": name, "cells": [_cell(result, name) for result in results]} for name in rungs
        ],
        "graphs": [sentences(result.metrics.comparisons, headline(result)) for result in results],
    }


def _title(result: Result, results: Sequence[Result]) -> str:
    """The contest's name; with its recipe where the bench has several."""
    several = len({each.contest.recipe.name for each in results}) > 1
    return (
        f"{result.contest.name}, {result.contest.recipe.name}" if several else result.contest.name
    )


def _cell(result: Result, name: str) -> dict[str, Any]:
    metric = headline(result)
    score = result.metrics.models.get(name, {}).get(metric.name)
    if not isinstance(score, Score):
        return {"mean": "–", "interval": "", "verdict": ""}
    pair = ledger.against(result.metrics, OURS, name, metric.name)
    return {
        "mean": words.scored(score.mean, metric),
        "interval": words.scored_span(score.ci95, metric),
        "verdict": pair.verdict if pair else "",
    }


def _told(result: Result) -> dict[str, Any]:
    """A contest's own part of the page."""
    metrics, contest = result.metrics, result.contest
    number = f"{contest.name}-{contest.recipe.name}"
    known, first = metrics_of(metrics.kind), headline(result)
    shown = list(dict.fromkeys([first, known[known.primary]]))
    title = f"{contest.name}: scores by model with 95 % intervals"
    compared, pairs = scores.comparisons(metrics)
    return {
        "contest": contest,
        "patients": len(contest.cohort),
        "labelled": int(contest.outcome.known.sum()),
        "hashes": contest.hashes,
        "forest": scores.forest(metrics, shown, _identifier(number), title),
        "far": any(scores.is_unbounded(metric) for metric in shown),
        "known": known,
        "sizes": words.sizes(metrics),
        "report_words": contest.outcome.task.report_words,
        "ladder": scores.ladder(metrics),
        "variants": scores.variants(metrics),
        "compared": compared,
        "pairs": [pair for pair in pairs if not pair["variant"]],
        "graphs": ledger.told(metrics),
        "shapley": [c for c in result.contributions if c.metric == first.name],
        "metric": first.in_sentence,
        "cross_modal": ledger.against(metrics, OURS, ADDITIVE, first.name),
        "names": {metric.name: metric.title for metric in known},
        "graph_metrics": ledger.compared_in(metrics),
    }


def _identifier(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text)


def _scores(results: Sequence[Result]) -> pd.DataFrame:
    """cohort, recipe, model, kind (rung or variant), metric, mean, sd, lo, hi."""

    def rows(result: Result) -> list[dict]:
        tables = (("rung", result.metrics.models), ("variant", result.metrics.variants))
        return [
            {"model": name, "kind": kind, "metric": metric, **row[metric].model_dump()}
            for kind, models in tables
            for name, row in models.items()
            for metric in metrics_of(result.metrics.kind).names
        ]

    return _rows(results, rows)


def _rows(results: Sequence[Result], rows) -> pd.DataFrame:
    found = [
        {"cohort": result.contest.name, "recipe": result.contest.recipe.name, **_flat(row)}
        for result in results
        for row in rows(result)
    ]
    return pd.DataFrame(found)


def _flat(row: dict) -> dict:
    """An interval as two columns."""
    if "ci95" not in row:
        return row
    low, high = row["ci95"]
    return {key: value for key, value in row.items() if key != "ci95"} | {"lo": low, "hi": high}
