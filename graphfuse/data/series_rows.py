"""The measurements of a long table: patient, variable, time and value, one row each."""

from __future__ import annotations

import logging
import re

import numpy as np
import pandas as pd

from graphfuse.data.ehr import UNKNOWN, as_word
from graphfuse.data.ids import patterns
from graphfuse.errors import Faults, counted, examples
from graphfuse.schema import Series

log = logging.getLogger(__name__)

_ISO = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ].*)?")

_COMPACT = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\.0)?")


def measurements(
    long: pd.DataFrame, series: Series, variables: list[str] | None, faults: Faults
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The measurements as patient, variable, time, value, and how many rows each variable has in
    the table."""
    rows = pd.DataFrame(
        {"patient": long.index, "variable": long[series.variable].map(word_of).to_numpy()},
        dtype=object,
    )
    rows["time"], rows["value"] = (
        long[series.time].to_numpy(),
        plain(long[series.value]).to_numpy(),
    )
    rows = rows[rows["value"].notna()]
    seen = rows["variable"].value_counts().to_dict()
    nameless = seen.pop("", 0)
    if nameless:
        faults.add(
            f"column {series.variable!r}: {counted(nameless, 'value has', 'values have')} "
            "no variable (blank, or a word for "
            "missing: NA is one, so call sodium Sodium); name it"
        )
    rows = rows[rows["variable"] != "" if variables is None else rows["variable"].isin(variables)]
    nobody = int((rows["patient"] == "").sum())
    if nobody:
        faults.add(
            f"{counted(nobody, 'value has', 'values have')} no patient id; fill or remove them"
        )
    value = _numbers(rows, series.value, faults)
    return rows.assign(value=value, time=times_of(rows["time"], series.time, faults)), seen


def _numbers(rows: pd.DataFrame, name: str, faults: Faults) -> pd.Series:
    """Values as float; adds faults for text and infinities."""
    plain = rows["value"].map(
        lambda cell: cell if isinstance(cell, int | float | np.number) else str(cell)
    )  # a date is text
    values = pd.to_numeric(plain, errors="coerce").astype(float)
    for bad, *said in ((values.isna(), "value is no number", "values are no numbers"),
                       (np.isinf(values), "value is infinite", "values are infinite")):  # fmt: skip
        if bad.any():
            shown, of = (
                examples(dict.fromkeys(rows["value"][bad].map(repr))),
                examples(sorted(set(rows["variable"][bad]))),
            )
            count = counted(bad.sum(), *said)
            faults.add(f"column {name!r}: {count} ({shown}; of {of}); write numbers or leave blank")
    return values


def times_of(column: pd.Series, name: str, faults: Faults) -> pd.Series:
    """Times as float: numbers as they are, dates as days. Adds faults; never shows a date, which is
    private."""
    column = plain(column)
    blank = column.isna()
    if blank.any():
        faults.add(
            f"column {name!r}: {counted(blank.sum(), 'value has', 'values have')} no time; "
            "fill or remove them"
        )
    words = column[~blank].map(str)
    numbers, days = pd.to_numeric(words, errors="coerce").astype(float), _days(words)
    times = numbers if numbers.notna().sum() >= days.notna().sum() else days
    bad = ~np.isfinite(times)
    if bad.any():
        most = "numbers" if times is numbers else "dates"
        faults.add(
            f"column {name!r}: {int(bad.sum())} of {len(words)} times are no {most} (they "
            f"look like {patterns(words[bad])}); "
            "write all as numbers, or all as dates like 2020-01-31 (1678 to 2261)"
        )
    elif (
        times is numbers
        and len(words)
        and words.map(lambda word: bool(_COMPACT.fullmatch(word))).all()
    ):
        faults.add(
            f"column {name!r}: the times look like dates without dashes; write them as 2020-01-31"
        )
    return times.reindex(column.index)


def _days(words: pd.Series) -> pd.Series:
    """ISO dates (with or without time of day and zone) as days since 1970, NaN for anything
    else."""
    dates = words.where(words.map(lambda word: bool(_ISO.fullmatch(word))))
    stamps = pd.to_datetime(dates, format="ISO8601", errors="coerce", utc=True)
    return (stamps - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)


def plain(column: pd.Series) -> pd.Series:
    """Objects, text stripped, words for unknown missing, spans of time as days."""
    if pd.api.types.is_timedelta64_dtype(column):
        column = column / pd.Timedelta(days=1)
    column = column.astype(object).map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    return column.where(
        column.notna()
        & ~column.map(lambda cell: isinstance(cell, str) and cell.lower() in UNKNOWN),
        None,
    )


def word_of(cell) -> str:
    """An id's or a variable's text: as written, a number without .0, '' where missing."""
    return cell.strip() if isinstance(cell, str) else "" if pd.isna(cell) else as_word(cell)
