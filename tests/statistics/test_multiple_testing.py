"""Corrections for several tests, against values worked out by hand."""

import numpy as np
import pytest

from graphfuse.statistics.multiple_testing import holm


def test_holm_steps_down_and_keeps_order():
    assert holm([0.03, 0.01, 0.04]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []


def test_missing_p_values_stay_and_do_not_count():
    first, missing, last = holm([0.3, float("nan"), 0.4])
    assert (first, last) == pytest.approx((0.6, 0.6)) and np.isnan(missing)


def test_tests_without_a_p_value_count_where_their_number_is_given():
    assert holm([0.01], comparisons=4) == [0.04]
    assert holm([0.01, 0.04, 0.03], comparisons=3) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([], comparisons=3) == []


def test_corrected_values_are_never_above_one_nor_out_of_order():
    p = np.random.default_rng(0).uniform(size=30)
    corrected = np.array(holm(list(p)))
    assert (corrected >= p).all() and corrected.max() <= 1
    assert (np.diff(corrected[np.argsort(p)]) >= 0).all()
