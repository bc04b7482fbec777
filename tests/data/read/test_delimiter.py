"""One guess of the delimiter, for tables of patients and for tables of pairs."""

import pytest

from graphfuse.data.read.delimiter import guess_delimiter


@pytest.mark.parametrize(
    ("table", "mark"),
    [
        (b"id\ta\tb\nP1\t1\t2\n", "\t"),
        (b"id;a;b\nP1;0,5;1,5\n", ";"),
        (b"id,a;b\nP1,1;2\nP2,3;4\n", ";"),  # commas split them alike, but into fewer numbers
        (b"a\nb\n", ""),
    ],
)
def test_the_mark_that_splits_records_alike(table, mark):
    assert guess_delimiter(table, "\t,;") == mark


def test_the_first_mark_counts_where_numbers_do_not():
    assert guess_delimiter(b"A;0,5\nB;0,7\n", "\t;,", ties_by_numbers=False) == ";"
    assert guess_delimiter(b"A,0;5\nB,0;7\n", "\t,;", ties_by_numbers=False) == ","
