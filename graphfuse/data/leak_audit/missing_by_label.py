"""Columns and modalities whose absence goes with the label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfuse.data.leak_audit.chance import HANDFUL
from graphfuse.data.leak_audit.finding import RARE, Finding, Subject
from graphfuse.data.leak_audit.label_columns import (
    ALIKE,
    Hit,
    apart,
    column_names,
    span,
    tested_classes,
)
from graphfuse.data.modality import Modality
from graphfuse.errors import examples

_NOTED, _STRONG = 0.65, 0.75  # AUROC of being missing from which a note, and a warning, is given


def missing_by_label(subject: Subject) -> list[Finding]:
    """Modalities and columns whose absence alone separates a class from the rest.

    AUROC is above 0.65, beyond chance: a note; above 0.75, or where a value is measured on one side
    alone, a warning; above 0.99 absence is the label in other words.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.

    Returns
    -------
    list of Finding
        One for each such modality, and one for each modality with such columns.
    """
    tested = tested_classes(subject)
    if not tested:
        return []
    findings = _absent_modalities(subject, tested)
    for modality in subject.cohort.modalities.values():
        hits = _absent_columns(subject, modality, tested)
        columns = column_names(hits)
        if columns:
            what = f"whether a value is missing in {len(columns):,} columns ({examples(columns)})"
            cure = (
                "ask why they were not measured, and whether they will be in whom you predict; if "
                "the label decided it, remove them"
            )
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


def _absent_columns(subject: Subject, modality: Modality, tested: list[int]) -> list[Hit]:
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
) -> list[Hit]:
    """Columns of `gaps` bool `[N, F]` that separate a class: with one cut, AUROC = 1/2 + (share
    there − share in the rest)/2."""
    member = (labels[:, None] == np.asarray(tested)).T  # [classes tested, N]
    sizes = member.sum(axis=1)
    inside = member.astype(float) @ gaps
    total = gaps.sum(axis=0)
    difference = _difference_of_shares(inside, total, sizes, len(labels))  # [classes tested, F]
    is_strong = np.abs(difference) > 2 * _NOTED - 1
    strongest = np.abs(difference).argmax(axis=0)  # of the classes, for each column
    hits = []
    for column in np.flatnonzero(is_strong.any(axis=0)):
        i = strongest[column]
        counts = _Counts(int(inside[i, column]), int(total[column]), int(sizes[i]), len(labels))
        expected = 2 * counts.tail() * width * len(tested)
        if counts.is_enough and expected < RARE:
            area = 0.5 + abs(float(difference[i, column])) / 2
            hit = Hit(names[column], tested[i], area, expected, one_sided=counts.is_one_sided)
            hits.append(hit)
    return hits


@dataclass(frozen=True)
class _Counts:
    """Of a column: `gaps` among all patients, `inside` of them in a class of this `size`."""

    inside: int
    gaps: int
    size: int
    patients: int

    @property
    def is_enough(self) -> bool:
        """Whether class and rest have enough patients."""
        return min(self.size, self.patients - self.size) >= HANDFUL

    @property
    def is_one_sided(self) -> bool:
        """Whether nobody of the class, or of the rest, was measured."""
        rest = self.patients - self.size
        gaps_in_rest = self.gaps - self.inside
        return self.inside == self.size or gaps_in_rest == rest

    def tail(self) -> float:
        """The chance that so many of all gaps, or more (where there are few, fewer), are in the
        class."""
        from scipy.stats import hypergeom

        expected = self.gaps * self.size / self.patients
        if self.inside > expected:
            return float(hypergeom.sf(self.inside - 1, self.patients, self.gaps, self.size))
        return float(hypergeom.cdf(self.inside, self.patients, self.gaps, self.size))


def _difference_of_shares(
    inside: np.ndarray, total: np.ndarray, sizes: np.ndarray, patients: int
) -> np.ndarray:
    """The share of missing values in each class less that in the rest `[classes, F]`; `inside`
    `[classes, F]` and `total` `[F]`: their numbers in the class and in all."""
    rest = patients - sizes
    share_inside = inside / np.maximum(sizes, 1)[:, None]
    share_outside = (total - inside) / np.maximum(rest, 1)[:, None]
    return share_inside - share_outside


def _absence(
    subject: Subject, where: str, what: str, hits: list[Hit], columns: tuple[str, ...], cure: str
) -> Finding:
    """The finding of absence that separates the label."""
    highest = max(hit.auroc for hit in hits)
    one_sided = any(hit.one_sided for hit in hits)
    severity = "note"
    if highest > ALIKE:
        severity = "leak"
    elif highest > _STRONG or one_sided:
        severity = "warning"
    verb = "goes with telling" if severity == "note" else "tells"
    where_measured = "; measured on one side alone" if one_sided else ""
    message = f"{what} {verb} {apart(subject, hits)} (AUROC {span(hits)}{where_measured})"
    size = max(len(columns), 1)
    return Finding("missing-by-label", severity, where, message, size, cure, columns)
