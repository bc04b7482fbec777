"""Numbers that cannot be measurements: infinite, or so large that their squares overflow."""

from __future__ import annotations

import numpy as np

LARGEST = 1e100  # squares of smaller numbers, and sums of those, stay finite


def is_huge(values: np.ndarray) -> np.ndarray:
    """bool, like `values`: finite and beyond `LARGEST`, on either side of zero."""
    sizes = np.abs(values)
    return np.isfinite(sizes) & (sizes > LARGEST)


def measurable(values: np.ndarray) -> np.ndarray:
    """`values` with NaN for numbers that cannot be measurements, so that means and spreads exist.

    >>> measurable(np.array([1.5, np.inf, -1e200]))
    array([1.5, nan, nan])
    """
    return np.where(np.abs(values) <= LARGEST, values, np.nan)
