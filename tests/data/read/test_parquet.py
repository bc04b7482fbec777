"""Parquet: ids from the index or the first column, names of any type, cells as text."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.read import read_table
from graphfuse.data.read.check_id_column import NotTheIds
from graphfuse.errors import InputError

FRAME = pd.DataFrame({"a": [1.0, np.nan], "b": [True, False]}, index=["u", "v"])


def test_columns_that_are_whole_numbers(tmp_path):
    FRAME.set_axis([0, 1], axis=1).to_parquet(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet").columns) == ["0", "1"]
    assert read_table(tmp_path / "t.parquet", columns=["1"])["1"].tolist() == [True, False]
    FRAME.rename_axis("who").reset_index().set_axis([7, 8, 9], axis=1).to_parquet(
        tmp_path / "u.parquet"
    )
    got = read_table(tmp_path / "u.parquet", id_column="7", columns=["9"])
    assert list(got.index) == ["u", "v"] and list(got.columns) == ["9"]


def test_an_index_of_row_numbers_beside_ids(tmp_path):
    frame = FRAME.rename_axis("participant").reset_index().set_axis([4, 2], axis=0)
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(NotTheIds, match='id = "participant"'):
        read_table(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet", id_column="participant").index) == ["u", "v"]


def test_several_levels_are_refused(tmp_path):
    pd.concat({"x": FRAME}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="several levels"):
        read_table(tmp_path / "t.parquet")


def test_cells_as_text(tmp_path):
    FRAME.assign(c=pd.Categorical(["x", None])).to_parquet(tmp_path / "t.parquet")
    got = read_table(tmp_path / "t.parquet", as_text=True)
    assert got.loc["u"].tolist() == ["1.0", "True", "x"] and got.loc["v"].isna().sum() == 2
