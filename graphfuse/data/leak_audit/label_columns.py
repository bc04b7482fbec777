"""Columns that hold the label."""

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
_SCREEN = 4_000  # patients who are tested first where there are more
_SLACK = 0.04  # by how much AUROC may be lower among them


@dataclass(frozen=True)
class Hit:
    """A column (or a modality's presence) that separates class `k` from the rest; `expected`: the
    number of such columns by chance."""

    name: str
    k: int
    auroc: float
    expected: float
    copy: bool = False  # the label itself (`restated`), without an error
    one_sided: bool = False  # of absence: nobody of the class, or of the rest, was measured


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
    tested = tested_classes(subject)
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


def tested_classes(subject: Subject) -> list[int]:
    """The classes to separate from the rest: those with enough patients; of two, one suffices."""
    labelled = subject.labels[subject.labels >= 0]
    sizes = np.bincount(labelled, minlength=len(subject.classes))
    most = sizes.sum() - HANDFUL
    enough = [k for k, size in enumerate(sizes) if HANDFUL <= size <= most]
    return enough[-1:] if np.count_nonzero(sizes) == 2 else enough


def _hits(subject: Subject, modality: Modality, tested: list[int], tests: int) -> list[Hit]:
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
) -> Hit | None:
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
    return Hit(name, k, extreme, exp(min(log_expected, 700)), copy)


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


def _alarms(subject: Subject, modality: Modality, hits: list[Hit]) -> list[Finding]:
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
        columns = column_names(some)
        if columns:
            message = _alarm_in_words(subject, some, columns)
            where, size = modality.name, len(columns)
            findings.append(Finding("label-like", severity, where, message, size, cure, columns))
    return findings


def _alarm_in_words(subject: Subject, hits: list[Hit], columns: tuple[str, ...]) -> str:
    """The message about columns that separate the label."""
    who = "1 column alone tells"
    if len(columns) > 1:
        who = f"{len(columns):,} columns alone tell"
    expected = in_small(max(hit.expected for hit in hits))
    return (
        f"{who} {apart(subject, hits)} ({examples(columns)}; AUROC {span(hits)}; "
        f"by chance {expected} expected)"
    )


def column_names(hits: list[Hit]) -> tuple[str, ...]:
    """The names of the columns, each once."""
    return tuple(dict.fromkeys(hit.name for hit in hits))


def _by_chance(modality: Modality, hits: list[Hit]) -> list[Finding]:
    """A note of columns that chance explains."""
    columns = column_names(hits)
    if not columns:
        return []
    expected = in_small(min(hit.expected for hit in hits))
    message = (
        f"{len(columns):,} columns reach AUROC {span(hits)} alone, but with so few "
        f"patients and so many columns {expected} or more are expected by chance"
    )
    cure = "nothing to correct; more patients would tell"
    return [Finding("label-like", "note", modality.name, message, len(columns), cure, columns)]


def apart(subject: Subject, hits: list[Hit]) -> str:
    """The classes that these columns separate, in words."""
    names = dict.fromkeys(subject.classes[hit.k] for hit in hits)
    return subject.outcome.task.distinguished(names)


def span(hits: list[Hit]) -> str:
    """The lowest and the highest AUROC, or one where they are alike."""
    areas = [hit.auroc for hit in hits]
    low, high = min(areas), max(areas)
    return f"{low:.3f}" if high - low < 5e-4 else f"{low:.3f} to {high:.3f}"


def in_small(expected: float) -> str:
    """A number of columns expected by chance, in words."""
    if expected < 1e-9:
        return "less than 1e-9"
    return f"{expected:.1g}" if expected < 10 else f"{expected:,.0f}"
