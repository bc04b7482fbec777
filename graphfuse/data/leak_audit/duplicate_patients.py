"""The same patient twice: identical rows, and rows that hardly differ."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

import numpy as np
import pandas as pd

from graphfuse.data.leak_audit.finding import Finding, Subject, numbers, row_blocks, spread
from graphfuse.data.leak_audit.similar_profiles import NEAR, similar_sets
from graphfuse.errors import few

_PARTS = 3  # of a table's columns, to judge whether identical rows are chance
_KNOWN = 5  # values a row needs to be compared
_PICKS = 256  # columns that stand for a wide table

# ----------------------------------------------------------------------------------- identical rows


def identical(subject: Subject, modality: str) -> tuple[list[Finding], np.ndarray]:
    """Sets of patients with one and the same row in a modality, missing values alike.

    A table of few columns or few levels has equal rows by chance. A set alarms only if nobody else
    agrees with it even on one of three parts of the columns: were each part shared by chance with
    probability q, equal rows would be rarer (n²q³/2) than such near misses (3nq), and a false alarm
    has a chance below 0.025/n. Rows that are all one value, or the columns' mean or median, are
    told apart: they were filled in.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.
    modality
        The name of the modality to look at.

    Returns
    -------
    findings : list of Finding
        One of duplicate patients and one of filled rows, each where there are such sets.
    first : bool array `[N]`
        Rows to look at further: one of each set of equal rows, and none that was filled in.
    """
    table, words = numbers(subject.cohort.modalities[modality])
    rows = np.flatnonzero(subject.cohort.modalities[modality].present)
    whole, parts, known, constant = _fingerprints(table, rows)
    comparable = [members for members in _alike(whole) if (known[members] >= _KNOWN).all()]
    sets = _beyond_chance(comparable, parts)
    is_filled = _filled(table, words, rows, sets, constant)
    copies = [rows[members] for members, filled in zip(sets, is_filled) if not filled]
    padded = [rows[members] for members, filled in zip(sets, is_filled) if filled]
    findings = []
    if copies:
        what = "the same values in every column"
        findings.append(_twins("duplicate-patients", subject, modality, copies, what))
    if padded:
        findings.append(_padding(modality, padded))
    _, first_of_each = np.unique(whole, return_index=True)
    first = np.zeros(len(table), dtype=bool)
    first[rows[first_of_each]] = True
    for members in padded:
        first[members] = False
    return findings, first


def _beyond_chance(sets: list[np.ndarray], parts: list[np.ndarray]) -> list[np.ndarray]:
    """Those of the sets with whom no other row agrees, not even on one part of the columns."""
    apart = sets
    for marks in parts:
        sizes = Counter(marks)
        apart = [members for members in apart if sizes[marks[members[0]]] == len(members)]
    return apart


def _fingerprints(
    table: pd.DataFrame, rows: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """A hash of each row and of each third of it, how many values are known in it, and whether they
    are all one value."""
    column_sets = [slice(None), *_thirds(table)]
    marks, known, constant = [[] for _ in column_sets], [], []
    for values in row_blocks(table, rows):
        gaps = np.isnan(values)
        highest = np.where(gaps, -np.inf, values).max(axis=1)
        lowest = np.where(gaps, np.inf, values).min(axis=1)
        known.append((~gaps).sum(axis=1))
        constant.append(highest == lowest)
        one_pattern = np.where(gaps, np.nan, values) + 0.0  # of bits for NaN, and one for zero
        for hashes, columns in zip(marks, column_sets, strict=True):
            hashes += _row_hashes(one_pattern[:, columns])
    whole, *parts = (np.array(hashes, dtype="U32") for hashes in marks)
    known_count = np.concatenate([*known, []]).astype(int)
    is_constant = np.concatenate([*constant, []]).astype(bool)
    return whole, parts, known_count, is_constant


def _thirds(table: pd.DataFrame) -> list[np.ndarray]:
    """The positions of the columns in three parts, the most telling columns dealt out evenly."""
    order = np.arange(table.shape[1])
    if table.shape[1] <= _PICKS:
        order = np.argsort(-table.nunique().to_numpy(), kind="stable")
    return [order[start::_PARTS] for start in range(_PARTS)]


def _row_hashes(values: np.ndarray) -> list[str]:
    return [hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest() for row in values]


def _alike(marks: np.ndarray) -> list[np.ndarray]:
    """Positions with equal marks, where there are several."""
    sets = defaultdict(list)
    for position, mark in enumerate(marks):
        sets[mark].append(position)
    return [np.array(members) for members in sets.values() if len(members) > 1]


def _filled(
    table: pd.DataFrame,
    words: np.ndarray,
    rows: np.ndarray,
    sets: list[np.ndarray],
    constant: np.ndarray,
) -> np.ndarray:
    """bool: sets whose row is one value throughout, or the columns' mean or median."""
    if not sets:
        return np.zeros(0, dtype=bool)
    firsts = np.array([members[0] for members in sets])
    picks = spread(np.flatnonzero(~words), _PICKS)
    values = table.iloc[rows, picks].to_numpy(dtype=float)
    values = values[:, ~np.isnan(values).all(axis=0)]
    filled = constant[firsts]
    if not values.shape[1]:
        return filled
    close = 1e-6 * np.nanstd(values, axis=0)
    for centre in (np.nanmean(values, axis=0), np.nanmedian(values, axis=0)):
        at_centre = np.abs(values[firsts] - centre) <= close
        filled = filled | (at_centre.mean(axis=1) > 0.9)
    return filled


