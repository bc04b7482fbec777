"""The column of ids that a drafted manifest names, where it is not each file's first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphfuse.data.read import column_names, format_of
from graphfuse.errors import Faults

if TYPE_CHECKING:
    from graphfuse.data.draft.draft_tables import Table


def common_id_column(tables: list[Table]) -> str | None:
    """The column of ids, where it is not each file's first; raises `InputError` where files have
    different names for it."""
    table_of = {table.id_column: table for table in tables if table.id_column}
    if not table_of:
        return None
    column = next(iter(table_of))
    other = table_of[column].file
    faults = Faults("init")
    for table in tables:
        if table.flipped and table.id_column:
            faults.add(
                f"{table.file}: its first column counts rows; write the table without row numbers "
                "(index=False)"
            )
        elif not table.flipped and column not in (table.id_column, *_first_name(table.path)):
            faults.add(f"{table.file}: {_taken_otherwise(table, column, other)}")
    faults.stop()
    return column


def _taken_otherwise(table: Table, column: str, other: str) -> str:
    """Why the ids of a table are not taken from the column that another file has them in."""
    if column in table.frame.columns:
        (first,) = _first_name(table.path) or ("",)
        return (
            f"its first column {first!r} looks like ids, and so does {column!r}, where {other} has "
            "them; leave one of them out, or put the ids first"
        )
    return f"has no ids in {column!r}, where {other} has them; call the columns of ids alike"


def _first_name(path: Path) -> list[str]:
    """The name of a text table's first column."""
    return column_names(path)[:1] if format_of(path) == "text" else []
