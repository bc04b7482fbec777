"""`audit`: a search for leaks in a cohort's own tables, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.leak_audit.batch_correction import protected_corrections
from graphfuse.data.leak_audit.chance import HANDFUL
from graphfuse.data.leak_audit.duplicate_patients import identical, near_identical
from graphfuse.data.leak_audit.finding import (
    SEVERITIES,
    Finding,
    Subject,
    fold_matrix,
    numbers,
    spread,
)
from graphfuse.data.leak_audit.group_confounding import confounded
from graphfuse.data.leak_audit.id_parts import label_in_ids
from graphfuse.data.leak_audit.label_columns import label_like
from graphfuse.data.leak_audit.label_made_columns import label_made
from graphfuse.data.leak_audit.missing_by_label import missing_by_label
from graphfuse.data.leak_audit.outcome_cuts import cut_from
from graphfuse.data.leak_audit.related_ids import related_ids
from graphfuse.data.leak_audit.related_profiles import related_profiles
from graphfuse.data.leak_audit.selected_columns import selected
from graphfuse.data.leak_audit.strong_columns import strong_columns
from graphfuse.data.load_cohort import as_cohort
from graphfuse.data.modality import Modality
from graphfuse.data.safe_csv import safe_csv
from graphfuse.errors import few
from graphfuse.schema.check_arguments import checked

_SAMPLE = 1_000  # columns that are tested for scaling
_TITLES = {"leak": "leaks", "warning": "warnings", "note": "notes"}


@dataclass(frozen=True, eq=False)
class Audit:
    """The results of an audit; `str()` lists them without naming a patient.

    Parameters
    ----------
    cohort : str
        The name of the cohort.
    target : str
        The outcome that was audited.
    findings : tuple of Finding
        Leaks first, then warnings, then notes.
    patients : Index
        Ids of the cohort's patients.
    """

    cohort: str
    target: str
    findings: tuple[Finding, ...]
    patients: pd.Index = field(repr=False)

    @property
    def table(self) -> pd.DataFrame:
        """One row per finding: kind, severity, where, message, count, cure."""
        columns = ["kind", "severity", "where", "message", "count", "cure"]
        rows = [[getattr(finding, name) for name in columns] for finding in self.findings]
        return pd.DataFrame(rows, columns=columns)

    @property
    def leaks(self) -> int:
        """The number of findings that are leaks."""
        return sum(finding.severity == "leak" for finding in self.findings)

    def to_csv(self, path: str | Path) -> Path:
        """Writes all findings, with a row for each column concerned, and for each patient by id
        and row number.

        Ids are patient data: keep the file as safe as the tables.

        Parameters
        ----------
        path : str or Path
            The file to write.

        Returns
        -------
        Path
            The file.
        """
        columns = list(self.table.columns)
        rows = []
        for number, finding in enumerate(self.findings, start=1):
            shared = [number, *(getattr(finding, name) for name in columns)]
            rows += [[*shared, *details] for details in self._details(finding)]
        names = ["finding", *columns, "column", "set", "row", "patient"]
        frame = pd.DataFrame(rows, columns=names).astype({"set": "Int64", "row": "Int64"})
        return safe_csv(frame, path)

    def _details(self, finding: Finding) -> list[list]:
        """[column, set, row, patient] of each column and patient concerned; one blank row where
        there are none."""
        details = [[column, None, None, None] for column in finding.columns]
        for number, members in enumerate(finding.patients, start=1):
            details += [[None, number, row, self.patients[row]] for row in members]
        return details or [[None, None, None, None]]

    def __str__(self) -> str:
        lines = [f"{self.cohort}: {few(len(self.patients))} patients, {self.target}"]
        for severity in SEVERITIES:
            findings = [finding for finding in self.findings if finding.severity == severity]
            if findings:
                lines += ["", f"{_TITLES[severity]}:"]
            for each in findings:
                lines.append(f"  - {each.where}: {each.message}; {each.cure}  [{each.kind}]")
        if not self.findings:
            lines += ["", "Nothing found."]
        elif not self.leaks:
            lines += ["", "No leaks found."]
        return "\n".join(lines)


@checked
def audit(
    cohort: Cohort | str | Path, target: str | None = None, folds: pd.DataFrame | None = None
) -> Audit:
    """Searches a cohort's tables for leaks; nothing is trained.

    It reports patients who are in the cohort twice or are closer than chance; columns, missing
    values and parts of ids that give the label away; columns that were made from labels, or chosen
    with them; groups that are confounded with the label, or were removed with its help. A warning
    leaves room for an honest reason, such as a good marker; a leak does not.

    It does not see columns that carry the label below an AUROC of 0.85 each, relatives in tables of
    few columns, target encodings that leave each patient out, labels of neighbours by a distance of
    another kind, or corrections for groups that are neither declared nor part of ids. In a table
    whose signal is broad, a strong column that is made of the label is a note.

    Parameters
    ----------
    cohort : Cohort, str or Path
        A cohort, or its manifest.
    target : str, optional
        The outcome; by default the first.
    folds : DataFrame, optional
        Columns patient, fold and perhaps repeat. Findings then also say whether patients who are
        alike are on both sides of a fold.

    Returns
    -------
    Audit
        The findings, leaks first.

    Raises
    ------
    InputError
        Where the cohort, the target or the folds cannot be used.

    Examples
    --------
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(60, {"rna": 30}, seed=1).cohort
    >>> audit(cohort).leaks
    0
    >>> doubled = pd.concat([cohort.modalities["rna"].table, cohort.modalities["rna"].table[:5]])
    >>> doubled.index = [f"P{number}" for number in range(len(doubled))]
    >>> audit(Cohort.from_frames({"rna": doubled})).findings[0].kind
    'duplicate-patients'
    """
    cohort = as_cohort(cohort)
    outcome = cohort.outcome(target) if cohort.outcomes or target is not None else None
    in_folds = None if folds is None else fold_matrix(folds, cohort.patients)
    subject = Subject(cohort, outcome, in_folds)
    findings = [*_same_patients(subject), *_label_in_columns(subject)]
    findings += [*missing_by_label(subject), *confounded(subject), *label_in_ids(subject)]
    findings += [*protected_corrections(subject), *selected(subject)]
    findings += [*_derived(subject), *_scaled(subject), *_not_tested(subject)]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    described = f"outcome {outcome.name}" if outcome else "no outcome"
    return Audit(cohort.name, described, tuple(findings), cohort.patients)


def _same_patients(subject: Subject) -> list[Finding]:
    """Patients who are in the cohort twice or are related, by profiles and by ids."""
    findings, compared = [], {}
    for name in subject.cohort.modalities:
        duplicates, first_rows = identical(subject, name)
        near = near_identical(subject, name, first_rows)
        findings += [*duplicates, *near]
        compared[name] = first_rows.copy()
        for finding in near:
            for members in finding.patients:
                compared[name][list(members[1:])] = False
    return [*findings, *related_profiles(subject, compared), *related_ids(subject)]


def _label_in_columns(subject: Subject) -> list[Finding]:
    """Columns that are the label, are made from it, or say much of it; each in one finding."""
    findings = label_like(subject)
    for search in (cut_from, label_made, strong_columns):
        reported = set()
        for finding in findings:
            reported |= {(finding.where, column) for column in finding.columns}
        findings += search(replace(subject, reported=frozenset(reported)))
    return findings


def label_leaks(cohort: Cohort, target: str | None = None) -> list[str]:
    """Leaks that make the scores of an outcome worthless, in a sentence each.

    This is the part of `audit` that is quick enough for every check and training: columns that are
    the label in other words, and declared groups (batches, sites) that determine it.

    Parameters
    ----------
    cohort
        The cohort.
    target
        The name of an outcome; by default the first.

    Returns
    -------
    list of str
        One sentence per leak, without any patient's id; empty for a cohort without outcomes.
    """
    if not cohort.outcomes:
        return []
    subject = Subject(cohort, cohort.outcome(target))
    findings = [*label_like(subject), *confounded(subject)]
    leaks = [finding for finding in findings if finding.severity == "leak"]
    return [f"{finding.where}: {finding.message}; {finding.cure}" for finding in leaks]


def _derived(subject: Subject) -> list[Finding]:
    """A note for each modality from which the label is declared to be derived."""
    message = (
        "the label is declared to be derived from it: a model that sees it sees the label's "
        "definition"
    )
    cure = "report the score without it beside the score"
    findings = []
    for name, modality in subject.cohort.modalities.items():
        if name in subject.derived:
            columns = modality.table.shape[1]
            findings.append(Finding("derived-label", "note", name, message, columns, cure))
    return findings


def _scaled(subject: Subject) -> list[Finding]:
    """A note for each modality whose columns have mean 0 and SD 1 to 1e-6 over all patients: they
    were scaled with the test patients."""
    findings = []
    for name, modality in subject.cohort.modalities.items():
        share = _share_standardised(modality)
        if share > 0.9:
            message = (
                f"{share:.0%} of columns have mean 0 and SD 1 over all patients: those tested "
                "had a part in that"
            )
            cure = "give the values as measured: each fold scales by its training patients"
            columns = modality.table.shape[1]
            findings.append(Finding("scaled", "note", name, message, columns, cure))
    return findings


def _share_standardised(modality: Modality) -> float:
    """The share of columns with mean 0 and SD 1, among some that vary; 0 where there are few
    patients or columns."""
    table, words = numbers(modality)
    rows = np.flatnonzero(modality.present)
    columns = spread(np.flatnonzero(~words), _SAMPLE)
    values = table.iloc[rows, columns].to_numpy(dtype=float)
    if len(values) < 10:
        return 0.0
    varies = np.nanmin(values, axis=0) < np.nanmax(values, axis=0)
    values = values[:, varies]
    if values.shape[1] < 2:
        return 0.0
    is_centred = np.abs(np.nanmean(values, axis=0)) < 1e-6
    sample_sd = np.nanstd(values, axis=0, ddof=1)
    population_sd = np.nanstd(values, axis=0, ddof=0)
    is_scaled = (np.abs(sample_sd - 1) < 1e-6) | (np.abs(population_sd - 1) < 1e-6)
    return (is_scaled & is_centred).mean()


def _not_tested(subject: Subject) -> list[Finding]:
    """A note where there are too few labels to test anything against them."""
    labelled = subject.labels[subject.labels >= 0]
    sizes = np.bincount(labelled, minlength=2)
    if (sizes >= HANDFUL).sum() > 1:
        return []
    message = (
        f"the label is not {subject.in_words.known}: label-like columns, telling gaps and "
        "confounded groups were not looked for"
    )
    cure = f"give {subject.in_words.asked.format(HANDFUL)} (--target)"
    return [Finding("not-looked-at", "note", "outcome", message, 0, cure)]
