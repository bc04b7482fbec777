"""Readers: one frame whatever the format, ids as text, one clear message for what is no table."""

import gzip
import time

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.read import column_names, read_table
from graphfuse.errors import InputError

FRAME = pd.DataFrame(
    {"TP53": [1.5, 2.5, -3.0], "ESR1": [0.25, np.nan, 1e-3]},
    index=pd.Index(["00123", "P2", "P3"], name="patient", dtype=object),
)


def text(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def write_as(path, ending):
    path = path / f"t.{ending}"
    named = FRAME.rename_axis("id")
    if ending in ("csv", "csv.gz"):
        named.to_csv(path)
    elif ending in ("tsv", "txt", "tsv.gz"):
        named.to_csv(path, sep="\t")
    elif ending == "parquet":
        named.reset_index().to_parquet(path)
    elif ending == "npy":
        np.save(path, FRAME.to_numpy())
        (path.parent / "t.ids.txt").write_text("00123\nP2\nP3\n")
    elif ending == "npz":
        np.savez(
            path,
            values=FRAME.to_numpy(),
            ids=np.array(FRAME.index, dtype=str),
            columns=np.array(FRAME.columns, dtype=str),
        )
    elif ending == "h5ad":
        anndata().write_h5ad(path)
    elif ending == "h5mu":
        import mudata

        mudata.MuData({"rna": anndata()}).write_h5mu(path)
    return path


def anndata():
    import anndata as ad

    return ad.AnnData(
        FRAME.to_numpy(),
        obs=pd.DataFrame({"subtype": ["a", "b", "a"]}, index=list(FRAME.index)),
        var=pd.DataFrame(index=list(FRAME.columns)),
        layers={"double": 2 * FRAME.to_numpy()},
    )


@pytest.mark.parametrize(
    "ending", ["csv", "csv.gz", "tsv", "tsv.gz", "txt", "parquet", "npz", "h5ad", "h5mu"]
)
def test_every_format_gives_the_same_frame(tmp_path, ending):
    got = read_table(write_as(tmp_path, ending))
    pd.testing.assert_frame_equal(got, FRAME, check_column_type=False)
    assert got.index.name == "patient"


def test_npy_takes_ids_from_the_file_beside_it_with_or_without_heading(tmp_path):
    path = write_as(tmp_path, "npy")
    assert list(read_table(path).index) == list(FRAME.index)
    (tmp_path / "t.ids.txt").unlink()
    (tmp_path / "t.ids.csv").write_text("patient,site\n00123,a\nP2,b\nP3,c\n")
    assert list(read_table(path).index) == list(FRAME.index)
    (tmp_path / "t.ids.csv").write_text("P2\nP3\n")
    with pytest.raises(InputError, match="2 ids"):
        read_table(path)
    (tmp_path / "t.ids.csv").unlink()
    with pytest.raises(InputError, match=r"t\.ids\.txt"):
        read_table(path)


def test_arrays_of_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "t.npz", values=np.ones((1, 1)), ids=np.array(["a"], dtype=object))
    with pytest.raises(InputError, match="pickle"):
        read_table(tmp_path / "t.npz")


def test_h5ad_layers_observations_and_unknown_names(tmp_path):
    path = write_as(tmp_path, "h5ad")
    assert read_table(path, layer="double").loc["00123", "TP53"] == 3.0
    got = read_table(path, columns=["subtype", "ESR1"])
    assert list(got.columns) == ["subtype", "ESR1"] and list(got["subtype"]) == ["a", "b", "a"]
    with pytest.raises(InputError, match="did you mean 'double'"):
        read_table(path, layer="doubel")


def test_h5mu_of_several_modalities_asks_which(tmp_path):
    import mudata

    mudata.MuData({"rna": anndata(), "adt": anndata()}).write_h5mu(tmp_path / "t.h5mu")
    with pytest.raises(InputError, match="rna, adt"):
        read_table(tmp_path / "t.h5mu")
    assert read_table(tmp_path / "t.h5mu", modality="adt").shape == (3, 2)
    with pytest.raises(InputError, match="did you mean 'rna'"):
        read_table(tmp_path / "t.h5mu", modality="rnaa")


def test_patients_in_columns_are_turned(tmp_path):
    FRAME.T.rename_axis("gene").to_csv(tmp_path / "t.csv")
    got = read_table(tmp_path / "t.csv", orient="patients-in-columns")
    pd.testing.assert_frame_equal(got, FRAME, check_column_type=False)
    picked = read_table(tmp_path / "t.csv", orient="patients-in-columns", columns=["ESR1"])
    assert list(picked.columns) == ["ESR1"]


