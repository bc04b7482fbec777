"""Numbers that no measurement is."""

import numpy as np

from graphfuse.data.cohort_checks.unmeasurable_numbers import LARGEST, is_huge, measurable

VALUES = np.array([[0.0, -3.5, LARGEST], [np.inf, -np.inf, np.nan], [2e100, -1.7e308, 5e-324]])


def test_huge_is_finite_and_beyond_the_bound():
    assert is_huge(VALUES).tolist() == [[False] * 3, [False] * 3, [True, True, False]]


def test_what_is_left_can_be_squared():
    kept = measurable(VALUES)
    assert np.isnan(kept).tolist() == [[False] * 3, [True] * 3, [True, True, False]]
    with np.errstate(over="raise"):
        assert np.isfinite(np.nansum(kept**2))
    assert np.array_equal(kept[0], VALUES[0])