def _padding(modality: str, sets: list[np.ndarray]) -> Finding:
    patients = sum(map(len, sets))
    message = (
        f"{few(patients)} patients share a row that is one value throughout, or the columns' "
        "mean or median: filled in"
    )
    cure = (
        "leave the row of who was not measured blank: the mean of all patients is a look at "
        "those tested"
    )
    return Finding(
        "filled-rows", "warning", modality, message, patients, cure, patients=as_tuples(sets)
    )


def as_tuples(sets: list[np.ndarray]) -> tuple[tuple[int, ...], ...]:
    """Sets of row numbers as plain tuples, for a finding."""
    return tuple(tuple(map(int, members)) for members in sets)


def _twins(kind: str, subject: Subject, where: str, sets: list[np.ndarray], what: str) -> Finding:
    """A leak, unless folds are given that keep each set on one side."""
    patients = sum(map(len, sets))
    message = f"{few(patients)} patients, in sets of {sizes_in_words(sets)}, have {what}"
    message += _labels_in_words(subject, sets)
    torn, folds = subject.split(sets)
    if subject.folds is not None:
        message += f"; {few(torn)} sets stand on both sides of a fold, in {folds} folds"
    severity = "warning" if subject.folds is not None and not torn else "leak"
    cure = "keep one row of each patient, or put a set's patients in one fold (--folds)"
    return Finding(kind, severity, where, message, patients, cure, patients=as_tuples(sets))


def _labels_in_words(subject: Subject, sets: list[np.ndarray]) -> str:
    """How many sets have one label, of those with two or more that are known; '' if none has."""
    label = subject.outcome
    if label is None:
        return ""
    labels = [label.values[members[label.known[members]]] for members in sets]
    several = [values for values in labels if len(values) > 1]
    if not several:
        return ""
    alike = sum(len(set(values)) == 1 for values in several)
    return f"; {few(alike)} of {few(len(several))} sets have one label"


def sizes_in_words(sets: list[np.ndarray]) -> str:
    """How large the sets are, in words."""
    low, high = min(map(len, sets)), max(map(len, sets))
    return str(low) if low == high else f"{low} to {high}"


# ------------------------------------------------------------------------------ near-identical rows


def near_identical(subject: Subject, modality: str, look: np.ndarray) -> list[Finding]:
    """Sets of patients whose standardised profiles correlate above 0.999.

    Columns are standardised and cut at 3 SD, at most 256 of those with many values; fewer than 20
    say nothing. Where everyone correlates a pair stands out only by its distance: with r₁ to each
    other and r₂ to the nearest other patient, chance makes r₂/r₁ exceed m with probability m^−d in
    d dimensions (Facco et al. 2017, doi:10.1038/s41598-017-11873-y); d is estimated from the table,
    and the number expected among all patients must stay below 0.01.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.
    modality
        The name of the modality to look at.
    look : bool array `[N]`
        The rows to compare.

    Returns
    -------
    list of Finding
        One, or none where no set stands out.
    """
    rows = np.flatnonzero(look)
    sets = [rows[list(members)] for members in similar_sets(subject, modality, rows)]
    if not sets:
        return []
    what = f"standardised profiles that correlate above {NEAR}"
    return [_twins("near-identical-patients", subject, modality, sets, what)]