def test_ids_stay_text_and_are_stripped(tmp_path):
    got = read_table(text(tmp_path, "id,x\n00123,1\n 1e5 ,2\n7.0,3\n"))
    assert list(got.index) == ["00123", "1e5", "7.0"]


def test_numeric_ids_of_a_parquet_file_become_plain_text(tmp_path):
    pd.DataFrame({"id": [7.0, 8.0], "x": [1, 2]}).to_parquet(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet").index) == ["7", "8"]


def test_tokens_for_missing(tmp_path):
    tokens = ["NA", "null", ".", "?", "-", "n/a", "--", "NaN", ""]
    rows = "".join(f"p{i},{t},1.5\n" for i, t in enumerate(tokens)) + "q,2.5,1.5\n"
    got = read_table(text(tmp_path, "id,x,y\n" + rows))
    assert (
        got["x"].dtype == float
        and got["x"].isna().sum() == len(tokens)
        and got.loc["q", "x"] == 2.5
    )


def test_as_text_gives_every_cell_as_written(tmp_path):
    path = text(tmp_path, "id,a,b\nP1,TRUE,01\nP2, 1_2 ,1E2\nP3,,NA\nP4,-,1.0\n")
    got = read_table(path, as_text=True)
    assert got["a"].tolist()[:2] == ["TRUE", "1_2"] and got["a"].isna().tolist()[2]
    assert got.loc["P4", "a"] == "-"
    assert got["b"].tolist() == ["01", "1E2", "NA", "1.0"]
    comma = text(tmp_path, "id;x;y\nP1;1,5;a,b\nP2;-0,25;3\n")
    got = read_table(comma, as_text=True)
    assert got["x"].tolist() == ["1.5", "-0.25"] and got["y"].tolist() == ["a,b", "3"]


def test_as_text_of_a_parquet_file_is_what_a_csv_would_hold(tmp_path):
    frame = pd.DataFrame(
        {"id": ["a", "b"], "x": [True, False], "y": [1.5, None], "z": [" s ", " "]}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    got = read_table(tmp_path / "t.parquet", as_text=True)
    assert got.loc["a"].tolist() == ["True", "1.5", "s"]
    assert got.loc["b", "x"] == "False" and got.loc["b", ["y", "z"]].isna().all()


def test_mark_and_windows_newlines(tmp_path):
    got = read_table(
        text(tmp_path, b"\xef\xbb\xbfpatient;x\r\nP1;1\r\nP2;2\r\n"), id_column="patient"
    )
    assert list(got.index) == ["P1", "P2"] and list(got["x"]) == [1, 2]


def test_utf16_and_latin1(tmp_path):
    assert list(read_table(text(tmp_path, "id\tx\nP1\tüü\n".encode("utf-16")))["x"]) == ["üü"]
    assert list(read_table(text(tmp_path, "id,x\nP1,Zürich\n".encode("latin-1")))["x"]) == [
        "Zürich"
    ]


def test_decimal_comma_where_it_is_plain(tmp_path):
    got = read_table(text(tmp_path, "id;x;y\nP1;1,5;2\nP2;-0,25;3\n"))
    assert list(got["x"]) == [1.5, -0.25]


@pytest.mark.parametrize("cells", [("1,234", "2,500"), ("1,5", "2.5")])
def test_an_ambiguous_comma_stops(tmp_path, cells):
    with pytest.raises(InputError, match="decimal or a thousands"):
        read_table(text(tmp_path, f"id;x\nP1;{cells[0]}\nP2;{cells[1]}\n"))


def test_row_names_without_heading_as_r_writes_them(tmp_path):
    got = read_table(text(tmp_path, "x\ty\nP1\t1\t2\nP2\t3\t4\n", "t.tsv"))
    assert list(got.index) == ["P1", "P2"] and list(got.columns) == ["x", "y"]


def test_quoted_delimiters_and_a_delimiter_at_every_end(tmp_path):
    got = read_table(text(tmp_path, 'id,"a, b",c,\nP1,"x, y",2,\nP2,"z",3,\n'))
    assert list(got.columns) == ["a, b", "c"] and got.loc["P1", "a, b"] == "x, y"


def test_a_repeated_column_stops_unless_others_are_named(tmp_path):
    path = text(tmp_path, "id,v,a,v,v.1\nP1,first,1,second,third\n")
    with pytest.raises(InputError, match=r"1 columns appear more than once \(v\)"):
        read_table(path)
    assert column_names(path) == ["id", "v", "a", "v.2", "v.1"]
    assert read_table(path, columns=["v"]).loc["P1", "v"] == "first"
    assert read_table(path, columns=["v.2", "v.1"]).loc["P1"].tolist() == ["second", "third"]


def test_a_missing_id_column_names_file_column_and_nearest(tmp_path):
    with pytest.raises(
        InputError, match=r"t\.csv: no id column 'patinet' \(did you mean 'patient'\?\)"
    ):
        read_table(text(tmp_path, "patient,x\nP1,1\n"), id_column="patinet")


def test_all_missing_columns_are_told_at_once(tmp_path):
    with pytest.raises(InputError) as caught:
        read_table(text(tmp_path, "id,age,sex\nP1,1,f\n"), columns=["agee", "sexx", "age"])
    assert "'agee' (did you mean 'age'?)" in str(
        caught.value
    ) and "'sexx' (did you mean 'sex'?)" in str(caught.value)


def test_repeated_and_blank_ids_stop_without_showing_ids(tmp_path):
    with pytest.raises(InputError, match=r"rows 1, 3") as caught:
        read_table(text(tmp_path, "id,x\nSECRET,1\nP2,2\nSECRET ,3\n"))
    assert "SECRET" not in str(caught.value)
    with pytest.raises(InputError, match="1 rows have no patient id"):
        read_table(text(tmp_path, "id,x\n,1\nP2,2\n"))


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("t.csv", b"<!DOCTYPE html><html><body>Sign in, please</body></html>", "web page"),
        ("t.csv", b"\n\n <html>a,b</html>", "web page"),
        ("t.csv", b"", "empty"),
        ("t.csv", b"\n\n", "empty"),
        ("t.csv", b"just words\nand more\n", "no comma, semicolon or tab"),
        ("t.csv", b"id,x\nP1,1\nP2,2,3,4\n", "damaged"),
        ("t.csv", b"PK\x03\x04abc", "Excel"),
        ("t.csv", b"id,x\nP\x00,1\n", "null bytes"),
        ("t.csv", gzip.compress(b"id,x\nP1,1\n", mtime=0), "gzip"),
        ("t.csv.gz", b"id,x\nP1,1\n", "text"),
        (
            "t.csv.gz",
            gzip.compress(b"id,x\n" + b"P1,1\n" * 9999, mtime=0)[:60],
            "damaged or cut short",
        ),
        ("t.h5ad", b"id,x\nP1,1\n", "text"),
        ("t.h5ad", b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "damaged or cut short"),
        ("t.parquet", b"PAR1 nothing", "damaged or cut short"),
        ("t.npy", b"\x93NUMPY nothing", "damaged or cut short"),
        ("t.xlsx", b"PK\x03\x04", "save it as csv"),
        ("t.rtf", b"x", "no reader"),
    ],
)
def test_what_is_no_table_gets_one_message(tmp_path, name, content, said):
    path = text(tmp_path, content, name)
    with pytest.raises(InputError, match=said) as caught:
        read_table(path)
    assert name in str(caught.value) and "Traceback" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "gone.csv")


def test_a_truncated_h5ad(tmp_path):
    path = write_as(tmp_path, "h5ad")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="damaged or cut short"):
        read_table(path)


def test_a_sparse_table_too_large_is_never_made_dense(tmp_path, monkeypatch):
    path = write_as(tmp_path, "h5ad")
    monkeypatch.setenv("GRAPHFUSE_MEMORY_GB", "1e-9")
    with pytest.raises(InputError, match="what it holds takes"):
        read_table(path)


@pytest.mark.slow
def test_wide_tables_read_fast(tmp_path):
    values = np.random.default_rng(0).normal(size=(200, 6000)).round(4)
    pd.DataFrame(values, index=[f"P{i}" for i in range(200)]).add_prefix("g").to_csv(
        tmp_path / "t.csv"
    )
    start = time.perf_counter()
    got = read_table(tmp_path / "t.csv")
    assert time.perf_counter() - start < 5  # about 0.3 s; a loop over columns takes far longer
    assert np.array_equal(got.to_numpy(), values)
