"""The cause of a shift is named by what undoes it."""

from __future__ import annotations

import numpy as np
import pytest

from graphfuse.data.shift.causes import in_figures, likely_cause
from graphfuse.data.shift.detect import Shift, ShiftReference


def logs(patients: int, columns: int = 90, seed: int = 0) -> np.ndarray:
    """Logarithms as of expression: columns of different levels, moved by two common factors."""
    fixed = np.random.default_rng(7)
    level, loadings = fixed.uniform(3, 13, columns), fixed.normal(size=(2, columns))
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(patients, 2)) @ loadings
    return level + 0.5 * common + 0.6 * rng.normal(size=(patients, columns))


TRAINING = logs(100, seed=20)
MEAN, SPREAD = TRAINING.mean(axis=0), TRAINING.std(axis=0)


def standardise(x):
    return (x - MEAN) / SPREAD


SHOWN = np.arange(TRAINING.shape[1])
REFERENCE = ShiftReference.fit(standardise(TRAINING))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: 2.0**x, "plain numbers, where the model has log2(x"),
        (lambda x: x * np.log(2), "natural logarithms, where the model has logarithms to base 2"),
        (lambda x: x / np.log2(10), "logarithms to base 10"),
        (lambda x: x + 1, "1 larger than in training"),
        (lambda x: x - 1, "1 smaller than in training"),
        (lambda x: x * 1e3, "in a unit a thousand times"),
        (lambda x: (x - x.mean(axis=0)) / x.std(axis=0), "z-scores"),
        (lambda x: x[:, ::-1], "under the wrong column names"),
        (lambda x: np.random.default_rng(1).normal(500, 5, x.shape), "another platform"),
    ],
)
def test_the_cause_is_named(change, said):
    values = change(logs(40, seed=21))
    found = likely_cause(REFERENCE, values, SHOWN, np.median(TRAINING, axis=0), standardise)
    assert said in found


def test_figures_of_any_size_can_be_said():
    assert "1 times" in in_figures(Shift(3, 0.0, 0.1, False, False))
    assert "inf" not in in_figures(Shift(3, 5000.0, 1e300, True, True))
