"""Row numbers and measurements that stand where the ids should."""

import logging

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.read import read_table
from graphfuse.data.read.check_id_column import NotTheIds, counts_rows

NAMES = [f"N{number}" for number in (41, 17, 93, 58, 26)]
FRAME = pd.DataFrame(
    {"donor_id": NAMES, "ALB": [3.5, 4.0, 4.5, 3.0, 3.9], "CRP": [1.0, 2.0, 9.0, 4.0, 7.5]}
)


def refused(path, said="donor_id", **options):
    with pytest.raises(NotTheIds, match=said) as caught:
        read_table(path, **options)
    assert "N41" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("rows", ["counted", "from one", "shuffled", "thinned", "repeated"])
def test_row_numbers_beside_a_column_of_ids(tmp_path, rows, ending):
    index = {
        "counted": [0, 1, 2, 3, 4], "from one": [1, 2, 3, 4, 5], "shuffled": [3, 0, 4, 1, 2],
        "thinned": [2, 3, 11, 12, 30], "repeated": [0, 1, 2, 0, 1],
    }[rows]  # fmt: skip
    frame, path = FRAME.set_axis(index, axis=0), tmp_path / f"t.{ending}"
    if ending == "csv":
        frame.to_csv(path)
    else:
        frame.reset_index(names="index").to_parquet(path)
    error = refused(path)
    assert error.column == "donor_id" and 'set [patients] id = "donor_id"' in str(error)
    corrected = read_table(path, id_column="donor_id")
    assert list(corrected.index) == NAMES and "ALB" in corrected.columns


@pytest.mark.parametrize("heading", ["", "Unnamed: 0", "index", "X", "row_number", "No."])
@pytest.mark.parametrize(
    "name", ["patient_id", "SampleID", "Sample_Name", "barcode", "Subject", "id", "PatientenNr"]
)
def test_headings_of_row_numbers_and_of_ids(tmp_path, heading, name):
    frame = FRAME.rename(columns={"donor_id": name})
    frame.to_csv(tmp_path / "t.csv", index_label=heading)
    assert refused(tmp_path / "t.csv", name).column == name


def test_row_numbers_are_no_column_where_the_ids_are_named(tmp_path):
    FRAME.to_csv(tmp_path / "t.csv")
    assert list(read_table(tmp_path / "t.csv", id_column="donor_id").columns) == ["ALB", "CRP"]
    twice = pd.read_csv(tmp_path / "t.csv")  # to_csv and back, twice over: Unnamed: 0 inside
    twice.set_index("donor_id").to_csv(tmp_path / "u.csv")
    assert list(read_table(tmp_path / "u.csv").columns) == ["ALB", "CRP"]


def test_measurements_before_the_ids(tmp_path):
    FRAME[["ALB", "donor_id", "CRP"]].to_csv(tmp_path / "t.csv", index=False)
    assert "'ALB' holds numbers" in str(refused(tmp_path / "t.csv"))


def test_a_long_table_with_row_numbers(tmp_path):
    long = FRAME.melt("donor_id")
    long.to_csv(tmp_path / "t.csv")
    refused(tmp_path / "t.csv", repeats=True)


def test_genes_with_row_numbers_in_a_table_of_patients_in_columns(tmp_path):
    genes = pd.DataFrame({"gene_id": ["TP53", "MYC"], "P1": [1.0, 2.0], "P2": [3.0, 4.0]})
    genes.to_csv(tmp_path / "t.csv")
    assert "index=False" in str(
        refused(tmp_path / "t.csv", "gene_id", orient="patients-in-columns")
    )


def test_row_numbers_alone_are_told(tmp_path, caplog):
    FRAME.drop(columns="donor_id").to_csv(tmp_path / "t.csv")
    with caplog.at_level(logging.WARNING):
        assert list(read_table(tmp_path / "t.csv").index) == list("01234")
    assert "counts rows; taken for patient ids" in caplog.text
    FRAME.rename(columns={"donor_id": "wer"}).to_csv(tmp_path / "u.csv")
    with caplog.at_level(logging.WARNING):
        read_table(tmp_path / "u.csv", columns=["ALB"])
    assert "Is 'wer' the id?" in caplog.text


def test_a_key_of_a_database_is_told(tmp_path, caplog):
    FRAME.set_axis([1, 2, 3, 4, 5], axis=0).to_csv(tmp_path / "t.csv", index_label="id")
    with caplog.at_level(logging.WARNING):
        assert list(read_table(tmp_path / "t.csv").index) == list("12345")
    assert 'set [patients] id = "donor_id"' in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "patient,sample_id,x\n1,a,2\n2,b,3\n",  # numbers, named as ids
        "id,x\n1,2\n2,3\n",
        ",x\nA1,2\nA2,3\n",  # R's row names
        "mrn,barcode,x\n5001,b1,2\n5002,b2,3\n",
        ",lipid,steroid\nA1,2,3\nA2,4,5\n",
        "patient,lipid,paid\n1,2,3\n2,4,5\n",
        "Kennung,lipid,paid\n1,2,3\n2,4,5\n",
    ],
)
def test_intact_tables_are_read_without_a_word(tmp_path, text, caplog):
    (tmp_path / "t.csv").write_text(text)
    with caplog.at_level(logging.WARNING):
        assert len(read_table(tmp_path / "t.csv")) == 2
    assert caplog.text == ""


def test_what_counts_rows():
    assert counts_rows(pd.Index([0, 1, 2])) and counts_rows(pd.Index(["1", "2"]))
    assert counts_rows(pd.Index(["0.0", "1.0"])) and counts_rows(pd.Index([90, 3]))
    for values in ([1001, 1002], [0.5, 1], [-1, 0], ["01", "02"], ["a"], [np.nan, 1.0], []):
        assert not counts_rows(pd.Index(values))


@pytest.mark.parametrize(("start", "kept"), [(0, False), (1, False), (5, True)])
def test_running_numbers_are_no_measurement_whatever_their_name(tmp_path, caplog, start, kept):
    rows = 24
    frame = pd.DataFrame({"donor_id": [f"D{row:02d}" for row in range(rows)]})
    frame["tube"] = np.arange(rows) + start
    frame["CRP"] = np.linspace(0.5, 9.5, rows)
    frame.to_csv(tmp_path / "t.csv", index=False)
    got = read_table(tmp_path / "t.csv")
    assert ("tube" in got) is kept and "CRP" in got
    assert ("'tube'" in caplog.text) is not kept
    frame["tube"] = frame["tube"].to_numpy()[::-1]
    frame.to_csv(tmp_path / "other.csv", index=False)
    assert "tube" in read_table(tmp_path / "other.csv")
