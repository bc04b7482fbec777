"""How the net does in each group of patients, as a report tells it."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from graphfuse.report.counts import shaded
from graphfuse.report.words import listed, scored, scored_sign, scored_span
from graphfuse.schema import GroupScore
from graphfuse.task.metric import Metric, MetricSet

LISTED = 12  # levels without a score that are named
_SHOWN = "gap shown"


def told(found: list[GroupScore], known: MetricSet) -> list[dict]:
    """For each group: its name, a sentence, the metrics, a row for each level that is scored, and
    those that are not; `known`: the metrics of the run's kind of outcome."""
    by_group = groupby(found, key=lambda row: row.group)
    return [_group(name, list(rows), known) for name, rows in by_group]


def _group(name: str, found: list[GroupScore], known: MetricSet) -> dict:
    metrics = [
        metric
        for metric in known
        if any(row.metric == metric.name and row.score is not None for row in found)
    ]
    levels: dict[str, dict[str, GroupScore]] = {}
    for row in found:
        levels.setdefault(row.level, {})[row.metric] = row
    sizes = shaded(
        np.array([next(iter(rows.values())).patients for rows in levels.values()], float)
    )
    patients = {level: size.text for level, size in zip(levels, sizes, strict=True)}
    scored = {
        level: rows
        for level, rows in levels.items()
        if any(row.score is not None for row in rows.values())
    }
    small = [f"{level} ({patients[level]})" for level in levels if level not in scored]
    return {
        "name": name,
        "sentence": _sentence(scored, known),
        "metrics": [metric.name for metric in metrics],
        "rows": [
            {
                "name": level,
                "patients": patients[level],
                "cells": [_cell(rows.get(metric.name), metric) for metric in metrics],
            }
            for level, rows in scored.items()
        ],
        "small": _small(small),
    }


def _cell(row: GroupScore | None, metric: Metric) -> dict | None:
    if row is None or row.score is None:
        return None
    return {
        "score": scored(row.score, metric),
        "interval": scored_span(row.ci95, metric),
        "gap": scored_sign(row.gap, metric, row.score),
        "gap_interval": scored_span(row.gap_ci95, metric, row.score),
        "shown": row.verdict == _SHOWN,
    }


def _sentence(scored: dict[str, dict[str, GroupScore]], known: MetricSet) -> str:
    """The levels with a gap, the widest first, and in which metrics they fare worse or better than
    the rest."""
    if not scored:
        return "No level is large enough to be scored."
    gaps = {
        level: [row for row in rows.values() if row.verdict == _SHOWN]
        for level, rows in scored.items()
    }
    widest = sorted(
        (level for level in gaps if gaps[level]),
        key=lambda level: -max(abs(row.gap) for row in gaps[level]),
    )
    rest = len(scored) - len(widest)
    none = f"no gap is shown for {f'the other {rest}' if widest else 'any of them'}" if rest else ""
    told = f"{none}."
    if widest:
        ways = [f"{level} ({_ways(gaps[level], known)})" for level in widest]
        told = f"a gap is shown for {listed(ways)}"
        told += f"; {none}." if none else "."
    return told[0].upper() + told[1:]


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
