"""Arrow and pandas read the same numbers, or the table is left to pandas."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.read.exact_numbers import exact_numbers
from graphfuse.data.read.text_layout import text_table

SMALL = "0.00001234567890123456"  # pandas' fast parser loses digits of it


def read(tmp_path, text):
    """Ids and columns of a table whose first column holds the ids."""
    path = tmp_path / "table.csv"
    path.write_text(text)
    table = text_table(path)
    return exact_numbers(table, 0, list(range(1, len(table.names))))


def table_of(*rows):
    """A table of two columns, `SMALL` in its first row."""
    return "\n".join(["id,a,b", f"P1,{SMALL},1.5", *rows, ""])


@pytest.mark.parametrize("quoted", [False, True])
def test_every_number_is_the_nearest_to_its_decimals(tmp_path, quoted):
    rng = np.random.default_rng(3)
    digits = rng.integers(0, 10**9, (200, 3))
    zeros = rng.integers(0, 9, (200, 3))
    signs = rng.choice(["", "-"], (200, 3))
    rows, expected = [], []
    for row in range(200):
        cells = [
            f"{sign}0.{'0' * count}{number}{number % 1000}"
            for sign, count, number in zip(signs[row], zeros[row], digits[row], strict=True)
        ]
        expected.append([float(cell) for cell in cells])
        shown = [f'"{cell}"' for cell in [f"P{row}", *cells]] if quoted else [f"P{row}", *cells]
        rows.append(",".join(shown))
    ids, numbers = read(tmp_path, "\n".join(["id,a,b,c", *rows, ""]))
    assert ids == [f"P{row}" for row in range(200)]
    assert list(numbers.columns) == [1, 2, 3]
    np.testing.assert_array_equal(numbers.to_numpy(), expected)


def test_words_for_missing_are_missing_and_ids_are_text(tmp_path):
    ids, numbers = read(tmp_path, table_of("NA,n/a,2", "007,,NA"))
    assert ids == ["P1", "NA", "007"]
    np.testing.assert_array_equal(numbers[1], [float(SMALL), np.nan, np.nan])
    np.testing.assert_array_equal(numbers[2], [1.5, 2.0, np.nan])


def test_columns_of_whole_numbers_stay_whole(tmp_path):
    _, numbers = read(tmp_path, f"id,a,b\nP1,{SMALL},3\nP2,1.0,-4\n")
    assert numbers[2].dtype == np.int64
    assert numbers[2].tolist() == [3, -4]


@pytest.mark.parametrize(
    "row",
    [
        "P2,1.0,NAN",  # which pandas takes for text
        "P2,1.0,inf",
        "P2,1.0,high",
        "P2,1.0,2020-01-31",
        "P2,1.0,1e400",
        "P2,1.0,9223372036854775808",
        "P2,1.0,\t2.0 x",
    ],
)
def test_what_may_be_read_otherwise_is_left_to_pandas(tmp_path, row):
    assert read(tmp_path, table_of(row)) is None


@pytest.mark.parametrize("words", ["true,false", "2020-01-31,2021-02-28", "NA,NA"])
def test_columns_of_other_kinds_are_left_to_pandas(tmp_path, words):
    first, second = words.split(",")
    assert read(tmp_path, f"id,a,b\nP1,{SMALL},{first}\nP2,1.0,{second}\n") is None


def test_a_wide_table_is_read_as_pandas_reads_it(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 700)) * 1e-5
    frame = pd.DataFrame(values, [f"P{i}" for i in range(40)])
    frame.to_csv(tmp_path / "wide.csv", sep="\t")
    table = text_table(tmp_path / "wide.csv")
    _, numbers = exact_numbers(table, 0, list(range(1, 701)))
    np.testing.assert_array_equal(numbers.to_numpy(), values)
