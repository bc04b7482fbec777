"""Columns that hold the label, and absence that tells it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb, exp, log, sqrt

import numpy as np
import pandas as pd

from graphfuse.data.audit_finding import RARE, Finding, Subject, column_blocks, numbers
from graphfuse.data.modality import Modality
from graphfuse.errors import examples

ALIKE = 0.99  # AUROC of a column alone from which it is the label in other words
ABSENCE = 0.9  # AUROC of being missing
HANDFUL = 5  # patients with a value, in the class and in the rest
_SCREEN = 4_000  # patients looked at first where there are more
_SLACK = 0.04  # by how much AUROC may be lower among them


@dataclass(frozen=True)
class _Hit:
    """A column (or a modality's presence) that tells class `k` from the rest; `expected`: how many
    by chance."""

    name: str
    k: int
    auroc: float
    expected: float
    copy: bool = False  # the label itself (`restated`), without an error


# ------------------------------------------------------------------------------- label-like columns


def label_like(subject: Subject) -> list[Finding]:
    """Columns that alone tell a class from all others: AUROC above 0.99 or below 0.01.

    At least 5 patients with a value on either side. The chance of so extreme a column, times the
    number of columns and classes looked at (`expected`), must stay below 0.01 for an alarm; a note
    tells of those that chance could make. A modality that the label is declared to be derived from
    may tell it: a note, unless a column is the label itself.
    """
    tested = _tested(subject)
    if not tested:
        return []
    modalities = subject.cohort.modalities.values()
    tests = len(tested) * sum(m.table.shape[1] for m in modalities)
    found = []
    for modality in modalities:
        hits = _hits(subject, modality, tested, tests)
        found += _told(subject, modality, [h for h in hits if h.expected < RARE])
        found += _by_chance(modality, [h for h in hits if h.expected >= RARE])
    return found


def aurocs(values: np.ndarray, codes: np.ndarray, classes: int) -> np.ndarray:
    """AUROC `[classes, F]` of each column of `values` `[N, F]` for each class against the rest,
    ties counted half.

    NaN where fewer than 5 patients with a value stand on either side.
    """
    known = ~np.isnan(values)
    ranks = np.where(known, pd.DataFrame(values).rank().to_numpy(), 0.0)
    member = (codes[:, None] == np.arange(classes)).T.astype(float)
    inside = member @ known
    outside = known.sum(axis=0) - inside
    enough = (inside >= HANDFUL) & (outside >= HANDFUL)
    pairs = np.where(enough, inside * outside, np.nan)
    return (member @ ranks - inside * (inside + 1) / 2) / pairs


@lru_cache(maxsize=4096)
def log_chance(u: int, a: int, b: int) -> float:
    """ln P(U ≤ u) of the Mann-Whitney U of `a` against `b` patients where the column knows nothing
    of the label.

    Exact, by counting partitions, where that is quick; else by the normal approximation, which is
    too large this far out (Mann & Whitney 1947).
    """
    a, b = sorted((a, b))
    if a * (u + 1) <= 100_000:
        ways = (
            [1] + [0] * u
        )  # of t as a sum of at most i parts, none above b: coefficients of the Gaussian binomial
        for i in range(1, a + 1):
            for t in range(u, b + i - 1, -1):
                ways[t] -= ways[t - b - i]
            for t in range(i, u + 1):
                ways[t] += ways[t - i]
        return min(0.0, log(sum(ways)) - log(comb(a + b, a)))
    from scipy.special import log_ndtr

    return float(log_ndtr((u + 0.5 - a * b / 2) / sqrt(a * b * (a + b + 1) / 12)))


def _tested(subject: Subject) -> list[int]:
    """Classes to tell from the rest: those with a handful of patients; of two, one says it all."""
    sizes = np.bincount(subject.codes[subject.codes >= 0], minlength=len(subject.classes))
    enough = [
        k for k, size in enumerate(sizes) if size >= HANDFUL and sizes.sum() - size >= HANDFUL
    ]
    return enough[-1:] if np.count_nonzero(sizes) == 2 else enough


def _hits(subject: Subject, modality: Modality, tested: list[int], tests: int) -> list[_Hit]:
    table, words = numbers(modality)
    rows = np.flatnonzero(modality.present & (subject.codes >= 0))
    codes = subject.codes[rows]
    found = []
    for c in _candidates(table, words, rows, codes, tested):
        column = table.iloc[rows, c].to_numpy(dtype=float)
        for k in tested:
            score, guesses = (
                _shares(column, codes == k) if words[c] else (column, log(2))
            )  # it may point either way
            area = float(aurocs(score[:, None], (codes == k).astype(int), 2)[1, 0])
            if max(area, 1 - area) > ALIKE:
                known = ~np.isnan(score)
                chance = _log_p(score[known] * (1 if area > 0.5 else -1), codes[known] == k)
                own = subject.outcome.target.take(rows[known])
                copy = area in (0.0, 1.0) and subject.outcome.task.restated(own, column[known])
                expected = exp(min(log(tests) + guesses + chance, 700))
                found.append(_Hit(table.columns[c], k, max(area, 1 - area), expected, copy))
    return found


def _candidates(
    table: pd.DataFrame, words: np.ndarray, rows: np.ndarray, codes: np.ndarray, tested: list[int]
) -> list[int]:
    """Columns of words, and those of numbers whose AUROC is extreme, or nearly so among some of
    very many patients."""
    some = _some(codes)
    least = ALIKE - (_SLACK if len(some) < len(rows) else 0.0)
    found = set(np.flatnonzero(words))
    for start, values in column_blocks(table, rows[some]):
        area = aurocs(values, codes[some], max(tested) + 1)[tested]
        extreme = np.fmax.reduce(np.fmax(area, 1 - area), axis=0)
        found |= set(start + np.flatnonzero(extreme > least))
    return sorted(found)


def _some(codes: np.ndarray) -> np.ndarray:
    """Positions of at most some 4,000 patients drawn at random, with up to 100 of each class."""
    drawn = np.random.default_rng(0).permutation(len(codes))
    taken = set(drawn[:_SCREEN])
    for k in np.unique(codes):
        taken |= set(drawn[codes[drawn] == k][:100])
    return np.array(sorted(taken), dtype=int)


def _shares(levels: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, float]:
    """The share of the class in each patient's level, and ln of in how many ways the levels could
    be set apart.

    Levels of one patient tell nothing: NaN.
    """
    known = ~np.isnan(levels)
    _, level, sizes = np.unique(levels[known], return_inverse=True, return_counts=True)
    share = np.bincount(level, weights=member[known]) / np.maximum(sizes, 1)
    score = np.full(len(levels), np.nan)
    score[known] = np.where(sizes[level] > 1, share[level], np.nan)
    return score, int((sizes > 1).sum()) * log(2)


def _log_p(score: np.ndarray, member: np.ndarray) -> float:
    """ln of the chance of so high a score of the members; ties are counted against them, which
    makes it larger."""
    rest = np.sort(score[~member])
    lost = len(rest) - np.searchsorted(rest, score[member], side="left")
    return log_chance(int(lost.sum()), int(member.sum()), len(rest))


def _told(subject: Subject, modality: Modality, hits: list[_Hit]) -> list[Finding]:
    """Findings of the columns beyond chance: a leak, or a note where the label is declared to come
    from here."""
    excused = [h for h in hits if modality.name in subject.derived and not h.copy]
    found = []
    for severity, part in (("leak", [h for h in hits if h not in excused]), ("note", excused)):
        columns = tuple(dict.fromkeys(h.name for h in part))
        if not columns:
            continue
        told = _apart(subject, part)
        number, tell = (
            ("1 column", "tells") if len(columns) == 1 else (f"{len(columns):,} columns", "tell")
        )
        message = (
            f"{number} alone {tell} {told} ({examples(columns)}; AUROC "
            f"{_span(part)}; "
            f"by chance {in_small(max(h.expected for h in part))} expected)"
        )
        cure = (
            "remove what is the label in other words; if the label is computed from "
            f"{modality.name}, declare derived_from"
        )
        if severity == "note":
            cure = (
                f"expected, as the label is declared to be derived from {modality.name}: report "
                "the score without it too"
            )
        found.append(
            Finding("label-like", severity, modality.name, message, len(columns), cure, columns)
        )
    return found


def _by_chance(modality: Modality, hits: list[_Hit]) -> list[Finding]:
    columns = tuple(dict.fromkeys(h.name for h in hits))
    if not columns:
        return []
    message = (
        f"{len(columns):,} columns reach AUROC {_span(hits)} alone, but with so few "
        "patients and so many columns "
        f"{in_small(min(h.expected for h in hits))} or more are expected by chance"
    )
    cure = "nothing to mend; more patients would tell"
    return [Finding("label-like", "note", modality.name, message, len(columns), cure, columns)]


def _apart(subject: Subject, hits: list[_Hit]) -> str:
    """What these columns tell of the label, in words."""
    names = dict.fromkeys(subject.classes[hit.k] for hit in hits)
    return subject.outcome.task.distinguished(names)


def _span(hits: list[_Hit]) -> str:
    low, high = min(h.auroc for h in hits), max(h.auroc for h in hits)
    return f"{low:.3f}" if high - low < 5e-4 else f"{low:.3f} to {high:.3f}"


def in_small(expected: float) -> str:
    """A number of columns expected by chance, in words."""
    return (
        "less than 1e-9"
        if expected < 1e-9
        else f"{expected:.1g}"
        if expected < 10
        else f"{expected:,.0f}"
    )


# ---------------------------------------------------------------------------------- telling absence


def missing_by_label(subject: Subject) -> list[Finding]:
    """Modalities and columns whose absence alone tells a class from the rest: AUROC above 0.9,
    beyond chance; above 0.99 it is the label in other words."""
    tested, cohort = _tested(subject), subject.cohort
    rows = np.flatnonzero(subject.codes >= 0)
    if not tested:
        return []
    present = ~cohort.present.to_numpy()[rows]
    hits = _absent(
        present, list(cohort.modalities), subject.codes[rows], tested, len(cohort.modalities)
    )
    cure = (
        f"a model that knows who was measured knows the label: measure {subject.in_words.every} "
        "alike, or leave it out"
    )
    found = [
        _absence(subject, hit.name, f"whether a patient has {hit.name}", [hit], (), cure)
        for hit in hits
    ]
    for m in cohort.modalities.values():
        here = np.flatnonzero(m.present & (subject.codes >= 0))
        hits, width = [], m.table.shape[1]
        for start, gaps in _gaps(m, here):
            hits += _absent(
                gaps, m.columns[start : start + gaps.shape[1]], subject.codes[here], tested, width
            )
        columns = tuple(dict.fromkeys(h.name for h in hits))
        if columns:
            what = f"whether a value is missing in {len(columns):,} columns ({examples(columns)})"
            found.append(
                _absence(
                    subject,
                    m.name,
                    what,
                    hits,
                    columns,
                    "remove them, or ask why they were not measured",
                )
            )
    return found


def _gaps(modality: Modality, rows: np.ndarray):
    """(first column, bool `[rows, some columns]`) of what is missing."""
    width = max(1, 2**24 // max(len(rows), 1))
    for start in range(0, modality.table.shape[1], width):
        yield start, modality.table.iloc[rows, start : start + width].isna().to_numpy()


def _absent(
    gaps: np.ndarray, names: list[str], codes: np.ndarray, tested: list[int], width: int
) -> list[_Hit]:
    """Columns of `gaps` bool `[N, F]` that tell a class: with one cut, AUROC = 1/2 + (share there −
    share in the rest)/2."""
    from scipy.stats import hypergeom

    member = (codes[:, None] == np.asarray(tested)).T
    sizes, inside, total = member.sum(axis=1), member.astype(float) @ gaps, gaps.sum(axis=0)
    rest = len(codes) - sizes
    lean = inside / np.maximum(sizes, 1)[:, None] - (total - inside) / np.maximum(rest, 1)[:, None]
    found = []
    for i, c in zip(*np.nonzero(np.abs(lean) > 2 * ABSENCE - 1), strict=True):
        if min(sizes[i], rest[i]) < HANDFUL:
            continue
        drawn = (inside[i, c], len(codes), total[c], sizes[i])
        tail = hypergeom.sf(drawn[0] - 1, *drawn[1:]) if lean[i, c] > 0 else hypergeom.cdf(*drawn)
        expected = 2 * float(tail) * width * len(tested)
        if expected < RARE:
            found.append(_Hit(names[c], tested[i], 0.5 + abs(float(lean[i, c])) / 2, expected))
    return found


def _absence(
    subject: Subject, where: str, what: str, hits: list[_Hit], columns: tuple[str, ...], cure: str
) -> Finding:
    message = f"{what} tells {_apart(subject, hits)} (AUROC {_span(hits)})"
    severity = "leak" if max(h.auroc for h in hits) > ALIKE else "warning"
    return Finding(
        "missing-by-label", severity, where, message, max(len(columns), 1), cure, columns
    )
