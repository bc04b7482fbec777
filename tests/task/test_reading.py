"""Targets: outcomes from columns, and what is worth a notice."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.schema import OutcomeSpec
from graphfuse.task.outcome import read_outcome


def outcome(frame, **spec):
    return read_outcome(frame, OutcomeSpec(file="f.csv", **spec), "made", frame.index)


def classes(sizes):
    labels = [name for name, size in sizes.items() for _ in range(size)]
    return pd.DataFrame({"label": labels}, [f"P{i}" for i in range(len(labels))])


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"a": 5, "b": 9}, []),
        ({"a": 4, "b": 9}, ["class 'a': fewer than 5 labelled patients"]),
        ({"a": 1, "b": 2, "c": 7}, ["classes 'a', 'b': fewer than 5 labelled patients"]),
    ],
    ids=["enough", "one small", "two small"],
)
def test_classes_too_small_for_the_usual_folds_are_a_notice(sizes, said):
    _, notices = outcome(classes(sizes), kind="class", column="label")
    assert len(notices) == len(said) and all(
        n.startswith(s) for n, s in zip(notices, said, strict=True)
    )
    assert all("--cv" in notice and "labels = " in notice for notice in notices)


def test_unlabelled_patients_do_not_count():
    frame = classes({"a": 5, "b": 9})
    frame.loc["P0", "label"] = np.nan
    _, notices = outcome(frame, kind="class", column="label")
    assert len(notices) == 1 and "class 'a'" in notices[0]


def test_one_is_one_and_not_many():
    frame = pd.DataFrame({"time": [0.0, 5, 7, 9], "dead": [1, 1, 0, 0], "score": [1, 2, "high", 4]})
    _, notices = outcome(frame, kind="survival", time="time", event={"column": "dead", "value": 1})
    assert "<5 patients have a time of 0 or less, which counts as unknown" in notices
    with pytest.raises(InputError, match=r"column 'score': 1 value is no number \('high'\)"):
        outcome(frame, kind="number", column="score")
