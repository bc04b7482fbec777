"""Text tables (csv, tsv, txt, gct, plain or .gz) as frames: a fast read of the columns wanted."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.read.dialect import TextTable, text_table
from graphfuse.data.read.numbers import (
    MISSING,
    Shapes,
    decimal_mark,
    has_decimals,
    point3_shapes,
    shape_of,
    shapes_of,
    to_numbers,
    with_points,
)
from graphfuse.data.read.wanted import known
from graphfuse.errors import InputError, examples, nearest, warn_once

__all__ = ["read", "text_table"]
log = logging.getLogger(__name__)

_SNIFFED = 50  # rows that the decimal mark is first guessed from
_SNIFFED_CELLS = 1000  # of each of them
_UNITS = frozenset({"unit", "units", "einheit", "einheiten", "unité", "unités", "unidad"})


def read(
    table: TextTable,
    id_column: str | None,
    columns: Sequence[str] | None,
    as_text: bool = False,
) -> pd.DataFrame:
    """The columns wanted, indexed by the id column as text.

    Parameters
    ----------
    table : TextTable
        The table in its file, of `text_table`.
    id_column : str or None
        Whose cells are the index; the first column by default.
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
    position = {name: at for at, name in reversed(list(enumerate(table.names)))}
    if id_column is not None and id_column not in position:
        raise InputError(f"{path}: no id column {id_column!r}{nearest(id_column, table.names)}")
    id_at = 0 if id_column is None else position[id_column]
    if columns is None:
        chosen = _all_but(id_at, table)
    else:
        chosen = [position[name] for name in known(columns, table.names, path)]
    cells = _parsed(table, id_at, chosen, as_text)
    _check_rows(cells[id_at], table.names[id_at], path)
    frame = cells[chosen].set_axis([table.names[at] for at in chosen], axis=1)
    frame.index = pd.Index(cells[id_at], dtype=object)
    has_trailing = not table.names[-1] and len(table.names) - 1 in chosen
    if has_trailing and frame.iloc[:, -1].isna().all():  # a delimiter at every line's end
        return frame.iloc[:, :-1]
    return frame


def _all_but(id_at: int, table: TextTable) -> list[int]:
    """Every column but the ids' and those that describe; raises `InputError` for repeated names."""
    if table.repeated:
        raise InputError(
            f"{table.path}: {len(table.repeated)} columns stand more than once "
            f"({examples(table.repeated)}); keep or average one each, or name columns = […]"
        )
    if table.descriptions:
        described = [table.names[at] for at in table.descriptions]
        warn_once(log, f"{table.path}: {examples(described)} left out: no patients")
    left_out = {id_at, *table.descriptions}
    return [at for at in range(len(table.names)) if at not in left_out]


def _parsed(table: TextTable, id_at: int, chosen: list[int], as_text: bool) -> pd.DataFrame:
    """The cells by position."""
    used = sorted({id_at, *chosen})
    if not table.rows:
        cells = pd.DataFrame(columns=used, dtype=object if as_text else float)
        return cells.astype({id_at: object})
    if as_text:
        cells = _by_pandas(table, used, id_at, None)
        decimal = _decimal(cells.drop(columns=id_at), table)
        return _with_columns(cells, _normalised(cells, id_at, decimal, _blank_as_nan))
    cells, decimal = _with_decimal(table, used, id_at)
    return _with_columns(cells, _normalised(cells, id_at, decimal, _numbers_or_text))


def _with_decimal(table: TextTable, used: list[int], id_at: int) -> tuple[pd.DataFrame, str]:
    """The cells and their decimal mark: guessed from the first rows, then judged by every cell."""
    if _guessed_decimal(table) == ",":
        cells = _by_pandas(table, used, id_at, ",")
        values = cells.drop(columns=id_at)
        if has_decimals(values.select_dtypes(float)):
            return cells, decimal_mark(_shapes(values, table), ",", table.path)
    cells = _by_pandas(table, used, id_at, ".")
    decimal = _decimal(cells.drop(columns=id_at), table)
    if decimal == ",":
        cells = _by_pandas(table, used, id_at, ",")
    return cells, decimal


def _decimal(values: pd.DataFrame, table: TextTable) -> str:
    """The decimal mark of cells that were read with points."""
    shapes = _shapes(values, table)
    numbers = values.select_dtypes(float)
    if has_decimals(numbers):
        return decimal_mark(shapes, ".", table.path)
    for at, column in numbers.items():
        shapes[table.names[at]] = point3_shapes(column)
    return decimal_mark(shapes, None, table.path)


