"""A request for a table, and functions that bring a frame to the form requested."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.read.decimal_marks import to_numbers
from graphfuse.data.read.gene_annotations import without_annotations
from graphfuse.errors import Faults, InputError, nearest


def known(columns: Iterable[str], there: Iterable[str], path: Path) -> list[str]:
    """`columns` as a list; raises `InputError` that names all which are not there."""
    columns, there = list(columns), set(map(str, there))
    faults = Faults(str(path))
    for name in columns:
        if name not in there:
            meant = nearest(name, there) if len(there) < 1000 else ""
            faults.add(f"no column {name!r}{meant}")
    faults.stop()
    return columns


def turned(frame: pd.DataFrame) -> pd.DataFrame:
    """The transposed frame, in which columns of numbers are numeric."""
    frame = frame.T
    has_text = frame.select_dtypes(object).shape[1] > 0
    return frame.apply(_number_or_text) if has_text else frame


def _number_or_text(column: pd.Series) -> pd.Series:
    """Numbers where the column holds nothing else."""
    numbers = to_numbers(column)
    return column if numbers is None else numbers


def names_as_text(names: Iterable) -> list[str]:
    """Names of columns as text, whatever type a binary format gives them: 0 becomes '0'."""
    texts = []
    for name in names:
        if isinstance(name, bytes):
            name = name.decode("utf-8", "replace")
        texts.append(str(name).strip())
    return texts


@dataclass(frozen=True)
class Wanted:
    """A request for a table of a file: the arguments of `read_table`; `flipped`: whether patients
    are in columns."""

    flipped: bool = False
    id_column: str | None = None
    columns: tuple[str, ...] | None = None
    layer: str | None = None
    modality: str | None = None
    as_text: bool = False


def as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """Every cell as the text that a csv file would hold, stripped; blank cells are NaN."""
    columns = [_texts(frame.iloc[:, at]) for at in range(frame.shape[1])]
    if not columns:
        return frame
    return pd.concat(columns, axis=1)


def _texts(column: pd.Series) -> pd.Series:
    """One column as text; missing cells stay NaN."""
    known = column.notna().to_numpy(bool)
    texts = pd.Series(np.nan, index=column.index, name=column.name, dtype=object)
    texts[known] = column[known].astype(str).str.strip().to_numpy(object)
    return texts.where(texts != "", np.nan)


def pick(frame: pd.DataFrame, wanted: Wanted, path: Path, id_column: str | None) -> pd.DataFrame:
    """The frame indexed by its id column, transposed where it is flipped, with the wanted
    columns."""
    if id_column is not None:
        if id_column not in frame.columns:
            raise InputError(
                f"{path}: no id column {id_column!r}{nearest(id_column, frame.columns)}"
            )
        frame = frame.set_index(id_column)
    if wanted.flipped:
        frame = without_annotations(frame, path)
        frame = frame.set_axis(names_as_text(frame.index), axis=0)
        frame = frame.T if wanted.as_text else turned(frame)
    if wanted.columns is None:
        return frame
    return frame[known(wanted.columns, frame.columns, path)]
