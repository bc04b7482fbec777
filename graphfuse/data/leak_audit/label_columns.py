"""Columns that hold the label, and columns and modalities whose absence gives it away."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np
import pandas as pd

from graphfuse.data.leak_audit.chance import HANDFUL, aurocs, level_shares, log_p
from graphfuse.data.leak_audit.finding import RARE, Finding, Subject, column_blocks, numbers
from graphfuse.data.modality import Modality
from graphfuse.errors import examples

ALIKE = 0.99  # AUROC of a column alone from which it is the label in other words
ABSENCE = 0.9  # AUROC of being missing
_SCREEN = 4_000  # patients who are tested first where there are more
_SLACK = 0.04  # by how much AUROC may be lower among them


@dataclass(frozen=True)
class _Hit:
    """A column (or a modality's presence) that separates class `k` from the rest; `expected`: the
    number of such columns by chance."""

    name: str
    k: int
    auroc: float
    expected: float
    copy: bool = False  # the label itself (`restated`), without an error


# ------------------------------------------------------------------------------- label-like columns


def label_like(subject: Subject) -> list[Finding]:
    """Columns that alone separate a class from all others: AUROC above 0.99 or below 0.01.

    At least 5 patients of the class, and of the rest, must have a value. The chance of so extreme a
    column, times the number of columns and classes tested (`expected`), must stay below 0.01 for a
    leak; the others give a note. A modality from which the label is declared to be derived may
    separate it: a note, unless a column is the label itself.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.

    Returns
    -------
    list of Finding
        Up to three for each modality: a leak, a note of a declared derivation, a note of chance.
    """
    tested = _tested(subject)
    if not tested:
        return []
    modalities = subject.cohort.modalities.values()
    tests = len(tested) * sum(modality.table.shape[1] for modality in modalities)
    findings = []
    for modality in modalities:
        hits = _hits(subject, modality, tested, tests)
        beyond_chance = [hit for hit in hits if hit.expected < RARE]
        findings += _alarms(subject, modality, beyond_chance)
        findings += _by_chance(modality, [hit for hit in hits if hit.expected >= RARE])
    return findings


def _tested(subject: Subject) -> list[int]:
    """The classes to separate from the rest: those with enough patients; of two, one suffices."""
    labelled = subject.labels[subject.labels >= 0]
    sizes = np.bincount(labelled, minlength=len(subject.classes))
    most = sizes.sum() - HANDFUL
    enough = [k for k, size in enumerate(sizes) if HANDFUL <= size <= most]
    return enough[-1:] if np.count_nonzero(sizes) == 2 else enough


def _hits(subject: Subject, modality: Modality, tested: list[int], tests: int) -> list[_Hit]:
    """Every column of the modality that separates one of the classes `tested` from the rest."""
    table, words = numbers(modality)
    rows = np.flatnonzero(modality.present & (subject.labels >= 0))
    candidates = _candidates(table, words, rows, subject.labels[rows], tested)
    hits = []
    for position in candidates:
        column = table.iloc[rows, position].to_numpy(dtype=float)
        name, is_words = table.columns[position], words[position]
        for k in tested:
            hit = _hit(subject, name, column, rows, k, is_words, log(tests))
            if hit is not None:
                hits.append(hit)
    return hits


def _hit(
    subject: Subject,
    name: str,
    column: np.ndarray,
    rows: np.ndarray,
    k: int,
    is_words: bool,
    log_tests: float,
) -> _Hit | None:
    """How well the column float `[rows]` separates class `k`; None where its AUROC is not
    extreme."""
    member = subject.labels[rows] == k
    score, log_guesses = column, log(2)  # the column may rise or fall with the class
    if is_words:
        score, log_guesses = level_shares(column, member)
    areas = aurocs(score[:, None], member.astype(int), 2)
    area = float(areas[1, 0])
    extreme = max(area, 1 - area)
    if not extreme > ALIKE:
        return None
    known = ~np.isnan(score)
    direction = 1 if area > 0.5 else -1
    log_p_value = log_p(score[known] * direction, member[known])
    log_expected = log_tests + log_guesses + log_p_value
    label = subject.outcome.target.take(rows[known])
    copy = area in (0.0, 1.0) and subject.outcome.task.restated(label, column[known])
    return _Hit(name, k, extreme, exp(min(log_expected, 700)), copy)


def _candidates(
    table: pd.DataFrame, words: np.ndarray, rows: np.ndarray, labels: np.ndarray, tested: list[int]
) -> list[int]:
    """Columns of words, and those of numbers whose AUROC is extreme, or nearly so among some of
    very many patients."""
    some = _some(labels)
    least = ALIKE - _SLACK if len(some) < len(rows) else ALIKE
    candidates = set(np.flatnonzero(words))
    for start, values in column_blocks(table, rows[some]):
        areas = aurocs(values, labels[some], max(tested) + 1)[tested]
        extreme = np.fmax.reduce(np.fmax(areas, 1 - areas), axis=0)
        candidates |= set(start + np.flatnonzero(extreme > least))
    return sorted(candidates)


def _some(labels: np.ndarray) -> np.ndarray:
    """Positions of at most some 4,000 patients drawn at random, with up to 100 of each class."""
    order = np.random.default_rng(0).permutation(len(labels))
    chosen = set(order[:_SCREEN])
    for k in np.unique(labels):
        of_class = order[labels[order] == k]
        chosen |= set(of_class[:100])
    return np.array(sorted(chosen), dtype=int)


def _alarms(subject: Subject, modality: Modality, hits: list[_Hit]) -> list[Finding]:
    """Findings of the columns beyond chance: a leak, or a note where the label is declared to be
    derived from the modality."""
    expected = []
    if modality.name in subject.derived:
        expected = [hit for hit in hits if not hit.copy]
    leaks = [hit for hit in hits if hit not in expected]
    leak_cure = (
        "remove what is the label in other words; if the label is computed from "
        f"{modality.name}, declare derived_from"
    )
    note_cure = (
        f"expected, as the label is declared to be derived from {modality.name}: report "
        "the score without it too"
    )
    findings = []
    for severity, some, cure in (("leak", leaks, leak_cure), ("note", expected, note_cure)):
        columns = _columns(some)
        if columns:
            message = _alarm_in_words(subject, some, columns)
            where, size = modality.name, len(columns)
            findings.append(Finding("label-like", severity, where, message, size, cure, columns))
    return findings


def _alarm_in_words(subject: Subject, hits: list[_Hit], columns: tuple[str, ...]) -> str:
    """The message about columns that separate the label."""
    who = "1 column alone tells"
    if len(columns) > 1:
        who = f"{len(columns):,} columns alone tell"
    expected = in_small(max(hit.expected for hit in hits))
    return (
        f"{who} {_apart(subject, hits)} ({examples(columns)}; AUROC {_span(hits)}; "
        f"by chance {expected} expected)"
    )


def _columns(hits: list[_Hit]) -> tuple[str, ...]:
    """The names of the columns, each once."""
    return tuple(dict.fromkeys(hit.name for hit in hits))


def _by_chance(modality: Modality, hits: list[_Hit]) -> list[Finding]:
    """A note of columns that chance explains."""
    columns = _columns(hits)
    if not columns:
        return []
    expected = in_small(min(hit.expected for hit in hits))
    message = (
        f"{len(columns):,} columns reach AUROC {_span(hits)} alone, but with so few "
        f"patients and so many columns {expected} or more are expected by chance"
    )
    cure = "nothing to correct; more patients would tell"
    return [Finding("label-like", "note", modality.name, message, len(columns), cure, columns)]


def _apart(subject: Subject, hits: list[_Hit]) -> str:
    """The classes that these columns separate, in words."""
    names = dict.fromkeys(subject.classes[hit.k] for hit in hits)
    return subject.outcome.task.distinguished(names)


def _span(hits: list[_Hit]) -> str:
    """The lowest and the highest AUROC, or one where they are alike."""
    areas = [hit.auroc for hit in hits]
    low, high = min(areas), max(areas)
    return f"{low:.3f}" if high - low < 5e-4 else f"{low:.3f} to {high:.3f}"


def in_small(expected: float) -> str:
    """A number of columns expected by chance, in words."""
    if expected < 1e-9:
        return "less than 1e-9"
    return f"{expected:.1g}" if expected < 10 else f"{expected:,.0f}"


# ---------------------------------------------------------------------------- absence by the label


def missing_by_label(subject: Subject) -> list[Finding]:
    """Modalities and columns whose absence alone separates a class from the rest.

    AUROC is above 0.9, beyond chance; above 0.99 absence is the label in other words.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.

    Returns
    -------
    list of Finding
        One for each such modality, and one for each modality with such columns.
    """
    tested = _tested(subject)
    if not tested:
        return []
    findings = _absent_modalities(subject, tested)
    for modality in subject.cohort.modalities.values():
        hits = _absent_columns(subject, modality, tested)
        columns = _columns(hits)
        if columns:
            what = f"whether a value is missing in {len(columns):,} columns ({examples(columns)})"
            cure = "remove them, or ask why they were not measured"
            findings.append(_absence(subject, modality.name, what, hits, columns, cure))
    return findings


def _absent_modalities(subject: Subject, tested: list[int]) -> list[Finding]:
    """A finding for each modality that patients of one class lack more often than others."""
    names = list(subject.cohort.modalities)
    rows = np.flatnonzero(subject.labels >= 0)
    absent = ~subject.cohort.present.to_numpy()[rows]
    cure = (
        f"a model that knows who was measured knows the label: measure {subject.in_words.every} "
        "alike, or leave it out"
    )
    findings = []
    for hit in _absent(absent, names, subject.labels[rows], tested, len(names)):
        what = f"whether a patient has {hit.name}"
        findings.append(_absence(subject, hit.name, what, [hit], (), cure))
    return findings


def _absent_columns(subject: Subject, modality: Modality, tested: list[int]) -> list[_Hit]:
    """Columns that separate a class by their gaps, among patients who have the modality."""
    rows = np.flatnonzero(modality.present & (subject.labels >= 0))
    labels, width = subject.labels[rows], modality.table.shape[1]
    hits = []
    for start, gaps in _gaps(modality, rows):
        names = modality.columns[start : start + gaps.shape[1]]
        hits += _absent(gaps, names, labels, tested, width)
    return hits


def _gaps(modality: Modality, rows: np.ndarray):
    """(first column, bool `[rows, some columns]`): which values are missing."""
    width = max(1, 2**24 // max(len(rows), 1))
    for start in range(0, modality.table.shape[1], width):
        block = modality.table.iloc[rows, start : start + width]
        yield start, block.isna().to_numpy()


def _absent(
    gaps: np.ndarray, names: list[str], labels: np.ndarray, tested: list[int], width: int
) -> list[_Hit]:
    """Columns of `gaps` bool `[N, F]` that separate a class: with one cut, AUROC = 1/2 + (share
    there − share in the rest)/2."""
    member = (labels[:, None] == np.asarray(tested)).T  # [classes tested, N]
    sizes = member.sum(axis=1)
    inside = member.astype(float) @ gaps
    total = gaps.sum(axis=0)
    difference = _difference_of_shares(inside, total, sizes, len(labels))  # [classes tested, F]
    is_strong = np.abs(difference) > 2 * ABSENCE - 1
    hits = []
    for i, c in np.argwhere(is_strong):
        if min(sizes[i], len(labels) - sizes[i]) < HANDFUL:
            continue
        is_more = difference[i, c] > 0
        tail = _tail(inside[i, c], len(labels), total[c], sizes[i], is_more)
        expected = 2 * tail * width * len(tested)
        if expected < RARE:
            area = 0.5 + abs(float(difference[i, c])) / 2
            hits.append(_Hit(names[c], tested[i], area, expected))
    return hits


def _difference_of_shares(
    inside: np.ndarray, total: np.ndarray, sizes: np.ndarray, patients: int
) -> np.ndarray:
    """The share of missing values in each class less that in the rest `[classes, F]`; `inside`
    `[classes, F]` and `total` `[F]`: their numbers in the class and in all."""
    rest = patients - sizes
    share_inside = inside / np.maximum(sizes, 1)[:, None]
    share_outside = (total - inside) / np.maximum(rest, 1)[:, None]
    return share_inside - share_outside


def _tail(inside: float, patients: int, gaps: int, size: int, is_more: bool) -> float:
    """The chance that `inside` of all `gaps`, or more (else fewer), are in a class of this size."""
    from scipy.stats import hypergeom

    if is_more:
        return float(hypergeom.sf(inside - 1, patients, gaps, size))
    return float(hypergeom.cdf(inside, patients, gaps, size))


def _absence(
    subject: Subject, where: str, what: str, hits: list[_Hit], columns: tuple[str, ...], cure: str
) -> Finding:
    """The finding of absence that separates the label."""
    message = f"{what} tells {_apart(subject, hits)} (AUROC {_span(hits)})"
    severity = "leak" if max(hit.auroc for hit in hits) > ALIKE else "warning"
    size = max(len(columns), 1)
    return Finding("missing-by-label", severity, where, message, size, cure, columns)
