"""Numbers as people write them."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.text.parse_numbers import number_of, numbers, shape_of


@pytest.mark.parametrize(
    "cell, shape",
    [("12", "number"), ("-.5e3", "number"), (3, "number"), ("−5", "number"), ("inf", "infinite"),
     ("80+", "bound"), ("<= 3", "bound"), ("≥3", "bound"), ("5 mg", "unit"), ("5%", "unit"),
     ("<5 mg/dl", "unit"), ("1,5", "comma"), ("12,345.6", "comma"), ("1_2", "text"),
     ("0x10", "text"), ("١٢", "text"), ("1d5", "text"), (True, "text"), ("5q", "text"),
     ("2A", "text"), ("1-2", "text"), ("nan", "text")],
)  # fmt: skip
def test_shapes(cell, shape):
    assert shape_of(cell) == shape


def test_numbers_and_bounds():
    assert number_of("1e3") == 1000 and number_of("−5") == -5 and number_of(True) == 1
    assert np.isnan(number_of("1_2")) and np.isnan(number_of("80+"))
    assert number_of("80+", bounds=True) == 80 and number_of("<.5", bounds=True) == 0.5
    column = pd.Series(["1", None, "x", "80+"], dtype=object)
    np.testing.assert_array_equal(numbers(column), [1, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(numbers(column, bounds=True), [1, np.nan, np.nan, 80])
