"""Irregular repeated measurements, one a row (patient, time, variable, value), as columns: last, slope, count."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.delimited import known
from graphfuse.data.ehr import UNKNOWN, as_word
from graphfuse.data.ids import patterns
from graphfuse.data.read import column_names, format_of, read_table
from graphfuse.errors import Faults, InputError, counted, examples, nearest
from graphfuse.schema import Series

log = logging.getLogger(__name__)

SUMMARIES = ("last", "slope", "count")
_TIME = re.compile(
    r"(^|[_. ]|chart|store|sample)(time|day|days|date|datetime|timestamp|hours?|weeks?|months?|offset)($|[_. ])", re.I
)
_VARIABLE = re.compile(
    r"(^|[_. ])(variable|test|item|itemid|parameter|analyte|lab|label|measure|measurement|name|code)($|[_. ])", re.I
)
_VALUE = re.compile(r"(^|[_. ]|value)(value|result|num|numeric|level|measurement|reading)($|[_. ])", re.I)
_ISO = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ].*)?")
_COMPACT = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\.0)?")


def series_columns(
    frame: pd.DataFrame, *, patient: str, time: str, variable: str, value: str, variables: Iterable[str] | None = None
) -> pd.DataFrame:
    """A long table of measurements as one row a patient and three columns a variable, for `Cohort.from_frames(…, ehr=…)`.

    `NAME last`: the value at the latest time. `NAME slope`: least squares, Σ(t−t̄)v / Σ(t−t̄)², per unit of `time` (per day
    where times are dates); 0 where all is known at one time. `NAME count`: the times at which it was measured, 0 where it
    never was, so that it is also the mask. Last and slope are missing where there is no measurement, and so is the whole row
    of a patient who has none. Values at the same time are averaged; blank ones are no measurements.

    Nothing is computed across patients, so nothing is fitted and nothing leaks, but the rows have to be those known when the
    prediction is made. `variables`: which, in this order; name them where a model meets other patients later (default: all
    there are, sorted). For a table with a column per variable, `frame.melt([patient, time])` makes the long one. Raises
    `InputError` for columns that are not there, values and times that cannot be read, and infinities.

    >>> labs = pd.DataFrame({"id": ["A", "A", "B"], "day": [0, 4, 1], "test": "CRP", "result": [20.0, 60.0, 5.0]})
    >>> series_columns(labs, patient="id", time="day", variable="test", value="result")
             CRP last  CRP slope  CRP count
    patient
    A            60.0       10.0        2.0
    B             5.0        0.0        1.0
    """
    keys = _distinct({"patient": patient, "time": time, "variable": variable, "value": value})
    known(keys, frame.columns, "series")
    long = frame[keys[1:]].set_axis(frame[patient].map(_word), axis=0)
    if variables is not None:
        variables = [_word(name) for name in ([variables] if isinstance(variables, str) else variables)]
    table, notices = summarised(long, Series(time=time, variable=variable, value=value), variables, "series")
    for notice in notices:
        log.warning("series: %s", notice)
    return table


def read_series(
    path: Path, series: Series, variables: list[str] | None, id_column: str | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """The file's measurements as `series_columns` has them, and what is worth a notice. Raises `InputError`."""
    keys = [series.time, series.variable, series.value]
    if format_of(path) == "text" and path.is_file():
        first = id_column or column_names(path)[0]
        if first in keys:
            raise InputError(f"{path}: column {first!r} cannot hold patient ids, series has it; say [patients] id = …")
    return summarised(read_table(path, id_column=id_column, columns=keys, repeats=True), series, variables, str(path))


def summarised(long: pd.DataFrame, series: Series, variables: list[str] | None, where: str) -> tuple[pd.DataFrame, list[str]]:
    """`long`, indexed by patient, as columns (see `series_columns`), and notices."""
    faults = Faults(where)
    patients = pd.Index(sorted(set(long.index) - {""}), name="patient", dtype=object)
    rows, seen = _rows(long, series, variables, faults)
    faults.stop()
    names = list(dict.fromkeys(variables)) if variables is not None else sorted(seen)
    notices = _names_apart(names, seen, series, where) if seen else []
    repeated = int(rows.duplicated(["patient", "variable", "time"]).sum())
    if repeated:
        notices.append(f"{repeated:,} of {len(rows):,} values share patient, variable and time with another: averaged")
    table = _wide(_summaries(rows), names, patients)
    if len(rows) and len(patients) > 1 and not table[[f"{name} slope" for name in names]].fillna(0.0).any(axis=None):
        notices.append(f"every slope is 0: nothing changes from time to time; is {series.time!r} the time?")
    return table, notices


