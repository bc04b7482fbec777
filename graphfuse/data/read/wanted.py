"""What is asked of a file, and how a frame is brought to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

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
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.notna().sum() == column.notna().sum() else column


@dataclass(frozen=True)
class Wanted:
    """What is asked of a file."""

    flipped: bool = False
    id_column: str | None = None
    columns: tuple[str, ...] | None = None
    layer: str | None = None
    modality: str | None = None


def pick(frame: pd.DataFrame, wanted: Wanted, path: Path, id_column: str | None) -> pd.DataFrame:
    """Id column to the index, turned if flipped, then the wanted columns."""
    if id_column is not None:
        if id_column not in frame.columns:
            raise InputError(
                f"{path}: no id column {id_column!r}{nearest(id_column, frame.columns)}"
            )
        frame = frame.set_index(id_column)
    if wanted.flipped:
        frame = turned(frame)
    return frame if wanted.columns is None else frame[known(wanted.columns, frame.columns, path)]
