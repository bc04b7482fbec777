"""Patients' records as typed columns: numbers as floats, all else as text, unknown values as
missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from graphfuse.data.records.column_types import guess_type
from graphfuse.data.records.dates import date_order, has_short_year, stamps, written
from graphfuse.data.records.encode import TypedColumns
from graphfuse.data.records.ordinal_scales import is_assessed, places
from graphfuse.errors import Faults, counted, examples
from graphfuse.text.cell_words import as_word, cleaned, words_of, written_alike
from graphfuse.text.parse_numbers import bounds_notice, numbers

_MINUS = "-"


class Records(NamedTuple):
    """Typed records.

    `table`: numbers as floats, dates as text with the year first, other words as `as_word` writes
    them. `types`: column → its type. `levels`: column → the order of an ordinal's levels, or
    whether a date has the day or the month first, where it was given or the whole column was needed
    to know it. `notices`: for users.
    """

    table: pd.DataFrame
    types: dict[str, str]
    levels: dict[str, tuple[str, ...]]
    notices: list[str]


def typed(
    frame: pd.DataFrame,
    declared: Mapping[str, str | Sequence[str]],
    where: str,
    faults: Faults,
    like: TypedColumns | None = None,
) -> Records:
    """Types the columns of records as declared, and guesses the types of the others.

    Words for unknown become missing, and in ordinal columns codes for not assessed (TX, NX, Stage
    X), which have no place in the order.

    Parameters
    ----------
    frame : DataFrame `[N, C]`
        Best read with `read_table(as_text=True)`, cells as they are written.
    declared : mapping
        Column → numeric, categorical, ordinal, date, or an ordinal's levels in their order.
    where : str
        The table, for messages.
    faults : Faults
        Faults are added for cells that are not of their column's type and for ordinal columns
        without a known order.
    like : TypedColumns, optional
        The columns of a trained model. Its types and levels then hold and nothing is guessed, so
        that a patient's record means the same whatever the other rows hold.

    Returns
    -------
    Records
    """
    columns, types, levels, notices = {}, {}, {}, []
    for name in frame.columns:
        kind, given = _declared(declared.get(name), name, like)
        minus = None if like is None else _MINUS in like.levels.get(name, ())
        column = cleaned(frame[name], minus)
        kind = kind or guess_type(column)
        messages = _Messages(where, name, faults, notices, by_model=like is not None)
        read = _READ[kind](column, given, messages)
        columns[name], types[name] = read.cells, kind
        if read.levels is not None:
            levels[name] = read.levels
    return Records(pd.DataFrame(columns, index=frame.index), types, levels, notices)


def _declared(
    declared: str | Sequence[str] | None, name: str, like: TypedColumns | None
) -> tuple[str | None, tuple[str, ...] | None]:
    """A column's type and levels, None where they are not known. A trained model's come first; a
    column that it does not have is not used, and taken as words."""
    if like is not None and name in like.kinds:
        kind = like.kinds[name]
        return kind, like.levels[name] if kind in ("ordinal", "date") else None
    if like is not None:
        return "categorical", None
    if declared is None or isinstance(declared, str):
        return declared, None
    return "ordinal", tuple(map(as_word, declared))


class _Read(NamedTuple):
    """A column as read, and its levels where they have to be kept."""

    cells: pd.Series
    levels: tuple[str, ...] | None = None


class _Messages(NamedTuple):
    """Faults and notices of one column. `by_model`: whether a trained model's types hold; levels
    that it does not know are then reported when it is applied (`TypedColumns.unknown`)."""

    where: str
    name: str
    faults: Faults
    notices: list[str]
    by_model: bool

    def fault(self, text: str) -> None:
        """Adds a fault of the column."""
        self.faults.add(f"{self.where}: column {self.name!r} {text}")

    def notice(self, text: str) -> None:
        """Adds a notice of the column."""
        self.notices.append(f"column {self.name!r}: {text}")


def _numbers(column: pd.Series, given: tuple[str, ...] | None, messages: _Messages) -> _Read:
    """A numeric column."""
    values = numbers(column, bounds=True)
    text = column[column.notna() & values.isna()]
    if len(text):
        messages.fault(
            f"is numeric, but {counted(len(text), 'value is', 'values are')} text "
            f"({_shown(text)}); write the number alone (its unit into the heading, a point for "
            "decimals, nothing for thousands) or leave blank, or declare "
            f'types = {{ "{column.name}" = "categorical" }}'
        )
    infinite = int(np.isinf(values).sum())
    if infinite:
        messages.fault(f"holds {counted(infinite, 'infinite value')}; make them missing")
    bounds = bounds_notice(column)
    if bounds:
        messages.notice(bounds)
    return _Read(values)


def _categories(column: pd.Series, given: tuple[str, ...] | None, messages: _Messages) -> _Read:
    """A categorical column."""
    words = words_of(column, minus=True)  # unknown values are missing already
    alike = written_alike(words.dropna())
    if alike and not messages.by_model:
        messages.notice(
            f"categories differ only in case or underscores ({examples(map(repr, alike))}) and "
            "are told apart; write them alike"
        )
    return _Read(words)


def _ordinal(column: pd.Series, given: tuple[str, ...] | None, messages: _Messages) -> _Read:
    """An ordinal column."""
    words = words_of(column, minus=True)
    words = words.where(words.map(lambda word: isinstance(word, str) and is_assessed(word)))
    if given is not None:
        unknown = words[words.notna() & ~words.isin(given)]
        if len(unknown) and not messages.by_model:
            are = "is" if unknown.nunique() == 1 else "are"
            messages.fault(
                f"holds {_shown(unknown)}, which {are} not among its levels {', '.join(given)}; "
                "add them in their order, or correct the table"
            )
        return _Read(words, given)
    place_of = places(sorted(set(words.dropna())))
    cure = (
        f'give the levels from the lowest to the highest, types = {{ "{column.name}" = '
        '["lowest", …, "highest"] }, or declare it categorical'
    )
    if place_of is None:
        shown = _shown(words.dropna())
        messages.fault(f"is ordinal, but the order of {shown} is not known; {cure}")
    elif len(set(place_of.values())) < len(place_of):
        all_places = pd.Series(place_of)
        same = all_places[all_places.duplicated(keep=False)].index
        messages.fault(
            f"is ordinal, but {examples(map(repr, same))} share a place in its order; write them "
            f"alike, or {cure}"
        )
    return _Read(words)


def _dates(column: pd.Series, given: tuple[str, ...] | None, messages: _Messages) -> _Read:
    """A column of dates."""
    known = column.dropna().map(str)
    short = int(known.map(has_short_year).sum())
    if short:
        messages.fault(
            f"holds {counted(short, 'date')} whose year has two digits, without a century; write "
            "them as 1964-01-31"
        )
        return _Read(column, ())
    order = date_order(known) if given is None else next(iter(given), None)
    if order in ("", "both"):
        problem = "could have the day or the month first" if order == "" else "mix both orders"
        messages.fault(f"holds dates like 03/04/2020 that {problem}; write them as 2020-01-31")
        return _Read(column, ())
    points = stamps(column, order)
    bad = int((column.notna() & points.isna()).sum())
    if bad:
        before = f", the {order} as in training" if given and order else ""
        messages.fault(
            f"is a date, but {counted(bad, 'value is', 'values are')} none{before}; write them as "
            f'2020-01-31, or declare types = {{ "{column.name}" = "categorical" }}'
        )
    return _Read(written(points), (order,) if order else ())


_READ = {
    "numeric": _numbers,
    "categorical": _categories,
    "ordinal": _ordinal,
    "date": _dates,
}


def _shown(cells: pd.Series) -> str:
    """A few of the distinct cells, in quotes."""
    return examples(dict.fromkeys(cells.map(repr)))