def looks_like_series(frame: pd.DataFrame) -> Series | None:
    """Which columns hold time, variable and value, where the table has repeated patients and names such columns."""
    if not frame.index.has_duplicates:
        return None
    texts = [column for column in frame if not pd.api.types.is_numeric_dtype(frame[column])]
    time = next((c for c in frame if _TIME.search(str(c)) and _readable(frame[c])), None)
    value = next((c for c in frame if c != time and _VALUE.search(str(c)) and _share_of_numbers(frame[c]) > 0.8), None)
    left = [c for c in frame if c not in (time, value)]
    variable = next((c for c in left if _VARIABLE.search(str(c))), next((c for c in left if c in texts), None))
    if None in (time, value, variable) or frame[variable].nunique() > 0.5 * len(frame):
        return None
    return Series(time=time, variable=variable, value=value)


def variables_of(frame: pd.DataFrame, series: Series) -> tuple[pd.DataFrame, list[str]]:
    """Each patient's mean of every variable that holds numbers, patients × variables, and the variables that hold text."""
    name, value = frame[series.variable].map(_word), _plain(frame[series.value])
    numbers = pd.to_numeric(value, errors="coerce").astype(float)
    texts = sorted(set(name[value.notna() & numbers.isna()]) - {""})
    kept = ~name.isin([*texts, ""])
    return numbers[kept].groupby([frame.index[kept], name[kept]]).mean().unstack(), texts


def _readable(column: pd.Series) -> bool:
    faults = Faults("")
    _times(column.dropna(), "", faults)
    return not faults.found


def _share_of_numbers(column: pd.Series) -> float:
    return float(pd.to_numeric(column.dropna(), errors="coerce").notna().mean())


# ------------------------------------------------------------------------------------------- summarising


def _summaries(rows: pd.DataFrame) -> pd.DataFrame:
    """(patient, variable) × (last, slope, count) of the rows (patient, variable, time, value)."""
    rows = rows.sort_values(["patient", "variable", "time", "value"])  # sums then add in one order, however rows came
    at = rows.groupby(["patient", "variable", "time"])["value"].mean().reset_index("time")
    by = ["patient", "variable"]
    since = at - at.groupby(by).transform("first")  # small numbers, and exactly 0 for what is constant
    t = since["time"] - since.groupby(by)["time"].transform("mean")
    rise, run = (t * since["value"]).groupby(by).sum(), (t**2).groupby(by).sum()
    slope = np.divide(rise, run, out=np.zeros(len(run)), where=run.to_numpy() > 0)
    grouped = at.groupby(by)["value"]
    return pd.DataFrame({"last": grouped.last(), "slope": slope, "count": grouped.size().astype(float)})


def _wide(summaries: pd.DataFrame, names: list[str], patients: pd.Index) -> pd.DataFrame:
    """One row a patient; who has no measurement has a row of missing values."""
    pairs = [(summary, name) for name in names for summary in SUMMARIES]
    wide = summaries.unstack("variable").reindex(columns=pd.MultiIndex.from_tuples(pairs, names=[None, "variable"]))
    counts = [pair for pair in pairs if pair[0] == "count"]
    wide[counts] = wide[counts].fillna(0.0)
    return wide.set_axis([f"{name} {summary}" for summary, name in pairs], axis=1).reindex(patients).astype(float)


# ----------------------------------------------------------------------------------------- reading the rows


