"""Steps that learn from training patients and apply to anyone: typed columns, impute, scale,
select.

Every step is a frozen value with `fit(table, codes)` → step and `apply(table)` → table, where a
table is a float64 array `[N, F]` with NaN for missing. A `Pipeline` chains them for one modality
and knows which input column each output came from. `state()` is arrays and JSON, so a fitted
pipeline is saved without pickle.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd

from graphfuse.data.ehr import as_word
from graphfuse.data.modality import Modality
from graphfuse.errors import InputError, counted

log = logging.getLogger(__name__)

_UNKNOWN = {
    "numeric": "that is no number; taken as missing",
    "date": "that is no date; taken as missing",
    "ordinal": "not seen in training; taken as missing",
    "categorical": "not seen in training; taken as none of those that were",
}
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


@dataclass(frozen=True, eq=False)
class Impute:
    """Missing values become the training median of their column (0 where a column was never
    seen)."""

    median: np.ndarray

    @classmethod
    def fit(cls, table: np.ndarray) -> Impute:
        if not np.isnan(table).any():
            return cls(np.median(table, axis=0) if len(table) else np.zeros(table.shape[1]))
        seen = ~np.isnan(table).all(axis=0)
        median = np.zeros(table.shape[1])
        median[seen] = np.nanmedian(table[:, seen], axis=0)
        return cls(median)

    def apply(self, table: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(table), self.median, table)


@dataclass(frozen=True, eq=False)
class Scale:
    """Zero mean over training patients, and there a standard deviation of 1, or a range (largest
    less smallest) of 1, after which a column with outliers says less; a column constant there
    becomes 0 everywhere."""

    mean: np.ndarray
    factor: np.ndarray

    @classmethod
    def fit(cls, table: np.ndarray, by: Literal["deviation", "range"] = "deviation") -> Scale:
        mean, sd = table.mean(axis=0), table.std(axis=0)
        constant = sd <= 1e-9 * np.maximum(1.0, np.abs(mean))
        width = np.ptp(table, axis=0) if by == "range" and len(table) else sd
        return cls(mean, np.where(constant, 0.0, 1 / np.where(constant, 1.0, width)))

    def apply(self, table: np.ndarray) -> np.ndarray:
        return (table - self.mean) * self.factor


@dataclass(frozen=True, eq=False)
class Select:
    """The `top` columns by one-way ANOVA F over the training labels; ties go by column name, never
    by column order."""

    keep: np.ndarray

    @classmethod
    def fit(
        cls, table: np.ndarray, codes: np.ndarray, names: Sequence[str], top: int | None
    ) -> Select:
        if top is None or top >= table.shape[1]:
            return cls(np.arange(table.shape[1]))
        order = np.lexsort((np.asarray(names, dtype=str), -anova_f(table, codes)))
        return cls(np.sort(order[:top]))

    def apply(self, table: np.ndarray) -> np.ndarray:
        return table[:, self.keep]


def anova_f(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """One-way ANOVA F statistic of every column `[F]` over class codes `[N]` (-1 = unlabelled, left
    out)."""
    table, codes = table[codes >= 0], codes[codes >= 0]
    groups = [table[codes == c] for c in np.unique(codes)]
    between = sum(len(g) * (g.mean(0) - table.mean(0)) ** 2 for g in groups) / max(
        len(groups) - 1, 1
    )
    within = sum(((g - g.mean(0)) ** 2).sum(0) for g in groups) / max(len(table) - len(groups), 1)
    parted = np.where(
        between > 1e-12, np.inf, 0.0
    )  # without spread in any class: a perfect marker, or a constant
    return np.divide(between, within, out=parted, where=within > 1e-12)


@dataclass(frozen=True, eq=False)
class Pipeline:
    """From a modality's table to standardised columns `[N, F]`, absent patients' rows zero.

    `columns`: the input columns in fitted order; `owners` int `[F]`: input column of each output
    column.
    """

    columns: tuple[str, ...]
    typed: TypedColumns | None
    impute: Impute
    scale: Scale
    select: Select
    owners: np.ndarray

    @classmethod
    def fit(
        cls, modality: Modality, codes: np.ndarray, top: int | None = None, scale: str = "deviation"
    ) -> Pipeline:
        """Fitted on the patients of `modality` who have it; `codes` `[N]` are their class codes,
        for selection; `scale` as in `Scale.fit`."""
        rows = modality.present
        table, names = modality.table[rows], np.asarray(modality.columns, dtype=str)
        typed = TypedColumns.fit(table, modality.types) if modality.kind == "ehr" else None
        values = typed.apply(table) if typed else table.to_numpy(float)
        owners = typed.owners if typed else np.arange(values.shape[1])
        impute = Impute.fit(values)
        values = impute.apply(values)
        scaled = Scale.fit(values, scale)
        select = Select.fit(values, codes[rows], names[owners], top)
        return cls(tuple(modality.columns), typed, impute, scaled, select, owners[select.keep])

    def apply(self, modality: Modality, least: float = 0.5) -> np.ndarray:
        """float64 `[N, F]`. Raises `InputError` where less than `least` of the fitted columns are
        there."""
        table = modality.table
        if tuple(table.columns) != self.columns:
            there = table.columns.intersection(pd.Index(self.columns))
            if len(there) < least * len(self.columns):
                raise InputError(
                    f"modality {modality.name!r}: {len(there):,} of the "
                    f"{len(self.columns):,} columns that the model was "
                    f"fitted on are there; at least {least:.0%} are needed. Rename columns "
                    "as in training"
                )
            if len(there) < len(self.columns):
                log.warning(
                    
                        "modality %r: %s of the %s columns of the model are there; the others "
                        "are taken at their training median"
                    ,
                    modality.name, len(there), len(self.columns),
                )  # fmt: skip
            table = table.reindex(columns=list(self.columns))
        values = self.typed.apply(table) if self.typed else table.to_numpy(float)
        values = self.select.apply(self.scale.apply(self.impute.apply(values)))
        values[~self.present(modality)] = 0.0
        return values

    def present(self, modality: Modality) -> np.ndarray:
        """bool `[N]`: patients with a value in any fitted column; values elsewhere cannot be used,
        so they do not count."""
        return modality.table.reindex(columns=list(self.columns)).notna().any(axis=1).to_numpy()

    def unknown(self, modality: Modality) -> list[str]:
        """What to tell of records that the model can make nothing of: column, how many patients,
        what is taken in their place. Counts alone: neither ids nor values."""
        if self.typed is None:
            return []
        kinds = {name: kind for name, kind, *_ in self.typed.columns}
        counts = self.typed.unknown(modality.table.reindex(columns=list(self.columns)))
        return [
            (
                f"{modality.name}, {name}: {counted(count, 'patient has', 'patients have')} a "
                f"value {_UNKNOWN[kinds[name]]}"
            )
            for name, count in counts.items()
        ]

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Arrays and JSON from which `from_state` rebuilds the pipeline."""
        arrays = {
            "median": self.impute.median, "mean": self.scale.mean, "factor": self.scale.factor,
            "keep": self.select.keep, "owners": self.owners,
        }  # fmt: skip
        return arrays, {
            "columns": self.columns,
            "typed": None if self.typed is None else asdict(self.typed)["columns"],
        }

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], described: dict) -> Pipeline:
        typed = described["typed"]
        if typed is not None:
            typed = TypedColumns(
                tuple((name, kind, tuple(levels), flag) for name, kind, levels, flag in typed)
            )
        return cls(
            tuple(described["columns"]),
            typed,
            Impute(arrays["median"]),
            Scale(arrays["mean"], arrays["factor"]),
            Select(arrays["keep"]),
            arrays["owners"],
        )


def unknown_values(
    pipelines: Mapping[str, Pipeline], modalities: Mapping[str, Modality]
) -> list[str]:
    """`Pipeline.unknown` of every modality that these patients have: what to tell before a model
    scores them."""
    return [
        said
        for name, pipeline in pipelines.items()
        if name in modalities
        for said in pipeline.unknown(modalities[name])
    ]
