"""Patients' records as numbers: typed columns, their levels, and a flag for missing."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.ehr import as_word

log = logging.getLogger(__name__)

_DAY_FIRST = re.compile(r"^(1[3-9]|2\d|3[01])[/.-]")


@dataclass(frozen=True)
class TypedColumns:
    """EHR columns as numbers: numeric as is, ordinal as rank of its level, categories one-hot, a
    flag for missing.

    `columns`: (name, type, levels, flagged) per input column; levels are those of the training
    patients (`_levels`).
    """

    columns: tuple[tuple[str, str, tuple[str, ...], bool], ...]

    @classmethod
    def fit(cls, table: pd.DataFrame, types: dict[str, str]) -> TypedColumns:
        columns = []
        for name in table.columns:
            kind = types.get(
                name, "numeric" if pd.api.types.is_numeric_dtype(table[name]) else "categorical"
            )
            known = table[name].dropna()
            columns.append((name, kind, _levels(known, kind), len(known) < len(table)))
        return cls(tuple(columns))

    def apply(self, table: pd.DataFrame) -> np.ndarray:
        return np.column_stack(
            [block for column in self.columns for block in self._blocks(table[column[0]], column)]
        )

    def unknown(self, table: pd.DataFrame) -> dict[str, int]:
        """Column → how many of these patients have a value there that the fit makes nothing of,
        where any have."""
        found = {}
        for column in self.columns:
            values, kind = table[column[0]], column[1]
            read = self._blocks(values, (*column[:3], False))
            lost = ~np.any(read, axis=0) if kind == "categorical" else np.isnan(read[0])
            found[column[0]] = int((values.notna().to_numpy() & lost).sum())
        return {name: count for name, count in found.items() if count}

    @property
    def owners(self) -> np.ndarray:
        """int `[F']`: input column of each output column."""
        widths = [self._width(column) for column in self.columns]
        return np.repeat(np.arange(len(widths)), widths)

    @staticmethod
    def _width(column) -> int:
        _, kind, levels, flagged = column
        return (len(levels) if kind == "categorical" else 1) + flagged

    @staticmethod
    def _blocks(values: pd.Series, column) -> list[np.ndarray]:
        _, kind, levels, flagged = column
        missing = values.isna().to_numpy()
        if kind == "numeric":
            blocks = [pd.to_numeric(values, errors="coerce").to_numpy(float)]
        elif kind == "date":
            days = pd.to_datetime(
                values, errors="coerce", format="mixed", dayfirst=bool(levels), utc=True
            )
            blocks = [
                ((days - pd.Timestamp("2000-01-01", tz="UTC")) / pd.Timedelta(days=1)).to_numpy(
                    float
                )
            ]
        else:
            codes = pd.Categorical(
                values.where(~missing).map(as_word, na_action="ignore"), categories=levels
            ).codes
            if kind == "ordinal":
                blocks = [np.where(codes < 0, np.nan, codes).astype(float)]
            else:
                blocks = [(codes == level).astype(float) for level in range(len(levels))]
        return blocks + ([missing.astype(float)] if flagged else [])


def _levels(known: pd.Series, kind: str) -> tuple[str, ...]:
    """A column's levels among training patients, numbers in the order of numbers. For dates, ("day
    first",) where a training date can only be read so: every date is then read alone, and no
    patient's date depends on who else is in the batch."""
    if kind == "numeric":
        return ()
    words = sorted(set(known.map(as_word)))
    if kind == "date":
        return ("day first",) if any(_DAY_FIRST.match(word) for word in words) else ()
    value = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce")
    return tuple(
        words if value.isna().any() else [words[i] for i in np.argsort(value, kind="stable")]
    )
