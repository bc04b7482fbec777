"""Numbers of few patients, or of patients who are all alike."""

import numpy as np

from graphfuse.task.number import Number
from graphfuse.task.outcome import Target


def target(values) -> Target:
    values = np.asarray(values, float)
    return Target(values, np.isfinite(values))


def test_a_number_that_is_the_same_for_all_is_one_stratum():
    assert Number().strata(target([2.0, 2.0, np.nan, 2.0])).tolist() == [0, 0, -1, 0]


def test_what_lacks_spread_says_why():
    alone = target([5.0, np.nan])
    assert Number().lacks_spread(alone) == "too few labelled patients (n_samples = 1)"
    table = np.random.default_rng(0).normal(size=(2, 3))
    np.testing.assert_array_equal(Number().relevance(table, alone), np.zeros(3))


def test_bounds_lie_on_either_side_of_a_value():
    outputs = np.array([[1.0, 2.0, 3.0], [4.0, 1.0, 2.0], [2.0, 1.0, 3.0]])
    expected = [[1.0, 1.0, 3.0], [4.0, 1.0, 4.0], [2.0, 1.0, 3.0]]
    np.testing.assert_array_equal(Number().valid(outputs), expected)


def test_a_few_predictions_are_counted_without_their_values():
    few, many = Number().in_total(np.array([31.4, 27.2])), Number().in_total(np.arange(20.0))
    assert "31.4" not in few and few.endswith("patients predicted")
    assert many == "20 patients predicted (0 to 19)"
