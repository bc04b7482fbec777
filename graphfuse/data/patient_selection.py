"""Selection of patients by row number, by id, or by a mask."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, counted, examples


def rows_of(given, patients: pd.Index) -> np.ndarray:
    """Row numbers int64 `[n]` of the selected patients.

    Parameters
    ----------
    given : array-like, slice, int or str
        Row numbers, ids, or a truth value for each patient.
    patients : pd.Index
        Ids of all.

    Raises
    ------
    InputError
        For rows that are not there, ids that are unknown or given twice, a mask of another length,
        and anything else.
    """
    if isinstance(given, slice):
        return _sliced(given, len(patients))
    if isinstance(given, str | bytes):
        given = [given]
    try:
        rows = np.atleast_1d(np.asarray(given))
    except (TypeError, ValueError):
        raise InputError(f"rows: {_EXPECTED} (got {type(given).__name__})") from None
    if rows.ndim > 1:
        raise InputError(f"rows: {_EXPECTED} (got an array of shape {rows.shape})")
    if not rows.size:
        return np.zeros(0, np.int64)
    if rows.dtype.kind in "iu":
        return _numbered(rows, len(patients))
    if rows.dtype.kind == "b":
        return _masked(rows, len(patients))
    if all(isinstance(name, str) for name in rows):
        return _named(rows, patients)
    raise InputError(f"rows: {_EXPECTED} (got {_kind(rows)})")


_EXPECTED = "expected row numbers, ids, or a mask"


def _sliced(rows: slice, count: int) -> np.ndarray:
    """The rows of a slice."""
    try:
        return np.arange(count)[rows]
    except (TypeError, ValueError):
        raise InputError(f"rows: {_EXPECTED} (got {rows})") from None


def _numbered(rows: np.ndarray, count: int) -> np.ndarray:
    """Row numbers, which must be there; negative ones count from the end."""
    outside = (rows < -count) | (rows >= count)
    if outside.any():
        raise InputError(
            f"rows: {examples(rows[outside])} not among {counted(count, 'patient')}, which are "
            "counted from 0"
        )
    return rows.astype(np.int64)


def _masked(mask: np.ndarray, count: int) -> np.ndarray:
    """The rows of a mask, which must be as long as there are patients."""
    if len(mask) != count:
        raise InputError(
            f"rows: a mask of {len(mask):,} for {counted(count, 'patient')}; give one truth value "
            "for each"
        )
    return np.flatnonzero(mask)


def _named(names: np.ndarray, patients: pd.Index) -> np.ndarray:
    """The rows of ids, which must be known and given once each."""
    is_repeated = pd.Series(names).duplicated()
    twice = pd.unique(names[is_repeated])
    if len(twice):
        raise InputError(f"rows: ids given more than once: {examples(twice)}; give each once")
    every = pd.Series(np.arange(len(patients)), patients)
    rows = every.reindex(names)
    unknown = names[rows.isna()]
    if len(unknown):
        raise InputError(
            f"rows: {counted(len(unknown), 'id is', 'ids are')} not in the cohort "
            f"({examples(unknown)}); cohort.patients has all"
        )
    return rows.to_numpy(np.int64)


def _kind(rows: np.ndarray) -> str:
    """The type of an array's items, in words."""
    if rows.dtype.kind != "O":
        return rows.dtype.name
    return next(type(each).__name__ for each in rows if not isinstance(each, str))
