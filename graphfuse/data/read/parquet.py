"""Tables from Parquet files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graphfuse.data import memory
from graphfuse.data.read.id_column import check_first_column
from graphfuse.data.read.request import Wanted, names_as_text, pick
from graphfuse.errors import InputError


def read_parquet(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of a Parquet file; its index, or its first column, holds the ids.

    Parameters
    ----------
    path : Path
        A Parquet file.
    wanted : Wanted
        Which columns, and where the ids stand.

    Returns
    -------
    DataFrame
        Patients × columns.

    Raises
    ------
    InputError
        Where rows or columns are named on several levels, the first column holds no ids, columns
        are not there, or there is less memory than reading takes.
    """
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    every = schema.empty_table().to_pandas()
    if isinstance(every.index, pd.MultiIndex) or isinstance(every.columns, pd.MultiIndex):
        raise InputError(
            f"{path}: its rows or columns are named on several levels; write one id a row and "
            "one name a column (reset_index)"
        )
    places = _places(every, wanted)
    _require(path, schema, rows, None if places is None else len(places))
    stored = list(map(str, every.columns))  # numbers are written as text
    frame = pd.read_parquet(path, columns=places and [stored[place] for place in places])
    frame.columns = names_as_text(frame.columns)
    if wanted.id_column is not None:
        in_index = wanted.id_column == frame.index.name
        return pick(frame, wanted, path, None if in_index else wanted.id_column)
    is_indexed = not isinstance(frame.index, pd.RangeIndex)
    first = None if is_indexed or frame.columns.empty else frame.columns[0]
    stored_names = dict(zip(names_as_text(every.columns), stored, strict=True))
    _check_ids(path, frame, first, stored_names, wanted.flipped)
    return pick(frame, wanted, path, first)


def _check_ids(
    path: Path, frame: pd.DataFrame, first: str | None, stored: dict[str, str], flipped: bool
) -> None:
    """Refuses an index, or a first column, that holds no ids (see `check_first_column`).

    `stored`: the names of all columns of the file → how they are written there.
    """
    heading, ids = frame.index.name, frame.index
    if first is not None:
        heading, ids = first, pd.Index(frame.iloc[:, 0])
    others = [name for name in stored if name != first]

    def read(names: list[str]) -> pd.DataFrame:
        columns = [stored[name] for name in names]
        return pd.read_parquet(path, columns=columns).set_axis(names, axis=1)

    check_first_column(path, heading, ids, others, read, flipped)


def _places(every: pd.DataFrame, wanted: Wanted) -> list[int] | None:
    """Which columns to read: the first, that of the ids, and those asked for; None for all."""
    if wanted.columns is None or wanted.flipped:
        return None
    asked = {*wanted.columns, wanted.id_column}
    names = names_as_text(every.columns)
    return [at for at, name in enumerate(names) if at == 0 or name in asked]


def _require(path: Path, schema, rows: int, columns: int | None) -> None:
    """Raises `InputError` where the columns take more memory than there is, each at least as wide
    as its numbers (text: as where it stands)."""
    widths = [getattr(kind, "bit_width", 64) / 8 for kind in map(_plain, schema.types)]
    count = len(widths) if columns is None else columns
    share = count / max(1, len(widths))
    needed = memory.COPIES * rows * sum(widths) * share
    memory.require(path, rows, count, needed, "Name columns = […], those you need")


def _plain(kind):
    """A type of Parquet, or None where it has no width."""
    from pyarrow import types

    return kind if types.is_primitive(kind) else None
