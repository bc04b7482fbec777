"""Batches on another scale are found, batches of the same kind are not, whatever their size."""

from __future__ import annotations

import numpy as np
import pytest

from graphfuse.data.shift.detect import ShiftReference


def logs(patients: int, columns: int = 150, seed: int = 0) -> np.ndarray:
    """Logarithms as of expression: columns of different levels, moved by a few common factors."""
    fixed = np.random.default_rng(99)
    level = fixed.uniform(2, 12, columns)
    loadings = fixed.normal(size=(6, columns))
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(patients, columns)) * 0.6
    return level + rng.normal(size=(patients, 6)) @ loadings * 0.3 + noise


TRAINING = logs(120)
MEAN, SPREAD = TRAINING.mean(axis=0), TRAINING.std(axis=0)
REFERENCE = ShiftReference.fit((TRAINING - MEAN) / SPREAD)


def compared(values: np.ndarray, reference: ShiftReference = REFERENCE):
    return reference.compare((values - MEAN) / SPREAD)


def z_scores(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


SHIFTS = {
    "z-scores": z_scores,
    "natural logarithms": lambda x: x * np.log(2),
    "not logarithms": lambda x: 2.0**x,
    "plus 1": lambda x: x + 1,
    "exchanged columns": lambda x: x[:, np.random.default_rng(5).permutation(x.shape[1])],
}


@pytest.mark.parametrize("patients", [20, 100])
@pytest.mark.parametrize("kind", SHIFTS)
def test_another_scale_is_found(kind, patients):
    found = [compared(SHIFTS[kind](logs(patients, seed=seed))) for seed in range(1, 21)]
    assert all(each.warned for each in found)
    if kind not in ("plus 1", "natural logarithms"):
        assert all(each.refused for each in found)


@pytest.mark.parametrize("patients", [1, 3, 20, 100])
def test_new_patients_of_the_same_kind_are_no_shift(patients):
    found = [compared(logs(patients, seed=seed)) for seed in range(1, 101)]
    assert sum(each.warned for each in found) <= 2 and not any(each.refused for each in found)


def test_a_prevalence_of_its_own_is_no_shift():
    sick = logs(400, seed=3)
    leading = (sick - MEAN) / SPREAD @ REFERENCE.components[:, -1]
    assert not compared(sick[np.argsort(leading)[:60]]).warned


def test_columns_that_are_missing_are_left_out_of_the_comparison():
    values = logs(40, seed=4)
    values[:, :60] = np.nan
    assert not compared(values).warned
    values[np.random.default_rng(0).random(values.shape) < 0.1] = np.nan
    assert not compared(values).warned
    assert compared(values + 3).warned
    assert compared(np.full((5, 150), np.nan)) is None


def test_rows_are_flagged_one_by_one():
    values = (logs(30, seed=6) - MEAN) / SPREAD
    values[4] *= 12
    alone = np.array([REFERENCE.far_out(row[None])[0] for row in values])
    assert np.flatnonzero(REFERENCE.far_out(values)).tolist() == [4]
    assert (alone == REFERENCE.far_out(values)).all()
    values[7] = np.nan
    assert not REFERENCE.far_out(values)[7]


def test_a_table_of_a_few_columns_refuses_nothing():
    few = TRAINING[:, :5]
    mean, spread = few.mean(axis=0), few.std(axis=0)
    reference = ShiftReference.fit((few - mean) / spread)
    fresh = (logs(40, seed=8)[:, :5] - mean) / spread
    assert reference.is_narrow and not reference.compare(fresh).warned
    gross = reference.compare((2.0 ** logs(40, seed=8)[:, :5] - mean) / spread)
    assert gross.warned and not gross.refused


def test_too_few_patients_or_nothing_that_varies_leave_no_reference():
    assert ShiftReference.fit(TRAINING[:8] - MEAN) is None
    assert ShiftReference.fit(np.zeros((50, 4))) is None
    assert ShiftReference.fit(np.full((50, 4), np.nan)) is None


def test_what_is_saved_compares_the_same():
    back = ShiftReference.from_state(REFERENCE.state())
    values = SHIFTS["plus 1"](logs(20, seed=2))
    assert compared(values, back) == compared(values)


def test_columns_divided_by_their_range_are_compared_on_their_own_size():
    rng = np.random.default_rng(5)
    columns = rng.normal(size=(120, 8)) @ rng.normal(size=(8, 60)) + rng.normal(size=(120, 60))
    columns -= columns.mean(axis=0)
    by_range, by_deviation = columns / np.ptp(columns, axis=0), columns / columns.std(axis=0)
    for own in (by_range, by_deviation):
        found = ShiftReference.fit(own[:80])
        same, other = found.compare(own[80:]), found.compare(30 * own[80:])
        assert not same.warned and not same.refused and other.refused
