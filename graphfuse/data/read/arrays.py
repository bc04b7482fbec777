"""Tables from numpy files: npy with ids beside it, npz with values, ids and columns."""

from __future__ import annotations

import csv
import math
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from graphfuse.data import memory
from graphfuse.data.read.check_id_column import check_first_column
from graphfuse.data.read.request import Wanted, names_as_text, pick
from graphfuse.errors import InputError, nearest


def read_npy(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of an npy file, its ids one a line in a file beside it."""
    with open(path, "rb") as file:
        _require(file, path)
        file.seek(0)
        values = _array(lambda: np.load(file, allow_pickle=False), path, "the file")
    candidates = [path.with_name(f"{path.stem}.ids{ending}") for ending in (".txt", ".csv")]
    file_of_ids = next((file for file in candidates if file.is_file()), None)
    if file_of_ids is None:
        raise InputError(
            f"{path}: no patient ids; put one id a line into {candidates[0].name} beside it"
        )
    ids = _ids_beside(file_of_ids, len(values) if values.ndim else 0)
    return pick(_framed(values, ids, None, path), wanted, path, None)


def _require(file: IO[bytes], path: Path) -> None:
    """Raises `InputError` where an array, by its header, takes more memory than there is."""
    major, _ = np.lib.format.read_magic(file)
    heads = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    if major not in heads:
        return  # names of fields beyond Latin-1, which is no table of numbers: refused later
    shape, _, kind = heads[major](file)
    size = math.prod(shape) * kind.itemsize
    rows, columns = (*shape, 1, 1)[:2]
    cure = "Keep those you need in the file, or save it as h5ad or Parquet and name columns = […]"
    memory.require(path, rows, columns, memory.COPIES * size, cure)


def _ids_beside(path: Path, rows: int) -> list[str]:
    """The first cell of each line, less a heading where there is one line more than `rows`."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.reader(file) if "".join(line).strip()]
    heading = lines.pop(0) if len(lines) == rows + 1 else []
    ids = [line[0].strip() for line in lines]
    have_one_width = all(len(line) == len(heading) for line in lines)
    if len(heading) > 1 and have_one_width:
        names = [name.strip() for name in heading]
        frame = pd.DataFrame(lines, columns=names)
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
        arrays = {}
        for name in ("values", "ids", "columns"):
            if name in bundle:
                load = partial(bundle.__getitem__, name)
                arrays[name] = _array(load, path, f"array {name!r}")
    frame = _framed(arrays["values"], arrays["ids"], arrays.get("columns"), path)
    return pick(frame, wanted, path, None)


def _array(load: Callable[[], np.ndarray], path: Path, what: str) -> np.ndarray:
    """The loaded array; raises `InputError` with the cure where it holds Python objects."""
    try:
        return load()
    except ValueError as error:
        message = str(error).lower()
        if "pickle" not in message or "object" not in message:
            raise
        raise InputError(
            f"{path}: {what} holds Python objects, which only pickle can load, and pickle can "
            "run any code; save numbers as floats and ids and columns as text: "
            "np.savez(…, values=table.to_numpy(float), ids=np.array(ids, dtype=str), "
            "columns=np.array(columns, dtype=str))"
        ) from None


def _framed(values: np.ndarray, ids, columns, path: Path) -> pd.DataFrame:
    """A frame of a plain array; raises `InputError` where the shapes do not match."""
    if values.ndim != 2:
        raise InputError(f"{path}: expected values [patients, columns], got shape {values.shape}")
    if columns is None:
        columns = [f"f{number}" for number in range(values.shape[1])]
    for what, names in (("ids", ids), ("columns", columns)):
        if np.ndim(names) != 1:
            raise InputError(f"{path}: expected {what} as one list, got shape {np.shape(names)}")
    if values.shape != (len(ids), len(columns)):
        raise InputError(
            f"{path}: values are {values.shape}, but there are {len(ids)} ids and "
            f"{len(columns)} columns"
        )
    return pd.DataFrame(values, index=list(ids), columns=names_as_text(columns))
