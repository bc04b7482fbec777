"""Records: what RFC 4180 says they are, found for a whole table at once."""

import csv
import io

import numpy as np
import pytest

from graphfuse.data.read.record_positions import Records, head_of


def rows(text, delimiter=","):
    records = Records(text.encode(), delimiter)
    return [records.cells(record) for record in range(len(records))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_line_break_ends_a_record_and_blank_lines_are_none(end):
    text = end.join(["id,x", "A,1", "", "  \t", "B,2", ""])
    assert rows(text) == [["id", "x"], ["A", "1"], ["B", "2"]]
    assert Records(text.encode(), ",").widths.tolist() == [2, 2, 2]


def test_line_breaks_of_all_kinds_in_one_table():
    assert rows("id,x\r\nA,1\nB,2\rC,3") == [["id", "x"], ["A", "1"], ["B", "2"], ["C", "3"]]


def test_quotes_enclose_delimiters_line_breaks_and_doubled_quotes():
    assert rows('id,"a\r\nb"\nA,"x, ""y"", z"\nB,""\n') == [
        ["id", "a\r\nb"],
        ["A", 'x, "y", z'],
        ["B", ""],
    ]


def test_only_line_breaks_end_a_line_not_what_python_calls_one():
    """U+2028, U+0085, form feed and vertical tab stand within cells."""
    text = "id,note\nA,one\u2028two\nB,one\x85two\nC,one\x0ctwo\nD,one\x0btwo\n"
    assert len(rows(text)) == 5


def test_as_the_csv_module_has_it():
    random = np.random.default_rng(3)
    pieces = ["a", "1.5", "", "x y", "two\nlines", 'say "so"', "a,b", "é", "\r\n"]
    table = [[str(random.choice(pieces)) for _ in range(4)] for _ in range(300)]
    table = [[f"P{at}", *row] for at, row in enumerate(table)]
    for newline in "\n", "\r\n":
        file = io.StringIO()
        csv.writer(file, lineterminator=newline).writerows(table)
        got = rows(file.getvalue())
        assert got == [[cell.strip() for cell in row] for row in table]


def test_what_is_no_quoting():
    records = Records(b'id,x\nA","1\n"B",2\n', ",")
    assert records.stray_quotes().tolist() == [6, 8]
    assert records.open_quote is None
    assert Records(b'id,x\nA,"1\nB,2\n', ",").open_quote == 7
    fine = Records(b'id, "x" ,y\n"A","""1""",""\n', ",")
    assert not len(fine.stray_quotes()) and fine.open_quote is None


def test_the_head_is_whole_records():
    long = "id," + ",".join(f"g{at}" for at in range(30_000)) + "\n"
    content = (long + 'A,"x\n' + "y" * 100_000 + '"\nB,2\nC,3\n').encode()
    assert len(head_of(content, ",", 2)) == 2
    assert len(head_of(content, ",", 50)) == 4


def test_the_line_that_an_editor_would_show():
    content = b'id,x\r\nA,"1\n2"\rB,3\n'
    records = Records(content, ",")
    assert [records.line_of(int(start)) for start in records.starts] == [1, 2, 4]


def test_cells_up_to_a_limit_and_the_last_one():
    records = Records(b"id,x,y\nA,1,\n", ",")
    assert records.cells(1, 2) == ["A", "1"] and records.last_cell(1) == ""
    assert records.last_cell(0) == "y"
