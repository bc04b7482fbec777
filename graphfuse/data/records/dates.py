"""Dates as people write them: whether the day or the month comes first.

A date with the year first can be read in one way. For 03/04/2020 the rest of the column has to show
whether the day or the month comes first; a year of two digits has no century.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

DAY_FIRST, MONTH_FIRST = "day first", "month first"
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})((?:[T ]).*)?")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})((?:[T ]).*)?")
_SHORT_YEAR = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2[0-9]{2}([T ].*)?")
_COARSE = re.compile(r"[0-9]{4}(-[0-9]{2})?")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_MONTH_IN_WORDS = re.compile(
    r"(?=.*\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b)(?=.*\b[0-9]{4}\b).*",
    re.IGNORECASE,
)
_EPOCH = pd.Timestamp("2000-01-01", tz="UTC")


def looks_like_date(text: str) -> bool:
    """Whether a text is written as a date, the year in two or four digits."""
    if _YEAR_FIRST.fullmatch(text) or _YEAR_LAST.fullmatch(text):
        return True
    return has_short_year(text)


def has_short_year(text: str) -> bool:
    """Whether a text is a date whose year has two digits."""
    parts = _SHORT_YEAR.fullmatch(text)
    if parts is None:
        return False
    low, high = sorted((int(parts[1]), int(parts[3])))
    return 1 <= low <= 12 and high <= 31


def date_order(words: Iterable[str]) -> str | None:
    """Whether the day or the month comes first in dates that end with their year.

    None where no word is such a date, '' where no date shows it, and 'both' where some can only be
    read in the one way and some only in the other.
    """
    dates = [parts for word in words if (parts := _YEAR_LAST.fullmatch(word))]
    if not dates:
        return None
    day_is_first = any(int(parts[1]) > 12 for parts in dates)
    month_is_first = any(int(parts[3]) > 12 for parts in dates)
    if day_is_first and month_is_first:
        return "both"
    if month_is_first:
        return MONTH_FIRST
    have_points = all(parts[2] == "." for parts in dates)
    return DAY_FIRST if day_is_first or have_points else ""  # 03.04.2020 has the day first


def stamps(column: pd.Series, order: str | None) -> pd.Series:
    """Points in time (UTC) of a column of texts; NaT for what is no date in that order."""
    texts = column.map(lambda cell: _year_first(str(cell), order), na_action="ignore")
    return pd.to_datetime(texts, errors="coerce", format="mixed", utc=True)


def days(column: pd.Series, order: str | None) -> np.ndarray:
    """Days since 2000, NaN for what is no date."""
    since = stamps(column, order) - _EPOCH
    return (since / pd.Timedelta(days=1)).to_numpy(float)


def written(column: pd.Series) -> pd.Series:
    """Points in time as text with the year first: 2020-01-31, with the time of day if any."""
    text = column.map(lambda stamp: stamp.isoformat(), na_action="ignore").astype(object)
    return text.map(lambda cell: cell.removesuffix("T00:00:00+00:00"), na_action="ignore")


def _year_first(text: str, order: str | None) -> str | float:
    """The date with its year first, NaN where it cannot be read."""
    parts = _YEAR_FIRST.fullmatch(text)
    if parts:
        year, _, month, day, rest = parts.groups()
        return _joined(year, month, day, rest)
    parts = _YEAR_LAST.fullmatch(text)
    if parts and order in (DAY_FIRST, MONTH_FIRST):
        first, _, second, year, rest = parts.groups()
        day, month = (first, second) if order == DAY_FIRST else (second, first)
        return _joined(year, month, day, rest)
    if _COARSE.fullmatch(text):
        return text
    parts = _COMPACT.fullmatch(text)
    if parts:
        return _joined(*parts.groups(), None)
    return text if _MONTH_IN_WORDS.fullmatch(text) else np.nan


def _joined(year: str, month: str, day: str, rest: str | None) -> str | float:
    """Year, month, day and time of day as one text; NaN where the month is none."""
    if not 1 <= int(month) <= 12:
        return np.nan
    return f"{year}-{int(month):02d}-{int(day):02d}{rest or ''}"
