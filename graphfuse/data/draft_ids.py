"""The column of ids that a drafted manifest names, where it is not each file's first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphfuse.data.read import column_names, format_of
from graphfuse.errors import Faults

if TYPE_CHECKING:
    from graphfuse.data.draft_tables import Table


def common_id_column(tables: list[Table]) -> str | None:
    """The column of ids, where it is not each file's first; raises `InputError` where files call
    theirs by different names."""
    found = {table.id_column: table for table in tables if table.id_column}
    if not found:
        return None
    column = next(iter(found))
    faults = Faults("init")
    for table in tables:
        if table.flipped and table.id_column:
            faults.add(
                f"{table.file}: its first column counts rows; write the table without row numbers "
                "(index=False)"
            )
        elif not table.flipped and column not in (table.id_column, *_first_name(table.path)):
            faults.add(
                f"{table.file}: has no ids in {column!r}, where {found[column].file} has them; "
                "call the columns of ids alike"
            )
    faults.stop()
    return column


def _first_name(path: Path) -> list[str]:
    """The name of a text table's first column."""
    return column_names(path)[:1] if format_of(path) == "text" else []
