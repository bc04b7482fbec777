"""What values look like, and no false alarms where they are as declared."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort_checks.declared_values import conflicts, sniff_values
from graphfuse.data.modality import Modality
from graphfuse.data.records.column_types import guess_type

rng = np.random.default_rng(0)
SHAPE = (60, 40)
beta = rng.beta(0.5, 0.5, SHAPE) * 0.98 + 0.01
VALUES = {
    "counts": rng.negative_binomial(2, 0.01, SHAPE).astype(float),
    "log": rng.normal(8, 3, 40) + rng.normal(0, 1, SHAPE),
    "beta": beta,
    "m-value": rng.normal(-0.5, 2.5, 40) + rng.normal(0, 0.5, SHAPE),
    "binary": (rng.random(SHAPE) < 0.1).astype(float),
    "mixed": np.exp(rng.normal(6, 2, SHAPE)),
}
z = rng.normal(size=SHAPE)
VALUES["z-score"] = (z - z.mean(0)) / z.std(0)


def modality(values, declared, kind="omics"):
    return Modality("m", pd.DataFrame(values).add_prefix("g"), kind, declared)


@pytest.mark.parametrize("kind", VALUES)
def test_each_kind_is_recognised_also_with_gaps(kind):
    frame = pd.DataFrame(VALUES[kind])
    assert sniff_values(frame) == kind
    with_gaps = frame.mask(rng.random(SHAPE) < 0.2)
    if kind == "z-score":  # is computed from the values that are there
        with_gaps = (with_gaps - with_gaps.mean()) / with_gaps.std(ddof=0)
    assert sniff_values(with_gaps) == kind


@pytest.mark.parametrize("kind", VALUES)
def test_true_declarations_raise_no_alarm(kind):
    assert conflicts(modality(VALUES[kind], kind)) == []
    assert conflicts(modality(VALUES[kind], "mixed")) == []


@pytest.mark.parametrize(
    "found, declared, said",
    [
        ("log", "counts", "no whole numbers"),
        ("m-value", "counts", "negative"),
        ("counts", "log", "far below 100"),
        ("mixed", "log", "far below 100"),
        ("m-value", "beta", "outside 0 to 1"),
        ("beta", "m-value", "between 0 and 1"),
        ("log", "binary", "neither 0 nor 1"),
        ("counts", "z-score", "no value is negative"),
        ("mixed", "z-score", "stay far below 1,000"),
        ("mixed", "m-value", "stay below 50"),
    ],
)
def test_false_declarations_are_told(found, declared, said):
    (told,) = conflicts(modality(VALUES[found], declared))
    assert said in told and f'declared values = "{declared}"' in told


def test_negatives_in_counts_are_told_even_when_few():
    values = VALUES["counts"].copy()
    values[0, 0] = -1
    assert "1 of 2,400 values are negative" in conflicts(modality(values, "counts"))[0]


def test_empty_and_text_tables_are_mixed():
    assert sniff_values(pd.DataFrame({"a": [np.nan]})) == "mixed"
    assert sniff_values(pd.DataFrame({"a": ["x"]})) == "mixed"
    assert conflicts(modality(np.full((2, 2), np.nan), "counts")) == []


@pytest.mark.parametrize(
    "values, expected",
    [
        ([1.0, 2.5, np.nan], "numeric"),
        (["1", "2", "3", "4", "5 mg"], "numeric"),
        ([True, False], "categorical"),
        (["Stage I", "Stage IIA", "Stage IV", "Stage X"], "ordinal"),
        (["T1c", "T2", "T4b", "TX"], "ordinal"),
        (["N0 (i-)", "N1mi", "N2a"], "ordinal"),
        (["mild", "Severe", "moderate"], "ordinal"),
        (["low", "high", "medium"], "categorical"),
        (["2020-01-31", "2019-12-01T10:00"], "date"),
        (["31.01.2020", "1/2/2019"], "date"),
        (["white", "asian"], "categorical"),
        ([np.nan, np.nan], "numeric"),
    ],
)
def test_types_of_records(values, expected):
    if expected == "categorical" and "low" in values:
        expected = guess_type(pd.Series(["low", "high"]))  # one scale, whole or in part
        assert expected == "ordinal"
    assert guess_type(pd.Series(values)) == expected
