"""The same patient twice: identical rows, rows that hardly differ, ids with one stem."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from math import log

import numpy as np
import pandas as pd

from graphfuse.data.audit_finding import RARE, Finding, Subject, numbers, row_blocks, spread
from graphfuse.errors import few

NEAR = 0.999  # correlation of standardised profiles
_PARTS = 3  # of a table's columns, to judge whether identical rows are chance
_KNOWN = 5  # values a row needs to be compared
_PICKS = 256  # columns that stand for a wide table
_WIDE, _DISTINCT = 20, 20  # columns needed for that, and different values in each
_MOST = 8  # patients in a set; larger ones are a kind of patient, not one
_DATED = 2_000  # patients from whom the dimension is estimated

# ----------------------------------------------------------------------------------- identical rows


def identical(subject: Subject, modality: str) -> tuple[list[Finding], np.ndarray]:
    """Sets of patients with one and the same row in a modality, missing values alike, and rows bool
    `[N]` to look at on.

    A table of few columns or few levels has equal rows by chance. A set alarms only if nobody else
    agrees with it even on one of three parts of the columns: were each part shared by chance with
    probability q, equal rows would be rarer (n²q³/2) than such near misses (3nq), and a false alarm
    has a chance below 0.025/n. Rows that are all one value, or the columns' mean or median, are
    told apart: they were filled in.
    """
    table, words = numbers(subject.cohort.modalities[modality])
    rows = np.flatnonzero(subject.cohort.modalities[modality].present)
    whole, parts, known, flat = _fingerprints(table, rows)
    sets = [members for members in _alike(whole) if (known[members] >= _KNOWN).all()]
    counts = [Counter(part) for part in parts]
    sets = [
        s
        for s in sets
        if all(count[part[s[0]]] == len(s) for count, part in zip(counts, parts, strict=True))
    ]
    filled = _filled(table, words, rows, sets, flat)
    copies = [rows[s] for s, is_filled in zip(sets, filled, strict=True) if not is_filled]
    found = (
        [_twins("duplicate-patients", subject, modality, copies, "the same values in every column")]
        if copies
        else []
    )
    padded = [rows[s] for s, is_filled in zip(sets, filled, strict=True) if is_filled]
    if padded:
        found.append(_padding(modality, padded))
    first = np.zeros(len(table), dtype=bool)
    first[rows[np.unique(whole, return_index=True)[1]]] = True
    first[np.concatenate(padded).astype(int) if padded else []] = False
    return found, first


def _fingerprints(
    table: pd.DataFrame, rows: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """A hash of each row and of each third of it, how many values are known in it, and whether they
    are all one value."""
    order = (
        np.argsort(-table.nunique().to_numpy(), kind="stable")
        if table.shape[1] <= _PICKS
        else np.arange(table.shape[1])
    )
    thirds = [order[i::_PARTS] for i in range(_PARTS)]  # the most telling columns dealt out evenly
    marks, known, flat = [[] for _ in range(_PARTS + 1)], [], []
    for values in row_blocks(table, rows):
        gaps = np.isnan(values)
        known.append((~gaps).sum(axis=1))
        flat.append(
            np.where(gaps, -np.inf, values).max(axis=1)
            == np.where(gaps, np.inf, values).min(axis=1)
        )
        values = np.where(gaps, np.nan, values) + 0.0  # one pattern of bits for NaN, one for zero
        for mark, columns in zip(marks, [slice(None), *thirds], strict=True):
            mark += [
                hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest()
                for row in values[:, columns]
            ]
    whole, *parts = (np.array(mark, dtype="U32") for mark in marks)
    return (
        whole,
        parts,
        np.concatenate([*known, []]).astype(int),
        np.concatenate([*flat, []]).astype(bool),
    )


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
    flat: np.ndarray,
) -> np.ndarray:
    """bool: sets whose row is one value throughout, or the columns' mean or median."""
    if not sets:
        return np.zeros(0, dtype=bool)
    firsts = np.array([members[0] for members in sets])
    values = table.iloc[rows, spread(np.flatnonzero(~words), _PICKS)].to_numpy(dtype=float)
    values = values[:, ~np.isnan(values).all(axis=0)]
    close = 1e-6 * np.nanstd(values, axis=0)
    centres = (np.nanmean(values, axis=0), np.nanmedian(values, axis=0)) if values.shape[1] else ()
    return flat[firsts] | np.any(
        [(np.abs(values[firsts] - c) <= close).mean(axis=1) > 0.9 for c in centres], axis=0
    )


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
    patients, label = sum(map(len, sets)), subject.outcome
    message = f"{few(patients)} patients, in sets of {sizes_in_words(sets)}, have {what}"
    known = np.zeros(len(subject.cohort), bool) if label is None else label.known
    labelled = [label.values[s[known[s]]] for s in sets if known[s].any()]
    twice = [of for of in labelled if len(of) > 1]
    if twice:
        message += (
            f"; {few(sum(len(set(of)) == 1 for of in twice))} of {few(len(twice))} sets have "
            "one label"
        )
    torn, folds = subject.split(sets)
    if subject.folds is not None:
        message += f"; {few(torn)} sets stand on both sides of a fold, in {folds} folds"
    severity = "warning" if subject.folds is not None and not torn else "leak"
    cure = "keep one row of each patient, or put a set's patients in one fold (--folds)"
    return Finding(kind, severity, where, message, patients, cure, patients=as_tuples(sets))


