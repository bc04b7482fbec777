"""Predicted numbers against what is known by hand, or was planted."""

import numpy as np
import pytest
from scipy import stats

from graphfuse.evaluate.predicted_and_observed import agreement

WIDE = stats.norm.ppf(0.95)


def made(patients=500, slope=1.0, bounds=1.0, seed=0):
    """Predictions whose truth lies by `slope` around them, with an error of 1, and bounds that are
    `bounds` times as wide as they should be."""
    rng = np.random.default_rng(seed)
    value = rng.normal(10, 2, patients)
    truth = 10 + slope * (value - 10) + rng.normal(0, 1, patients)
    half = bounds * WIDE
    return np.arange(patients), np.stack([value, value - half, value + half], 1), truth


def test_an_honest_model_agrees_in_every_fifth():
    found = agreement(*made(5000))
    assert [group.patients for group in found.groups] == [1000] * 5
    for group in found.groups:
        assert group.mean == pytest.approx(group.predicted, abs=0.1)
        assert group.low < group.mean < group.high
    assert found.covered == pytest.approx(0.9, abs=0.02)
    assert found.slope == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("slope", [0.5, 2.0])
def test_a_planted_slope_is_found(slope):
    found = agreement(*made(slope=slope))
    low, high = found.slope_ends
    assert low < slope < high and not low < 1 < high


def test_bounds_that_are_too_narrow_are_found():
    found = agreement(*made(bounds=0.5))
    assert found.covered == pytest.approx(2 * stats.norm.cdf(WIDE / 2) - 1, abs=0.06)
    assert found.covered_ends[1] < 0.9


def test_intervals_cover_what_they_say():
    """Of 300 honest models, the slope's interval leaves out 1 for about 15, and that of a fifth's
    mean what was expected of these patients for about 75 of 1500."""
    slopes, means = 0, 0
    for seed in range(300):
        found = agreement(*made(60, seed=seed))
        slopes += not found.slope_ends[0] < 1 < found.slope_ends[1]
        means += sum(not group.low < group.predicted < group.high for group in found.groups)
    assert stats.binom.cdf(slopes, 300, 0.05) > 0.001 and slopes < 30
    assert means < 110


def test_repeats_add_no_patients():
    patients, output, truth = made(100)
    once = agreement(patients, output, truth)
    again = agreement(np.tile(patients, 3), np.tile(output, (3, 1)), np.tile(truth, 3))
    assert again.patients == once.patients == 100
    assert again.covered_ends == pytest.approx(once.covered_ends)
    assert again.slope_ends == pytest.approx(once.slope_ends)
    for one, other in zip(once.groups, again.groups, strict=True):
        assert vars(other) == pytest.approx(vars(one))


@pytest.mark.parametrize("patients, groups", [(4, None), (5, 1), (12, 2), (24, 4), (25, 5)])
def test_no_group_is_of_fewer_than_five(patients, groups):
    found = agreement(*made(patients))
    assert (found and len(found.groups)) == groups
    assert not found or min(group.patients for group in found.groups) >= 5


def test_equal_predictions_stay_together_and_have_no_slope():
    patients, output, truth = made(40)
    found = agreement(patients, np.full_like(output, 10.0), truth)
    assert len(found.groups) == 1 and found.slope is None and found.slope_ends is None
    output[2:] = 10.0  # two patients alone apart
    assert min(group.patients for group in agreement(patients, output, truth).groups) >= 5
