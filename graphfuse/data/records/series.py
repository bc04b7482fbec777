"""Repeated measurements at irregular times, summarised as columns: last, slope, count."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.read import column_names, format_of, read_table
from graphfuse.data.read.request import known
from graphfuse.data.records.series_rows import measurements, plain, times_of, word_of
from graphfuse.errors import Faults, InputError, counted, examples, nearest
from graphfuse.schema import Series
from graphfuse.text.parse_numbers import numbers

log = logging.getLogger(__name__)

SUMMARIES = ("last", "slope", "count")
_TIME = re.compile(
    r"(^|[_. ]|chart|store|sample)"
    r"(time|day|days|date|datetime|timestamp|hours?|weeks?|months?|offset)($|[_. ])",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    r"(^|[_. ])"
    r"(variable|test|item|itemid|parameter|analyte|lab|label|measure|measurement|name|code)"
    r"($|[_. ])",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"(^|[_. ]|value)(value|result|num|numeric|level|measurement|reading)($|[_. ])", re.I
)


def series_columns(
    frame: pd.DataFrame,
    *,
    patient: str,
    time: str,
    variable: str,
    value: str,
    variables: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Turns a long table of measurements into one row per patient and three columns per variable.

    The result is a table for `Cohort.from_frames(…, ehr=…)`. `NAME last` is the value at the latest
    time. `NAME slope` is the least-squares slope, Σ(t−t̄)v / Σ(t−t̄)², per unit of `time` (per day
    where times are dates), and 0 where there is only one time. `NAME count` is the number of times
    with a measurement, 0 where there is none, so that it is also the mask. Last and slope are
    missing where there is no measurement, and so is the whole row of a patient without any. Values
    at the same time are averaged; blank values are no measurements.

    Nothing is computed across patients, so that nothing is fitted and nothing leaks, but the rows
    have to be those known when the prediction is made. For a table with a column per variable,
    `frame.melt([patient, time])` gives the long one.

    Parameters
    ----------
    frame : DataFrame
        One measurement a row.
    patient, time, variable, value : str
        The columns that hold them. Times are numbers, or dates.
    variables : iterable of str, optional
        Which variables, in this order; by default all, sorted. Name them where the model will be
        applied to other patients.

    Returns
    -------
    DataFrame, float64 `[patients, 3 × variables]`
        Its index is the patients' ids, sorted.

    Raises
    ------
    InputError
        For columns that are not there, values and times that cannot be read, and infinities.

    Examples
    --------
    >>> labs = pd.DataFrame({"id": ["A", "A", "B"], "day": [0, 4, 1], "test": "CRP"})
    >>> labs["result"] = [20.0, 60.0, 5.0]
    >>> series_columns(labs, patient="id", time="day", variable="test", value="result")
             CRP last  CRP slope  CRP count
    patient
    A            60.0       10.0        2.0
    B             5.0        0.0        1.0
    """
    keys = _distinct({"patient": patient, "time": time, "variable": variable, "value": value})
    known(keys, frame.columns, "series")
    long = frame[keys[1:]].set_axis(frame[patient].map(word_of), axis=0)
    if isinstance(variables, str):
        variables = [variables]
    if variables is not None:
        variables = [word_of(name) for name in variables]
    series = Series(time=time, variable=variable, value=value)
    table, notices = summarised(long, series, variables, "series")
    for notice in notices:
        log.warning("series: %s", notice)
    return table


