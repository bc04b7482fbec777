"""How strongly groups of patients, such as sites or parts of ids, go with the label."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

NOTED, STRONG = 0.2, 0.5  # Cramér's V from which a note, and a warning, is given


class Association(NamedTuple):
    """The association of groups with classes.

    Attributes
    ----------
    counts : int array `[groups, classes]`
        Patients of each group of two or more, and each class.
    v, p : float
        Of `cramers_v`.
    """

    counts: np.ndarray
    v: float
    p: float

    @property
    def severity(self) -> str:
        """Of a finding of so strong an association."""
        return "warning" if self.v >= STRONG else "note"

    @property
    def in_words(self) -> str:
        """V and p."""
        return f"Cramér's V {self.v:.2f} corrected for bias, chi-squared p {self.p:.1g}"


def associated(values: np.ndarray, labels: np.ndarray) -> Association:
    """The association of groups `[N]` with labels int `[N]`, without patients of label -1. Groups
    of one patient carry no information and are left out."""
    known = labels >= 0
    counts = pd.crosstab(values[known], labels[known]).to_numpy()
    if not counts.size:
        return Association(np.zeros((0, 0), dtype=int), 0.0, 1.0)
    counts = counts[counts.sum(axis=1) > 1]
    v, p = cramers_v(counts) if counts.size else (0.0, 1.0)
    return Association(counts, v, p)


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
