"""From a modality's table to standardised columns, fitted on training patients.

A `Pipeline` chains typed columns, impute, scale and select for one modality, and knows which input
column each output came from. `state()` is arrays and JSON, so that it is saved without pickle.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.modality import Modality
from graphfuse.data.transform import Impute, Scale, Select
from graphfuse.data.typed_columns import TypedColumns
from graphfuse.errors import Faults, InputError, counted, few_counted

log = logging.getLogger(__name__)

ABSURD = 1e9  # training standard deviations
LARGEST = 1e37  # a tenth of what single precision holds; fillers for missing values lie above

_UNKNOWN = {
    "numeric": "that is no number; taken as missing",
    "date": "that is no date; taken as missing",
    "ordinal": "not seen in training; taken as missing",
    "categorical": "not seen in training; taken as none of those that were",
}


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
        typed = None
        if modality.kind == "ehr":
            typed = TypedColumns.fit(table, modality.types, modality.levels)
        values = typed.apply(table) if typed else table.to_numpy(float)
        owners = typed.owners if typed else np.arange(values.shape[1])
        _refuse_fillers(modality.name, values)
        impute = Impute.fit(values)
        values = impute.apply(values)
        scaled = Scale.fit(values, scale)
        select = Select.fit(values, codes[rows], names[owners], top)
        return cls(tuple(modality.columns), typed, impute, scaled, select, owners[select.keep])

    def apply(self, modality: Modality, least: float = 0.5) -> np.ndarray:
        """float64 `[N, F]`. Raises `InputError` where less than `least` of the fitted columns are
        there."""
        table = self._in_fitted_order(modality, least)
        values = self.typed.apply(table) if self.typed else table.to_numpy(float)
        with np.errstate(over="ignore", invalid="ignore"):  # `overflowing` refuses what comes of it
            values = self.select.apply(self.scale.apply(self.impute.apply(values)))
        values[~self.present(modality)] = 0.0
        return values

    def _in_fitted_order(self, modality: Modality, least: float) -> pd.DataFrame:
        """The modality's table with the fitted columns, those that it lacks missing."""
        table = modality.table
        if tuple(table.columns) == self.columns:
            return table
        there = table.columns.intersection(pd.Index(self.columns))
        if len(there) < least * len(self.columns):
            raise InputError(
                f"modality {modality.name!r}: {len(there):,} of the {len(self.columns):,} "
                "columns that the model was fitted on are there; at least "
                f"{least:.0%} are needed. Rename columns as in training"
            )
        if len(there) < len(self.columns):
            log.warning(
                "modality %r: %s of the %s columns of the model are there; the others are taken "
                "at their training median",
                modality.name,
                len(there),
                len(self.columns),
            )
        return table.reindex(columns=list(self.columns))

    def numbers(self, modality: Modality) -> np.ndarray:
        """float64 `[N, F]`: the numbers behind the output columns before anything is imputed or
        scaled, NaN where missing."""
        table = modality.table.reindex(columns=list(self.columns))
        values = self.typed.apply(table) if self.typed else table.to_numpy(dtype=float)
        return self.select.apply(values)

    def standardise(self, numbers: np.ndarray) -> np.ndarray:
        """`numbers` `[N, F]` standardised, missing ones still NaN, none beyond `ABSURD`."""
        keep = self.select.keep
        with np.errstate(over="ignore", invalid="ignore"):
            columns = (numbers - self.scale.mean[keep]) * self.scale.factor[keep]
        return np.clip(columns, -ABSURD, ABSURD)

    def overflowing(self, values: np.ndarray) -> int:
        """How many columns of `apply`'s output hold a size that no measurement has."""
        sane = np.isfinite(values) & (np.abs(values) < ABSURD)
        return int((~sane).any(axis=0).sum())

    @property
    def varying(self) -> int:
        """How many of the columns that it gives vary among the training patients."""
        return int(np.count_nonzero(self.scale.factor[self.select.keep]))

    @property
    def is_blank(self) -> bool:
        """Whether no column varies among the training patients, so that nothing can be learned."""
        return self.varying == 0

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
                f"{modality.name}, {name}: {few_counted(count, 'patient has', 'patients have')} a "
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
            "typed": None if self.typed is None else self.typed.state(),
        }

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], described: dict) -> Pipeline:
        typed = described["typed"]
        return cls(
            tuple(described["columns"]),
            None if typed is None else TypedColumns.from_state(typed),
            Impute(arrays["median"]),
            Scale(arrays["mean"], arrays["factor"]),
            Select(arrays["keep"]),
            arrays["owners"],
        )


def _refuse_fillers(name: str, values: np.ndarray) -> None:
    """Raises `InputError` where training values are too large to be measurements."""
    filled = (np.abs(np.nan_to_num(values, nan=0.0, posinf=np.inf)) > LARGEST).any(axis=0)
    if filled.any():
        raise InputError(
            f"modality {name!r}: {counted(int(filled.sum()), 'column holds', 'columns hold')} "
            f"values beyond {LARGEST:.0e}, which stand for missing in some formats; make them blank"
        )


def unknown_values(
    pipelines: Mapping[str, Pipeline], modalities: Mapping[str, Modality]
) -> list[str]:
    """`Pipeline.unknown` of every modality that these patients have: what to tell before a model
    scores them.

    Raises `InputError` where a column was read as another type than the model was trained with: its
    values may then mean something else.
    """
    told = []
    for name, pipeline in pipelines.items():
        if name in modalities:
            _check_types(pipeline, modalities[name])
            told += pipeline.unknown(modalities[name])
    return told


def _check_types(pipeline: Pipeline, modality: Modality) -> None:
    fitted = {} if pipeline.typed is None else pipeline.typed.kinds
    faults = Faults(f"modality {modality.name!r}")
    for column, kind in fitted.items():
        own = modality.types.get(column, kind)
        if own != kind and column in modality.table:
            faults.add(
                f"column {column!r} was read as {own}, and the model was trained with it as "
                f"{kind}; give predict or score the manifest, or load(manifest, like=model), which "
                "reads it as the model does"
            )
    faults.stop()
