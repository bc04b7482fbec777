"""Checks whether the first column of a table holds its ids, or row numbers or measurements.

`DataFrame.to_csv()` writes the row numbers of a frame into a first column without a name. Taken for
ids, they would match the rows of any other file by accident.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, examples, warn_once

log = logging.getLogger(__name__)

_UNNAMED = re.compile(r"^(unnamed: ?\d+|\.\.\.1|__index_level_0__)?$", re.IGNORECASE)
_COUNTER = re.compile(
    r"^(index|level_0|x|v1|rows?|row[_. ]?(names?|num|number|nr|no|id|index)|#|(s[_. ]?)?n(o|r)\.?|"
    r"sr[_. ]?no\.?|lfd\.? ?nr\.?|n|i|idx|count(er)?)$",
    re.IGNORECASE,
)
_INDEX = re.compile(
    r"^(index|level_0|idx|rows?|row[_. ]?(names?|num|number|nr|no|id|index))$", re.IGNORECASE
)
_SERIAL_KEY = re.compile(r"^(id|pk|key|record[_. ]?id)$", re.IGNORECASE)
_WHO = (
    "patient|patienten|paciente|paziente|subject|sujet|sujeto|participant|donor|individual|"
    "proband|probanden|submitter|usubjid|mrn|pseudonym"
)
_WHICH = "id|ids|code|number|nummer|nr|no|name|key|barcode|uuid"
_PERSON = re.compile(
    rf"(^|[_. -])({_WHO})s?($|[_. -]?({_WHICH})$)|"
    rf"^(case|sample|specimen|pat|pt|fall)[_. -]?({_WHICH})$|barcode$",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(^|[_. -])(id|ids|uuid|guid|identifier|barcode|accession)$|"
    r"^(id|ids|name|names|sample|samples|case|cases|specimen|aliquot|person|record|cell|gene|"
    r"symbol|gene[_. ]?name|hugo[_. ]symbol|probe|feature)s?$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(ID|Id)s?$")
_RUN = 10  # rows from which consecutive numbers are no accident
_CANDIDATES = 5  # columns beside row numbers that may hold ids under any name


class NotTheIds(InputError):
    """The first column of a table does not hold the ids; `column` probably does."""

    def __init__(self, message: str, column: str):
        super().__init__(message)
        self.column = column


def check_first_column(
    path: Path | str,
    heading: str | None,
    ids: pd.Index,
    others: Sequence[str],
    read: Callable[[list[str]], pd.DataFrame],
    flipped: bool = False,
    cure: str = 'set [patients] id = "{}"',
    warns: bool = True,
) -> None:
    """Refuses a first column that counts rows or measures something while another holds the ids.

    Parameters
    ----------
    path
        The file (or the table in memory), for messages.
    heading
        The name of the first column (or the index); None or '' where it has none.
    ids
        Its values.
    others
        Names of the other columns.
    read
        Gives the named columns as a frame; called only where it is needed.
    flipped
        Whether patients are in columns, so that the first column names features.
    cure
        What to do, with {} for the column that probably holds the ids.
    warns
        Whether to warn of row numbers where no other column is named as ids are.

    Raises
    ------
    NotTheIds
        Where another column is named as ids are, and the first one holds numbers and is not.
    """
    heading = "" if heading is None else str(heading).strip()
    if not len(ids) or not _all_numbers(ids):
        return
    has_no_name = _UNNAMED.match(heading) is not None
    is_serial_key = _SERIAL_KEY.match(heading) is not None
    is_counter = has_no_name or _COUNTER.match(heading) is not None
    counts = is_counter and counts_rows(ids)
    if not counts and _named_like_id(heading) and not is_serial_key:
        return
    candidates = [name for name in others if _named_like_id(name)]
    better = _id_column(read(candidates), counts) if candidates else None
    shown = f"its first column {heading!r}" if heading else "its first column, without a name,"
    warns = warns and not flipped
    if better is None:
        if warns and has_no_name and counts:
            _warn_of_row_numbers(path, shown, read(list(others[:_CANDIDATES])))
    elif is_serial_key:
        if warns and counts_rows(ids):
            _warn_of_serial_key(path, heading, better, cure.format(better))
    else:
        advice = cure.format(better)
        if flipped:
            advice = "write the table without row numbers (index=False)"
        contents = f"counts rows ({examples(ids[:3])}, …)" if counts else "holds numbers"
        message = f"{path}: {shown} {contents}, while column {better!r} is named as ids are"
        raise NotTheIds(f"{message}; {advice}", better)


def _warn_of_serial_key(path: Path | str, heading: str, better: str, cure: str) -> None:
    """Warns of ids that are a database's serial numbers, beside a column that may hold the ids."""
    warn_once(
        log,
        f"{path}: ids are those of the first column {heading!r}, which counts rows, not those of "
        f"{better!r}; if that is wrong, {cure}",
    )


