"""Patients who are in a cohort twice: identical rows, and rows that hardly differ."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

import numpy as np
import pandas as pd

from graphfuse.data.leak_audit.finding import Finding, Subject, numbers, row_blocks, spread
from graphfuse.data.leak_audit.similar_profiles import NEAR, similar_sets
from graphfuse.errors import FEW, few

_PARTS = 3  # parts of a table's columns, to judge whether identical rows are chance
_KNOWN = 5  # values a row needs to be compared
_PICKS = 256  # columns that represent a wide table

# ----------------------------------------------------------------------------------- identical rows


def identical(subject: Subject, modality: str) -> tuple[list[Finding], np.ndarray]:
    """Sets of patients with one and the same row in a modality, missing values alike.

    A table of few columns or few levels has equal rows by chance. A set is reported only if nobody
    else agrees with it even on one of three parts of the columns: were each part shared by chance
    with probability q, equal rows would be rarer (n²q³/2) than such near misses (3nq), and a false
    alarm has a chance below 0.025/n. Rows that are all one value, or the columns' mean or median,
    are reported separately: they were filled in.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.
    modality
        The name of the modality.

    Returns
    -------
    findings : list of Finding
        One of duplicate patients and one of filled rows, each where there are such sets.
    first : bool array `[N]`
        Rows to compare further: one of each set of equal rows, and none that was filled in.
    """
    table, words = numbers(subject.cohort.modalities[modality])
    rows = np.flatnonzero(subject.cohort.modalities[modality].present)
    whole, parts, known, constant = _fingerprints(table, rows)
    comparable = [members for members in _alike(whole) if (known[members] >= _KNOWN).all()]
    sets = _beyond_chance(comparable, parts)
    are_filled = _are_filled(table, words, rows, sets, constant)
    copies = [rows[members] for members, is_filled in zip(sets, are_filled) if not is_filled]
    filled = [rows[members] for members, is_filled in zip(sets, are_filled) if is_filled]
    findings = []
    if copies:
        what = "the same values in every column"
        findings.append(_duplicates("duplicate-patients", subject, modality, copies, what))
    if filled:
        findings.append(_filled_rows(modality, filled))
    _, first_of_each = np.unique(whole, return_index=True)
    first = np.zeros(len(table), dtype=bool)
    first[rows[first_of_each]] = True
    for members in filled:
        first[members] = False
    return findings, first


def _beyond_chance(sets: list[np.ndarray], parts: list[np.ndarray]) -> list[np.ndarray]:
    """The sets with which no other row agrees, not even on one part of the columns."""
    alone = sets
    for hashes in parts:
        sizes = Counter(hashes)
        alone = [members for members in alone if sizes[hashes[members[0]]] == len(members)]
    return alone


def _fingerprints(
    table: pd.DataFrame, rows: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """A hash of each row and of each third of it, the number of its known values, and whether they
    are all one value."""
    column_sets = [slice(None), *_thirds(table)]
    hashes_of = [[] for _ in column_sets]
    known, constant = [], []
    for values in row_blocks(table, rows):
        gaps = np.isnan(values)
        highest = np.where(gaps, -np.inf, values).max(axis=1)
        lowest = np.where(gaps, np.inf, values).min(axis=1)
        known.append((~gaps).sum(axis=1))
        constant.append(highest == lowest)
        one_pattern = np.where(gaps, np.nan, values) + 0.0  # of bits for NaN, and one for zero
        for hashes, columns in zip(hashes_of, column_sets, strict=True):
            hashes += _row_hashes(one_pattern[:, columns])
    whole, *parts = (np.array(hashes, dtype="U32") for hashes in hashes_of)
    known_count = np.concatenate([*known, []]).astype(int)
    is_constant = np.concatenate([*constant, []]).astype(bool)
    return whole, parts, known_count, is_constant


def _thirds(table: pd.DataFrame) -> list[np.ndarray]:
    """The positions of the columns in three parts, columns with many values dealt out evenly."""
    order = np.arange(table.shape[1])
    if table.shape[1] <= _PICKS:
        order = np.argsort(-table.nunique().to_numpy(), kind="stable")
    return [order[start::_PARTS] for start in range(_PARTS)]


def _row_hashes(values: np.ndarray) -> list[str]:
    """A hash of each row."""
    return [hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest() for row in values]


def _alike(hashes: np.ndarray) -> list[np.ndarray]:
    """The positions of each hash that occurs more than once."""
    sets = defaultdict(list)
    for position, mark in enumerate(hashes):
        sets[mark].append(position)
    return [np.array(members) for members in sets.values() if len(members) > 1]


def _are_filled(
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


def _filled_rows(modality: str, sets: list[np.ndarray]) -> Finding:
    """The finding of rows that were filled in."""
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


def _duplicates(
    kind: str, subject: Subject, where: str, sets: list[np.ndarray], what: str
) -> Finding:
    """The finding of sets of patients who are alike: a leak, unless folds are given that keep each
    set on one side."""
    patients = sum(map(len, sets))
    message = f"{few(patients)} patients, in sets of {sizes_in_words(sets)}, have {what}"
    message += labels_in_words(subject, sets)
    severity = "leak"
    if subject.folds is not None:
        split, folds = subject.split(sets)
        message += f"; {few(split)} sets are on both sides of a fold, in {folds} folds"
        severity = "leak" if split else "warning"
    cure = "keep one row of each patient, or put a set's patients in one fold (--folds)"
    return Finding(kind, severity, where, message, patients, cure, patients=as_tuples(sets))


def labels_in_words(subject: Subject, sets: list[np.ndarray]) -> str:
    """How many sets have one label, of those with two or more labelled patients; '' if none has
    two."""
    outcome = subject.outcome
    if outcome is None:
        return ""
    several = alike = 0
    for members in sets:
        labelled = members[outcome.known[members]]
        if len(labelled) > 1:
            several += 1
            alike += len(set(outcome.values[labelled])) == 1
    if not several:
        return ""
    if alike in (0, several):
        return "; all sets have one label" if alike else "; no set has one label"
    if several < FEW:
        return "; some sets have one label"
    return f"; {few(alike)} of {several:,} sets have one label"


def sizes_in_words(sets: list[np.ndarray]) -> str:
    """The sizes of the sets, in words."""
    sizes = [len(members) for members in sets]
    low, high = min(sizes), max(sizes)
    return str(low) if low == high else f"{low} to {high}"


# ------------------------------------------------------------------------------ near-identical rows


def near_identical(subject: Subject, modality: str, compared: np.ndarray) -> list[Finding]:
    """Sets of patients whose standardised profiles correlate above 0.999.

    Columns are standardised and cut at 3 SD, at most 256 of those with many values; with fewer than
    20 nothing is reported. Where everyone correlates, a pair stands out only by its distance: with
    r₁ to each other and r₂ to the nearest other patient, chance makes r₂/r₁ exceed m with
    probability m^−d in d dimensions; d is estimated from the table, and the number expected among
    all patients must stay below 0.01.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.
    modality
        The name of the modality.
    compared : bool array `[N]`
        The rows to compare.

    Returns
    -------
    list of Finding
        One, or none where no set stands out.

    References
    ----------
    Facco et al. 2017, doi:10.1038/s41598-017-11873-y.
    """
    rows = np.flatnonzero(compared)
    sets = [rows[list(members)] for members in similar_sets(subject, modality, rows)]
    if not sets:
        return []
    what = f"standardised profiles that correlate above {NEAR}"
    return [_duplicates("near-identical-patients", subject, modality, sets, what)]
