"""Columns that are the outcome cut into a few levels, such as above and below a threshold."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, lgamma, log

import numpy as np

from graphfuse.data.leak_audit.chance import HANDFUL
from graphfuse.data.leak_audit.finding import RARE, Finding, Subject, column_blocks, numbers
from graphfuse.data.leak_audit.label_columns import in_small
from graphfuse.data.modality import Modality
from graphfuse.errors import examples

MOST = 20  # levels; a column of more is no cut


def cut_from(subject: Subject) -> list[Finding]:
    """Columns of 2 to 20 levels whose patients do not overlap in an outcome that has an order; not
    those that a finding has.

    At least two levels have 5 patients or more. The chance that levels of these sizes follow one
    another along the outcome, times the number of columns, stays below 0.01 (`expected`). It is a
    warning, since a column that determines an outcome looks the same; a note, where the label is
    declared to be derived from the modality.

    Parameters
    ----------
    subject : Subject
        The cohort of N patients and its outcome.

    Returns
    -------
    list of Finding
        At most one for each modality.
    """
    outcome = subject.outcome
    scale = None if outcome is None else outcome.task.in_order(outcome.target)
    if scale is None:
        return []
    findings = []
    for modality in subject.cohort.modalities.values():
        rows = np.flatnonzero(modality.present & outcome.known)
        expected = dict(_hits(modality, rows, scale[rows]))
        rare = [column for column, number in expected.items() if number < RARE]
        hits = {column: expected[column] for column in subject.unreported(modality.name, rare)}
        if hits:
            findings.append(_finding(subject, modality.name, hits))
    return findings


def _hits(modality: Modality, rows: np.ndarray, scale: np.ndarray) -> Iterator[tuple[str, float]]:
    """(column, number of such columns expected by chance) of columns whose levels do not
    overlap."""
    table, _ = numbers(modality)
    order = np.argsort(scale, kind="stable")
    ordered = scale[order]
    for start, values in column_blocks(table, rows[order]):
        steps = np.diff(np.sort(values, axis=0), axis=0) > 0
        count = steps.sum(axis=0)
        for column in np.flatnonzero((count > 0) & (count < MOST)):
            log_p = _log_chance(values[:, column], ordered)
            if log_p is not None:
                yield table.columns[start + column], exp(log_p + log(table.shape[1]))


def _log_chance(column: np.ndarray, scale: np.ndarray) -> float | None:
    """ln of the chance that the levels of a column follow one another along the ordered `scale`:
    L! Π n_l! / n!; `None` where they do not, or are too small."""
    known = ~np.isnan(column)
    column, scale = column[known], scale[known]
    changes = np.flatnonzero(np.diff(column) != 0)
    levels, sizes = np.unique(column, return_counts=True)
    are_in_a_row = len(changes) == len(levels) - 1
    if not are_in_a_row or (sizes >= HANDFUL).sum() < 2:
        return None
    if not (scale[changes] < scale[changes + 1]).all():
        return None
    log_ways = lgamma(len(levels) + 1) + sum(lgamma(size + 1) for size in sizes)
    return log_ways - lgamma(len(column) + 1)


def _finding(subject: Subject, where: str, hits: dict[str, float]) -> Finding:
    """The finding of columns that are the outcome cut into levels."""
    columns = "1 column is" if len(hits) == 1 else f"{len(hits):,} columns are"
    expected = in_small(max(hits.values()))
    message = (
        f"{columns} the outcome cut into levels that do not overlap ({examples(hits)}; by chance "
        f"{expected} expected)"
    )
    if where in subject.derived:
        cure = (
            f"expected, as the label is declared to be derived from {where}: report the score "
            "without it too"
        )
        return Finding("label-like", "note", where, message, len(hits), cure, tuple(hits))
    cure = "remove what is computed from the outcome, as who lies above a threshold"
    return Finding("label-like", "warning", where, message, len(hits), cure, tuple(hits))