def sizes_in_words(sets: list[np.ndarray]) -> str:
    """How large the sets are, in words."""
    low, high = min(map(len, sets)), max(map(len, sets))
    return str(low) if low == high else f"{low} to {high}"


# ------------------------------------------------------------------------------ near-identical rows


def near_identical(subject: Subject, modality: str, look: np.ndarray) -> list[Finding]:
    """Sets of patients whose standardised profiles correlate above 0.999, among the rows `look`
    bool `[N]`.

    Columns are standardised and cut at 3 SD, at most 256 of those with many values; fewer than 20
    say nothing. Where everyone correlates a pair stands out only by its distance: with r₁ to each
    other and r₂ to the nearest other patient, chance makes r₂/r₁ exceed m with probability m^−d in
    d dimensions (Facco et al. 2017, doi:10.1038/s41598-017-11873-y); d is estimated from the table,
    and the number expected among all patients must stay below 0.01.
    """
    rows = np.flatnonzero(look)
    profiles = _profiles(subject, modality, rows) if len(rows) >= 10 else None
    if profiles is None:
        return []
    ends, r = _links(*profiles)
    if not len(r):
        return []
    alone = np.setdiff1d(np.arange(len(rows)), ends)
    dimension = _dimension(
        *profiles, alone if len(alone) > 0.25 * len(rows) else np.arange(len(rows))
    )
    sets = {}
    for threshold in (
        NEAR,
        1 - (1 - NEAR) / 10,
        1 - (1 - NEAR) / 100,
    ):  # a pair may hide among many who resemble it
        for members in _standing_out(profiles, ends[:, r > threshold], r[r > threshold], dimension):
            if sets.keys().isdisjoint(members):
                sets |= dict.fromkeys(members, members)
    sets = [rows[list(members)] for members in dict.fromkeys(sets.values())]
    what = f"standardised profiles that correlate above {NEAR}"
    return [_twins("near-identical-patients", subject, modality, sets, what)] if sets else []


