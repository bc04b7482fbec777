"""Numbers that stand for a missing value: -9999, 999, 1e20, and the fill values of netCDF."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

_CODES = (
    -9.0, -99.0, -999.0, -9999.0, -99999.0, -32768.0,
    99.0, 999.0, 9999.0, 99999.0,
)  # fmt: skip
_HUGE = 1e15  # no measurement is as large; fill values are 1e20, 9.96921e36, -3.4e38, …
_FEWEST = 3  # cells with the code; fewer may be chance
_LEAST = 99.0  # smallest size of a code that is not in the list


@dataclass(frozen=True)
class Sentinel:
    """A code for missing in a table of numbers.

    Attributes
    ----------
    code : float
        The number that stands for a missing value.
    cells : int
        How many cells hold it.
    columns : tuple of str
        The columns that hold it.
    impossible : bool
        Whether it is too large to be a measurement.
    """

    code: float
    cells: int
    columns: tuple[str, ...]
    impossible: bool


def sentinel_of(column: pd.Series) -> float | None:
    """The code for missing in one column of records.

    A code occurs repeatedly and is far from all other values: by half their range, or below 0 where
    no other value is. An impossibly large code may occur once.

    Parameters
    ----------
    column : pd.Series
        Numbers, some of which may be missing.

    Returns
    -------
    float or None
        The code; None where the column has none.

    Examples
    --------
    >>> sentinel_of(pd.Series([51.0, 999.0, 48.0, 999.0, 63.0, 999.0]))
    999.0
    >>> sentinel_of(pd.Series([998.0, 999.0, 1003.0, 999.0, 990.0, 999.0])) is None
    True
    """
    known = column.dropna().to_numpy(dtype=float)
    known = known[np.isfinite(known)]
    huge = _huge_in(known)
    for code in (*_CODES, *huge):
        spike = known == code
        rest = known[~spike]
        fewest = 1 if code in huge else _FEWEST
        if spike.sum() < fewest or len(rest) < _FEWEST:
            continue
        gap = np.abs(rest - code).min()
        below = code < 0 and rest.min() >= 0
        if below or gap > 0.5 * np.ptp(rest):
            return code
    return None


def sentinels_in(table: pd.DataFrame) -> list[Sentinel]:
    """The codes for missing in a table of numbers.

    A value counts as a code where it is far outside the other values of nearly every column that
    holds it, and no other value is near it: 999 among counts up to 355,326 is none.

    Parameters
    ----------
    table : pd.DataFrame
        Columns `[N, F]`; those that are not numeric are ignored.

    Returns
    -------
    list of Sentinel
        Smallest code first.

    Examples
    --------
    >>> table = pd.DataFrame({"TP53": [7.1, -999, 8.2, 6.4], "ESR1": [2.0, 3.1, -999, -999]})
    >>> [(each.code, each.cells) for each in sentinels_in(table)]
    [(-999.0, 3)]
    """
    table = table.select_dtypes("number")
    values = table.to_numpy(dtype=float)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return []
    huge = _huge_in(finite)
    candidates = {*_CODES, *huge, finite.min(), finite.max()}
    sentinels = []
    for code in sorted(candidates):
        spike = values == code  # bool [N, F]
        is_huge = code in huge
        if not spike.any() or not (is_huge or _is_code(values, spike, code)):
            continue
        columns = tuple(map(str, table.columns[spike.any(axis=0)]))
        sentinels.append(Sentinel(float(code), int(spike.sum()), columns, is_huge))
    return sentinels


def blanked(table: pd.DataFrame, codes: list[Sentinel]) -> pd.DataFrame:
    """The table with missing values in place of these codes."""
    if not codes:
        return table
    numbers = [each.code for each in codes]
    return table.mask(table.isin(numbers))


def _huge_in(known: np.ndarray) -> list[float]:
    """The values above 1e15 that are also a million times larger than the largest below 1e15."""
    if known.size == 0 or max(-known.min(), known.max()) < _HUGE:
        return []
    size = np.abs(known)
    usual = size[size < _HUGE]
    if usual.size == 0:
        return []
    return sorted(set(known[size > max(_HUGE, 1e6 * usual.max())]))


@np.errstate(over="ignore")  # infinite differences compare as they should
def _is_code(values: np.ndarray, spike: np.ndarray, code: float) -> bool:
    """Whether a value of the table, at `spike` bool `[N, F]`, can only be a code for missing."""
    rest = values[np.isfinite(values) & ~spike]
    if rest.size == 0:
        return False
    cells = spike.sum()
    if _cells_near(values, spike, code) > 0.2 * cells:
        return False
    spread = np.ptp(rest)
    outside = max(rest.min() - code, code - rest.max())
    if abs(code) >= _LEAST and outside > 5 * spread > 0:
        fewest = 1 if code in _CODES else _FEWEST
        return cells >= fewest
    if code not in _CODES or cells < _FEWEST:
        return False
    if code < 0 and rest.min() >= 0 and spread > 0:
        return True
    return _far_in_its_columns(values, spike, code)


def _cells_near(values: np.ndarray, spike: np.ndarray, code: float) -> int:
    """How many other values of the code's columns are within 5 % of it."""
    columns = values[:, spike.any(axis=0)]
    is_near = np.abs(columns - code) <= 0.05 * abs(code)
    return is_near.sum() - spike.sum()


def _far_in_its_columns(values: np.ndarray, spike: np.ndarray, code: float) -> bool:
    """Whether nearly all cells with the code are beyond the other values of their column, by half
    the range of these, or by all of it for a small code."""
    has = spike.any(axis=0)  # [F], the columns that hold the code
    spike, columns = spike[:, has], values[:, has]
    left_out = spike | ~np.isfinite(columns)
    others = np.where(left_out, np.nan, columns)
    judged = np.isfinite(others).sum(axis=0) >= _FEWEST  # columns with enough other values
    if not judged.any():
        return False
    low = np.nanmin(others[:, judged], axis=0)
    high = np.nanmax(others[:, judged], axis=0)
    gap = np.maximum(low - code, code - high)
    share = 0.5 if abs(code) >= _LEAST else 1.0
    cells = spike[:, judged].sum(axis=0)
    far = gap > share * (high - low)
    return bool(cells[far].sum() >= 0.9 * cells.sum())
