"""Sites, batches and other declared groups that go together with the label, or with who was
measured."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.audit_finding import RARE, Finding, Subject
from graphfuse.data.groups import group_known
from graphfuse.errors import few

_SHOWN, _STRONG = 0.2, 0.5  # Cramér's V from which a note, and a warning, is given
_FAMILY = 5  # groups smaller than this on average are families or repeated samples, not sites


def confounded(subject: Subject) -> list[Finding]:
    """Declared groups that go together with the label, and with having a modality (`cramers_v`)."""
    groups, present = subject.cohort.groups, subject.cohort.present
    partial = [name for name in present if 0 < present[name].sum() < len(present)]
    level = RARE / max(len(groups) * (1 + len(partial)), 1)
    found = []
    for name, values in groups.items():
        known = group_known(values)
        found.append(_against_label(subject, name, np.where(known, subject.codes, -1), level))
        for modality in partial:
            found.append(
                _against_presence(
                    name, modality, values, np.where(known, present[modality], -1), level
                )
            )
    return [finding for finding in found if finding is not None]


def cramers_v(counts: np.ndarray) -> tuple[float, float]:
    """Cramér's V of a table of counts `[groups, classes]`, corrected for its bias, and Pearson's
    chi-squared p value.

    φ² = χ²/n less its mean (g−1)(c−1)/(n−1) where nothing is associated, over the likewise
    corrected size of the table (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002). Rows and columns
    without patients are left out; (0, 1) where fewer than two remain.
    """
    from scipy.stats import chi2_contingency

    counts = np.asarray(counts)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape) < 2:
        return 0.0, 1.0
    chi2, p, _, _ = chi2_contingency(counts, correction=False)
    n, (g, c) = counts.sum(), counts.shape
    phi2 = max(0.0, chi2 / n - (g - 1) * (c - 1) / (n - 1))
    size = min(g - (g - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return float(min(1.0, np.sqrt(phi2 / size))) if size > 0 else 0.0, float(p)


def _measured(values: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Counts `[groups, classes]` of those known, V and p. Groups of one patient say nothing and are
    left out."""
    counts = pd.crosstab(values[codes >= 0], codes[codes >= 0]).to_numpy()
    counts = counts[counts.sum(axis=1) > 1] if counts.size else np.zeros((0, 0), dtype=int)
    return counts, *(cramers_v(counts) if counts.size else (0.0, 1.0))


def _complete(counts: np.ndarray) -> bool:
    """Every group has one class only, and there are several classes."""
    return bool(((counts > 0).sum(axis=1) == 1).all() and (counts.sum(axis=0) > 0).sum() > 1)


def _against_label(subject: Subject, name: str, codes: np.ndarray, level: float) -> Finding | None:
    counts, v, p = _measured(subject.cohort.groups[name], codes)
    if p >= level:
        return None
    words = subject.in_words
    said = (
        f"Cramér's V {v:.2f} corrected for bias, chi-squared p {p:.1g}, {len(counts)} groups of "
        f"{few(counts.sum())} patients"
    )
    where, kind = f"group {name}", "group-by-label"
    if _complete(counts) and counts.sum() < _FAMILY * len(counts):
        message = (
            f"every {name} holds {words.one}, and they are small, as families or repeated "
            f"samples are ({said})"
        )
        return Finding(
            kind, "warning", where, message, len(counts), f"score with folds grouped by {name}"
        )
    if _complete(counts):
        message = f"completely confounded with the label: every {name} holds {words.one} ({said})"
        cure = (
            f"no score on these patients tells the label from {name}: add patients of "
            f"{words.several} for each {name}"
        )
        return Finding(kind, "leak", where, message, len(counts), cure)
    if v < _SHOWN:
        return None
    cure = f"score with folds grouped by {name}, and compare with what {name} alone says"
    return Finding(
        kind,
        "warning" if v >= _STRONG else "note",
        where,
        f"goes with the label: {said}",
        len(counts),
        cure,
    )


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
    return Finding(
        "group-by-presence",
        "warning" if v >= _STRONG else "note",
        where,
        message,
        len(counts),
        cure,
    )
