"""Transforms that use one patient's values alone: nothing is fitted, so that no patient's numbers
depend on the others in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from graphfuse.data.modality import Modality
from graphfuse.errors import InputError, counted, examples, few_counted

_MILLION = 1e6


def log1p(values: np.ndarray) -> np.ndarray:
    """The natural logarithm of 1 + x.

    Parameters
    ----------
    values : ndarray of float, [N, F]
        Counts or intensities of 0 or more, NaN where missing.

    Returns
    -------
    ndarray of float, [N, F]

    Examples
    --------
    >>> log1p(np.array([[0.0, np.e - 1]]))
    array([[0., 1.]])
    """
    return np.log1p(values)


def cpm_log(values: np.ndarray) -> np.ndarray:
    """The natural logarithm of 1 + counts per million of the patient's own total.

    Parameters
    ----------
    values : ndarray of float, [N, F]
        Counts of 0 or more, NaN where missing; the total is over those that are not.

    Returns
    -------
    ndarray of float, [N, F]
        NaN for a patient whose total is 0.

    Examples
    --------
    >>> np.expm1(cpm_log(np.array([[1.0, 3.0]]))).round()
    array([[250000., 750000.]])
    """
    total = np.nansum(values, axis=1, keepdims=True)
    total[total == 0] = np.nan
    return np.log1p(values / total * _MILLION)


TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"log1p": log1p, "cpm-log": cpm_log}


def transformed(modality: Modality, transform: str) -> tuple[Modality, list[str]]:
    """A modality of logarithms, from one of counts or intensities.

    Parameters
    ----------
    modality : Modality
        As its file has it.
    transform : str
        "none", or a key of `TRANSFORMS`.

    Returns
    -------
    modality : Modality
        With `transform` set and `values` "log"; the same modality for "none". `declared` stays.
    notices : list of str
        About patients whose values are all 0, or some of whose counts are missing.

    Raises
    ------
    InputError
        Where a value is negative: it has no such logarithm.
    """
    if transform == "none":
        return modality, []
    table = modality.table
    values = table.to_numpy(dtype=float)
    _refuse_negative(table, values, transform)
    logs = pd.DataFrame(TRANSFORMS[transform](values), table.index, table.columns)
    changed = replace(modality, table=logs, values="log", transform=transform)
    return changed, _notices(values, transform)


def _refuse_negative(table: pd.DataFrame, values: np.ndarray, transform: str) -> None:
    """Raises `InputError` for values below 0, by column."""
    negative = values < 0
    if not negative.any():
        return
    columns = table.columns[negative.any(axis=0)]
    count = counted(len(columns), "column")
    known = np.isfinite(values).sum()
    raise InputError(
        f'transform = "{transform}" takes values of 0 or more, but {int(negative.sum()):,} of '
        f"{known:,} values are negative ({count}: {examples(columns)}); a table of logarithms, or "
        "one that was scaled, needs no transform"
    )


def _notices(values: np.ndarray, transform: str) -> list[str]:
    """Notices of patients with nothing but zeros, and of totals over a part of the columns."""
    measured = np.isfinite(values)
    has_any = measured.any(axis=1)
    is_zero = has_any & (np.nansum(np.abs(values), axis=1) == 0)
    notices = []
    if is_zero.any():
        who = few_counted(int(is_zero.sum()), "patient has", "patients have")
        consequence = "if they were not measured, leave their cells blank"
        if transform == "cpm-log":
            consequence = "there are no counts per million, so they count as without this modality"
        notices.append(f"{who} 0 in every column: {consequence}")
    is_partial = has_any & ~measured.all(axis=1)
    if transform == "cpm-log" and is_partial.any():
        who = few_counted(int(is_partial.sum()), "patient lacks", "patients lack")
        notices.append(f"{who} some counts: the total that cpm-log divides by is of the others")
    return notices
