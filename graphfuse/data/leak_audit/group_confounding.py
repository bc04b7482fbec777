"""Sites, batches and other declared groups that are associated with the label, or with having a
modality."""

from __future__ import annotations

import numpy as np

from graphfuse.data.groups import group_known
from graphfuse.data.leak_audit.association import NOTED, associated
from graphfuse.data.leak_audit.finding import RARE, Finding, Subject
from graphfuse.errors import few

_FAMILY = 5  # groups smaller than this on average are families or repeated samples, not sites


def confounded(subject: Subject) -> list[Finding]:
    """Declared groups that are associated with the label, and with having a modality
    (`cramers_v`).

    Parameters
    ----------
    subject
        The cohort of N patients, its groups and its label.

    Returns
    -------
    list of Finding
        At most one for each group and the label, and for each group and modality that some lack.
    """
    groups, present = subject.cohort.groups, subject.cohort.present
    partial = [name for name in present if 0 < present[name].sum() < len(present)]
    tests = len(groups) * (1 + len(partial))
    level = RARE / max(tests, 1)
    findings = []
    for name, values in groups.items():
        known = group_known(values)
        labels = np.where(known, subject.labels, -1)
        findings.append(_against_label(subject, name, labels, level))
        for modality in partial:
            has_it = np.where(known, present[modality], -1)
            findings.append(_against_presence(name, modality, values, has_it, level))
    return [finding for finding in findings if finding is not None]


def _complete(counts: np.ndarray) -> bool:
    """Whether every group has one class only, and there are several classes."""
    classes_of_group = (counts > 0).sum(axis=1)
    classes = (counts.sum(axis=0) > 0).sum()
    return bool((classes_of_group == 1).all() and classes > 1)


def _against_label(subject: Subject, name: str, labels: np.ndarray, level: float) -> Finding | None:
    """A finding where a group is associated with the label int `[N]`, -1 where it does not
    count."""
    found = associated(subject.cohort.groups[name], labels)
    if found.p >= level:
        return None
    words, counts = subject.in_words, found.counts
    figures = f"{found.in_words}, {len(counts)} groups of {few(counts.sum())} patients"
    severity = found.severity
    message = f"goes with the label: {figures}"
    cure = f"score with folds grouped by {name}, and compare with what {name} alone says"
    is_complete = _complete(counts)
    if is_complete and counts.sum() < _FAMILY * len(counts):
        severity = "warning"
        message = (
            f"every {name} holds {words.one}, and they are small, as families or repeated "
            f"samples are ({figures})"
        )
        cure = f"score with folds grouped by {name}"
    elif is_complete:
        severity = "leak"
        message = (
            f"completely confounded with the label: every {name} holds {words.one} ({figures})"
        )
        cure = (
            f"no score on these patients tells the label from {name}: add patients of "
            f"{words.several} for each {name}"
        )
    elif found.v < NOTED:
        return None
    return Finding("group-by-label", severity, f"group {name}", message, len(counts), cure)


def _against_presence(
    name: str, modality: str, values: np.ndarray, has_it: np.ndarray, level: float
) -> Finding | None:
    """A finding where a group is associated with having a modality (1, 0, -1: does not count)."""
    found = associated(values, has_it)
    if found.p >= level or found.v < NOTED:
        return None
    every = "; every group has it or lacks it as a whole" if _complete(found.counts) else ""
    message = f"goes with having {modality}: {found.in_words}{every}"
    cure = (
        f"what {modality} adds is also what {name} adds: read the scores by pattern of modalities"
    )
    where = f"group {name}, {modality}"
    count = len(found.counts)
    return Finding("group-by-presence", found.severity, where, message, count, cure)
