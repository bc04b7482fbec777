"""What is asked of a file, and how a frame is brought to it."""

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
            faults.add(f"no column {name!r}{nearest(name, there) if len(there) < 1000 else ''}")
    faults.stop()
    return columns


def turned(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns to rows; numbers stay numbers."""
    frame = frame.T
    return frame.apply(_number_or_text) if frame.select_dtypes(object).shape[1] else frame


def _number_or_text(column: pd.Series) -> pd.Series:
    """Numbers where the column holds nothing else."""
    numbers = to_numbers(column)
    return column if numbers is None else numbers


def names_as_text(names: Iterable) -> list[str]:
    """Names of columns as text, whatever type a binary format gives them: 0 becomes '0'."""
    decoded = (
        name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in names
    )
    return [str(name).strip() for name in decoded]


@dataclass(frozen=True)
class Wanted:
    """What is asked of a file."""

    flipped: bool = False
    id_column: str | None = None
    columns: tuple[str, ...] | None = None
    layer: str | None = None
    modality: str | None = None
    as_text: bool = False


def as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """Every cell as the text a csv file would hold, stripped; blank ones are NaN."""
    columns = [_texts(frame.iloc[:, at]) for at in range(frame.shape[1])]
    if not columns:
        return frame
    return pd.concat(columns, axis=1)


def _texts(column: pd.Series) -> pd.Series:
    """One column as text; what is missing stays NaN."""
    known = column.notna().to_numpy(bool)
    texts = pd.Series(np.nan, index=column.index, name=column.name, dtype=object)
    texts[known] = column[known].astype(str).str.strip().to_numpy(object)
    return texts.where(texts != "", np.nan)


def pick(frame: pd.DataFrame, wanted: Wanted, path: Path, id_column: str | None) -> pd.DataFrame:
    """Id column to the index, turned if flipped, then the wanted columns."""
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
    return frame if wanted.columns is None else frame[known(wanted.columns, frame.columns, path)]
