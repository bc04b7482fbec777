"""Tables from Parquet files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graphfuse.data.read.id_column import check_first_column
from graphfuse.data.read.wanted import Wanted, names_as_text, pick
from graphfuse.errors import InputError


def read_parquet(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of a Parquet file; its index, or its first column, holds the ids."""
    frame = pd.read_parquet(path)
    if isinstance(frame.index, pd.MultiIndex) or isinstance(frame.columns, pd.MultiIndex):
        raise InputError(
            f"{path}: its rows or columns are named on several levels; write one id a row and "
            "one name a column (reset_index)"
        )
    frame.columns = names_as_text(frame.columns)
    if wanted.id_column is not None:
        in_index = wanted.id_column == frame.index.name
        return pick(frame, wanted, path, None if in_index else wanted.id_column)
    indexed = not isinstance(frame.index, pd.RangeIndex)
    first = None if indexed or frame.columns.empty else frame.columns[0]
    ids = frame.index if first is None else pd.Index(frame.iloc[:, 0])
    heading = frame.index.name if first is None else first
    others = [name for name in frame.columns if name != first]
    check_first_column(path, heading, ids, others, frame.__getitem__, wanted.flipped)
    return pick(frame, wanted, path, first)
