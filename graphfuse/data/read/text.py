"""Text tables (csv, tsv, txt, gct, plain or .gz) as frames: a fast read of the wanted columns."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.read.csv_cells import Cells, cells_of
from graphfuse.data.read.decimal_marks import (
    columns_with_parts,
    decimal_mark,
    has_decimals,
    shape_of,
)
from graphfuse.data.read.request import known
from graphfuse.data.read.text_layout import TextTable, text_table
from graphfuse.errors import InputError, examples, nearest, warn_once

__all__ = ["read", "text_table"]
log = logging.getLogger(__name__)

_SAMPLE_ROWS = 50  # rows (and columns) from which the decimal mark is guessed first
_SAMPLE_CELLS = 1000  # of each of them
_UNNAMED = re.compile(r"(\.\d+)?")  # columns without a name, numbered where there are several
_HEADING = re.compile(r"(\w+[_ .-])?(ids?|index)|\w+[_ .-]barcode", re.IGNORECASE)
_UNITS = frozenset({"unit", "units", "einheit", "einheiten", "unité", "unités", "unidad"})


def read(
    table: TextTable,
    id_column: str | None,
    columns: Sequence[str] | None,
    as_text: bool = False,
) -> pd.DataFrame:
    """The wanted columns, indexed by the id column as text.

    Parameters
    ----------
    table : TextTable
        The table in its file, of `text_table`.
    id_column : str or None
        The column of ids; the first one by default.
    columns : sequence of str or None
        All others by default.
    as_text : bool
        Every cell as it is written, and only blank ones missing.

    Returns
    -------
    pd.DataFrame
        Numbers where a column holds nothing else, else text; only text with `as_text`.

    Raises
    ------
    InputError
        Where columns are not there, names are repeated and all were asked for, the file is damaged,
        or its numbers could be read in two ways.
    """
    path = table.path
    position: dict[str, int] = {}
    for at, name in enumerate(table.names):
        position.setdefault(name, at)
    if id_column is not None and id_column not in position:
        raise InputError(f"{path}: no id column {id_column!r}{nearest(id_column, table.names)}")
    id_at = 0 if id_column is None else position[id_column]
    if columns is None:
        chosen = _all_but(id_at, table)
    else:
        chosen = [position[name] for name in known(columns, table.names, path)]
    cells = _read(table, id_at, chosen, as_text)
    _check_rows(cells.ids, table.names[id_at], path)
    names = [table.names[place] for place in chosen]
    frame = cells.frame(as_text)[chosen].set_axis(names, axis=1)
    frame.index = pd.Index(cells.ids, dtype=object)
    return _without_blank_columns(frame) if columns is None else frame


def _without_blank_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame without columns that have neither name nor cells: delimiters at every line's
    end."""
    unnamed = [_UNNAMED.fullmatch(name) is not None for name in frame.columns]
    if not any(unnamed):
        return frame
    blank = frame.columns[unnamed & frame.isna().all().to_numpy()]
    return frame.drop(columns=blank)


def _all_but(id_at: int, table: TextTable) -> list[int]:
    """All columns but that of the ids and those that describe; raises `InputError` for repeated
    names."""
    if table.repeated:
        raise InputError(
            f"{table.path}: {len(table.repeated)} columns appear more than once "
            f"({examples(table.repeated)}); keep or average one each, or name columns = […]"
        )
    if table.descriptions:
        described = [table.names[at] for at in table.descriptions]
        warn_once(log, f"{table.path}: {examples(described)} left out: no patients")
    left_out = {id_at, *table.descriptions}
    return [at for at in range(len(table.names)) if at not in left_out]


def _read(table: TextTable, id_at: int, chosen: list[int], as_text: bool) -> Cells:
    """The cells, numbers with decimal points; the mark is guessed first, then checked on all."""
    if not table.rows:
        no_ids = np.empty(0, dtype=object)
        no_cells = pd.DataFrame(columns=chosen, dtype=object if as_text else float)
        return Cells(no_ids, no_cells, {})
    if as_text:
        cells = cells_of(table, id_at, chosen, None)
        return cells.with_points(_decimal(cells, table, id_at))
    if _guessed_decimal(table) == ",":
        cells = cells_of(table, id_at, chosen, ",")
        if has_decimals(cells.numbers):
            return cells.with_points(decimal_mark(cells.shapes(table), ",", table.path))
    cells = cells_of(table, id_at, chosen, ".")
    decimal = _decimal(cells, table, id_at)
    if decimal == ",":
        cells = cells_of(table, id_at, chosen, ",")
    return cells.with_points(decimal)


def _decimal(cells: Cells, table: TextTable, id_at: int) -> str:
    """The decimal mark of cells that were read with points."""
    shapes = cells.shapes(table)
    if has_decimals(cells.numbers):
        return decimal_mark(shapes, ".", table.path)
    unclear = columns_with_parts(cells.numbers)
    for some in unclear[:_SAMPLE_ROWS], unclear[_SAMPLE_ROWS:]:  # the first are mostly enough
        if not some:
            continue
        of_some = cells_of(table, id_at, some, None).shapes(table)
        if any(each.says(".") for each in of_some.values()):
            return decimal_mark(shapes, ".", table.path)
        shapes |= of_some
    return decimal_mark(shapes, None, table.path)


def _guessed_decimal(table: TextTable) -> str:
    """The decimal mark of the first rows."""
    content = table.records.content
    between = b'"' if table.delimiter == "," else b","
    if between not in content:
        return "."
    last = min(table.first + _SAMPLE_ROWS, len(table.records))
    shapes: set[str | None] = set()
    for record in range(table.first, last):
        cells = table.records.cells(record, _SAMPLE_CELLS)
        shapes |= {shape_of(cell) for cell in cells[1:]}
    has_commas = bool(shapes & {"comma", "german"})
    return "," if has_commas and not shapes & {"point", "english"} else "."


def _check_rows(ids: np.ndarray, name: str, path: Path) -> None:
    """Raises `InputError` where a row is another heading, or holds the columns' units."""
    again = np.flatnonzero((ids == name) & (name != ""))
    if len(again):
        raise InputError(
            f"{path}: the heading is repeated among the rows (row {examples(again + 1)}); were "
            "tables put one under the other? remove it"
        )
    if len(ids) and _HEADING.fullmatch(ids[0]):
        raise InputError(
            f"{path}: the row under the heading starts with {ids[0]!r} and is a heading too; keep "
            "one line of names"
        )
    if len(ids) and ids[0].lower().strip("[]()") in _UNITS:
        raise InputError(
            f"{path}: the row under the heading holds units, no patient; remove it, or write them "
            "into the columns' names"
        )
