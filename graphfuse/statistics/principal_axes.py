"""The directions in which a table varies most, found on its smaller side."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh


def principal_axes(values: np.ndarray, count: int, tolerance: float) -> np.ndarray:
    """Leading right singular vectors of a table, the last one the strongest.

    Parameters
    ----------
    values : np.ndarray
        `[n, F]`; for principal components, with centred columns.
    count : int
        How many, from 1 to min(n, F).
    tolerance : float
        Where there are more columns than rows, directions whose eigenvalue is at most this share of
        the largest are left out: nothing but rounding lies along them.

    Returns
    -------
    np.ndarray
        `[F, d]`, d ≤ `count`, orthonormal columns.
    """
    rows, width = values.shape
    if width <= rows:
        return eigh(values.T @ values, subset_by_index=(width - count, width - 1))[1]
    power, left = eigh(values @ values.T, subset_by_index=(rows - count, rows - 1))
    keep = power > max(power[-1], 0) * tolerance
    return values.T @ (left[:, keep] / np.sqrt(power[keep]))
