"""Classes: who may train, and what is said where there are too few."""

import numpy as np
import pytest

from graphfuse.errors import InputError
from graphfuse.task.classes import Classes
from graphfuse.task.outcome import Target

NAMES = ("Basal", "Her2", "Claudin")
CODES = np.repeat([0, 1, 2, -1], [30, 20, 7, 3])


def target(codes) -> Target:
    return Target(codes, codes >= 0)


@pytest.mark.parametrize(
    ("codes", "folds", "said"),
    [
        (CODES, 8, "8 folds: every class needs at least 8 labelled patients; Claudin has 7. Take"),
        (np.zeros(20, int), 5, "at least 2 classes; all are Basal"),
        (np.full(20, -1), 5, "at least 2 classes; nobody has a label"),
        (np.repeat([0, 2], 10), 11, "at least 11 labelled patients; Basal has 10, Claudin has 10"),
    ],
)
def test_too_few_for_the_folds(codes, folds, said):
    with pytest.raises(InputError, match=said) as caught:
        Classes(NAMES).require(target(codes), folds, f"--cv: {folds} folds")
    assert "Her2 has" not in str(caught.value)


def test_a_class_without_any_patient_is_no_obstacle():
    Classes(NAMES).require(target(np.repeat([0, 2], 10)), 5, "--cv: 5 folds")


def test_one_class_teaches_nothing_and_untrained_classes_are_named():
    task = Classes(NAMES)
    assert "one class only" in task.lacks_spread(target(np.array([1, 1, -1])))
    assert task.lacks_spread(target(np.array([1, 0, -1]))) == ""
    assert task.untrained(target(np.array([0, 1])), target(np.array([2, 1]))) == ["Claudin"]
