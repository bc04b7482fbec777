"""Tables from numpy files: npy with ids beside it, npz with values, ids and columns."""

from __future__ import annotations

import csv
import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from graphfuse.data import memory
from graphfuse.data.read.id_column import check_first_column
from graphfuse.data.read.request import Wanted, names_as_text, pick
from graphfuse.errors import InputError, nearest


def read_npy(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of an npy file, its ids one a line in a file beside it."""
    with open(path, "rb") as file:
        _require(file, path)
        file.seek(0)
        values = _array(lambda: np.load(file, allow_pickle=False), path, "the file")
    beside = [path.with_name(f"{path.stem}.ids{ending}") for ending in (".txt", ".csv")]
    found = next((file for file in beside if file.is_file()), None)
    if found is None:
        raise InputError(
            f"{path}: no patient ids; put one id a line into {beside[0].name} beside it"
        )
    ids = _ids_beside(found, len(values) if values.ndim else 0)
    return pick(_framed(values, ids, None, path), wanted, path, None)


def _require(file: IO[bytes], path: Path) -> None:
    """Raises `InputError` where an array, by its header, takes more memory than there is."""
    major, _ = np.lib.format.read_magic(file)
    heads = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    if major not in heads:
        return  # names of fields beyond Latin-1: no table of numbers, and refused as that
    shape, _, kind = heads[major](file)
    size = math.prod(shape) * kind.itemsize
    rows, columns = (*shape, 1, 1)[:2]
    cure = "Keep those you need in the file, or save it as h5ad or Parquet and name columns = […]"
    memory.require(path, rows, columns, memory.COPIES * size, cure)


def _ids_beside(path: Path, rows: int) -> list[str]:
    """The first cell of each line, less a heading where there is one line more than `rows`."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    heading = lines.pop(0) if len(lines) == rows + 1 else []
    ids = [line[0].strip() for line in lines]
    if len(heading) > 1 and all(len(line) == len(heading) for line in lines):
        frame = pd.DataFrame(lines, columns=[name.strip() for name in heading])
        others = list(frame.columns[1:])
        check_first_column(path, heading[0], pd.Index(ids), others, frame.__getitem__)
    return ids


def read_npz(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of an npz file that holds values, ids and perhaps columns."""
    with zipfile.ZipFile(path) as packed:
        for entry in packed.infolist():
            if entry.filename in ("values.npy", "ids.npy", "columns.npy"):
                with packed.open(entry) as file:
                    _require(file, path)
    with np.load(path, allow_pickle=False) as bundle:
        for name in ("values", "ids"):
            if name not in bundle:
                raise InputError(
                    f"{path}: no array {name!r}{nearest(name, bundle.files)}; save values, "
                    "ids, columns"
                )
        parts = {
            name: _array(lambda name=name: bundle[name], path, f"array {name!r}")
            for name in ("values", "ids", "columns")
            if name in bundle
        }
    return pick(
        _framed(parts["values"], parts["ids"], parts.get("columns"), path), wanted, path, None
    )


def _array(load, path: Path, what: str) -> np.ndarray:
    """The loaded array; raises `InputError` with the cure where it holds Python objects."""
    try:
        return load()
    except ValueError as error:
        if "pickle" not in str(error).lower() or "object" not in str(error).lower():
            raise
        raise InputError(
            f"{path}: {what} holds Python objects, which only pickle can load, and pickle can "
            "run any code; save numbers as floats and ids and columns as text: "
            "np.savez(…, values=table.to_numpy(float), ids=np.array(ids, dtype=str), "
            "columns=np.array(columns, dtype=str))"
        ) from None


def _framed(values: np.ndarray, ids, columns, path: Path) -> pd.DataFrame:
    """A frame of a plain array; raises `InputError` where the shapes do not meet."""
    if values.ndim != 2:
        raise InputError(f"{path}: expected values [patients, columns], got shape {values.shape}")
    columns = [f"f{i}" for i in range(values.shape[1])] if columns is None else columns
    for what, names in (("ids", ids), ("columns", columns)):
        if np.ndim(names) != 1:
            raise InputError(f"{path}: expected {what} as one list, got shape {np.shape(names)}")
    if values.shape != (len(ids), len(columns)):
        raise InputError(
            f"{path}: values are {values.shape}, but there are {len(ids)} ids and "
            f"{len(columns)} columns"
        )
    return pd.DataFrame(values, index=list(ids), columns=names_as_text(columns))
