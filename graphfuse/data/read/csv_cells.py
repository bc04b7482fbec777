"""The cells of a text table by pandas' C parser, columns of numbers and columns of text apart."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from graphfuse.data.read.decimal_marks import (
    MISSING,
    Shapes,
    as_floats,
    shapes_of,
    with_points,
)
from graphfuse.data.read.exact_numbers import exact_numbers
from graphfuse.data.read.text_layout import TextTable
from graphfuse.errors import InputError

_FAST_DIGITS = 17  # that pandas' fast parser reads of a number


@dataclass(frozen=True)
class Cells:
    """Some columns of a table, by their positions in it.

    Parameters
    ----------
    ids : np.ndarray
        Text `[rows]`.
    numbers : pd.DataFrame
        The columns that the parser took for numbers or truth values.
    texts : dict of int to np.ndarray
        The others: text without the blanks around it, NaN for words for missing.
    """

    ids: np.ndarray
    numbers: pd.DataFrame
    texts: dict[int, np.ndarray]

    def shapes(self, table: TextTable) -> dict[str, Shapes]:
        """How the numbers in columns of text are written, by the columns' names."""
        shapes = {}
        for place, cells in self.texts.items():
            shapes[table.names[place]] = shapes_of(_words(cells))
        return shapes

    def with_points(self, decimal: str) -> Cells:
        """The same, numbers among text with decimal points and without thousands marks."""
        texts = {}
        for at, cells in self.texts.items():
            is_written_so = shapes_of(_words(cells)).are_numbers
            texts[at] = with_points(cells, decimal) if is_written_so else cells
        return replace(self, texts=texts)

    def frame(self, as_text: bool) -> pd.DataFrame:
        """All columns: numbers where one holds nothing else, or text, only blank cells missing."""
        columns = {}
        for at, cells in self.texts.items():
            floats = None if as_text else as_floats(cells)
            columns[at] = cells if floats is None else floats
            if as_text:
                columns[at][cells == ""] = np.nan
        texts = pd.DataFrame(columns, index=self.numbers.index)
        return pd.concat([self.numbers, texts], axis=1) if columns else self.numbers


def cells_of(table: TextTable, id_at: int, chosen: list[int], decimal: str | None) -> Cells:
    """Reads columns of a table.

    Parameters
    ----------
    table : TextTable
        The table in its file.
    id_at : int
        The position of the ids; they are text whatever they look like.
    chosen : list of int
        The positions of the other columns.
    decimal : str or None
        The decimal mark; None for text throughout.

    Returns
    -------
    Cells
        The columns.

    Raises
    ------
    InputError
        Where pandas reads other rows than the table has records.
    """
    as_text = decimal is None
    needs_exact = _has_small_decimals(table)
    if needs_exact and decimal == ".":
        exact = exact_numbers(table, id_at, chosen)
        if exact is not None:
            ids = _stripped(exact[0])
            return Cells(ids, exact[1], {id_at: ids} if id_at in chosen else {})
    parsed = pd.read_csv(
        io.BytesIO(table.body),
        sep=table.delimiter,
        decimal=decimal or ".",
        header=None,
        names=range(len(table.names)),
        index_col=False,
        usecols=sorted({id_at, *chosen}),
        converters=None if as_text else {id_at: str.strip},  # and no id is a word for missing
        dtype=object if as_text else None,
        na_values=list(MISSING),  # one list: a mapping takes twice the time
        keep_default_na=False,
        na_filter=not as_text,
        float_precision="round_trip" if needs_exact else None,
        quoting=csv.QUOTE_MINIMAL if table.records.quoted else csv.QUOTE_NONE,
        skipinitialspace=True,
        low_memory=False,
        engine="c",
        encoding="utf-8",
    )
    if len(parsed) != table.rows:
        raise InputError(
            f"{table.path}: {table.rows:,} rows stand in the file, {len(parsed):,} were read: "
            "damaged; write it again"
        )
    is_text = parsed.dtypes.to_numpy() == np.dtype(object)
    words = parsed.loc[:, is_text]
    block = words.to_numpy(object).T  # [columns, rows]
    texts = {at: _stripped(cells) for at, cells in zip(words.columns, block, strict=True)}
    ids = texts[id_at]
    if id_at not in chosen:
        del texts[id_at]
    return Cells(ids, parsed.loc[:, ~is_text], texts)


def _stripped(cells: np.ndarray) -> np.ndarray:
    """Text without the blanks around it; all else as it is."""
    stripped = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
    return np.array(stripped, dtype=object)


def _words(cells: np.ndarray) -> list[str]:
    """The cells that are text, but for blank ones."""
    return [cell for cell in cells if isinstance(cell, str) and cell]


def _has_small_decimals(table: TextTable) -> bool:
    """Whether the table may hold numbers like 0.000000123456789.

    pandas' fast parser counts zeros among the 17 digits that it reads, so that digits are lost; the
    exact parser takes three times as long.
    """
    content = table.records.content
    has_zeros = b".0000" in content or b",0000" in content
    return has_zeros and table.records.longest > _FAST_DIGITS
