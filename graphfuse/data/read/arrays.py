"""Tables from numpy files: npy with ids beside it, npz with values, ids and columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.read.wanted import Wanted, pick
from graphfuse.errors import InputError, nearest


def read_npy(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of an npy file, its ids one a line in a file beside it."""
    values = np.load(path, allow_pickle=False)
    beside = [path.with_name(f"{path.stem}.ids{ending}") for ending in (".txt", ".csv")]
    found = next((file for file in beside if file.is_file()), None)
    if found is None:
        raise InputError(
            f"{path}: no patient ids; put one id a line into {beside[0].name} beside it"
        )
    ids = [
        line.split(",")[0].strip().strip('"')
        for line in found.read_text("utf-8-sig").splitlines()
        if line.strip()
    ]
    if len(ids) == len(values) + 1:  # a heading
        ids = ids[1:]
    return pick(_framed(values, ids, None, path), wanted, path, None)


def read_npz(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of an npz file that holds values, ids and perhaps columns."""
    with np.load(path, allow_pickle=False) as bundle:
        for name in ("values", "ids"):
            if name not in bundle:
                raise InputError(
                    f"{path}: no array {name!r}{nearest(name, bundle.files)}; save values, "
                    "ids, columns"
                )
        columns = bundle.get("columns")
        return pick(_framed(bundle["values"], bundle["ids"], columns, path), wanted, path, None)


def _framed(values: np.ndarray, ids, columns, path: Path) -> pd.DataFrame:
    """A frame of a plain array; raises `InputError` where the shapes do not meet."""
    if values.ndim != 2:
        raise InputError(f"{path}: expected values [patients, columns], got shape {values.shape}")
    columns = [f"f{i}" for i in range(values.shape[1])] if columns is None else columns
    if values.shape != (len(ids), len(columns)):
        raise InputError(
            f"{path}: values are {values.shape}, but there are {len(ids)} ids and "
            f"{len(columns)} columns"
        )
    return pd.DataFrame(values, index=list(ids), columns=list(columns))
