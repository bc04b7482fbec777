"""Tables of measurements as floats; columns of anything else are refused."""

from __future__ import annotations

import numbers
from decimal import Decimal

import numpy as np
import pandas as pd

from graphfuse.data.cohort_checks.unmeasurable_numbers import LARGEST, is_huge
from graphfuse.errors import Faults, counted, examples


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with columns of numpy's types: sparse, nullable and categorical columns as their
    values, and numbers or truth values beside missing ones as floats."""
    odd = [at for at, kind in enumerate(frame.dtypes) if not _is_plain(kind)]
    if not odd:
        return frame
    columns = {name: frame.iloc[:, at] for at, name in enumerate(frame.columns)}
    for at in odd:
        name = frame.columns[at]
        columns[name] = _plain_column(columns[name])
    return pd.DataFrame(columns, index=frame.index, columns=frame.columns)


def _is_plain(kind) -> bool:
    """Whether a dtype is one of numpy's, other than objects."""
    return isinstance(kind, np.dtype) and kind.kind != "O"


def _plain_column(column: pd.Series) -> pd.Series:
    """One column of a numpy type, or of objects with NaN for missing."""
    if isinstance(column.dtype, pd.SparseDtype):
        return column.sparse.to_dense()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column
    if pd.api.types.is_numeric_dtype(column):  # nullable numbers and truth values
        return column.astype(float)
    objects = column.astype(object).where(column.notna(), np.nan)
    known = column.dropna()
    are_numbers = all(isinstance(value, numbers.Real | Decimal | np.bool_) for value in known)
    return objects.astype(float) if len(known) and are_numbers else objects


def numeric(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """A table of measurements as float64.

    Parameters
    ----------
    frame
        Patients × columns; truth values become 1 and 0.
    where
        The table, for messages.

    Raises
    ------
    InputError
        Names columns that hold text, complex numbers, infinities, or numbers beyond any
        measurement.
    """
    faults = Faults(where)
    frame = plain(frame)
    objects = frame.select_dtypes(object)
    empty = objects.columns[objects.isna().all()]
    if len(empty):
        frame = frame.astype(dict.fromkeys(empty, float))
    kinds = zip(frame.columns, frame.dtypes, strict=True)
    text = [name for name, kind in kinds if not _is_real(kind)]
    if text:
        faults.add(_text_in_words(text, frame[text[0]].dropna()))
    else:
        frame = frame.astype(float)
        check_range(frame, "", faults)
    faults.stop()
    return frame


def _is_real(kind) -> bool:
    """Whether a dtype holds real numbers or truth values."""
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind)


def _text_in_words(columns: list[str], known: pd.Series) -> str:
    """The fault of columns that hold no numbers, with a value of the first; `known`: its values."""
    is_word = pd.to_numeric(known.astype(str), errors="coerce").isna()
    words = known[is_word]
    if words.empty:
        shown = known.iloc[:1].tolist()
        return (
            f"{len(columns)} columns hold numbers stored as text ({examples(columns)}; e.g. "
            f"{shown}); convert them (pd.to_numeric)"
        )
    shown = words.iloc[:1].tolist()
    return (
        f"{len(columns)} columns hold text ({examples(columns)}; e.g. {shown}); remove or encode "
        'them, or declare the table as EHR (kind = "ehr" in a manifest, ehr= in Python)'
    )


def check_range(frame: pd.DataFrame, where: str, faults: Faults) -> None:
    """Adds faults for columns with infinities, or with numbers that cannot be measurements.

    Parameters
    ----------
    frame
        Columns of numbers.
    where
        The table, for messages; '' where `faults` names it.
    faults
        Gathers them.
    """
    prefix = f"{where}: " if where else ""
    values = frame.to_numpy(dtype=float)
    infinite = frame.columns[np.isinf(values).any(axis=0)]
    if len(infinite):
        faults.add(
            f"{prefix}{len(infinite)} columns hold infinite values ({examples(infinite)}); make "
            "them missing"
        )
    huge = is_huge(values)
    columns = frame.columns[huge.any(axis=0)]
    if len(columns):
        count = counted(huge.sum(), "value")
        faults.add(
            f"{prefix}{count} in {counted(len(columns), 'column')} ({examples(columns)}) lie "
            f"beyond ±{LARGEST:g}, larger than any measurement: a code for missing? Make such "
            "values missing"
        )
