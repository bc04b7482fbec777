"""Numbers that stand for a missing value: -9999, 999, 1e20, the fill values of netCDF and GIS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

_CODES = (
    -9.0, -99.0, -999.0, -9999.0, -99999.0, -32768.0,
    99.0, 999.0, 9999.0, 99999.0,
)  # fmt: skip
_HUGE = 1e15  # of this size, no measurement; fill values are 1e20, 9.96921e36, -3.4e38, …
_FEWEST = 3  # cells; fewer may be chance
_LEAST = 99.0  # size of a code that nobody listed


@dataclass(frozen=True)
class Sentinel:
    """A code for missing in a table of numbers: its value, in how many cells, of which columns.

    `impossible`: whether it is so large that no other reading is left.
    """

    code: float
    cells: int
    columns: tuple[str, ...]
    impossible: bool


def sentinel_of(column: pd.Series) -> float | None:
    """The code for missing in one column of records, None where there is none.

    A code stands far from all other values again and again: by half their range, or below 0 where
    they are not. An impossibly large one need not be repeated.

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
        if spike.sum() < (1 if code in huge else _FEWEST) or len(rest) < _FEWEST:
            continue
        gap = np.abs(rest - code).min()
        below = code < 0 and rest.min() >= 0
        if below or gap > 0.5 * np.ptp(rest):
            return code
    return None


def sentinels_in(table: pd.DataFrame) -> list[Sentinel]:
    """The codes for missing in a table of numbers `[N, F]`, smallest first.

    A value counts as a code where it stands far outside the other values of (nearly) every column
    that has it, with nothing near it there: 999 among counts up to 355,326 is none.

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
    found = []
    for code in sorted({*_CODES, *huge, finite.min(), finite.max()}):
        spike = values == code
        if not spike.any() or not (code in huge or _is_code(values, spike, code)):
            continue
        columns = tuple(map(str, table.columns[spike.any(axis=0)]))
        found.append(Sentinel(float(code), int(spike.sum()), columns, code in huge))
    return found


def blanked(table: pd.DataFrame, codes: list[Sentinel]) -> pd.DataFrame:
    """The table with these codes missing."""
    return table.mask(table.isin([each.code for each in codes])) if codes else table


def _huge_in(known: np.ndarray) -> list[float]:
    """Values that are no measurements beside the others: above 1e15, and a million times the
    largest below that."""
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
    beside = values[:, spike.any(axis=0)]
    near = (np.abs(beside - code) <= 0.05 * abs(code)).sum() - spike.sum()
    if near > 0.2 * spike.sum():
        return False
    outside = max(rest.min() - code, code - rest.max())
    if abs(code) >= _LEAST and outside > 5 * np.ptp(rest) > 0:
        return spike.sum() >= (1 if code in _CODES else _FEWEST)
    if code not in _CODES or spike.sum() < _FEWEST:
        return False
    if code < 0 and rest.min() >= 0 and np.ptp(rest) > 0:
        return True
    return _far_in_its_columns(values, spike, code)


def _far_in_its_columns(values: np.ndarray, spike: np.ndarray, code: float) -> bool:
    """Whether nearly all cells with the code stand beyond the other values of their column, by half
    their range; small codes by all of it."""
    has = spike.any(axis=0)
    others = np.where(spike[:, has] | ~np.isfinite(values[:, has]), np.nan, values[:, has])
    judged = np.isfinite(others).sum(axis=0) >= _FEWEST
    if not judged.any():
        return False
    low, high = np.nanmin(others[:, judged], axis=0), np.nanmax(others[:, judged], axis=0)
    gap = np.maximum(low - code, code - high)
    share = 0.5 if abs(code) >= _LEAST else 1.0
    cells = spike[:, has][:, judged].sum(axis=0)
    far = gap > share * (high - low)
    return bool(cells[far].sum() >= 0.9 * cells.sum())