def _profiles(
    subject: Subject, modality: str, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Standardised profiles `[n, at most 256]` float32 and what is known of them; None: all, and
    rows have mean 0, norm 1."""
    table, words = numbers(subject.cohort.modalities[modality])
    picks = spread(np.flatnonzero(~words), 2 * _PICKS)
    values = table.iloc[rows, picks].to_numpy(dtype=float)
    distinct = np.array([len(np.unique(column[~np.isnan(column)])) for column in values.T])
    values = values[:, spread(np.flatnonzero(distinct >= min(_DISTINCT, len(rows) / 2)), _PICKS)]
    if values.shape[1] < _WIDE:
        return None
    known = ~np.isnan(values)
    values = np.clip((values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0), -3, 3)
    if not known.all():
        return np.where(known, values, 0.0).astype(np.float32), known.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    return (values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)).astype(
        np.float32
    ), None


def _correlation(values: np.ndarray, known: np.ndarray | None, some: np.ndarray) -> np.ndarray:
    """Of the profiles `some` with all `[some, n]`, over the columns that both have; -1 with
    themselves, and where few are."""
    r = values[some] @ values.T
    if known is not None:
        shared = np.maximum(known[some] @ known.T, 1)
        mine, theirs = values[some] @ known.T, known[some] @ values.T
        spreads = (values[some] ** 2 @ known.T - mine**2 / shared) * (
            known[some] @ (values**2).T - theirs**2 / shared
        )
        enough = (shared >= max(_WIDE, values.shape[1] / 4)) & (spreads > 0)
        r = np.where(
            enough, (r - mine * theirs / shared) / np.sqrt(np.where(enough, spreads, 1)), -1.0
        )
    r[np.arange(len(some)), some] = -1.0
    return r


def _chunks(rows: np.ndarray, patients: int) -> list[np.ndarray]:
    return np.array_split(rows, max(1, -(-len(rows) * patients // 2**25)))


def _distance(r: np.ndarray) -> np.ndarray:
    """Of profiles that correlate by `r`; what float32 cannot tell from 0 is 0.001."""
    return np.sqrt(np.maximum(1 - r, 1e-6))


def _links(values: np.ndarray, known: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Pairs `[2, links]` that correlate above 0.999, at most 8 from each patient, and their
    correlations."""
    ends, found = [], []
    for some in _chunks(np.arange(len(values)), len(values)):
        r = _correlation(values, known, some)
        near = np.flatnonzero(r.max(axis=1) > NEAR)
        best = np.argpartition(-r[near], min(_MOST, len(values) - 1) - 1, axis=1)[:, :_MOST]
        score = np.take_along_axis(r[near], best, 1)
        row, link = np.nonzero(score > NEAR)
        ends.append(np.stack([some[near[row]], best[row, link]]))
        found.append(score[row, link])
    return np.concatenate(ends, axis=1), np.concatenate(found)


def _standing_out(
    profiles: tuple[np.ndarray, np.ndarray | None],
    ends: np.ndarray,
    r: np.ndarray,
    dimension: float,
) -> list[tuple[int, ...]]:
    """Sets of linked patients much nearer to each other than to anyone else; of more than 8, a kind
    of patient."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(profiles[0])
    label = connected_components(
        coo_array((np.ones(len(r)), (ends[0], ends[1])), shape=(n, n)), directed=False
    )[1]
    sizes = np.bincount(label)[label]
    members = np.flatnonzero((sizes > 1) & (sizes <= _MOST))
    inside = np.full(n, -1.0)
    np.maximum.at(inside, ends[0], r)
    inside, outside = _distance(inside[members]), _outside(*profiles, members, label)
    found = []
    for one in np.unique(label[members]):
        these = label[members] == one
        apart = outside[these].min() / inside[these].max()
        if np.isfinite(apart) and n * max(apart, 1.0) ** -dimension < RARE:
            found.append(tuple(int(member) for member in members[these]))
    return found


def _dimension(values: np.ndarray, known: np.ndarray | None, rows: np.ndarray) -> float:
    """Of how many dimensions patients are spread in: ln 2 / median ln(r₂/r₁) of the distances to
    their two nearest."""
    ratio = []
    for some in _chunks(spread(rows, _DATED), len(values)):
        best = -np.partition(-_correlation(values, known, some), 1, axis=1)[:, :2]
        ratio.append(np.log(_distance(best[:, 1]) / _distance(best[:, 0])))
    return log(2) / max(float(np.median(np.concatenate(ratio))), 1e-3)


def _outside(
    values: np.ndarray, known: np.ndarray | None, rows: np.ndarray, label: np.ndarray
) -> np.ndarray:
    """The distance `[rows]` to the nearest patient outside one's own set; infinite where there is
    none."""
    found = []
    for some in _chunks(rows, len(values)):
        r = _correlation(values, known, some)
        r[label[some][:, None] == label[None, :]] = -np.inf
        found.append(_distance(r.max(axis=1)))
    return np.concatenate([*found, []])


# ---------------------------------------------------------------------------------------- their ids
