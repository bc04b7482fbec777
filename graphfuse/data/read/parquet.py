"""Tables from Parquet files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graphfuse.data.read.wanted import Wanted, pick


def read_parquet(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of a Parquet file; its index, or its first column, holds the ids."""
    frame = pd.read_parquet(path)
    if wanted.id_column in frame.index.names and wanted.id_column is not None:
        return pick(frame, wanted, path, None)
    indexed = not isinstance(frame.index, pd.RangeIndex)
    first = None if indexed or frame.empty else frame.columns[0]
    return pick(frame, wanted, path, wanted.id_column or first)
