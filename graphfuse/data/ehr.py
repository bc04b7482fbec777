"""Patients' records as typed columns: numbers as float, everything else as text, unknown as
missing."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from graphfuse.data.column_types import guess_type
from graphfuse.errors import Faults, examples

UNKNOWN = frozenset({
    "", "unknown", "not reported", "not available", "not applicable", "not evaluated",
    "not performed", "missing",
    "unspecified", "[not available]", "[unknown]", "[not evaluated]", "[not applicable]",
    "[discrepancy]", "n/a",
    "na", "nan", "null", "none reported", ".", "?", "-", "--",
})  # fmt: skip
_NOT_ASSESSED = re.compile(r"^(stage\s*|[cpy]*[tnm]|g(rade\s*)?)x$", re.IGNORECASE)


def typed(
    frame: pd.DataFrame, declared: dict[str, str], where: str, faults: Faults
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The columns typed as declared, guessed where silent, and the types.

    Words for unknown become missing, and in ordinal columns codes for not assessed (TX, NX, Stage
    X), which have no place in the order. Adds a fault for each numeric column that holds text.
    """
    columns, types = {}, {}
    for name in frame.columns:
        column = _cleaned(frame[name])
        types[name] = declared.get(name) or guess_type(column)
        if types[name] == "ordinal":
            column = column.where(~column.astype(str).str.match(_NOT_ASSESSED), np.nan)
        columns[name] = (
            _numbers(column, where, faults) if types[name] == "numeric" else _words(column)
        )
    return pd.DataFrame(columns, index=frame.index), types


def _cleaned(column: pd.Series) -> pd.Series:
    """Text stripped, words for unknown missing; numbers as they are."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column
    text = column.astype(object).where(column.notna(), np.nan)
    text = text.map(lambda value: value.strip() if isinstance(value, str) else value)
    return text.where(
        ~text.map(lambda value: isinstance(value, str) and value.lower() in UNKNOWN), np.nan
    )


def _numbers(column: pd.Series, where: str, faults: Faults) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce")
    bad = column.notna() & values.isna()
    if bad.any():
        faults.add(
            f"{where}: column {column.name!r} is numeric, but {int(bad.sum())} values are text "
            f"({examples(dict.fromkeys(column[bad].map(repr)))}); remove the text, or "
            "declare types = "
            f'{{ "{column.name}" = "categorical" }}'
        )
    values = values.astype(float)
    if np.isinf(values).any():
        faults.add(
            f"{where}: column {column.name!r} holds {int(np.isinf(values).sum())} infinite "
            "values; make them missing"
        )
    return values


def _words(column: pd.Series) -> pd.Series:
    """Text, with whole numbers written as such (1.0 is '1') and missing as NaN."""
    return column.map(as_word, na_action="ignore").astype(object)


def as_word(value) -> str:
    """One value as text: 1, 1.0, '1' and '1.0' are all '1'; blanks around are dropped."""
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    plain = np.isfinite(number) and number.is_integer() and abs(number) < 1e15
    padded = len(text) > 1 and text[0] == "0" and text[1] != "."  # 007 is a code, not a number
    return str(int(number)) if plain and not padded else text