def read_series(
    path: Path, series: Series, variables: list[str] | None, id_column: str | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Reads the measurements of a file and summarises them as `series_columns` does.

    Parameters
    ----------
    path : Path
        A table with one measurement a row.
    series : Series
        Its columns of time, variable and value.
    variables : list of str, or None
        Which variables, in this order; None: all there are, sorted.
    id_column : str, optional
        The column of the patients' ids; default: the first.

    Returns
    -------
    table : DataFrame, float64 `[patients, 3 × variables]`
    notices : list of str

    Raises
    ------
    InputError
        As `series_columns` does, and where the column of ids is one of the series.
    """
    keys = [series.time, series.variable, series.value]
    if format_of(path) == "text" and path.is_file():
        first = id_column or column_names(path)[0]
        if first in keys:
            raise InputError(
                f"{path}: column {first!r} cannot hold patient ids, series has it; say "
                "[patients] id = …"
            )
    long = read_table(path, id_column=id_column, columns=keys, repeats=True, as_text=True)
    return summarised(long, series, variables, str(path))


def summarised(
    long: pd.DataFrame, series: Series, variables: list[str] | None, where: str
) -> tuple[pd.DataFrame, list[str]]:
    """Summarises measurements, indexed by patient, as columns (see `series_columns`).

    Parameters
    ----------
    long : DataFrame
        One measurement a row, its index the patients' ids.
    series : Series
        Its columns of time, variable and value.
    variables : list of str, or None
        Which variables, in this order; None: all there are, sorted.
    where : str
        The table, for messages.

    Returns
    -------
    table : DataFrame, float64 `[patients, 3 × variables]`
    notices : list of str

    Raises
    ------
    InputError
        For values and times that cannot be read, and where none of the variables is there.
    """
    faults = Faults(where)
    patients = pd.Index(sorted(set(long.index) - {""}), name="patient", dtype=object)
    notices: list[str] = []
    rows, seen = measurements(long, series, variables, faults, notices)
    faults.stop()
    names = sorted(seen) if variables is None else list(dict.fromkeys(variables))
    if seen:
        notices += _names_apart(names, seen, series, where)
    repeated = int(rows.duplicated(["patient", "variable", "time"]).sum())
    if repeated:
        notices.append(
            f"{repeated:,} of {len(rows):,} values share patient, variable and time with "
            "another: averaged"
        )
    table = _wide(_summaries(rows), names, patients)
    slopes = table[[f"{name} slope" for name in names]].fillna(0.0)
    if len(rows) and len(patients) > 1 and not slopes.any(axis=None):
        notices.append(
            f"every slope is 0: nothing changes from time to time; is {series.time!r} the time?"
        )
    return table, notices


def looks_like_series(frame: pd.DataFrame) -> Series | None:
    """The columns of time, variable and value of a table with repeated patients, by their names.

    Parameters
    ----------
    frame : DataFrame
        A table, its index the patients' ids.

    Returns
    -------
    Series or None
        None where patients do not repeat, a column is not there, or almost every row has a variable
        of its own.
    """
    if not frame.index.has_duplicates:
        return None
    times = (name for name in frame if _TIME.search(str(name)) and _is_readable(frame[name]))
    time = next(times, None)
    values = (name for name in frame if name != time and _VALUE.search(str(name)))
    value = next((name for name in values if _share_of_numbers(frame[name]) > 0.8), None)
    variable = _variable_of(frame, besides=(time, value))
    if time is None or value is None or variable is None:
        return None
    if frame[variable].nunique() > 0.5 * len(frame):
        return None
    return Series(time=time, variable=variable, value=value)


def _variable_of(frame: pd.DataFrame, besides: tuple[str | None, str | None]) -> str | None:
    """The column that is named as one of variables, or the first that holds text."""
    others = [name for name in frame if name not in besides]
    named = [name for name in others if _VARIABLE.search(str(name))]
    texts = [name for name in others if not pd.api.types.is_numeric_dtype(frame[name])]
    return next(iter([*named, *texts]), None)


def variables_of(frame: pd.DataFrame, series: Series) -> tuple[pd.DataFrame, list[str]]:
    """Each patient's mean of every variable that holds numbers.

    Parameters
    ----------
    frame : DataFrame
        One measurement a row, its index the patients' ids.
    series : Series
        Its columns of time, variable and value.

    Returns
    -------
    means : DataFrame, float64 `[patients, variables]`
    texts : list of str
        The variables that hold text, sorted.
    """
    name = frame[series.variable].map(word_of)
    value = plain(frame[series.value])
    number = numbers(value)
    is_text = value.notna() & number.isna()
    texts = sorted(set(name[is_text]) - {""})
    kept = ~name.isin([*texts, ""])
    of_variable = number[kept].groupby([frame.index[kept], name[kept]])
    return of_variable.mean().unstack(), texts


def _is_readable(column: pd.Series) -> bool:
    """Whether a column can be read as times."""
    faults = Faults("")
    times_of(column.dropna(), "", faults)
    return not faults.messages


def _share_of_numbers(column: pd.Series) -> float:
    """The share of known cells that are numbers."""
    return float(numbers(column.dropna()).notna().mean())


# -------------------------------------------------------------------------------------- summarising


def _summaries(rows: pd.DataFrame) -> pd.DataFrame:
    """(patient, variable) × (last, slope, count) of the rows (patient, variable, time, value)."""
    by = ["patient", "variable"]
    # Sorted, so that sums add in one order, whatever the order of the rows.
    rows = rows.sort_values([*by, "time", "value"])
    at = rows.groupby([*by, "time"])["value"].mean().reset_index("time")
    # Relative to the first time and value: small numbers, and exactly 0 where values are constant.
    since = at - at.groupby(by).transform("first")
    from_mean_time = since["time"] - since.groupby(by)["time"].transform("mean")
    rise = (from_mean_time * since["value"]).groupby(by).sum()
    run = (from_mean_time**2).groupby(by).sum()
    has_times = run.to_numpy() > 0
    slope = np.divide(rise, run, out=np.zeros(len(run)), where=has_times)
    values = at.groupby(by)["value"]
    count = values.size().astype(float)
    return pd.DataFrame({"last": values.last(), "slope": slope, "count": count})


def _wide(summaries: pd.DataFrame, names: list[str], patients: pd.Index) -> pd.DataFrame:
    """One row per patient; a patient without measurements has a row of missing values."""
    pairs = [(summary, name) for name in names for summary in SUMMARIES]
    columns = pd.MultiIndex.from_tuples(pairs, names=[None, "variable"])
    wide = summaries.unstack("variable").reindex(columns=columns)
    counts = [pair for pair in pairs if pair[0] == "count"]
    wide[counts] = wide[counts].fillna(0.0)
    named = wide.set_axis([f"{name} {summary}" for summary, name in pairs], axis=1)
    return named.reindex(patients).astype(float)


# --------------------------------------------------------------------------------- reading the rows


def _distinct(columns: dict[str, str]) -> list[str]:
    """The names of the columns. Raises `InputError` where one is named twice."""
    names = list(columns.values())
    if len(set(names)) < len(names):
        raise InputError(
            f"series: {', '.join(columns)} are four columns (got {', '.join(map(repr, names))})"
        )
    return names


def _names_apart(names: list[str], seen: dict[str, int], series: Series, where: str) -> list[str]:
    """Notices for variables that are named and not there, or there in two spellings; raises
    `InputError` where none is there."""
    absent = [name for name in names if name not in seen]
    shown = examples(map(repr, absent))
    meant = nearest(absent[0], seen, 3) if absent else ""
    if names and len(absent) == len(names):
        raise InputError(
            f"{where}: column {series.variable!r} has none of the variables {shown}{meant}; "
            "correct columns, or leave the modality out"
        )
    notices = []
    if absent:
        notices.append(f"no value of {shown}{meant}: for all patients the count is 0")
    in_lower_case = {name.lower(): name for name in names if name in seen}
    for other in sorted(set(seen) - set(names)):
        alike = in_lower_case.get(other.lower())
        if alike is not None:
            left_out = counted(seen[other], "value of", "values of")
            notices.append(f"{left_out} {other!r} are left out: is it {alike!r}? write them alike")
    return notices
