"""Marks in numbers: read where the file leaves one reading, refused where it leaves two."""

import time

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.read import read_table
from graphfuse.data.read.decimal_marks import shape_of, to_numbers
from graphfuse.errors import InputError


def column(tmp_path, cells, others=None, mark=";", **how):
    """The column x of a table, after 60 rows that say nothing."""
    others = others or ["5"] * len(cells)
    rows = [f"q{at}{mark}{at + 1}{mark}7" for at in range(60)]
    rows += [
        f"p{at}{mark}{x}{mark}{y}" for at, (x, y) in enumerate(zip(cells, others, strict=True))
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([f"id{mark}x{mark}y", *rows]) + "\n")
    return read_table(path, **how)["x"].tolist()[60:]


@pytest.mark.parametrize(
    "cells, others, values",
    [
        (["1,5", "-0,25", "3"], None, [1.5, -0.25, 3]),
        (["2.345", "980", "1.234.567"], ["7,5", "1", "0,5"], [2345, 980, 1234567]),
        (["2.345,5", "7.125", "12"], None, [2345.5, 7125, 12]),
        (["1,5E-3", "2e2", ",5"], None, [0.0015, 200, 0.5]),
        (["2,345.5", "7,125", "12"], None, [2345.5, 7125, 12]),
        (["7,125", "400", "12,000,000"], ["0.5", "1.25", "3"], [7125, 400, 12e6]),
        (["1.5", ".25", "1e5"], None, [1.5, 0.25, 1e5]),
        (["1.234", "2.345", "0.999"], None, [1.234, 2.345, 0.999]),
        (["1.234", "2.5", "12"], None, [1.234, 2.5, 12]),
        (["1.234", "450", "145.333"], ["1.5", "2", "3.25"], [1.234, 450, 145.333]),
    ],
)
def test_marks_that_leave_one_reading(tmp_path, cells, others, values):
    assert column(tmp_path, cells, others) == values
    texts = column(tmp_path, cells, others, as_text=True)
    assert [float(text) for text in texts] == values


@pytest.mark.parametrize(
    "cells, others",
    [
        (["1,234", "2,500", "4"], None),  # no other cell says which
        (["1.234", "980", "450"], None),  # thousands, or three decimals beside 980?
        (["1.230", "980", "2.100"], None),
        (["1,5", "2", "3"], ["2.5", "1", "1"]),
        (["1,5", "2.5", "3"], None),
        (["1.234", "2.345", "7.125"], ["0,5", "1,5", "2"]),  # thousands, or points in this column?
    ],
)
def test_marks_that_leave_two_readings_are_refused(tmp_path, cells, others):
    for as_text in False, True:
        with pytest.raises(InputError, match="decimal or a thousands mark"):
            column(tmp_path, cells, others, as_text=as_text)


def test_quoted_numbers_of_a_comma_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('id,x,y\nA,"1,234",0.5\nB,"980",1.5\nC,"12,345.5",2\n')
    assert read_table(path)["x"].tolist() == [1234, 980, 12345.5]
    path.write_text('id,x,y\nA,"1,5",2\nB,"0,25",3\n')
    assert read_table(path)["x"].tolist() == [1.5, 0.25]


def test_commas_in_words_say_nothing_of_numbers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id;x;codes\nA;1.5;1,2\nB;2.5;a, b\nC;3;none\nD;4;3,4,5\n")
    got = read_table(path)
    assert got["x"].tolist() == [1.5, 2.5, 3, 4] and got["codes"].tolist()[0] == "1,2"


@pytest.mark.parametrize(
    "cell", ["1_2", "12 mg", "45 %", "90+", "0x1A", "1e", "1.2.3", "٣", "1 234"]
)
def test_what_is_no_number_stays_text(tmp_path, cell):
    assert shape_of(cell) is None
    assert column(tmp_path, ["1", cell, "3"]) == ["1", cell, "3"]
    assert column(tmp_path, ["1", cell, "3"], as_text=True) == ["1", cell, "3"]


def test_codes_stay_as_they_are_written_when_asked_as_text(tmp_path):
    cells = ["1E2", "100", "01", "1", "1.0"]
    assert column(tmp_path, cells, as_text=True) == cells
    assert column(tmp_path, cells) == [100, 100, 1, 1, 1]


def test_truth_values_with_blanks_are_one_zero_and_missing(tmp_path):
    got = column(tmp_path, ["TRUE", "FALSE", ""])
    assert got[:2] == ["TRUE", "FALSE"]  # beside 60 whole numbers: text
    path = tmp_path / "b.csv"
    path.write_text("id,x,y\nA,TRUE,True\nB,,False\nC,FALSE,NA\n")
    read = read_table(path)
    assert read["x"].fillna(-1).tolist() == [1, -1, 0]
    assert read["y"].fillna(-1).tolist() == [1, 0, -1]


def test_to_numbers_of_mixed_objects():
    assert to_numbers(pd.Series(["1", 2, np.nan, "NA"], dtype=object)).fillna(-1).tolist() == [
        1, 2, -1, -1,
    ]  # fmt: skip
    assert to_numbers(pd.Series(["1_2"])) is None
    assert to_numbers(pd.Series(["1,5"])) is None


@pytest.mark.parametrize("mark", [".", ","])
def test_small_numbers_written_without_an_exponent_keep_their_digits(tmp_path, mark):
    cells = ["0.000000000001234567891", "0.00000000000000000012345", "-0.5"]
    got = column(tmp_path, [cell.replace(".", mark) for cell in cells])
    assert got == [float(cell) for cell in cells]


@pytest.mark.slow
def test_a_wide_table_as_text_is_read_fast(tmp_path):
    path = tmp_path / "w.csv"
    values = np.random.default_rng(0).normal(size=(5, 20_000)).round(3)
    pd.DataFrame(values, index=list("abcde")).add_prefix("g").to_csv(path)
    began = time.perf_counter()
    got = read_table(path, as_text=True)
    assert time.perf_counter() - began < 10  # about 0.5 s; a frame's work per column takes minutes
    assert np.array_equal(got.astype(float).to_numpy(), values)
