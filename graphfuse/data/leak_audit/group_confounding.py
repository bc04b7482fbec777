"""Sites, batches and other declared groups that are associated with the label, or with having a
modality."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.groups import group_known
from graphfuse.data.leak_audit.finding import RARE, Finding, Subject
from graphfuse.errors import few

NOTED, STRONG = 0.2, 0.5  # Cramér's V from which a note, and a warning, is given
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


def cramers_v(counts: np.ndarray) -> tuple[float, float]:
    """Cramér's V of a table of counts, corrected for its bias.

    φ² = χ²/n less its mean (g−1)(c−1)/(n−1) under independence, over the likewise corrected size
    of the table. Rows and columns without patients are left out.

    Parameters
    ----------
    counts : int array `[groups, classes]`
        Patients of each group and class.

    Returns
    -------
    v : float
        From 0 to 1; 0 where fewer than two groups or classes remain.
    p : float
        Pearson's chi-squared p value; 1 where fewer than two remain.

    References
    ----------
    Bergsma 2013, doi:10.1016/j.jkss.2012.10.002.
    """
    from scipy.stats import chi2_contingency

    counts = np.asarray(counts)
    has_patients = counts.sum(axis=1) > 0
    occurs = counts.sum(axis=0) > 0
    counts = counts[has_patients][:, occurs]
    if min(counts.shape) < 2:
        return 0.0, 1.0
    chi2, p, _, _ = chi2_contingency(counts, correction=False)
    n = counts.sum()
    g, c = counts.shape
    bias = (g - 1) * (c - 1) / (n - 1)
    phi2 = max(0.0, chi2 / n - bias)
    corrected_groups = g - (g - 1) ** 2 / (n - 1)
    corrected_classes = c - (c - 1) ** 2 / (n - 1)
    size = min(corrected_groups, corrected_classes) - 1
    v = float(min(1.0, np.sqrt(phi2 / size))) if size > 0 else 0.0
    return v, float(p)


def association(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Counts `[groups, classes]` of patients with a label, V and p. Groups of one patient carry no
    information and are left out."""
    known = labels >= 0
    counts = pd.crosstab(values[known], labels[known]).to_numpy()
    if not counts.size:
        return np.zeros((0, 0), dtype=int), 0.0, 1.0
    counts = counts[counts.sum(axis=1) > 1]
    v, p = cramers_v(counts) if counts.size else (0.0, 1.0)
    return counts, v, p


def _complete(counts: np.ndarray) -> bool:
    """Whether every group has one class only, and there are several classes."""
    classes_of_group = (counts > 0).sum(axis=1)
    classes = (counts.sum(axis=0) > 0).sum()
    return bool((classes_of_group == 1).all() and classes > 1)


def _against_label(subject: Subject, name: str, labels: np.ndarray, level: float) -> Finding | None:
    """A finding where a group is associated with the label int `[N]`, -1 where it does not
    count."""
    counts, v, p = association(subject.cohort.groups[name], labels)
    if p >= level:
        return None
    words = subject.in_words
    figures = (
        f"Cramér's V {v:.2f} corrected for bias, chi-squared p {p:.1g}, {len(counts)} groups of "
        f"{few(counts.sum())} patients"
    )
    severity = "warning" if v >= STRONG else "note"
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
    elif v < NOTED:
        return None
    return Finding("group-by-label", severity, f"group {name}", message, len(counts), cure)


def _against_presence(
    name: str, modality: str, values: np.ndarray, has_it: np.ndarray, level: float
) -> Finding | None:
    """A finding where a group is associated with having a modality (1, 0, -1: does not count)."""
    counts, v, p = association(values, has_it)
    if p >= level or v < NOTED:
        return None
    every = "; every group has it or lacks it as a whole" if _complete(counts) else ""
    message = (
        f"goes with having {modality}: Cramér's V {v:.2f} corrected for bias, chi-squared p "
        f"{p:.1g}{every}"
    )
    cure = (
        f"what {modality} adds is also what {name} adds: read the scores by pattern of modalities"
    )
    where = f"group {name}, {modality}"
    severity = "warning" if v >= STRONG else "note"
    return Finding("group-by-presence", severity, where, message, len(counts), cure)
