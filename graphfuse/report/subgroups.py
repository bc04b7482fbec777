"""How the net does in each group of patients, as a report tells it."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from graphfuse.report.formatting import listed, scored, scored_sign, scored_span
from graphfuse.report.small_counts import shaded
from graphfuse.schema import GroupScore
from graphfuse.task.metric import Metric, MetricSet

LISTED = 12  # levels without a score that are named
_SIGNIFICANT = "gap shown"  # the verdict in evaluation.json


def subgroup_tables(found: list[GroupScore], known: MetricSet) -> list[dict]:
    """How the net does in each group of patients.

    Parameters
    ----------
    found : list of GroupScore
        The scores of the levels of each group, group after group.
    known : MetricSet
        The metrics of the run's kind of outcome.

    Returns
    -------
    list of dict
        For each group its `name`, a `sentence`, the `metrics`, `rows` of the levels that are
        scored, and a sentence on the `small` ones that are not.
    """
    by_group = groupby(found, key=lambda row: row.group)
    return [_group(name, list(rows), known) for name, rows in by_group]


def _group(name: str, found: list[GroupScore], known: MetricSet) -> dict:
    in_use = {row.metric for row in found if row.score is not None}
    metrics = [metric for metric in known if metric.name in in_use]
    levels: dict[str, dict[str, GroupScore]] = {}
    for row in found:
        levels.setdefault(row.level, {})[row.metric] = row
    patients = _patients(levels)
    has_score = {row.level for row in found if row.score is not None}
    scored = {level: rows for level, rows in levels.items() if level in has_score}
    small = [f"{level} ({patients[level]})" for level in levels if level not in scored]
    rows = []
    for level, scores in scored.items():
        cells = [_cell(scores.get(metric.name), metric) for metric in metrics]
        rows.append({"name": level, "patients": patients[level], "cells": cells})
    return {
        "name": name,
        "sentence": _sentence(scored, known),
        "metrics": [metric.name for metric in metrics],
        "rows": rows,
        "small": _small(small),
    }


def _patients(levels: dict[str, dict[str, GroupScore]]) -> dict[str, str]:
    """The patients of each level as text; small counts are hidden."""
    counts = [next(iter(rows.values())).patients for rows in levels.values()]
    sizes = shaded(np.array(counts, float))
    return {level: size.text for level, size in zip(levels, sizes, strict=True)}


def _cell(row: GroupScore | None, metric: Metric) -> dict | None:
    if row is None or row.score is None:
        return None
    return {
        "score": scored(row.score, metric),
        "interval": scored_span(row.ci95, metric),
        "gap": scored_sign(row.gap, metric, row.score),
        "gap_interval": scored_span(row.gap_ci95, metric, row.score),
        "shown": row.verdict == _SIGNIFICANT,
    }


def _sentence(scored: dict[str, dict[str, GroupScore]], known: MetricSet) -> str:
    """The levels with a gap, the widest first, and in which metrics they fare worse or better than
    the rest."""
    if not scored:
        return "No level is large enough to be scored."
    gaps = {}
    for level, rows in scored.items():
        shown = [row for row in rows.values() if row.verdict == _SIGNIFICANT]
        if shown:
            gaps[level] = shown
    if not gaps:
        return "No significant subgroup difference (adjusted test)."
    widest = sorted(gaps, key=lambda level: -max(abs(row.gap) for row in gaps[level]))
    ways = [f"{level} ({_ways(gaps[level], known)})" for level in widest]
    rest = len(scored) - len(gaps)
    others = f"; none for the other {rest}" if rest else ""
    return f"Significant subgroup differences (adjusted test): {listed(ways)}{others}."


def _ways(rows: list[GroupScore], known: MetricSet) -> str:
    """`worse in accuracy and Brier, better in AUROC`."""
    ways: dict[str, list[str]] = {"worse": [], "better": []}
    for row in rows:
        metric = known[row.metric]
        way = "better" if metric.is_better(row.gap) else "worse"
        ways[way].append(metric.in_sentence)
    return ", ".join(f"{way} in {listed(metrics)}" for way, metrics in ways.items() if metrics)


def _small(small: list[str]) -> str:
    if not small:
        return ""
    more = f" and {len(small) - LISTED} more" if len(small) > LISTED else ""
    return (
        "Not scored, since they or the rest have too few tested patients: "
        f"{', '.join(small[:LISTED])}{more}."
    )
