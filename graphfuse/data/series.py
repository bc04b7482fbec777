"""Irregular repeated measurements, one a row (patient, time, variable, value), as columns: last,
slope, count."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.read import column_names, format_of, read_table
from graphfuse.data.read.wanted import known
from graphfuse.data.series_rows import measurements, plain, times_of, word_of
from graphfuse.errors import Faults, InputError, counted, examples, nearest
from graphfuse.schema import Series
from graphfuse.text.numbers import numbers

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
    """A long table of measurements as one row a patient and three columns a variable, for
    `Cohort.from_frames(…, ehr=…)`.

    `NAME last`: the value at the latest time. `NAME slope`: least squares, Σ(t−t̄)v / Σ(t−t̄)², per
    unit of `time` (per day where times are dates); 0 where all is known at one time. `NAME count`:
    the times at which it was measured, 0 where it never was, so that it is also the mask. Last and
    slope are missing where there is no measurement, and so is the whole row of a patient who has
    none. Values at the same time are averaged; blank ones are no measurements.

    Nothing is computed across patients, so nothing is fitted and nothing leaks, but the rows have
    to be those known when the prediction is made. `variables`: which, in this order; name them
    where a model meets other patients later (default: all there are, sorted). For a table with a
    column per variable, `frame.melt([patient, time])` makes the long one. Raises `InputError` for
    columns that are not there, values and times that cannot be read, and infinities.

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
    if variables is not None:
        variables = [
            word_of(name) for name in ([variables] if isinstance(variables, str) else variables)
        ]
    table, notices = summarised(
        long, Series(time=time, variable=variable, value=value), variables, "series"
    )
    for notice in notices:
        log.warning("series: %s", notice)
    return table


