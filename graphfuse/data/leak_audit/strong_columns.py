"""Columns that alone say much of the label: strong markers, or leaks."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np

from graphfuse.data.leak_audit.chance import HANDFUL, aurocs, level_shares
from graphfuse.data.leak_audit.finding import RARE, Finding, Subject, column_blocks, numbers
from graphfuse.data.leak_audit.label_columns import (
    Hit,
    apart,
    column_names,
    in_small,
    span,
    tested_classes,
)
from graphfuse.data.modality import Modality
from graphfuse.errors import examples

STRONG = 0.85  # AUROC of a column alone
_RELATED = 0.7  # AUROC of columns that keep a strong one company
_COMPANY = 5  # of them, at least: a broad signal
_ALONE = 0.5  # of the company's probit of AUROC: a column that is further above is no part of it
_ERRORS = 3  # standard errors, or so many of these


def strong_columns(subject: Subject) -> list[Finding]:
    """Columns whose AUROC for a class against the rest is above 0.85, beyond chance; not those
    that a finding has.

    It is a warning: a good marker looks like run order, or like a treatment that the outcome called
    for. It is a note where the label is declared to be derived from the modality. It is a note,
    too, where in a table of measurements the signal is broad: at least five more columns have an
    AUROC above 0.7, and the strongest is no exception among them.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.

    Returns
    -------
    list of Finding
        At most one for each modality.
    """
    tested = tested_classes(subject)
    if not tested:
        return []
    findings = []
    modalities = subject.cohort.modalities.values()
    columns = sum(modality.table.shape[1] for modality in modalities)
    tests = len(tested) * columns
    for modality in modalities:
        areas = _areas(subject, modality, tested)
        extreme = np.fmax(areas, 1 - areas)
        unreported = subject.unreported(modality.name, modality.columns)
        extreme[:, ~modality.table.columns.isin(unreported)] = np.nan
        hits = _hits(subject, modality, tested, extreme, tests)
        if hits:
            strengths = np.nan_to_num(np.fmax.reduce(extreme, axis=0))
            findings.append(_finding(subject, modality, hits, strengths))
    return findings


def _areas(subject: Subject, modality: Modality, tested: list[int]) -> np.ndarray:
    """AUROC of each column for each class `[classes, F]`; of words, by the shares of the class in
    their levels."""
    table, words = numbers(modality)
    rows = np.flatnonzero(modality.present & (subject.labels >= 0))
    labels = subject.labels[rows]
    areas = np.full((len(tested), table.shape[1]), np.nan)
    if not len(rows):
        return areas
    for start, values in column_blocks(table, rows):
        some = aurocs(values, labels, len(subject.classes))[tested]
        areas[:, start : start + values.shape[1]] = some
    for position in np.flatnonzero(words):
        levels = table.iloc[rows, position].to_numpy(dtype=float)
        for row, k in enumerate(tested):
            areas[row, position] = _area_of_levels(levels, labels == k)
    return areas


def _area_of_levels(levels: np.ndarray, member: np.ndarray) -> float:
    """AUROC of a column of words; NaN where chance splits so many levels as well."""
    share, log_ways = level_shares(levels, member)
    area = float(aurocs(share[:, None], member.astype(int), 2)[1, 0])
    known = ~np.isnan(share)
    inside = int(member[known].sum())
    outside = int(known.sum()) - inside
    if min(inside, outside) < HANDFUL:
        return np.nan
    log_p = _log_p(max(area, 1 - area), inside, outside)
    return area if log_p + log_ways < log(RARE) else np.nan


def _log_p(area: float, inside: int, outside: int) -> float:
    """ln of the chance of an AUROC so far from 1/2, by the normal approximation of Mann-Whitney's
    U, which is too large in these tails."""
    from scipy.special import log_ndtr

    pairs = inside * outside
    variance = pairs * (inside + outside + 1) / 12
    lost = (1 - area) * pairs + 0.5
    tail = log_ndtr((lost - pairs / 2) / sqrt(variance))
    return log(2) + float(tail)


def _hits(
    subject: Subject, modality: Modality, tested: list[int], extreme: np.ndarray, tests: int
) -> list[Hit]:
    """The strong columns beyond chance, each with the class that it separates best; `extreme`
    `[classes, F]`: the larger of AUROC and 1 - AUROC."""
    highest = np.fmax.reduce(extreme, axis=0)
    rows = np.flatnonzero(modality.present & (subject.labels >= 0))
    labels = subject.labels[rows]
    hits = []
    for position in np.flatnonzero(highest > STRONG):
        k = tested[int(np.nanargmax(extreme[:, position]))]
        known = modality.table.iloc[rows, position].notna().to_numpy()
        inside = int(np.sum(labels[known] == k))
        outside = int(known.sum()) - inside
        area = float(highest[position])
        log_expected = _log_p(area, inside, outside) + log(tests)
        if log_expected < log(RARE):
            name = modality.table.columns[position]
            hits.append(Hit(name, k, area, exp(log_expected)))
    return hits


def _is_broad(strengths: np.ndarray, smaller_class: int) -> bool:
    """Whether the strongest of all columns, by AUROC `[F]`, is no exception among them: its probit
    is within half of that of the fifth after it, or within three standard errors."""
    from scipy.special import ndtri

    if len(strengths) <= _COMPANY:
        return False
    ordered = np.sort(strengths)[::-1]
    strongest, company = ndtri(ordered[0]), ndtri(ordered[_COMPANY])
    error = np.sqrt((1 + strongest**2 / 2) / smaller_class)  # of the probit, two normal classes
    allowed = max(_ALONE * company, _ERRORS * error)
    return ordered[_COMPANY] > _RELATED and strongest - company < allowed


def _smallest(subject: Subject, k: int) -> int:
    """Patients of class `k`, or of the rest, where these are fewer."""
    labelled = subject.labels >= 0
    inside = int((subject.labels == k).sum())
    return max(1, min(inside, int(labelled.sum()) - inside))


def _finding(
    subject: Subject, modality: Modality, hits: list[Hit], strengths: np.ndarray
) -> Finding:
    """The finding of a modality's strong columns; `strengths` `[F]`: AUROC of each column."""
    hits = sorted(hits, key=lambda hit: -hit.auroc)
    names = column_names(hits)
    expected = in_small(max(hit.expected for hit in hits))
    number = "1 column alone says"
    if len(names) > 1:
        number = f"{len(names):,} columns alone say"
    message = (
        f"{number} much of {apart(subject, hits)} ({examples(names)}; AUROC {span(hits)}; by "
        f"chance {expected} expected)"
    )
    severity = "warning"
    cure = (
        "a good marker, or a leak: ask whether it was measured before the outcome and by people "
        "who did not know it, and report the score without it too; if the label is defined by it, "
        "declare derived_from"
    )
    if modality.name in subject.derived:
        severity = "note"
        cure = (
            f"expected, as the label is declared to be derived from {modality.name}: report the "
            "score without it too"
        )
    elif modality.kind != "ehr" and _is_broad(strengths, _smallest(subject, hits[0].k)):
        severity = "note"
        others = int((strengths > _RELATED).sum()) - len(names)
        message += f"; {others:,} more have AUROCs above {_RELATED}: the signal is broad"
    return Finding("strong-column", severity, modality.name, message, len(names), cure, names)
