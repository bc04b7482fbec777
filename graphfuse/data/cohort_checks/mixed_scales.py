"""On which scale a table stands: raw numbers that should be logarithms, and two scales in one
table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.cohort_checks.declared_values import LOG_TOP, columns_with_values, matrix
from graphfuse.data.modality import Modality
from graphfuse.errors import counted, few_counted

_SMALL_COUNTS = 30  # copies, stages, mutations of a gene: counts up to here need no logarithm
_SKEWED = 1.0  # skewness of a column with a long tail to the right
_RAW = 1000.0  # a patient's largest value, on a raw scale
_WIDE = 20  # columns or patients from which a range says something
_SHARE = 0.1  # of columns within 0 to 1, beside others below 0


def looks_raw(frame: pd.DataFrame) -> bool:
    """Whether a table `[N, F]` holds counts or intensities that should be logarithms: none is
    negative, and they are whole numbers beyond 1,000, or most columns have a few so large that they
    decide what the column says."""
    values = matrix(frame)
    seen = values[np.isfinite(values)]
    if seen.size == 0 or seen.min() < 0:
        return False
    whole = bool((seen % 1 == 0).all())
    if whole and seen.max() > _RAW:
        return True
    return seen.max() > (_SMALL_COUNTS if whole else LOG_TOP) and _skewed(values)


def untransformed(modality: Modality) -> list[str]:
    """A notice for an omics table that looks raw."""
    if modality.kind != "omics" or not looks_raw(modality.table):
        return []
    seen = matrix(modality.table)
    return [
        f"values look like raw counts or intensities (from {np.nanmin(seen):,.6g} to "
        f"{np.nanmax(seen):,.6g}), of which the largest decide what a column says: "
        'transform = "log1p" takes logarithms ("cpm-log": of counts per million), '
        '"none" keeps the values as they are'
    ]


def two_scales(frame: pd.DataFrame) -> str:
    """What to say of a table of which a part was measured or written on another scale.

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
        return (
            f"all values of {few_counted(int(unit.sum()), 'patient')} lie between 0 and 1, those "
            f"of {few_counted(int(negative.sum()), 'other')} do not: beta and M-values in one "
            "table?"
        )
    raw = highs > _RAW
    low_enough = ~negative & (highs <= LOG_TOP) & ~unit
    logs = low_enough & (values % 1 != 0).any(axis=1)
    if logs.sum() > 1 and raw.sum() > 1:
        return (
            f"values reach {highs[logs].max():,.4g} in "
            f"{few_counted(int(logs.sum()), 'patient')} and {highs[raw].max():,.6g} in "
            f"{few_counted(int(raw.sum()), 'other')}: logarithms and raw numbers in one table?"
        )
    return _columns_within_0_to_1(values)


def _within_0_to_1(values: np.ndarray, axis: int) -> np.ndarray:
    """bool: whose values along the axis all lie in 0 to 1, some of them between."""
    lows, highs = np.nanmin(values, axis=axis), np.nanmax(values, axis=axis)
    is_between = (values > 0) & (values < 1)
    return (lows >= 0) & (highs <= 1) & is_between.any(axis=axis)


def _columns_within_0_to_1(values: np.ndarray) -> str:
    """What to say of columns of beta values beside columns of M-values."""
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
    """Most columns have a long tail to the right, and the logarithm shortens it."""
    values = columns_with_values(values)
    values = values[:, np.nanstd(values, axis=0) > 0]
    if values.shape[1] == 0:
        return False
    skewness = np.nanmedian(_skewness(values))
    left = np.nanmedian(np.abs(_skewness(np.log1p(values))))
    return bool(skewness > _SKEWED and left < skewness)


def _skewness(values: np.ndarray) -> np.ndarray:
    """The third standardised moment of every column."""
    centred = values - np.nanmean(values, axis=0)
    return np.nanmean(centred**3, axis=0) / np.nanstd(values, axis=0) ** 3
