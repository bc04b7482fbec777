"""Sites, batches and other declared groups that go together with the label, or with who was
measured."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.groups import group_known
from graphfuse.data.leak_audit.finding import RARE, Finding, Subject
from graphfuse.errors import few

_SHOWN, _STRONG = 0.2, 0.5  # Cramér's V from which a note, and a warning, is given
_FAMILY = 5  # groups smaller than this on average are families or repeated samples, not sites


def confounded(subject: Subject) -> list[Finding]:
    """Declared groups that go together with the label, and with having a modality (`cramers_v`).

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
    level = RARE / max(len(groups) * (1 + len(partial)), 1)
    findings = []
    for name, values in groups.items():
        known = group_known(values)
        codes = np.where(known, subject.codes, -1)
        findings.append(_against_label(subject, name, codes, level))
        for modality in partial:
            has_it = np.where(known, present[modality], -1)
            findings.append(_against_presence(name, modality, values, has_it, level))
    return [finding for finding in findings if finding is not None]


def cramers_v(counts: np.ndarray) -> tuple[float, float]:
    """Cramér's V of a table of counts, corrected for its bias.

    φ² = χ²/n less its mean (g−1)(c−1)/(n−1) where nothing is associated, over the likewise
    corrected size of the table (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002). Rows and columns
    without patients are left out.

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
    """
    from scipy.stats import chi2_contingency

    counts = np.asarray(counts)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape) < 2:
        return 0.0, 1.0
    chi2, p, _, _ = chi2_contingency(counts, correction=False)
    n, (g, c) = counts.sum(), counts.shape
    phi2 = max(0.0, chi2 / n - (g - 1) * (c - 1) / (n - 1))
    corrected_groups = g - (g - 1) ** 2 / (n - 1)
    corrected_classes = c - (c - 1) ** 2 / (n - 1)
    size = min(corrected_groups, corrected_classes) - 1
    v = float(min(1.0, np.sqrt(phi2 / size))) if size > 0 else 0.0
    return v, float(p)


def _measured(values: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Counts `[groups, classes]` of those known, V and p. Groups of one patient say nothing and are
    left out."""
    known = codes >= 0
    counts = pd.crosstab(values[known], codes[known]).to_numpy()
    if not counts.size:
        return np.zeros((0, 0), dtype=int), 0.0, 1.0
    counts = counts[counts.sum(axis=1) > 1]
    v, p = cramers_v(counts) if counts.size else (0.0, 1.0)
    return counts, v, p


def _complete(counts: np.ndarray) -> bool:
    """Every group has one class only, and there are several classes."""
    classes_of_group = (counts > 0).sum(axis=1)
    classes = (counts.sum(axis=0) > 0).sum()
    return bool((classes_of_group == 1).all() and classes > 1)


def _against_label(subject: Subject, name: str, codes: np.ndarray, level: float) -> Finding | None:
    counts, v, p = _measured(subject.cohort.groups[name], codes)
    if p >= level:
        return None
    words = subject.in_words
    said = (
        f"Cramér's V {v:.2f} corrected for bias, chi-squared p {p:.1g}, {len(counts)} groups of "
        f"{few(counts.sum())} patients"
    )
    severity = "warning" if v >= _STRONG else "note"
    message = f"goes with the label: {said}"
    cure = f"score with folds grouped by {name}, and compare with what {name} alone says"
    is_complete = _complete(counts)
    if is_complete and counts.sum() < _FAMILY * len(counts):
        severity = "warning"
        message = (
            f"every {name} holds {words.one}, and they are small, as families or repeated "
            f"samples are ({said})"
        )
        cure = f"score with folds grouped by {name}"
    elif is_complete:
        severity = "leak"
        message = f"completely confounded with the label: every {name} holds {words.one} ({said})"
        cure = (
            f"no score on these patients tells the label from {name}: add patients of "
            f"{words.several} for each {name}"
        )
    elif v < _SHOWN:
        return None
    return Finding("group-by-label", severity, f"group {name}", message, len(counts), cure)


def _against_presence(
    name: str, modality: str, values: np.ndarray, codes: np.ndarray, level: float
) -> Finding | None:
    counts, v, p = _measured(values, codes)
    if p >= level or v < _SHOWN:
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
    severity = "warning" if v >= _STRONG else "note"
    return Finding("group-by-presence", severity, where, message, len(counts), cure)
