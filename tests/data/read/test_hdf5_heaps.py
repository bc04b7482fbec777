"""Damaged heaps of HDF5 files are found before its library loops over them for ever."""

import h5py
import numpy as np
import pytest

from graphfuse.data.read import read_table
from graphfuse.data.read.hdf5_heaps import check_heaps
from graphfuse.errors import InputError

SIGN = b"GCOL\x01\0\0\0"


@pytest.fixture
def whole(tmp_path):
    """Texts of many lengths, in several heaps, some removed again; bytes that look like a sign."""
    source = np.random.default_rng(4)
    path = tmp_path / "whole.h5ad"
    with h5py.File(path, "w") as file:
        for number, length in enumerate(source.integers(0, 9_000, 60)):
            file.attrs[f"text{number}"] = "y" * int(length)
        for number in range(0, 60, 3):
            del file.attrs[f"text{number}"]
        file.attrs["long"] = ["z" * 70_000, "q"]
        file["look-alike"] = np.frombuffer(b"GCOL" * 50, dtype=np.uint8)
    return path


def last_free(content: bytes) -> int:
    """Where the heading of the first heap's last object stands, its free space."""
    start = content.index(SIGN)
    end = start + int.from_bytes(content[start + 8 : start + 16], "little")
    place = start + 16
    while True:
        index = int.from_bytes(content[place : place + 2], "little")
        length = int.from_bytes(content[place + 8 : place + 16], "little")
        step = length if index == 0 else 16 + -(-length // 8) * 8
        if place + step + 16 > end:
            return place
        place += step


def test_whole_files_pass(whole):
    check_heaps(whole)
    with h5py.File(whole) as file:
        assert len(file.attrs["long"][0]) == 70_000


@pytest.mark.parametrize("length", [0, 8, 1 << 40, (1 << 64) - 16])
def test_objects_that_do_not_fit_are_damage(whole, length):
    content = bytearray(whole.read_bytes())
    place = last_free(bytes(content))
    content[place : place + 2] = b"\0\0"
    content[place + 8 : place + 16] = length.to_bytes(8, "little")
    whole.write_bytes(content)
    with pytest.raises(InputError, match="damaged or cut short: the heap"):
        check_heaps(whole)
    with pytest.raises(InputError, match="damaged or cut short: the heap"):
        read_table(whole)
