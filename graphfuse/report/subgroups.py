"""Scores in subgroups of patients, as a report shows them."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np

from graphfuse.report.formatting import listed, scored, scored_sign, scored_span
from graphfuse.report.small_counts import shaded
from graphfuse.schema import GroupScore
from graphfuse.task.metric import Metric, MetricSet

LISTED = 12  # levels without a score that are named
_Levels = dict[str, dict[str, GroupScore]]  # level → metric → its score
_SIGNIFICANT = "gap shown"  # the verdict in evaluation.json


def subgroup_tables(group_scores: list[GroupScore], known: MetricSet) -> list[dict]:
    """The scores of the net in each subgroup of patients.

    Parameters
    ----------
    group_scores : list of GroupScore
        The scores of the levels of each group, group after group.
    known : MetricSet
        The metrics of the run's kind of outcome.

    Returns
    -------
    list of dict
        For each group its `name`, a `sentence`, the `metrics`, `rows` of the levels that are
        scored, and a sentence on the `small` ones that are not.
    """
    by_group = groupby(group_scores, key=lambda row: row.group)
    return [_group(name, list(rows), known) for name, rows in by_group]


def _group(name: str, scores: list[GroupScore], known: MetricSet) -> dict:
    """A group: its sentence, a row for each level with scores, and the levels without."""
    with_score = [row for row in scores if row.score is not None]
    in_use = {row.metric for row in with_score}
    has_score = {row.level for row in with_score}
    metrics = [metric for metric in known if metric.name in in_use]
    levels = _by_level(scores)
    patients = _patients(levels)
    scored = {level: levels[level] for level in levels if level in has_score}
    small = [f"{level} ({patients[level]})" for level in levels if level not in scored]
    rows = []
    for level, by_metric in scored.items():
        cells = [_cell(by_metric.get(metric.name), metric) for metric in metrics]
        rows.append({"name": level, "patients": patients[level], "cells": cells})
    shown = {"name": name, "rows": rows, "small": _small(small)}
    shown["sentence"] = _sentence(scored, known)
    shown["metrics"] = [metric.name for metric in metrics]
    return shown


def _by_level(scores: list[GroupScore]) -> _Levels:
    """The scores of each level, by metric."""
    levels: _Levels = {}
    for row in scores:
        levels.setdefault(row.level, {})[row.metric] = row
    return levels


def _patients(levels: _Levels) -> dict[str, str]:
    """The patients of each level as text; small counts are hidden."""
    counts = []
    for rows in levels.values():
        first = next(iter(rows.values()))
        counts.append(first.patients)
    sizes = [size.text for size in shaded(np.array(counts, float))]
    return dict(zip(levels, sizes, strict=True))


def _cell(row: GroupScore | None, metric: Metric) -> dict | None:
    """A score and its difference from the rest as shown; `None` where there is none."""
    if row is None or row.score is None:
        return None
    cell: dict[str, Any] = {"score": scored(row.score, metric)}
    cell["interval"] = scored_span(row.ci95, metric)
    cell["gap"] = scored_sign(row.gap, metric, row.score)
    cell["gap_interval"] = scored_span(row.gap_ci95, metric, row.score)
    cell["shown"] = row.verdict == _SIGNIFICANT
    return cell


def _sentence(scored: _Levels, known: MetricSet) -> str:
    """The levels that differ from the rest, the largest difference first, and in which metrics they
    are worse or better."""
    if not scored:
        return "No level is large enough to be scored."
    gaps = {}
    for level, rows in scored.items():
        shown = [row for row in rows.values() if row.verdict == _SIGNIFICANT]
        if shown:
            gaps[level] = shown
    if not gaps:
        return "No significant subgroup difference (adjusted test)."
    widest = {level: max(abs(row.gap) for row in rows) for level, rows in gaps.items()}
    ordered = sorted(gaps, key=lambda level: -widest[level])
    ways = [f"{level} ({_ways(gaps[level], known)})" for level in ordered]
    rest = len(scored) - len(gaps)
    others = f"; none for the other {rest}" if rest else ""
    return f"Significant subgroup differences (adjusted test): {listed(ways)}{others}."


def _ways(rows: list[GroupScore], known: MetricSet) -> str:
    """`worse in accuracy and Brier, better in AUROC`."""
    worse, better = [], []
    for row in rows:
        metric = known[row.metric]
        names = better if metric.is_better(row.gap) else worse
        names.append(metric.in_sentence)
    ways = []
    if worse:
        ways.append(f"worse in {listed(worse)}")
    if better:
        ways.append(f"better in {listed(better)}")
    return ", ".join(ways)


def _small(small: list[str]) -> str:
    """The levels without scores, in a sentence; blank where there are none."""
    if not small:
        return ""
    others = len(small) - LISTED
    more = f" and {others} more" if others > 0 else ""
    return (
        "Not scored, since they or the rest have too few tested patients: "
        f"{', '.join(small[:LISTED])}{more}."
    )
