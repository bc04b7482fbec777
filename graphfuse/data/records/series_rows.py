"""The rows of a long table of measurements: patient, variable, time and value."""

from __future__ import annotations

import logging
import re

import numpy as np
import pandas as pd

from graphfuse.data.patient_ids import patterns
from graphfuse.errors import Faults, counted, examples
from graphfuse.schema import Series
from graphfuse.text.cell_words import as_word, cleaned
from graphfuse.text.parse_numbers import bounds_notice, numbers

log = logging.getLogger(__name__)

_ISO = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ].*)?")
_COMPACT = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\.0)?")


def measurements(
    long: pd.DataFrame,
    series: Series,
    variables: list[str] | None,
    faults: Faults,
    notices: list[str],
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Reads the measurements of a long table.

    Parameters
    ----------
    long : DataFrame
        One measurement a row, its index the patients' ids.
    series : Series
        Its columns of time, variable and value.
    variables : list of str, or None
        Which variables; None: all.
    faults
        A fault is added for cells that cannot be read.
    notices
        A notice is added where values are bounds.

    Returns
    -------
    rows : DataFrame
        Columns patient, variable, time, value; a row for each value that is not blank.
    seen : dict of str to int
        Variable → its number of rows in the table.
    """
    columns = {
        "patient": long.index,
        "variable": long[series.variable].map(word_of).to_numpy(),
    }
    rows = pd.DataFrame(columns, dtype=object)
    rows["time"] = long[series.time].to_numpy()
    rows["value"] = plain(long[series.value]).to_numpy()
    rows = rows[rows["value"].notna()]
    seen = rows["variable"].value_counts().to_dict()
    nameless = seen.pop("", 0)
    if nameless:
        faults.add(
            f"column {series.variable!r}: {counted(nameless, 'value has', 'values have')} "
            "no variable (blank, or a word for missing: NA is one, so call sodium Sodium); name it"
        )
    if variables is None:
        rows = rows[rows["variable"] != ""]
    else:
        rows = rows[rows["variable"].isin(variables)]
    nobody = int((rows["patient"] == "").sum())
    if nobody:
        faults.add(
            f"{counted(nobody, 'value has', 'values have')} no patient id; fill or remove them"
        )
    value = _numbers(rows, series.value, faults, notices)
    time = times_of(rows["time"], series.time, faults)
    return rows.assign(value=value, time=time), seen


def _numbers(rows: pd.DataFrame, name: str, faults: Faults, notices: list[str]) -> pd.Series:
    """Values as float, bounds ('<0.01') as their number; adds faults for text and infinities."""
    cells = rows["value"]
    values = numbers(cells, bounds=True)
    bad = cells[values.isna()]
    if len(bad):
        count = counted(len(bad), "value is no number", "values are no numbers")
        faults.add(_unreadable(rows, bad, name, count))
    infinite = cells[np.isinf(values)]
    if len(infinite):
        count = counted(len(infinite), "value is infinite", "values are infinite")
        faults.add(_unreadable(rows, infinite, name, count))
    bounds = bounds_notice(cells)
    if bounds:
        notices.append(f"column {name!r}: {bounds}")
    return values


def _unreadable(rows: pd.DataFrame, cells: pd.Series, name: str, count: str) -> str:
    """A fault about these cells: what they are, of which variables, and the cure."""
    shown = examples(dict.fromkeys(cells.map(lambda cell: repr(_as_python(cell)))))
    of = examples(sorted(set(rows.loc[cells.index, "variable"])))
    return f"column {name!r}: {count} ({shown}; of {of}); write numbers or leave blank"


def _as_python(cell):
    """A numpy number as Python's own, which prints as the number alone."""
    return cell.item() if isinstance(cell, np.generic) else cell


def times_of(column: pd.Series, name: str, faults: Faults) -> pd.Series:
    """Times as float: numbers as they are, dates as days.

    Parameters
    ----------
    column : Series
        Times as they are written.
    name : str
        The name of the column.
    faults
        A fault is added for times that are blank or cannot be read. It never shows a date, which is
        private.

    Returns
    -------
    Series of float
        NaN where blank or not read.
    """
    column = plain(column)
    blank = column.isna()
    if blank.any():
        faults.add(
            f"column {name!r}: {counted(blank.sum(), 'value has', 'values have')} no time; "
            "fill or remove them"
        )
    words = column[~blank].map(str)
    plain_numbers, days = numbers(words), _days(words)
    are_numbers = plain_numbers.notna().sum() >= days.notna().sum()
    times = plain_numbers if are_numbers else days
    bad = ~np.isfinite(times)
    if bad.any():
        most = "numbers" if are_numbers else "dates"
        faults.add(
            f"column {name!r}: {int(bad.sum())} of {len(words)} times are no {most} (they "
            f"look like {patterns(words[bad])}); "
            "write all as numbers, or all as dates like 2020-01-31 (1678 to 2261)"
        )
    elif are_numbers and len(words) and all(map(_COMPACT.fullmatch, words)):
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
    """Cells in one spelling, words for unknown missing, spans of time as days."""
    if pd.api.types.is_timedelta64_dtype(column):
        column = column / pd.Timedelta(days=1)
    return cleaned(column.astype(object), minus=False)


def word_of(cell) -> str:
    """An id or a variable as text: in one spelling, a number without .0, '' where missing."""
    return "" if pd.isna(cell) else as_word(cell)
