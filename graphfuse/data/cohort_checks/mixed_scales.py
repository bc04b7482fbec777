"""Tables on a wrong scale: raw numbers that should be logarithms, and two scales in one table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.cohort_checks.declared_values import LOG_TOP, columns_with_values, matrix
from graphfuse.data.modality import Modality
from graphfuse.errors import counted, few_counted

_SMALL_COUNTS = 30  # copies, stages, mutations of a gene: counts up to here need no logarithm
_SKEWED = 1.0  # skewness of a column with a long tail to the right
_RAW = 1000.0  # a patient's largest value, on a raw scale
_WIDE = 20  # columns or patients needed to judge a range
_SHARE = 0.1  # of columns within 0 to 1, beside others below 0


def looks_raw(frame: pd.DataFrame) -> bool:
    """Whether a table `[N, F]` holds counts or intensities that should be logarithms: none is
    negative, and they are whole numbers beyond 1,000, or most columns have a few that dwarf the
    others."""
    values = matrix(frame)
    finite = values[np.isfinite(values)]
    if finite.size == 0 or finite.min() < 0:
        return False
    are_whole = bool((finite % 1 == 0).all())
    largest = finite.max()
    if are_whole and largest > _RAW:
        return True
    most = _SMALL_COUNTS if are_whole else LOG_TOP
    return largest > most and _skewed(values)


def untransformed(modality: Modality) -> list[str]:
    """A notice for an omics table that looks raw."""
    if modality.kind != "omics" or not looks_raw(modality.table):
        return []
    values = matrix(modality.table)
    low, high = np.nanmin(values), np.nanmax(values)
    return [
        f"values look like raw counts or intensities (from {low:,.6g} to {high:,.6g}), of which "
        'the largest decide what a column says: transform = "log1p" takes logarithms ("cpm-log": '
        'of counts per million), "none" keeps the values as they are'
    ]


def two_scales(frame: pd.DataFrame) -> str:
    """A notice for a table of which a part is on another scale.

    Parameters
    ----------
    frame : DataFrame `[N, F]`
        Patients × columns of numbers.

    Returns
    -------
    str
        Beta values among M-values, or logarithms among raw numbers; '' where there are none.
    """
    values = matrix(frame)
    values = values[np.isfinite(values).any(axis=1)]
    if values.shape[1] < _WIDE or len(values) < 2:
        return ""
    lows, highs = np.nanmin(values, axis=1), np.nanmax(values, axis=1)
    unit = _within_0_to_1(values, axis=1)
    negative = lows < 0
    if unit.any() and negative.any():
        patients = few_counted(int(unit.sum()), "patient")
        others = few_counted(int(negative.sum()), "other")
        return (
            f"all values of {patients} lie between 0 and 1, those of {others} do not: beta and "
            "M-values in one table?"
        )
    may_be_logs = ~negative & ~unit & (values % 1 != 0).any(axis=1)
    return _logs_and_raw(highs, may_be_logs) or _columns_within_0_to_1(values)


def _logs_and_raw(highs: np.ndarray, may_be_logs: np.ndarray) -> str:
    """A notice where the largest values of some patients are raw numbers, and those of others
    logarithms; both arrays `[N]`."""
    is_raw = highs > _RAW
    is_log = may_be_logs & (highs <= LOG_TOP)
    if is_log.sum() < 2 or is_raw.sum() < 2:
        return ""
    patients = few_counted(int(is_log.sum()), "patient")
    others = few_counted(int(is_raw.sum()), "other")
    return (
        f"values reach {highs[is_log].max():,.4g} in {patients} and {highs[is_raw].max():,.6g} in "
        f"{others}: logarithms and raw numbers in one table?"
    )


def _within_0_to_1(values: np.ndarray, axis: int) -> np.ndarray:
    """bool: whether all values along the axis lie in 0 to 1, some of them between."""
    lows, highs = np.nanmin(values, axis=axis), np.nanmax(values, axis=axis)
    is_between = (values > 0) & (values < 1)
    return (lows >= 0) & (highs <= 1) & is_between.any(axis=axis)


def _columns_within_0_to_1(values: np.ndarray) -> str:
    """A notice for columns of beta values beside columns of M-values."""
    values = columns_with_values(values)
    if values.shape[1] < _WIDE or len(values) < _WIDE:
        return ""
    unit = _within_0_to_1(values, axis=0)
    negative = np.nanmin(values, axis=0) < 0
    if unit.mean() < _SHARE or negative.mean() < _SHARE:
        return ""
    return (
        f"all values of {counted(int(unit.sum()), 'column')} lie between 0 and 1, those of "
        f"{counted(int(negative.sum()), 'other')} do not: beta and M-values in one table?"
    )


def _skewed(values: np.ndarray) -> bool:
    """Whether most columns have a long tail to the right that the logarithm shortens."""
    values = columns_with_values(values)
    varies = np.nanstd(values, axis=0) > 0
    values = values[:, varies]
    if values.shape[1] == 0:
        return False
    skewness = np.nanmedian(_skewness(values))
    of_logs = np.nanmedian(np.abs(_skewness(np.log1p(values))))
    return bool(skewness > _SKEWED and of_logs < skewness)


def _skewness(values: np.ndarray) -> np.ndarray:
    """The third standardised moment of every column."""
    centred = values - np.nanmean(values, axis=0)
    return np.nanmean(centred**3, axis=0) / np.nanstd(values, axis=0) ** 3
