"""Tables from Parquet files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graphfuse.data import memory
from graphfuse.data.read.check_id_column import check_first_column
from graphfuse.data.read.request import Wanted, names_as_text, pick
from graphfuse.errors import InputError


def read_parquet(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of a Parquet file; its index, or its first column, holds the ids.

    Parameters
    ----------
    path : Path
        A Parquet file.
    wanted : Wanted
        Which columns to read, and which holds the ids.

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
        schema = file.schema_arrow
        rows = file.metadata.num_rows
    empty = schema.empty_table().to_pandas()
    if isinstance(empty.index, pd.MultiIndex) or isinstance(empty.columns, pd.MultiIndex):
        raise InputError(
            f"{path}: its rows or columns are named on several levels; write one id a row and "
            "one name a column (reset_index)"
        )
    positions = _positions(empty, wanted)
    _require(path, schema, rows, None if positions is None else len(positions))
    stored = list(map(str, empty.columns))  # Parquet keeps names that are numbers as text
    chosen = None if positions is None else [stored[position] for position in positions]
    frame = pd.read_parquet(path, columns=chosen)
    frame.columns = names_as_text(frame.columns)
    if wanted.id_column is not None:
        in_index = wanted.id_column == frame.index.name
        return pick(frame, wanted, path, None if in_index else wanted.id_column)
    is_indexed = not isinstance(frame.index, pd.RangeIndex)
    first = None if is_indexed or frame.columns.empty else frame.columns[0]
    stored_names = dict(zip(names_as_text(empty.columns), stored, strict=True))
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


def _positions(empty: pd.DataFrame, wanted: Wanted) -> list[int] | None:
    """Which columns to read: the first, that of the ids, and the wanted ones; None for all."""
    if wanted.columns is None or wanted.flipped:
        return None
    names = {*wanted.columns, wanted.id_column}
    every = enumerate(names_as_text(empty.columns))
    return [at for at, name in every if at == 0 or name in names]


def _require(path: Path, schema, rows: int, columns: int | None) -> None:
    """Raises `InputError` where the columns take more memory than there is: at least the width of
    their numbers, or of a pointer to text."""
    widths = [getattr(kind, "bit_width", 64) / 8 for kind in map(_plain, schema.types)]
    count = len(widths) if columns is None else columns
    share = count / max(1, len(widths))
    needed = memory.COPIES * rows * sum(widths) * share
    memory.require(path, rows, count, needed, "Name columns = […], those you need")


def _plain(kind):
    """A type of Parquet, or None where it has no width."""
    from pyarrow import types

    return kind if types.is_primitive(kind) else None