def _warn_of_row_numbers(path: Path | str, shown: str, others: pd.DataFrame) -> None:
    """Warns of ids that are row numbers, and names a column of text that could be the ids."""
    candidates = [name for name in others if _could_be_ids(others[name])]
    asks = f" Is {candidates[0]!r} the id? Then set [patients] id." if candidates else ""
    warn_once(
        log,
        f"{path}: {shown} counts rows; taken for patient ids, which is right only where the rows "
        f"of all tables stand in one order.{asks} Write ids, or the table without row numbers "
        "(index=False)",
    )


def _could_be_ids(column: pd.Series) -> bool:
    """Whether a column holds another text in every row."""
    numbers = pd.to_numeric(column.astype(object), errors="coerce")
    return _is_unique(column) and bool(numbers.isna().all())


def without_row_numbers(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The frame without columns that count rows: they are no measurements, and would give away the
    order in which the patients were written.

    A column that runs from 0 or 1 in the order of the file counts rows whatever its name; in
    another order, one without a name or named as a counter does.
    """
    consecutive = _consecutive_numbers(frame)
    counters = [name for name in frame.columns if name in consecutive or _is_counter(frame, name)]
    if not counters:
        return frame
    shown = [f"{name!r}" if str(name).strip() else "without a name" for name in counters]
    warn_once(log, f"{path}: left out a column that counts rows ({', '.join(shown)})")
    return frame.drop(columns=counters)


def _consecutive_numbers(frame: pd.DataFrame) -> set[str]:
    """Columns of a table of ten rows or more that hold 0, 1, 2, … or 1, 2, 3, …, row by row."""
    if len(frame) < _RUN:
        return set()
    numeric = frame.select_dtypes("number")
    start = numeric.iloc[:_RUN].to_numpy(dtype=float)
    steps = np.arange(len(frame), dtype=float)
    from_0_or_1 = np.isin(start[0], (0, 1))
    rises = (start - start[0] == steps[:_RUN, None]).all(axis=0)
    columns = set()
    for position in np.flatnonzero(from_0_or_1 & rises):
        values = numeric.iloc[:, position].to_numpy(dtype=float)
        if (values - values[0] == steps).all():
            columns.add(numeric.columns[position])
    return columns


def _is_counter(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column holds row numbers: for one with a name, from 0 or 1 on each number once."""
    plain = str(name).strip()
    if _UNNAMED.match(plain):
        return counts_rows(frame[name])
    if not _INDEX.match(plain) or not counts_rows(frame[name]):
        return False
    numbers = pd.to_numeric(frame[name])
    low, high = numbers.min(), numbers.max()
    covers_all_rows = low in (0, 1) and high - low == len(frame) - 1
    return bool(covers_all_rows and numbers.is_unique)


def counts_rows(values: pd.Index | pd.Series) -> bool:
    """Whether values are row numbers: whole, and hardly larger than the table is long.

    They need not be in order, nor all be there: rows are sorted and left out before a table is
    written.
    """
    numbers = _as_numbers(values)
    if numbers.isna().any() or len(numbers) == 0:
        return False
    are_whole = bool((numbers % 1 == 0).all()) and numbers.min() >= 0
    are_padded = any(re.match(r"0\d", str(value)) for value in values)
    most = max(10 * len(numbers), 100)
    return are_whole and not are_padded and numbers.max() <= most


def _as_numbers(values: Iterable) -> pd.Series:
    """Each value as a number, NaN where it is none."""
    return pd.to_numeric(pd.Series(list(values), dtype=object), errors="coerce")


def id_column_of(frame: pd.DataFrame) -> str | None:
    """The column that is named as ids are and has another value in every row; None where there is
    none, or more than one."""
    named = [name for name in frame.columns if _named_like_id(name)]
    unique = [name for name in named if _is_unique(frame[name])]
    return unique[0] if len(unique) == 1 else None


def _all_numbers(ids: pd.Index) -> bool:
    """Whether every id is a number; a few are tried first, which is enough for most tables."""
    if _as_numbers(ids[:5]).isna().any():
        return False
    return bool(_as_numbers(ids).notna().all())


def _named_like_id(name: str) -> bool:
    """Whether a column is named as ids are."""
    name = str(name).strip()
    return bool(_PERSON.search(name) or _NAME.search(name) or _CAMEL.search(name))


def _id_column(frame: pd.DataFrame, counts: bool) -> str | None:
    """The column of candidates that probably holds the ids, those of persons first.

    Beside row numbers a person's id may be repeated, as in a table with one measurement a row.
    """
    persons = [name for name in frame.columns if _PERSON.search(str(name).strip())]
    for name in persons:
        if counts or _is_unique(frame[name]):
            return name
    if not counts:
        return None
    return next((name for name in frame.columns if _is_unique(frame[name])), None)


def _is_unique(column: pd.Series) -> bool:
    """Whether a column has another value in every row."""
    return bool(column.notna().all() and column.is_unique)
