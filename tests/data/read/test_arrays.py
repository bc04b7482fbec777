"""Arrays of numpy: names of any type, objects refused with the cure, ids beside them."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.read import read_table
from graphfuse.data.read.check_id_column import NotTheIds
from graphfuse.errors import InputError

VALUES = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "t.npz", **{"values": VALUES, "ids": ["u", "v"], **arrays})
    return tmp_path / "t.npz"


@pytest.mark.parametrize("columns", [np.arange(3), np.array([b"0", b"1", b"2"])])
def test_columns_of_any_type_are_text(tmp_path, columns):
    path = saved(tmp_path, columns=columns)
    assert list(read_table(path).columns) == ["0", "1", "2"]
    assert read_table(path, columns=["2", "0"]).to_numpy().tolist() == [[3, 1], [6, 4]]


@pytest.mark.parametrize("name", ["ids", "columns", "values"])
def test_objects_are_refused_with_the_cure(tmp_path, name):
    given = {"ids": ["u", "v"], "columns": list("abc"), "values": VALUES}[name]
    path = saved(tmp_path, **{name: np.array(given, dtype=object)})
    with pytest.raises(InputError, match=f"array '{name}' holds Python objects") as caught:
        read_table(path)
    assert "dtype=str" in str(caught.value) and "damaged" not in str(caught.value)


def test_npy_of_objects(tmp_path):
    np.save(tmp_path / "t.npy", VALUES.astype(object), allow_pickle=True)
    with pytest.raises(InputError, match="Python objects"):
        read_table(tmp_path / "t.npy")


def test_ids_in_two_dimensions_are_refused(tmp_path):
    with pytest.raises(InputError, match="ids as one list"):
        read_table(saved(tmp_path, ids=np.array([["u"], ["v"]])))


def test_ids_beside_an_array_are_not_row_numbers(tmp_path):
    np.save(tmp_path / "t.npy", VALUES)
    beside = tmp_path / "t.ids.csv"
    pd.Series(["u", "v"], name="patient").to_csv(beside)
    with pytest.raises(NotTheIds, match="patient"):
        read_table(tmp_path / "t.npy")
    pd.Series(["u, x", "v"], name="patient").to_csv(beside, index=False)
    assert list(read_table(tmp_path / "t.npy").index) == ["u, x", "v"]
