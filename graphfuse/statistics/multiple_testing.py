"""Corrections of p-values for the number of tests made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float], comparisons: int | None = None) -> list[float]:
    """Holm's step-down correction, which bounds the chance of any false rejection.

    Parameters
    ----------
    p_values : sequence of float
        One for each test; NaN stays NaN and does not count as a test.
    comparisons : int or None
        How many tests were made, where that is not the number of p-values given (default).

    Returns
    -------
    list of float
        The corrected p-values, in the order given.

    References
    ----------
    Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6(2).

    Examples
    --------
    >>> holm([0.25, 0.125, 0.5])
    [0.5, 0.375, 0.5]
    """
    corrected = np.array(p_values, dtype=float)
    order = [i for i in np.argsort(corrected, kind="stable") if np.isfinite(corrected[i])]
    tests = len(order) if comparisons is None else comparisons
    largest = 0.0  # corrected p-values never fall along the order
    for step, i in enumerate(order):
        factor = max(tests - step, 1)
        largest = max(largest, min(1.0, corrected[i] * factor))
        corrected[i] = largest
    return corrected.tolist()
