"""Columns that describe genes are no patients."""

import logging

import pytest

from graphfuse.data.read import read_table
from graphfuse.errors import InputError


def test_second_ids_descriptions_and_sums_are_left_out_and_told(tmp_path, caplog):
    path = tmp_path / "t.tsv"
    path.write_text(
        "Hugo_Symbol\tEntrez_Gene_Id\tgene type\tA\tB\tTotal\nTP53\t7157\tcoding\t1\t2\t3\n"
        "MYC\t4609\tcoding\t3.5\t4\t7.5\n"
    )
    with caplog.at_level(logging.WARNING):
        got = read_table(path, orient="patients-in-columns")
    assert list(got.index) == ["A", "B"] and got["MYC"].tolist() == [3.5, 4]
    assert "Entrez_Gene_Id, gene type, Total left out" in caplog.text


def test_a_table_the_other_way_round_has_no_patients_left(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("gene,start,end\nTP53,1,2\n")
    with pytest.raises(InputError, match="no patients in the columns"):
        read_table(path, orient="patients-in-columns")


def test_patients_in_rows_keep_their_columns(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,length,start\nA,1,2\n")
    assert list(read_table(path).columns) == ["length", "start"]
