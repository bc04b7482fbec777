"""Patients by row, id or mask: those who are meant, in the order asked for, or who is not there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError

IDS = ["d", "b", "a", "c"]


@pytest.fixture
def cohort() -> Cohort:
    table = pd.DataFrame({"TP53": [4.5, 2.5, 1.5, 3.5]}, IDS)
    return Cohort.from_frames({"rna": table}, pd.Series(list("xyxy"), IDS, name="arm"))


@pytest.mark.parametrize(
    "asked, ids",
    [
        ([2, 0], "ca"),
        (np.array([-1], np.int8), "d"),
        (range(1, 3), "bc"),
        (3, "d"),
        (np.int64(1), "b"),
        (slice(None, None, -1), "dcba"),
        ([1, 1], "bb"),
        ([], ""),
        (["c", "a"], "ca"),
        ("b", "b"),
        (pd.Index(["d"]), "d"),
        (np.array(["a", "d"]), "ad"),
        ([True, False, False, True], "ad"),
        (pd.Series([False, True, False, False]), "b"),
        ((slice(1, 3), ...), "bc"),
    ],
)
def test_who_is_meant(cohort, asked, ids):
    taken = cohort[asked]
    assert list(taken.patients) == list(ids)
    values = {"a": 1.5, "b": 2.5, "c": 3.5, "d": 4.5}
    assert taken.modalities["rna"].table["TP53"].tolist() == [values[name] for name in ids]
    if not isinstance(asked, tuple):
        assert list(cohort.take(asked).patients) == list(ids)


@pytest.mark.parametrize(
    "asked, said",
    [
        ([0, 4], "rows: 4 not among 4 patients"),
        ([-5], "rows: -5 not among 4 patients"),
        (["a", "e", "f"], r"rows: 2 ids are not in the cohort \(e, f\)"),
        (["a", "b", "a"], r"rows: ids given more than once: a;"),
        ([True, False], "rows: a mask of 2 for 4 patients"),
        (None, r"rows: expected row numbers, ids, or a mask \(got NoneType\)"),
        (1.0, r"got float64"),
        ([0.5, np.nan], r"got float64"),
        (b"a", r"got bytes"),
        ({"a": 1}, r"got dict"),
        ({0, 1}, r"got set"),
        (["a", 1, None], r"got int"),
        ([[0, 1]], r"got an array of shape \(1, 2\)"),
        ([[0], [1, 2]], r"got list"),
        (slice("a", "b"), r"got slice"),
    ],
)
def test_who_is_not_there_is_named(cohort, asked, said):
    with pytest.raises(InputError, match=said):
        cohort.take(asked)


def test_a_cohort_is_no_list_and_no_array(cohort):
    assert cohort.shape == (4, 1)
    with pytest.raises(TypeError, match="not iterable"):
        list(cohort)
    with pytest.raises(TypeError, match="a Cohort is no array"):
        np.asarray(cohort)