def _rows(
    long: pd.DataFrame, series: Series, variables: list[str] | None, faults: Faults
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The measurements as patient, variable, time, value, and how many rows each variable has in the table."""
    rows = pd.DataFrame({"patient": long.index, "variable": long[series.variable].map(_word).to_numpy()}, dtype=object)
    rows["time"], rows["value"] = long[series.time].to_numpy(), _plain(long[series.value]).to_numpy()
    rows = rows[rows["value"].notna()]
    seen = rows["variable"].value_counts().to_dict()
    nameless = seen.pop("", 0)
    if nameless:
        faults.add(
            f"column {series.variable!r}: {counted(nameless, 'value has', 'values have')} no variable (blank, or a word for "
            "missing: NA is one, so call sodium Sodium); name it"
        )
    rows = rows[rows["variable"] != "" if variables is None else rows["variable"].isin(variables)]
    nobody = int((rows["patient"] == "").sum())
    if nobody:
        faults.add(f"{counted(nobody, 'value has', 'values have')} no patient id; fill or remove them")
    value = _numbers(rows, series.value, faults)
    return rows.assign(value=value, time=_times(rows["time"], series.time, faults)), seen


def _numbers(rows: pd.DataFrame, name: str, faults: Faults) -> pd.Series:
    """Values as float; adds faults for text and infinities."""
    plain = rows["value"].map(lambda cell: cell if isinstance(cell, int | float | np.number) else str(cell))  # a date is text
    values = pd.to_numeric(plain, errors="coerce").astype(float)
    for bad, *said in ((values.isna(), "value is no number", "values are no numbers"),
                       (np.isinf(values), "value is infinite", "values are infinite")):  # fmt: skip
        if bad.any():
            shown, of = examples(dict.fromkeys(rows["value"][bad].map(repr))), examples(sorted(set(rows["variable"][bad])))
            count = counted(bad.sum(), *said)
            faults.add(f"column {name!r}: {count} ({shown}; of {of}); write numbers or leave blank")
    return values


def _times(column: pd.Series, name: str, faults: Faults) -> pd.Series:
    """Times as float: numbers as they are, dates as days. Adds faults; never shows a date, which is private."""
    column = _plain(column)
    blank = column.isna()
    if blank.any():
        faults.add(f"column {name!r}: {counted(blank.sum(), 'value has', 'values have')} no time; fill or remove them")
    words = column[~blank].map(str)
    numbers, days = pd.to_numeric(words, errors="coerce").astype(float), _days(words)
    times = numbers if numbers.notna().sum() >= days.notna().sum() else days
    bad = ~np.isfinite(times)
    if bad.any():
        most = "numbers" if times is numbers else "dates"
        faults.add(
            f"column {name!r}: {int(bad.sum())} of {len(words)} times are no {most} (they look like {patterns(words[bad])}); "
            "write all as numbers, or all as dates like 2020-01-31 (1678 to 2261)"
        )
    elif times is numbers and len(words) and words.map(lambda word: bool(_COMPACT.fullmatch(word))).all():
        faults.add(f"column {name!r}: the times look like dates without dashes; write them as 2020-01-31")
    return times.reindex(column.index)


def _days(words: pd.Series) -> pd.Series:
    """ISO dates (with or without time of day and zone) as days since 1970, NaN for anything else."""
    dates = words.where(words.map(lambda word: bool(_ISO.fullmatch(word))))
    stamps = pd.to_datetime(dates, format="ISO8601", errors="coerce", utc=True)
    return (stamps - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)


def _plain(column: pd.Series) -> pd.Series:
    """Objects, text stripped, words for unknown missing, spans of time as days."""
    if pd.api.types.is_timedelta64_dtype(column):
        column = column / pd.Timedelta(days=1)
    column = column.astype(object).map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    return column.where(column.notna() & ~column.map(lambda cell: isinstance(cell, str) and cell.lower() in UNKNOWN), None)


def _word(cell) -> str:
    """An id's or a variable's text: as written, a number without .0, '' where missing."""
    return cell.strip() if isinstance(cell, str) else "" if pd.isna(cell) else as_word(cell)


def _distinct(columns: dict[str, str]) -> list[str]:
    if len(set(columns.values())) < len(columns):
        raise InputError(f"series: {', '.join(columns)} are four columns (got {', '.join(map(repr, columns.values()))})")
    return list(columns.values())


def _names_apart(names: list[str], seen: dict[str, int], series: Series, where: str) -> list[str]:
    """Notices for variables that are named and not there, or there in two spellings; raises where none is there."""
    absent = [name for name in names if name not in seen]
    if names and len(absent) == len(names):
        raise InputError(
            f"{where}: column {series.variable!r} has none of the variables {examples(map(repr, names))}"
            f"{nearest(names[0], seen, 3)}; correct columns, or leave the modality out"
        )
    notices = []
    if absent:
        meant = nearest(absent[0], seen, 3)
        notices.append(f"no value of {examples(map(repr, absent))}{meant}: for all patients the count is 0")
    plain = {name.lower(): name for name in names if name in seen}
    for other in sorted(set(seen) - set(names)):
        if other.lower() in plain:
            notices.append(
                f"{counted(seen[other], 'value of', 'values of')} {other!r} are left out: is it {plain[other.lower()]!r}? "
                "write them alike"
            )
    return notices