def read_series(
    path: Path, series: Series, variables: list[str] | None, id_column: str | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """The file's measurements as `series_columns` has them, and what is worth a notice. Raises
    `InputError`."""
    keys = [series.time, series.variable, series.value]
    if format_of(path) == "text" and path.is_file():
        first = id_column or column_names(path)[0]
        if first in keys:
            raise InputError(
                f"{path}: column {first!r} cannot hold patient ids, series has it; say "
                "[patients] id = …"
            )
    return summarised(
        read_table(path, id_column=id_column, columns=keys, repeats=True, as_text=True),
        series,
        variables,
        str(path),
    )


def summarised(
    long: pd.DataFrame, series: Series, variables: list[str] | None, where: str
) -> tuple[pd.DataFrame, list[str]]:
    """`long`, indexed by patient, as columns (see `series_columns`), and notices."""
    faults = Faults(where)
    patients = pd.Index(sorted(set(long.index) - {""}), name="patient", dtype=object)
    notices: list[str] = []
    rows, seen = measurements(long, series, variables, faults, notices)
    faults.stop()
    names = list(dict.fromkeys(variables)) if variables is not None else sorted(seen)
    notices += _names_apart(names, seen, series, where) if seen else []
    repeated = int(rows.duplicated(["patient", "variable", "time"]).sum())
    if repeated:
        notices.append(
            f"{repeated:,} of {len(rows):,} values share patient, variable and time with "
            "another: averaged"
        )
    table = _wide(_summaries(rows), names, patients)
    if (
        len(rows)
        and len(patients) > 1
        and not table[[f"{name} slope" for name in names]].fillna(0.0).any(axis=None)
    ):
        notices.append(
            f"every slope is 0: nothing changes from time to time; is {series.time!r} the time?"
        )
    return table, notices


def looks_like_series(frame: pd.DataFrame) -> Series | None:
    """Which columns hold time, variable and value, where the table has repeated patients and names
    such columns."""
    if not frame.index.has_duplicates:
        return None
    texts = [column for column in frame if not pd.api.types.is_numeric_dtype(frame[column])]
    time = next((c for c in frame if _TIME.search(str(c)) and _readable(frame[c])), None)
    value = next(
        (
            c
            for c in frame
            if c != time and _VALUE.search(str(c)) and _share_of_numbers(frame[c]) > 0.8
        ),
        None,
    )
    left = [c for c in frame if c not in (time, value)]
    variable = next(
        (c for c in left if _VARIABLE.search(str(c))), next((c for c in left if c in texts), None)
    )
    if None in (time, value, variable) or frame[variable].nunique() > 0.5 * len(frame):
        return None
    return Series(time=time, variable=variable, value=value)


def variables_of(frame: pd.DataFrame, series: Series) -> tuple[pd.DataFrame, list[str]]:
    """Each patient's mean of every variable that holds numbers, patients × variables, and the
    variables that hold text."""
    name, value = frame[series.variable].map(word_of), plain(frame[series.value])
    found = numbers(value)
    texts = sorted(set(name[value.notna() & found.isna()]) - {""})
    kept = ~name.isin([*texts, ""])
    return found[kept].groupby([frame.index[kept], name[kept]]).mean().unstack(), texts


def _readable(column: pd.Series) -> bool:
    faults = Faults("")
    times_of(column.dropna(), "", faults)
    return not faults.found


def _share_of_numbers(column: pd.Series) -> float:
    return float(numbers(column.dropna()).notna().mean())


# -------------------------------------------------------------------------------------- summarising


def _summaries(rows: pd.DataFrame) -> pd.DataFrame:
    """(patient, variable) × (last, slope, count) of the rows (patient, variable, time, value)."""
    rows = rows.sort_values(
        ["patient", "variable", "time", "value"]
    )  # sums then add in one order, however rows came
    at = rows.groupby(["patient", "variable", "time"])["value"].mean().reset_index("time")
    by = ["patient", "variable"]
    since = at - at.groupby(by).transform(
        "first"
    )  # small numbers, and exactly 0 for what is constant
    t = since["time"] - since.groupby(by)["time"].transform("mean")
    rise, run = (t * since["value"]).groupby(by).sum(), (t**2).groupby(by).sum()
    slope = np.divide(rise, run, out=np.zeros(len(run)), where=run.to_numpy() > 0)
    grouped = at.groupby(by)["value"]
    return pd.DataFrame(
        {"last": grouped.last(), "slope": slope, "count": grouped.size().astype(float)}
    )


def _wide(summaries: pd.DataFrame, names: list[str], patients: pd.Index) -> pd.DataFrame:
    """One row a patient; who has no measurement has a row of missing values."""
    pairs = [(summary, name) for name in names for summary in SUMMARIES]
    wide = summaries.unstack("variable").reindex(
        columns=pd.MultiIndex.from_tuples(pairs, names=[None, "variable"])
    )
    counts = [pair for pair in pairs if pair[0] == "count"]
    wide[counts] = wide[counts].fillna(0.0)
    return (
        wide.set_axis([f"{name} {summary}" for summary, name in pairs], axis=1)
        .reindex(patients)
        .astype(float)
    )


# --------------------------------------------------------------------------------- reading the rows


def _distinct(columns: dict[str, str]) -> list[str]:
    if len(set(columns.values())) < len(columns):
        raise InputError(
            f"series: {', '.join(columns)} are four columns (got "
            f"{', '.join(map(repr, columns.values()))})"
        )
    return list(columns.values())


def _names_apart(names: list[str], seen: dict[str, int], series: Series, where: str) -> list[str]:
    """Notices for variables that are named and not there, or there in two spellings; raises where
    none is there."""
    absent = [name for name in names if name not in seen]
    if names and len(absent) == len(names):
        raise InputError(
            f"{where}: column {series.variable!r} has none of the variables "
            f"{examples(map(repr, names))}"
            f"{nearest(names[0], seen, 3)}; correct columns, or leave the modality out"
        )
    notices = []
    if absent:
        meant = nearest(absent[0], seen, 3)
        notices.append(
            f"no value of {examples(map(repr, absent))}{meant}: for all patients the count is 0"
        )
    plain = {name.lower(): name for name in names if name in seen}
    for other in sorted(set(seen) - set(names)):
        if other.lower() in plain:
            notices.append(
                f"{counted(seen[other], 'value of', 'values of')} {other!r} are left out: "
                f"is it {plain[other.lower()]!r}? "
                "write them alike"
            )
    return notices
