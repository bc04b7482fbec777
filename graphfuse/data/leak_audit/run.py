"""A look for leaks in a cohort's own tables, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
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
from graphfuse.data.leak_audit.label_columns import label_like, missing_by_label
from graphfuse.data.leak_audit.outcome_cuts import cut_from
from graphfuse.data.leak_audit.related_ids import related_ids
from graphfuse.data.manifest import as_cohort
from graphfuse.data.modality import Modality
from graphfuse.data.write_tables import safe_csv
from graphfuse.errors import few
from graphfuse.schema.arguments import checked

_LOOKED = 1_000  # columns looked at for scaling
_TITLES = {"leak": "leaks", "warning": "warnings", "note": "notes"}


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found: `findings`, worst first; `str()` tells them without naming a patient.

    `table`: one row a finding (kind, severity, where, message, count, cure). `leaks`: how many
    findings are leaks.
    """

    cohort: str
    target: str
    findings: tuple[Finding, ...]
    patients: pd.Index = field(repr=False)

    @property
    def table(self) -> pd.DataFrame:
        """One row a finding: kind, severity, where, message, count, cure."""
        columns = ["kind", "severity", "where", "message", "count", "cure"]
        rows = [[getattr(finding, name) for name in columns] for finding in self.findings]
        return pd.DataFrame(rows, columns=columns)

    @property
    def leaks(self) -> int:
        return sum(finding.severity == "leak" for finding in self.findings)

    def to_csv(self, path: str | Path) -> Path:
        """Writes all findings with one row for each column, and for each patient by id and row
        number, concerned.

        Ids are patient data: keep the file as the tables are kept.

        Parameters
        ----------
        path : str or Path
            The file to write.

        Returns
        -------
        Path
            The file.
        """
        columns, rows = list(self.table.columns), []
        for number, finding in enumerate(self.findings, 1):
            about = [number, *(getattr(finding, name) for name in columns)]
            these = [[*about, column, None, None, None] for column in finding.columns]
            for one, members in enumerate(finding.patients, 1):
                these += [[*about, None, one, row, self.patients[row]] for row in members]
            rows += these or [[*about, None, None, None, None]]
        names = ["finding", *columns, "column", "set", "row", "patient"]
        frame = pd.DataFrame(rows, columns=names).astype({"set": "Int64", "row": "Int64"})
        return safe_csv(frame, path)

    def __str__(self) -> str:
        parts = [f"{self.cohort}: {few(len(self.patients))} patients, {self.target}"]
        for severity in SEVERITIES:
            these = [finding for finding in self.findings if finding.severity == severity]
            parts += ["", f"{_TITLES[severity]}:"] if these else []
            parts += [f"  - {f.where}: {f.message}; {f.cure}  [{f.kind}]" for f in these]
        if not self.findings:
            parts += ["", "Nothing found."]
        elif not self.leaks:
            parts += ["", "No leaks found."]
        return "\n".join(parts)


@checked
def audit(
    cohort: Cohort | str | Path, target: str | None = None, folds: pd.DataFrame | None = None
) -> Audit:
    """Looks for the same patient twice, the label among the features or in what is missing, and
    groups that hold the label.

    Nothing is trained, and what `check` tells is not told again.

    Parameters
    ----------
    cohort : Cohort, str or Path
        A cohort, or its manifest.
    target : str, optional
        The outcome; default: the first.
    folds : DataFrame, optional
        patient, fold[, repeat]: then it is also told whether patients who are alike stand on both
        sides.

    Returns
    -------
    Audit
        The findings, leaks first.

    Raises
    ------
    InputError
        Where the cohort, the target or the folds are no good.
    """
    cohort = as_cohort(cohort)
    outcome = cohort.outcome(target) if cohort.outcomes or target is not None else None
    in_folds = None if folds is None else fold_matrix(folds, cohort.patients)
    subject = Subject(cohort, outcome, in_folds)
    findings = []
    for name in cohort.modalities:
        same, rest = identical(subject, name)
        findings += [*same, *near_identical(subject, name, rest)]
    copies = label_like(subject)
    told = {(finding.where, column) for finding in copies for column in finding.columns}
    findings += [*related_ids(subject), *copies, *cut_from(subject, told)]
    findings += [*missing_by_label(subject), *confounded(subject)]
    findings += _derived(subject) + _scaled(subject) + _not_looked_at(subject)
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    called = f"outcome {outcome.name}" if outcome else "no outcome"
    return Audit(cohort.name, called, tuple(findings), cohort.patients)


def label_leaks(cohort: Cohort, target: str | None = None) -> list[str]:
    """What makes the scores of an outcome worthless, in a sentence each.

    The part of `audit` that is quick enough to be told by every check and training: columns that
    are the label in other words, and declared groups (batches, sites) that hold it completely.

    Parameters
    ----------
    cohort
        The cohort to look at.
    target
        An outcome's name; the first outcome where it is None.

    Returns
    -------
    list of str
        One sentence a finding, without any patient's id; empty for a cohort without outcomes.
    """
    if not cohort.outcomes:
        return []
    subject = Subject(cohort, cohort.outcome(target))
    found = [*label_like(subject), *confounded(subject)]
    leaks = [finding for finding in found if finding.severity == "leak"]
    return [f"{finding.where}: {finding.message}; {finding.cure}" for finding in leaks]


def _derived(subject: Subject) -> list[Finding]:
    """A note for each modality that the label is declared to be computed from."""
    message = (
        "the label is declared to be derived from it: a model that sees it sees the label's "
        "definition"
    )
    cure = "report the score without it beside the score"
    here = [m for name, m in subject.cohort.modalities.items() if name in subject.derived]
    return [Finding("derived-label", "note", m.name, message, m.table.shape[1], cure) for m in here]


def _scaled(subject: Subject) -> list[Finding]:
    """A note for each modality whose columns have mean 0 and SD 1 to 1e-6 over all patients:
    scaling saw everyone."""
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
    columns = spread(np.flatnonzero(~words), _LOOKED)
    values = table.iloc[rows, columns].to_numpy(dtype=float)
    if len(values) < 10:
        return 0.0
    values = values[:, np.nanmin(values, axis=0) < np.nanmax(values, axis=0)]
    if values.shape[1] < 2:
        return 0.0
    is_centred = np.abs(np.nanmean(values, axis=0)) < 1e-6
    of_sample = np.abs(np.nanstd(values, axis=0, ddof=1) - 1) < 1e-6
    of_population = np.abs(np.nanstd(values, axis=0, ddof=0) - 1) < 1e-6
    return ((of_population | of_sample) & is_centred).mean()


def _not_looked_at(subject: Subject) -> list[Finding]:
    """A note where nothing could be said of the label."""
    sizes = np.bincount(subject.codes[subject.codes >= 0], minlength=2)
    if (sizes >= HANDFUL).sum() > 1:
        return []
    message = (
        f"the label is not {subject.in_words.known}: label-like columns, telling gaps and "
        "confounded groups were not looked for"
    )
    cure = f"give {subject.in_words.asked.format(HANDFUL)} (--target)"
    return [Finding("not-looked-at", "note", "outcome", message, 0, cure)]
