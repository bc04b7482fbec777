"""Patients' records as numbers: typed columns, their levels, and a flag for missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from graphfuse.data.records.dates import date_order, days
from graphfuse.data.records.ordinal_scales import in_order
from graphfuse.errors import InputError, examples
from graphfuse.text.cell_words import as_word
from graphfuse.text.parse_numbers import numbers


class TypedColumn(NamedTuple):
    """One column of records as it was fitted.

    `kind`: numeric | categorical | ordinal | date. `levels`: the words of the training patients, an
    ordinal's in their order; of dates, whether the day or the month comes first. `flagged`: whether
    another column says for whom it is missing.
    """

    name: str
    kind: str
    levels: tuple[str, ...]
    flagged: bool


class ColumnPart(NamedTuple):
    """What one number of a column stands for.

    `column`: the position of the input column. `kind`: `value`, `level` (whether a category has the
    word `level`), or `flag` (whether the value is missing).
    """

    column: int
    kind: str = "value"
    level: str = ""


@dataclass(frozen=True)
class TypedColumns:
    """Encodes columns of records as numbers: numeric ones as they are, ordinal ones by the rank of
    the level, categories one-hot, with a flag for missing.

    Parameters
    ----------
    columns : tuple of TypedColumn
        One per input column; levels are those of the training patients.
    """

    columns: tuple[TypedColumn, ...]

    @classmethod
    def fit(
        cls,
        table: pd.DataFrame,
        types: Mapping[str, str],
        levels: Mapping[str, tuple[str, ...]] | None = None,
    ) -> TypedColumns:
        """Fits the encoding on training patients.

        Parameters
        ----------
        table
            Their records `[n, C]`.
        types
            Column → its type; by default numeric where pandas says so, else categorical.
        levels
            Column → the order of an ordinal's levels, or of a date's parts, where it is given.

        Raises
        ------
        InputError
            For an ordinal column whose order is neither given nor known.
        """
        columns = []
        for name in table.columns:
            by_dtype = "numeric" if pd.api.types.is_numeric_dtype(table[name]) else "categorical"
            kind = types.get(name, by_dtype)
            known = table[name].dropna()
            given = (levels or {}).get(name)
            is_flagged = len(known) < len(table)
            columns.append(TypedColumn(name, kind, _levels(known, kind, given), is_flagged))
        return cls(tuple(columns))

    def apply(self, table: pd.DataFrame) -> np.ndarray:
        """float64 `[N, F']`: each column's numbers, NaN where missing or unreadable."""
        blocks = []
        for column in self.columns:
            blocks += _blocks(table[column[0]], TypedColumn(*column))
        return np.column_stack(blocks)

    def unknown(self, table: pd.DataFrame) -> dict[str, int]:
        """Column → the number of these patients whose value there was not seen in training or
        cannot be read, where there are any."""
        counts = {}
        for column in self.columns:
            unflagged = TypedColumn(*column)._replace(flagged=False)
            values = table[unflagged.name]
            blocks = _blocks(values, unflagged)
            if unflagged.kind == "categorical":
                is_lost = ~np.any(blocks, axis=0)
            else:
                is_lost = np.isnan(blocks[0])
            count = int((values.notna().to_numpy() & is_lost).sum())
            if count:
                counts[unflagged.name] = count
        return counts

    def state(self) -> list[dict]:
        """Each column as JSON, from which `from_state` rebuilds them."""
        return [TypedColumn(*column)._asdict() for column in self.columns]

    @classmethod
    def from_state(cls, columns: Sequence[Mapping]) -> TypedColumns:
        """Restores the encoding from `state`."""
        restored = [TypedColumn(**column) for column in columns]
        return cls(tuple(each._replace(levels=tuple(each.levels)) for each in restored))

    @property
    def kinds(self) -> dict[str, str]:
        """Each column's type."""
        return {column[0]: column[1] for column in self.columns}

    @property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Each column's levels."""
        return {column[0]: tuple(column[2]) for column in self.columns}

    @property
    def owners(self) -> np.ndarray:
        """int `[F']`: input column of each output column."""
        return np.array([part.column for part in self.parts], dtype=int)

    @property
    def parts(self) -> list[ColumnPart]:
        """What each of the F' output columns stands for."""
        parts = []
        for position, column in enumerate(self.columns):
            parts += _parts(position, TypedColumn(*column))
        return parts


class Trained(Protocol):
    """A trained model, which knows the types of records' columns (a `FusionModel`)."""

    @property
    def record_types(self) -> Mapping[str, TypedColumns]:
        """Modality of records → its columns as they were fitted."""


def _parts(position: int, column: TypedColumn) -> list[ColumnPart]:
    """What the output columns of the input column at this position stand for, as `_blocks` orders
    them."""
    if column.kind == "categorical":
        parts = [ColumnPart(position, "level", level) for level in column.levels]
    else:
        parts = [ColumnPart(position)]
    if column.flagged:
        parts.append(ColumnPart(position, "flag"))
    return parts


def _blocks(values: pd.Series, column: TypedColumn) -> list[np.ndarray]:
    """The output columns of one input column, each float `[N]`."""
    missing = values.isna().to_numpy()
    if column.kind == "numeric":
        blocks = [numbers(values).to_numpy(float)]
    elif column.kind == "date":
        order = column.levels[0] if column.levels else None
        blocks = [days(values, order)]
    else:
        words = values.where(~missing).map(as_word, na_action="ignore")
        level_of = pd.Categorical(words, categories=list(column.levels)).codes  # -1: unknown
        if column.kind == "ordinal":
            blocks = [np.where(level_of < 0, np.nan, level_of).astype(float)]
        else:
            blocks = [(level_of == level).astype(float) for level in range(len(column.levels))]
    if column.flagged:
        blocks.append(missing.astype(float))
    return blocks


def _levels(known: pd.Series, kind: str, given: tuple[str, ...] | None) -> tuple[str, ...]:
    """A column's levels among training patients, in the order given or known; categories that are
    numbers in numeric order, words alphabetically.

    For dates, whether the day or the month comes first, so that every date is then read by itself.
    """
    if kind == "numeric":
        return ()
    if kind == "date":
        return _date_parts(known) if given is None else tuple(given)
    words = sorted(set(known.map(as_word)))
    if kind == "ordinal":
        return _ordered(words, known.name, given)
    value = numbers(pd.Series(words, dtype=object))
    if value.isna().any():
        return tuple(words)
    return tuple(words[at] for at in np.argsort(value, kind="stable"))


def _ordered(words: list[str], name: str, given: tuple[str, ...] | None) -> tuple[str, ...]:
    """The levels of an ordinal column in their order; raises `InputError` where it is unknown."""
    order = in_order(words) if given is None else [word for word in given if word in words]
    if order is None:
        raise InputError(
            f"column {name!r} is ordinal, but the order of {examples(words)} is not known: give "
            "the levels from the lowest to the highest in place of the word ordinal, or call it "
            "categorical"
        )
    return tuple(order)


def _date_parts(known: pd.Series) -> tuple[str, ...]:
    """Whether the day or the month comes first, where dates end with the year; raises `InputError`
    where training dates do not show it."""
    order = date_order(known.map(str))
    if order is None:
        return ()
    if order in ("", "both"):
        raise InputError(
            f"column {known.name!r}: dates do not say whether the day or the month comes first; "
            "write them as 2020-01-31"
        )
    return (order,)