def _shapes(values: pd.DataFrame, table: TextTable) -> dict[str, Shapes]:
    """How the numbers in columns of text are written, by the columns' names."""
    texts = values.select_dtypes(object)
    return {table.names[at]: shapes_of(_words(texts[at])) for at in texts.columns}


def _words(cells: pd.Series) -> list[str]:
    """The cells that are text, but for blank ones."""
    return [cell for cell in cells if isinstance(cell, str) and cell]


def _normalised(
    cells: pd.DataFrame, id_at: int, decimal: str, finish: Callable[[pd.Series], pd.Series]
) -> dict[int, pd.Series]:
    """The columns of text, their numbers with decimal points and without thousands marks."""
    columns = {}
    for at, column in cells.drop(columns=id_at).select_dtypes(object).items():
        if shapes_of(_words(column)).are_numbers:
            columns[at] = finish(with_points(column, decimal))
        else:
            columns[at] = finish(column)
    return columns


def _numbers_or_text(cells: pd.Series) -> pd.Series:
    """Numbers where the column holds nothing else."""
    numbers = to_numbers(cells)
    return cells if numbers is None else numbers


def _blank_as_nan(cells: pd.Series) -> pd.Series:
    """Blank cells are missing."""
    return cells.where(cells != "", np.nan)


def _with_columns(cells: pd.DataFrame, columns: dict[int, pd.Series]) -> pd.DataFrame:
    """The frame with some columns replaced."""
    if not columns:
        return cells
    changed = pd.DataFrame(columns, index=cells.index)
    return pd.concat([cells.drop(columns=list(columns)), changed], axis=1)[list(cells.columns)]


def _by_pandas(table: TextTable, used: list[int], id_at: int, decimal: str | None) -> pd.DataFrame:
    """The columns at these positions, by pandas' C engine: the ids as text, and all as text where
    `decimal` is None.

    Raises `InputError` where pandas does not see the rows that the records are.
    """
    as_text = decimal is None
    others = [at for at in used if at != id_at]
    cells = pd.read_csv(
        io.BytesIO(table.body),
        sep=table.delimiter,
        decimal=decimal or ".",
        header=None,
        names=range(len(table.names)),
        index_col=False,
        usecols=used,
        converters={id_at: str.strip},  # and no id is a word for missing
        dtype=dict.fromkeys(others, object) if as_text else None,
        na_values=list(MISSING),  # one list: a mapping takes twice the time
        keep_default_na=False,
        na_filter=not as_text,
        quoting=csv.QUOTE_MINIMAL if table.records.quoted else csv.QUOTE_NONE,
        skipinitialspace=True,
        low_memory=False,
        engine="c",
        encoding="utf-8",
    )
    if len(cells) != table.rows:
        raise InputError(
            f"{table.path}: {table.rows:,} rows stand in the file, {len(cells):,} were read: "
            "damaged; write it anew"
        )
    values = cells.drop(columns=id_at).select_dtypes(object)
    return _with_columns(cells, {at: _stripped(column) for at, column in values.items()})


def _stripped(cells: pd.Series) -> pd.Series:
    """Text without the blanks around it; all else as it is."""
    if pd.api.types.infer_dtype(cells, skipna=True) == "boolean":
        return cells
    return cells.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)


def _guessed_decimal(table: TextTable) -> str:
    """The decimal mark that the first rows speak for."""
    content = table.records.content
    between = b'"' if table.delimiter == "," else b","
    if between not in content:
        return "."
    last = min(table.first + _SNIFFED, len(table.records))
    shapes: set[str | None] = set()
    for record in range(table.first, last):
        cells = table.records.cells(record, _SNIFFED_CELLS)
        shapes |= {shape_of(cell) for cell in cells[1:]}
    has_commas = bool(shapes & {"comma", "german"})
    return "," if has_commas and not shapes & {"point", "english"} else "."


def _check_rows(ids: pd.Series, name: str, path: Path) -> None:
    """Raises `InputError` where a row is another heading, or holds the columns' units."""
    again = np.flatnonzero((ids == name) & (name != ""))
    if len(again):
        raise InputError(
            f"{path}: the heading stands again among the rows (row {examples(again + 1)}); were "
            "tables put one under the other? remove it"
        )
    if len(ids) and ids.iloc[0].lower().strip("[]()") in _UNITS:
        raise InputError(
            f"{path}: the row under the heading holds units, no patient; remove it, or write them "
            "into the columns' names"
        )
