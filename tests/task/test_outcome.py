"""Outcomes: who is known, taking patients, what is said."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.task.outcome import Outcome
from graphfuse.task.registry import kind_of


def test_classes():
    outcome = Outcome("y", "class", np.array([0, 1, -1, 1]), ("A", "B"))
    assert outcome.known.tolist() == [True, True, False, True]
    taken = outcome.take(np.array([3, 2]))
    assert taken.values.tolist() == [1, -1] and taken.classes == ("A", "B") and taken.event is None
    assert repr(outcome) == "Outcome(y: class; A 1, B 2; unlabelled 1)"


def test_survival():
    outcome = Outcome(
        "os", "survival", np.array([3.0, np.nan, 5.0]), event=np.array([True, True, False])
    )
    assert outcome.known.tolist() == [True, False, True]
    assert outcome.take(np.array([2, 0])).event.tolist() == [False, True]
    assert "2 known, 1 events" in repr(outcome)


def test_numbers():
    outcome = Outcome("n", "number", np.array([0.0, np.nan]))
    assert (
        outcome.known.tolist() == [True, False] and repr(outcome) == "Outcome(n: number; 1 known)"
    )


def test_a_target_is_taken_and_hidden_without_a_change_to_the_first():
    target = Outcome("y", "class", np.array([0, 1, -1, 1]), ("A", "B")).target
    hidden = target.hide([0])
    assert hidden.known.tolist() == [False, True, False, True] and target.known[0]
    assert target.take(np.array([3, 2])).known.tolist() == [True, False]


@pytest.mark.parametrize(
    "values, event",
    [(np.array([0, 1, 0]), None), (np.array([2.5, 0.1, 7.0]), None)],
    ids=["class", "number"],
)
def test_altered_values_differ_where_asked_and_nowhere_else(values, event):
    kind = "class" if values.dtype.kind == "i" else "number"
    outcome = Outcome("y", kind, values, ("A", "B") if kind == "class" else ())
    other, _ = outcome.task.altered(outcome.target, np.array([1]), np.random.default_rng(0))
    assert (other != values).tolist() == [False, True, False]


def test_a_kind_that_there_is_not_names_those_there_are():
    with pytest.raises(InputError, match="'klass' .did you mean 'class'"):
        kind_of("klass")
    with pytest.raises(InputError, match="class, number, survival"):
        kind_of("weather")


def test_numbers_in_memory_are_a_number_outcome():
    table = pd.DataFrame({"TP53": [1.5, 2.5, 3.5]}, index=["P1", "P2", "P3"])
    age = pd.Series({"P3": 61, "P1": 44.5}, name="age")
    outcome = Cohort.from_frames({"rna": table}, age, kind="number").outcome()
    assert (outcome.kind, outcome.name) == ("number", "age")
    np.testing.assert_equal(outcome.values, [44.5, np.nan, 61])
    with pytest.raises(InputError, match="'old' is none|no number"):
        Cohort.from_frames({"rna": table}, age.astype(object).replace(61, "old"), kind="number")
