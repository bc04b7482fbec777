"""Decimal commas, decimal points and thousands marks in the numbers of a table.

One file is written in one way. Some cells show which: `0,5` and `1.234,5` hold a decimal comma,
`2.75` and `1,234.5` a decimal point. `1,234` and `1.234` could be either, and are read only where
other cells of the file and of their own column leave one reading.
"""

from __future__ import annotations

import numbers
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.errors import Faults, examples

MISSING = (
    "", "NA", "N/A", "n/a", "na", "NaN", "nan", "-nan", "null", "NULL", "Null", ".", "?", "-",
    "--", "#N/A", "<NA>",
)  # fmt: skip
_MISSING = frozenset(MISSING)
_EXPONENT = r"(?:[eE][-+]?\d+)?"
_SHAPE = re.compile(
    rf"""[-+]?(?:
      (?P<whole>  \d+{_EXPONENT})
    | (?P<point3> [1-9]\d{{0,2}}\.\d{{3}})                          # 1.234
    | (?P<comma3> [1-9]\d{{0,2}},\d{{3}})                           # 1,234
    | (?P<english>[1-9]\d{{0,2}}(?:,\d{{3}})+(?:\.\d*)?)            # 1,234,567 or 1,234.5
    | (?P<german> [1-9]\d{{0,2}}(?:\.\d{{3}})+(?:,\d*)?)            # 1.234.567 or 1.234,5
    | (?P<point>  (?:\d+\.\d*|\.\d+){_EXPONENT})
    | (?P<comma>  (?:\d+,\d+|,\d+){_EXPONENT})
    )""",
    re.VERBOSE | re.ASCII,
)
_DECIMAL = {"point": ".", "english": ".", "comma": ",", "german": ","}
_UNCLEAR = {".": "comma3", ",": "point3"}  # thousands, where the file's decimal mark is this
_PLAIN = {"whole", "point", "point3"}  # shapes that Python's float reads
_OTHER = {".": ",", ",": "."}


def shape_of(cell: str) -> str | None:
    """How a number is written (whole, point, comma, …); None for what is no number.

    >>> shape_of("1.234,5"), shape_of("1,234"), shape_of("1_2")
    ('german', 'comma3', None)
    """
    match = _SHAPE.fullmatch(cell)
    return None if match is None else match.lastgroup


@dataclass(frozen=True)
class Shapes:
    """How the numbers of one column are written: its distinct cells by shape."""

    cells: Mapping[str, list[str]]
    are_numbers: bool  # more than half of the cells that are not missing

    def of(self, *shapes: str) -> list[str]:
        """The cells of these shapes."""
        return [cell for shape in shapes for cell in self.cells.get(shape, [])]

    def says(self, decimal: str) -> list[str]:
        """The cells that can only be read with this decimal mark."""
        return self.of(*[shape for shape, mark in _DECIMAL.items() if mark == decimal])

    @property
    def has_hundreds(self) -> bool:
        """Whether whole numbers from 100 to 999 are among the cells, and none above."""
        whole = [abs(float(cell)) for cell in self.of("whole")]
        return bool(whole) and 100 <= max(whole) < 1000


def shapes_of(cells: Iterable[str]) -> Shapes:
    """How the numbers of a column are written."""
    distinct: dict[str, dict[str, None]] = {}
    numbers = words = 0
    for cell in cells:
        shape = shape_of(cell)
        if shape is not None:
            numbers += 1
            distinct.setdefault(shape, {})[cell] = None
        elif cell not in _MISSING:
            words += 1
    by_shape = {shape: list(cells) for shape, cells in distinct.items()}
    return Shapes(by_shape, numbers > words)


def decimal_mark(columns: Mapping[str, Shapes], known: str | None, path: Path) -> str:
    """The decimal mark of a table.

    Parameters
    ----------
    columns : mapping of str to Shapes
        How the columns with text are written; those that are no numbers do not count.
    known : str or None
        The mark that columns read as numbers certainly have.
    path : Path
        The file, for messages.

    Returns
    -------
    str
        "." or ",".

    Raises
    ------
    InputError
        Where numbers of the file are written in two ways, or could be read in two ways.
    """
    numeric = {name: shapes for name, shapes in columns.items() if shapes.are_numbers}
    with_comma = _first_cells(numeric, ",")
    with_point = _first_cells(numeric, ".")
    has_commas = bool(with_comma) or known == ","
    has_points = bool(with_point) or known == "."
    faults = Faults(str(path))
    if has_commas and has_points:
        shown = examples([*with_comma, *with_point])
        faults.add(
            f"a decimal comma in some numbers, a decimal point in others ({shown}): a comma could "
            "be a decimal or a thousands mark; write numbers with a point and without thousands "
            "marks"
        )
    decimal = "," if has_commas else "."
    for name, shapes in numeric.items():
        unclear = _unclear(shapes, decimal, has_commas or has_points)
        if unclear:
            faults.add(
                f"column {name!r}: the mark in {examples(unclear)} could be a decimal or a "
                "thousands mark; write numbers with a point and without thousands marks"
            )
    faults.stop()
    return decimal


