"""What pictures and audits ask of each kind of outcome."""

from __future__ import annotations

import numpy as np
import pytest

from graphfuse.task.outcome import Outcome

TIMES = np.array([3.0, 1.0, np.nan, 2.0])


def classes(codes) -> Outcome:
    return Outcome("type", "class", np.array(codes), ("a", "b"))


def number(values) -> Outcome:
    return Outcome("score", "number", np.array(values, float))


@pytest.mark.parametrize(
    ("values", "codes", "names"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], ("up to the median", "above the median")),
        ([5, np.nan, 1, 2], [1, -1, 0, 0], ("up to the median", "above the median")),
        ([0, 0, 0, 7, 9], [0, 0, 0, 1, 1], ("up to the median", "above the median")),
        ([3, 9, 9, 9], [0, 1, 1, 1], ("below the median", "at the median")),
        ([np.nan, np.nan], [-1, -1], ("below the median", "at the median")),
    ],
)
def test_a_number_is_looked_at_by_its_median(values, codes, names):
    outcome = number(values)
    found, said = outcome.task.categories(outcome.target)
    assert found.tolist() == codes and said == names


def test_what_tells_a_half_is_said_otherwise_than_what_tells_a_class():
    assert number([1, 2]).task.distinguished(["above the median"]) == "who is above the median"
    assert classes([0, 1]).task.distinguished(["a"]) == "'a' from the rest"


def test_patients_are_coloured_by_classes_or_along_a_scale():
    time = Outcome("os", "survival", TIMES, event=np.array([True, False, False, True]))
    given = {}
    for outcome in (classes([0, 1, -1, 1]), number(TIMES), time):
        for addition, (values, names) in outcome.task.coloured(outcome.target).items():
            given[outcome.name + addition] = (values.tolist(), names)
    assert list(given) == ["type", "score", "os (time)", "os (event)"]
    assert given["type"] == ([0, 1, -1, 1], ("a", "b"))
    assert given["score"] == (pytest.approx(TIMES.tolist(), nan_ok=True), ())
    assert given["os (event)"] == ([1, 0, -1, 1], ("no event", "event"))


@pytest.mark.parametrize(
    ("outcome", "column", "is_copy"),
    [
        (classes([0, 0, 1, 1]), [5, 5, 2, 2], True),
        (classes([0, 0, 1, 1]), [5, 6, 2, 2], False),
        (number([1, 2, 4, 8]), [0, 1, 2, 3], True),
        (number([1, 2, 4, 8]), [-1, -4, -16, -64], True),
        (number([1, 2, 4, 8]), [1, 0, 2, 3], False),
        (number([1, 2, 4, 8]), [0, 0, 1, 1], False),
    ],
)
def test_what_restates_an_outcome(outcome, column, is_copy):
    assert outcome.task.restated(outcome.target, np.array(column, float)) == is_copy
