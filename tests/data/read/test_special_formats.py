"""What stands around a table: comments, Excel's sep= line, GCT, series matrices, and no tables."""

import logging

import pytest

from graphfuse.data.read import column_names, read_table
from graphfuse.errors import InputError

GCT = "#1.2\n3\t2\nName\tDescription\tS1\tS2\nTP53\tna\t1.5\t2\nMYC\tx y\t3\t4\nRB1\tna\t5\t6\n"
GCT3 = (
    "#1.3\n2\t3\t1\t1\nid\tsymbol\tS1\tS2\tS3\nage\tna\t60\t61\t62\n"
    "g1\tTP53\t1\t2\t3\ng2\tMYC\t4\t5\t6\n"
)
MATRIX = (
    '!Series_title\t"A ""series"""\n!Sample_title\t"a"\t"b"\n!series_matrix_table_begin\n'
    '"ID_REF"\t"GSM1"\t"GSM2"\n"1007_s_at"\t7.5\t8.25\n"121_at"\t6\t\n!series_matrix_table_end\n'
)
MAF = (
    "#version 2.4\nHugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode\n"
    "TP53\tMissense_Mutation\tA\n"
)


def write(tmp_path, text, name="t.txt"):
    path = tmp_path / name
    path.write_text(text, newline="")
    return path


def turned(path, **how):
    return read_table(path, orient="patients-in-columns", **how)


def test_lines_that_start_with_a_hash_are_comments(tmp_path):
    path = write(
        tmp_path,
        "#Patient\tYears\tSex\n#The patient\tAge, that is\tSex\n#STRING\tNUMBER\tSTRING\n"
        "#1\t1\t1\nPATIENT_ID\tAGE\tSEX\nQ1\t53\tF\nQ2\t61.5\tM\n",
    )
    got = read_table(path)
    assert list(got.index) == ["Q1", "Q2"] and got["AGE"].tolist() == [53, 61.5]
    assert column_names(path) == ["PATIENT_ID", "AGE", "SEX"]
    quoted = write(tmp_path, '# it\'s 5" long, "so\n\nid,x\nA,1\n', "q.csv")
    assert read_table(quoted)["x"].tolist() == [1]


def test_a_heading_that_starts_with_a_hash_is_the_heading(tmp_path):
    path = write(tmp_path, "##made by hand\n#id\tage\tsex\nA\t50\tF\nB\t60\tM\n")
    got = read_table(path)
    assert list(got.index) == ["A", "B"] and list(got.columns) == ["age", "sex"]
    words = write(tmp_path, "#id,group\nA,case\nB,control\nC,case\n", "w.csv")
    assert read_table(words)["group"].tolist() == ["case", "control", "case"]
    names = write(tmp_path, "#Patient,The group\nID,GRP\nA,case\nB,control\nC,case\n", "n.csv")
    assert list(read_table(names).columns) == ["GRP"]
    with pytest.raises(InputError, match="could be a comment or the heading"):
        read_table(write(tmp_path, "#id,note\nA,one\nB,two\n", "u.csv"))
    with pytest.raises(InputError, match="could be a comment or the heading"):
        read_table(write(tmp_path, "#id,x\n#A,1\nB,2\nC,3\n", "v.csv"))


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;\r", "sep=|", "sep=\t"])
def test_the_line_in_which_excel_says_the_delimiter(tmp_path, line):
    mark = next(mark for mark in "|\t;" if mark in line)
    path = write(tmp_path, f"{line}\nid{mark}x{mark}y\nA{mark}1{mark}2\n", "t.csv")
    assert read_table(path).loc["A"].tolist() == [1, 2]


@pytest.mark.parametrize("name", ["e.gct", "e.gct.txt"])
def test_gct_is_read_and_its_descriptions_are_no_patients(tmp_path, caplog, name):
    with caplog.at_level(logging.WARNING):
        got = turned(write(tmp_path, GCT, name))
    assert list(got.index) == ["S1", "S2"] and got["TP53"].tolist() == [1.5, 2]
    assert "Description" in caplog.text
    three = turned(write(tmp_path, GCT3, "v3.gct"))
    assert list(three.columns) == ["g1", "g2"] and three["g2"].tolist() == [4, 5, 6]


@pytest.mark.parametrize("text", [GCT[:-11], GCT.replace("3\t2", "3\t4"), "#1.2\nx\n"])
def test_a_gct_file_that_lost_rows_or_columns_is_refused(tmp_path, text):
    with pytest.raises(InputError, match="GCT"):
        turned(write(tmp_path, text, "e.gct"))


def test_a_series_matrix_is_read_between_its_marks(tmp_path):
    got = turned(write(tmp_path, MATRIX, "GSE7_series_matrix.txt"))
    assert list(got.index) == ["GSM1", "GSM2"] and got["1007_s_at"].tolist() == [7.5, 8.25]
    with pytest.raises(InputError, match="cut short"):
        turned(write(tmp_path, MATRIX[:-30], "cut.txt"))


@pytest.mark.parametrize(
    "text, said",
    [
        (MAF, "MAF"),
        ("##fileformat=VCFv4.2\n#CHROM\tPOS\n1\t2\n", "VCF"),
        ("^DATABASE = GeoMiame\n!x = y\n", "SOFT"),
        ('{"id": ["A"], "x": [1]}\n', "JSON"),
    ],
)
def test_what_holds_no_table_of_patients_is_refused_by_name(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        read_table(write(tmp_path, text))
