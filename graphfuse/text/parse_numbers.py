"""Numbers in cells as people write them: plain, as a bound ('90+'), with a unit, with commas."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, counted, examples
from graphfuse.text.cell_words import cleaned

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_UNIT = (
    r"(?:%|‰|percent|(?:k|m|d|c|n|p|f|µ|μ|u)?(?:g|l|m|mol|iu|u)"
    r"(?:\s*/\s*(?:k|m|d|c|n|p|f|µ|μ|u)?(?:g|l|m2|m²|mol|min|h|d))?"
    r"|iu|mmhg|bpm|hours?|hrs?|h|min|days?|d|weeks?|wks?|w|months?|mo|years?|yrs?|y|yo|"
    r"cells(?:\s*/\s*[a-zµμ]?l)?|°\s*[cf])"
)
_SHAPES = {
    "number": re.compile(_NUMBER),
    "infinite": re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE),
    "bound": re.compile(rf"(?:[<>]\s*=?|[≤≥])\s*({_NUMBER})|({_NUMBER})\s*\+"),
    "unit": re.compile(rf"(?:[<>≤≥]=?\s*)?{_NUMBER}\s*{_UNIT}\.?", re.IGNORECASE),
    "comma": re.compile(r"[+-]?(?:[0-9]{1,3}(?:[,'’ ][0-9]{3})+(?:[.,][0-9]+)?|[0-9]+,[0-9]+)"),
}


def shape_of(cell) -> str:
    """How a cell is written: number | infinite | bound | unit | comma | text.

    >>> [shape_of(cell) for cell in ("1.5", "90+", "< 0.01", "12 mg", "1,234", "1_2", "high")]
    ['number', 'bound', 'bound', 'unit', 'comma', 'text', 'text']
    """
    if isinstance(cell, bool | np.bool_):
        return "text"
    if isinstance(cell, int | float | np.number):
        return "number"
    text = str(cell).replace("−", "-")
    matches = (name for name, pattern in _SHAPES.items() if pattern.fullmatch(text))
    return next(matches, "text")


def number_of(cell, bounds: bool = False) -> float:
    """The number of a cell that is one, and with `bounds` of '90+' or '<0.01'; NaN for anything
    else.

    Underscores and digits of other scripts make no number: '1_2' is not 12.
    """
    if isinstance(cell, bool | np.bool_):
        return float(cell)
    shape = shape_of(cell)
    if isinstance(cell, str):
        cell = cell.replace("−", "-")
    if shape in ("number", "infinite"):
        return float(cell)
    if shape == "bound" and bounds:
        before, after = _SHAPES["bound"].fullmatch(cell).groups()
        return float(before or after)
    return np.nan


def shapes(column: pd.Series) -> np.ndarray:
    """text `[N]`: `shape_of` every cell, '' where it is missing."""
    written = ["" if pd.isna(cell) else shape_of(cell) for cell in column]
    return np.array(written, dtype=object)


def numbers(column: pd.Series, bounds: bool = False) -> pd.Series:
    """Every cell's number as float, missing where a cell is none.

    `bounds`: whether the number of a bound counts; `bounds_notice` tells users of them.
    """
    is_boolean = pd.api.types.is_bool_dtype(column)
    if pd.api.types.is_numeric_dtype(column) and not is_boolean:
        return column.astype(float)
    values = [np.nan if pd.isna(cell) else number_of(cell, bounds) for cell in column]
    return pd.Series(values, index=column.index, name=column.name, dtype=float)


def bounds_notice(column: pd.Series) -> str:
    """A notice of bounds in a column, whose numbers `numbers` takes; '' where there are none.

    >>> bounds_notice(pd.Series(["1.5", ">10", "0.2", ">10"]))
    "2 values are bounds ('>10'), read as the number in it"
    """
    bounds = column[shapes(column) == "bound"]
    if bounds.empty:
        return ""
    count = counted(len(bounds), "value is a bound", "values are bounds")
    shown = examples(dict.fromkeys(bounds.map(repr)))
    return f"{count} ({shown}), read as the number in it"


def plain_numbers(column: pd.Series, bounds: bool = False) -> pd.Series:
    """Every cell as a float, missing where it is blank; `bounds`: as of `numbers`.

    Raises `InputError` with examples where there is text or an infinity, or a bound that is not
    asked for.
    """
    column = cleaned(column)
    allowed = ["", "number", "infinite"]
    if bounds:
        allowed.append("bound")
    bad = column[~np.isin(shapes(column), allowed)]
    if len(bad):
        count = counted(len(bad), "value is no number", "values are no numbers")
        shown = examples(dict.fromkeys(bad.map(repr)))
        raise InputError(f"column {column.name!r}: {count} ({shown}); write numbers or leave blank")
    values = numbers(column, bounds)
    if np.isinf(values).any():
        raise InputError(f"column {column.name!r} holds infinite values; make them missing")
    return values
