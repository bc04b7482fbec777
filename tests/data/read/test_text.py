"""Text tables as frames: which rows are patients, which cells are missing, what is refused."""

import gzip

import numpy as np
import pytest

from graphfuse.data.read import column_names, read_table
from graphfuse.errors import InputError


def write(tmp_path, text, name="t.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def test_a_line_break_in_a_quoted_heading_takes_no_patient(tmp_path):
    for newline in "\n", "\r\n":
        text = newline.join(['id,"weight' + newline + '(kg)",bmi', "A,70,20", "B,80,25", ""])
        got = read_table(write(tmp_path, text))
        assert list(got.index) == ["A", "B"] and list(got.columns) == ["weight\n(kg)", "bmi"]
        named = read_table(tmp_path / "t.csv", columns=["weight\n(kg)"])
        assert named.iloc[:, 0].tolist() == [70, 80]


def test_cells_of_many_lines_are_cells(tmp_path):
    text = 'id,note,age\nA,"one\ntwo\n\nthree, ""four""",50\nB,plain,60\n'
    got = read_table(write(tmp_path, text))
    assert got["age"].tolist() == [50, 60]
    assert got.loc["A", "note"] == 'one\ntwo\n\nthree, "four"'


def test_lines_of_any_length(tmp_path):
    names = ",".join(f"ENSG{at:011d}.5" for at in range(12_000))
    cells = ",".join("0.123456789" for _ in range(12_000))
    got = read_table(write(tmp_path, f"id,{names}\nA,{cells}\nB,{cells}\n"))
    assert got.shape == (2, 12_000) and (got == 0.123456789).all(axis=None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_short_is_refused_in_any_encoding(tmp_path, encoding, packed):
    whole = 'id,"größe","x","y"\n' + "".join(f'"Ä{at}","{at}","2.5","3"\n' for at in range(40))
    for cut in 5, 8, 12, 13:
        raw = whole[:-cut].encode(encoding)
        path = tmp_path / ("t.csv.gz" if packed else "t.csv")
        path.write_bytes(gzip.compress(raw, mtime=0) if packed else raw)
        with pytest.raises(InputError, match="cut short"):
            read_table(path)


@pytest.mark.parametrize(
    "text",
    [
        "id,x,y\nA,1,2\nB,3\n",
        "id,x,y\nA,1,2\nB,3,4,5,6,7\n",
        "id,x,y\nA,1,2,\nB,3,4\n",  # a delimiter at some ends only
        'id,x,y\nA,"1,2\nB,3,4\n',
        'id,x,y\n"A",1,2\nB",3,4\n',
        "id,x,y\nA,1,2,3\nB,3,4,5\n",  # a name is lost
        ",x,y\nA,1,2,3\nB,3,4,5\n",
    ],
)
def test_rows_that_do_not_fit_the_heading_are_refused(tmp_path, text):
    for as_text in False, True:
        with pytest.raises(InputError, match=r"cells|quotes"):
            read_table(write(tmp_path, text), as_text=as_text)


def test_the_line_of_a_fault_is_the_one_an_editor_shows(tmp_path):
    path = write(tmp_path, '# made\n# by hand\nid,x\nA,"1\n2"\nB\n')
    with pytest.raises(InputError, match="line 6, has 1"):
        read_table(path)


def test_a_heading_among_the_rows_and_a_row_of_units_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"heading is repeated .*\(row 3\)"):
        read_table(write(tmp_path, "id,x\nA,1\nB,2\nid,x\nC,3\n"))
    with pytest.raises(InputError, match="units"):
        read_table(write(tmp_path, "id,x\nunit,mg/dl\nB,2\n"))
    with pytest.raises(InputError, match=r"no patient id \(rows 1\)"):
        read_table(write(tmp_path, "id,x\n,mg/dl\nB,2\n"))


def test_a_table_without_a_heading_is_refused(tmp_path):
    with pytest.raises(InputError, match="no heading"):
        read_table(write(tmp_path, "P01,1.5,2.5\nP02,2.5,3.5\nP03,2,1\n"))
    numbers = read_table(write(tmp_path, "gene,7157,4609\nP01,1.5,2.5\n"))
    assert list(numbers.columns) == ["7157", "4609"]


def test_quotes_that_enclose_nothing_are_letters(tmp_path):
    got = read_table(write(tmp_path, 'id\tsize\nA\t5" tall\nB\t6" tall\n', "t.tsv"))
    assert got["size"].tolist() == ['5" tall', '6" tall']


def test_words_for_missing_and_blanks_around_cells(tmp_path):
    text = 'id,x,y\n A , 1.5 ," a "\nB, NA ,N/A\nC,-,\n'
    got = read_table(write(tmp_path, text))
    assert list(got.index) == ["A", "B", "C"]
    assert got["x"].isna().tolist() == [False, True, True] and got["y"].tolist()[0] == "a"
    texts = read_table(tmp_path / "t.csv", as_text=True)
    assert texts["x"].tolist() == ["1.5", "NA", "-"] and texts["y"].isna().tolist()[2]


def test_an_empty_table_has_its_columns(tmp_path):
    path = write(tmp_path, "id,x,y\n")
    assert read_table(path).shape == (0, 2) and column_names(path) == ["id", "x", "y"]
    assert read_table(path)["x"].dtype == float
    assert read_table(path, as_text=True).shape == (0, 2)


def test_the_id_column_may_be_asked_for_as_a_column(tmp_path):
    path = write(tmp_path, "x,id\n1,A\n2,B\n")
    got = read_table(path, id_column="id", columns=["id", "x"])
    assert got["id"].tolist() == ["A", "B"] and got["x"].tolist() == [1, 2]


def test_infinite_numbers_and_large_ones(tmp_path):
    got = read_table(write(tmp_path, "id,x,y\nA,inf,99999999999999999999\nB,1,3\n"))
    assert np.isinf(got.loc["A", "x"]) and got["y"].tolist() == [1e20, 3]


def test_two_lines_of_names_are_refused(tmp_path):
    """As pandas writes columns that have a name of their own, or two levels."""
    with pytest.raises(InputError, match="is a heading too"):
        read_table(write(tmp_path, "gene,TP53,MYC\npatient_id,,\nA,1,2\n"))
    with pytest.raises(InputError, match="is a heading too"):
        read_table(write(tmp_path, ",rna,protein\nid,TP53,TP53\nA,1,2\n"))


def test_columns_with_neither_name_nor_cells_are_none(tmp_path):
    got = read_table(write(tmp_path, "id;x;;;\nA;1;;;\nB;2;;;\n"))
    assert list(got.columns) == ["x"]


def test_row_numbers_of_r_are_told_from_a_lost_name(tmp_path):
    path = write(tmp_path, "patient\tx\n1\tA\t5\n2\tB\t6\n", "t.tsv")
    assert read_table(path, id_column="patient")["x"].tolist() == [5, 6]
    with pytest.raises(InputError, match="named as ids are"):
        read_table(path)


def test_values_without_a_name_are_refused(tmp_path):
    with pytest.raises(InputError, match="1 column without a name"):
        read_table(write(tmp_path, "id,x,\nA,1,\nB,2,7.5\n"))
    assert read_table(write(tmp_path, "id,x\nA,1\n\x1a")).shape == (1, 1)


def test_a_blank_column_is_there_where_it_is_asked_for(tmp_path):
    """Without a name and without cells it is left out of a whole table, and of nothing else."""
    (tmp_path / "trailing.csv").write_text("id,a,\nP1,1,\nP2,2,\n")
    assert list(read_table(tmp_path / "trailing.csv")) == ["a"]
    asked = read_table(tmp_path / "trailing.csv", columns=["", "a"], as_text=True)
    assert list(asked) == ["", "a"] and asked[""].isna().all()
