"""Paired differences of scores over folds, for scripts that keep no predictions of patients."""

import numpy as np
from scipy import stats


def corrected_error(differences: np.ndarray, test_share: float) -> float:
    """Standard error of the mean of J differences: sd · √(1/J + n_test / n_train) (Nadeau and
    Bengio 2003, doi:10.1023/A:1024068626366)."""
    factor = np.sqrt(1 / len(differences) + test_share)
    return float(differences.std(ddof=1) * factor)


def corrected_interval(differences: np.ndarray, test_share: float) -> tuple[float, float]:
    """The 95 % interval of their mean, by Student's t."""
    half = stats.t.ppf(0.975, len(differences) - 1) * corrected_error(differences, test_share)
    return float(differences.mean() - half), float(differences.mean() + half)
