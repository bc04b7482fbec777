"""Which patients are meant: by row, by id, or by a mask."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, counted, examples


def rows_of(given, patients: pd.Index) -> np.ndarray:
    """Row numbers int64 `[n]` of the patients that are meant.

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
        asked = np.atleast_1d(np.asarray(given))
    except (TypeError, ValueError):
        raise InputError(f"rows: {_EXPECTED} (got {type(given).__name__})") from None
    if asked.ndim > 1:
        raise InputError(f"rows: {_EXPECTED} (got an array of shape {asked.shape})")
    if not asked.size:
        return np.zeros(0, np.int64)
    if asked.dtype.kind in "iu":
        return _numbered(asked, len(patients))
    if asked.dtype.kind == "b":
        return _masked(asked, len(patients))
    if all(isinstance(name, str) for name in asked):
        return _named(asked, patients)
    raise InputError(f"rows: {_EXPECTED} (got {_kind(asked)})")


_EXPECTED = "expected row numbers, ids, or a mask"


def _sliced(rows: slice, count: int) -> np.ndarray:
    try:
        return np.arange(count)[rows]
    except (TypeError, ValueError):
        raise InputError(f"rows: {_EXPECTED} (got {rows})") from None


def _numbered(rows: np.ndarray, count: int) -> np.ndarray:
    outside = (rows < -count) | (rows >= count)
    if outside.any():
        raise InputError(
            f"rows: {examples(rows[outside])} not among {counted(count, 'patient')}, which are "
            "counted from 0"
        )
    return rows.astype(np.int64)


def _masked(mask: np.ndarray, count: int) -> np.ndarray:
    if len(mask) != count:
        raise InputError(
            f"rows: a mask of {len(mask):,} for {counted(count, 'patient')}; give one truth value "
            "for each"
        )
    return np.flatnonzero(mask)


def _named(names: np.ndarray, patients: pd.Index) -> np.ndarray:
    twice = pd.unique(names[pd.Series(names).duplicated()])
    if len(twice):
        raise InputError(f"rows: ids given more than once: {examples(twice)}; give each once")
    found = pd.Series(np.arange(len(patients)), patients).reindex(names)
    unknown = names[found.isna()]
    if len(unknown):
        raise InputError(
            f"rows: {counted(len(unknown), 'id is', 'ids are')} not in the cohort "
            f"({examples(unknown)}); cohort.patients has all"
        )
    return found.to_numpy(np.int64)


def _kind(asked: np.ndarray) -> str:
    """What an array holds, in words."""
    if asked.dtype.kind != "O":
        return asked.dtype.name
    return next(type(each).__name__ for each in asked if not isinstance(each, str))