def _first_cells(columns: Mapping[str, Shapes], decimal: str) -> list[str]:
    """The first cell of each column that can only be read with this decimal mark."""
    cells = []
    for shapes in columns.values():
        cells += shapes.says(decimal)[:1]
    return cells


def _unclear(shapes: Shapes, decimal: str, known: bool) -> list[str]:
    """The cells of a column that can be read in two ways.

    `known`: whether some cell of the file shows that `decimal` is its mark.
    """
    thousands = shapes.of(_UNCLEAR[decimal])
    if known:
        clear = bool(shapes.says(decimal)) or _has_large(shapes)
        return [] if clear else thousands
    if thousands:
        return thousands
    return shapes.of("point3") if shapes.has_hundreds else []


def _has_large(shapes: Shapes) -> bool:
    """Whether the column holds whole numbers of three digits or more."""
    return any(abs(float(cell)) >= 100 for cell in shapes.of("whole"))


def has_decimals(frame: pd.DataFrame) -> bool:
    """Whether numbers read with a decimal mark cannot have been whole ones with a thousands mark.

    0.5, 2750.5 and 1.2345 cannot, 1.234 can.
    """
    for _, column in frame.items():
        parts = _with_parts(column)
        if len(parts) and not _could_be_thousands(parts).all():
            return True
    return False


def columns_with_parts(frame: pd.DataFrame) -> list:
    """The columns that hold numbers which are not whole."""
    return [at for at, column in frame.items() if len(_with_parts(column))]


def _with_parts(column: pd.Series) -> np.ndarray:
    """The sizes of finite numbers that are not whole."""
    if column.dtype != float:
        return np.empty(0)
    values = np.abs(column.to_numpy())
    return values[np.isfinite(values) & (values != np.rint(values))]


def _could_be_thousands(parts: np.ndarray) -> np.ndarray:
    """bool: which numbers have 1 to 3 digits before the point and at most 3 behind it.

    A number does not show zeros at its end: 2.1 may have been 2.100.
    """
    thousandfold = parts * 1000
    has_three_digits = np.isclose(thousandfold, np.rint(thousandfold), rtol=1e-12, atol=1e-6)
    return has_three_digits & (parts >= 1) & (parts < 1000)


def with_points(cells: np.ndarray, decimal: str) -> np.ndarray:
    """Numbers with a decimal point and without thousands marks; all else as it is."""
    other = _OTHER[decimal]
    plain: dict[str, str] = {}
    for cell in cells:
        if not isinstance(cell, str) or ("," not in cell and decimal == "."):
            continue
        if shape_of(cell) is not None:
            plain[cell] = cell.replace(other, "").replace(decimal, ".")
    if not plain:
        return cells
    pointed = [plain.get(cell, cell) if isinstance(cell, str) else cell for cell in cells]
    return np.array(pointed, dtype=object)


def to_numbers(cells: pd.Series) -> pd.Series | None:
    """A column of text as numbers, or None where a cell is neither a number nor missing.

    Parameters
    ----------
    cells : pd.Series
        Text with decimal points, numbers, truth values, or NaN.

    Returns
    -------
    pd.Series or None
        float64; TRUE and FALSE are 1 and 0 where the column holds nothing else.
    """
    floats = as_floats(cells.to_numpy(object))
    return None if floats is None else pd.Series(floats, cells.index, name=cells.name)


def as_floats(cells: np.ndarray) -> np.ndarray | None:
    """As `to_numbers`, for an array; `1_2` is no number, though it is one for Python."""
    if pd.api.types.infer_dtype(cells, skipna=True) == "boolean":
        return pd.Series(cells).astype(float).to_numpy()
    floats = np.full(len(cells), np.nan)
    for at, cell in enumerate(cells):
        if isinstance(cell, str):
            if shape_of(cell) in _PLAIN:
                floats[at] = float(cell)
            elif cell not in _MISSING:
                return None
        elif not pd.isna(cell):
            if not isinstance(cell, numbers.Number):
                return None
            floats[at] = float(cell)
    return floats
