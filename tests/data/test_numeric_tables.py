"""Measurements: what holds numbers becomes floats, the rest is refused with an example."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.numeric_tables import numeric
from graphfuse.errors import InputError


def column(values, **options):
    return pd.DataFrame({"a": pd.Series(values, **options), "b": [1.5, 2.5, 3.5]})


@pytest.mark.parametrize(
    "values, dtype",
    [
        ([True, None, False], object), ([1, np.nan, 0], object), ([True, pd.NA, False], "boolean"),
        ([1, pd.NA, 0], "Int64"), ([1.0, np.nan, 0.0], "float32"), ([1, np.nan, 0], "category"),
        ([1.0, np.nan, 0.0], pd.SparseDtype(float)), ([Decimal(1), None, Decimal(0)], object),
        ([np.True_, np.nan, np.False_], object), ([1, None, False], object),
    ],
)  # fmt: skip
def test_numbers_and_truth_values_of_any_type(values, dtype):
    got = numeric(column(values, dtype=dtype), "t")
    assert got.dtypes.tolist() == [float, float]
    assert got["a"].iloc[[0, 2]].tolist() == [1.0, 0.0] and np.isnan(got["a"].iloc[1])


def test_a_column_without_any_value_is_missing():
    for empty in ([None] * 3, [np.nan] * 3, [pd.NA] * 3):
        assert numeric(column(empty, dtype=object), "t")["a"].isna().all()


def test_truth_values_without_gaps():
    assert numeric(column([True, False, True]), "t")["a"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "values, said",
    [
        (["1.5", "<LOD", None], r"1 columns hold text \(a; e\.g\. \['<LOD'\]"),
        (["1.5", "2.5", None], r"numbers stored as text \(a; e\.g\. \['1\.5'\]"),
        (["TRUE", "FALSE", None], r"e\.g\. \['TRUE'\]"),
        ([1.0, "high", 2.0], "'high'"),
        ([1j, 2.0, 3.0], "columns hold"),
        (pd.to_datetime(["2020-01-01"] * 3), "columns hold"),
        ([1.0, np.inf, 2.0], "infinite values .a."),
        ([1.0, 1e200, 2.0], "1 value in 1 column .a. lie beyond ±1e.100"),
        ([1.0, -1.7e308, 2.0], "1 value in 1 column .a. lie beyond ±1e.100"),
    ],
)
def test_what_is_no_measurement(values, said):
    with pytest.raises(InputError, match=said):
        numeric(column(values), "t")


def test_intact_values_are_not_touched():
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(5, 4)) * 1e30)
    assert np.array_equal(numeric(frame, "t").to_numpy(), frame.to_numpy())
