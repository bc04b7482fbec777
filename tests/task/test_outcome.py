"""Outcomes: who is known, taking patients, what is said."""

import numpy as np

from graphfuse.task.outcome import Outcome


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
