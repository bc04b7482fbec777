"""Tables for other programs."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.safe_csv import guarded, safe_csv, unguarded
from graphfuse.errors import InputError
from graphfuse.files.atomic_write import whole

DANGEROUS = ["=cmd()", "+1", "-A1", "@sum", "\tx", "\rx"]
HARMLESS = ["TP53", "a=b", " =x", "'quoted'", "", "ünï", "<script>"]


def test_formula_starts_get_an_apostrophe_and_nothing_else_does():
    assert guarded(pd.Series(DANGEROUS)).tolist() == ["'" + text for text in DANGEROUS]
    assert guarded(pd.Series(HARMLESS)).tolist() == HARMLESS


@pytest.mark.parametrize("kind", [object, "string", "category"])
def test_unguarded_gives_back_what_was_there(kind):
    cells = [*DANGEROUS, *HARMLESS, "'=x", "''-x", None]
    back = unguarded(guarded(pd.Series(cells, dtype=kind)))
    assert [None if pd.isna(cell) else cell for cell in back] == cells


def test_numbers_in_any_column_stay_numbers():
    mixed = pd.Series([-1.5, "-x", 3, None], dtype=object)
    assert guarded(mixed).tolist() == [-1.5, "'-x", 3, None]
    numbers = pd.Series([-1.0, np.nan])
    assert guarded(numbers) is numbers


def test_safe_csv_guards_cells_and_names_and_leaves_the_frame_alone(tmp_path):
    frame = pd.DataFrame({"gene": ["=1+1", "TP53"], "@score": [-0.5, 2.0], "n": [-1, 2]})
    before = frame.copy()
    path = safe_csv(frame, tmp_path / "new" / "genes.csv")
    assert path.read_bytes() == b"gene,'@score,n\n'=1+1,-0.5,-1\nTP53,2.0,2\n"
    pd.testing.assert_frame_equal(frame, before)


def test_safe_csv_takes_the_index_and_twice_named_columns(tmp_path):
    frame = pd.DataFrame([["+a", 1]], columns=["x", "x"], index=pd.Index(["=id"], name="patient"))
    assert (
        safe_csv(frame, tmp_path / "t.csv", index=True).read_text() == "patient,x,x\n'=id,'+a,1\n"
    )


def test_safe_csv_writes_compressed_files_by_their_name(tmp_path):
    path = safe_csv(pd.DataFrame({"a": ["=x"]}), tmp_path / "t.csv.gz")
    assert pd.read_csv(path)["a"].tolist() == ["'=x"]


def test_a_failed_write_leaves_the_old_file_and_no_scraps(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), whole(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]
    assert path.read_text() == "old"


def test_an_empty_frame_writes_its_header(tmp_path):
    assert safe_csv(pd.DataFrame({"a": [], "b": []}), tmp_path / "e.csv").read_text() == "a,b\n"


@pytest.mark.parametrize("name", ["folder", ".", ""])
def test_a_folder_is_no_file_to_write(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="is a folder; name the file"):
        safe_csv(pd.DataFrame({"a": [1]}), name)
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
