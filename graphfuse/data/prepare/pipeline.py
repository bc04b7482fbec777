"""From a modality's table to the columns that models see, fitted on training patients.

A `Pipeline` is a tuple of steps, for records after their columns were typed. It knows which input
column each output came from. `state()` is arrays and JSON, so that it is saved without pickle.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.modality import Modality
from graphfuse.data.prepare.fitted_steps import (
    LARGEST,
    applied,
    fit_steps,
    left_missing,
    owners_of,
    restored_step,
    sources_of,
)
from graphfuse.data.prepare.step import Context, Step, step
from graphfuse.data.records.encode import TypedColumns
from graphfuse.data.steps.impute import Impute
from graphfuse.errors import Faults, InputError, counted, few_counted
from graphfuse.files.arrays import PLACES, Array, check_shapes
from graphfuse.schema.prepare import USUAL_STEPS, PrepareSection, StepSpec
from graphfuse.task.outcome import Learned

log = logging.getLogger(__name__)

ABSURD = 1e9  # training standard deviations

_UNKNOWN = {
    "numeric": "that is no number; taken as missing",
    "date": "that is no date; taken as missing",
    "ordinal": "not seen in training; taken as missing",
    "categorical": "not seen in training; taken as none of those that were",
}


@dataclass(frozen=True, eq=False)
class Pipeline:
    """From a modality's table to columns `[N, F]` for models, absent patients' rows zero.

    `columns`: the input columns in fitted order; `typed`: of records, how they become numbers;
    `names` and `steps`: what the numbers go through; `sources` int `[F]`: the number, before the
    first step, that each output column came from; `owners` int `[F]`: its input column.
    """

    columns: tuple[str, ...]
    typed: TypedColumns | None
    names: tuple[str, ...]
    steps: tuple[Step, ...]
    sources: np.ndarray
    owners: np.ndarray

    @classmethod
    def fit(
        cls,
        modality: Modality,
        learned: Learned,
        steps: Sequence[StepSpec] = PrepareSection().of(),
        groups: Mapping[str, np.ndarray] | None = None,
    ) -> Pipeline:
        """Fitted on the patients of `modality` who have it.

        Parameters
        ----------
        modality : Modality
            Of n training patients.
        learned : Learned
            What is learned of them.
        steps : sequence of StepSpec
            What the numbers go through.
        groups : mapping of str to array `[n]`, optional
            Their groups.

        Raises
        ------
        InputError
            Where values are no measurements, or a step leaves values missing.
        """
        rows = modality.present
        table = modality.table[rows]
        typed = None
        if modality.kind == "ehr":
            typed = TypedColumns.fit(table, modality.types, modality.levels)
        numbers = typed.apply(table) if typed else table.to_numpy(float)
        made_of = typed.owners if typed else np.arange(numbers.shape[1])
        _refuse_fillers(modality.name, numbers)
        names = np.asarray(modality.columns, dtype=str)[made_of]
        groups = groups or {}
        known = {name: np.asarray(values)[rows] for name, values in groups.items()}
        about = (modality.name, modality.kind, table.index, names, known, learned.take(rows))
        fitted = fit_steps(steps, numbers, Context(*about))
        sources = sources_of(fitted, len(made_of))
        called = tuple(spec.step for spec in steps)
        return cls(tuple(modality.columns), typed, called, fitted, sources, made_of[sources])

    def apply(self, modality: Modality, least: float = 0.5) -> np.ndarray:
        """float64 `[N, F]`. Raises `InputError` where less than `least` of the fitted columns are
        there, and where a step leaves values missing."""
        numbers = self._numbers(self._in_fitted_order(modality, least))
        values = self._through(numbers)
        values[~self.present(modality)] = 0.0
        self._refuse_missing(modality.name, numbers, values)
        return values

    def _refuse_missing(self, name: str, numbers: np.ndarray, values: np.ndarray) -> None:
        """Raises `InputError` where values are NaN and the numbers behind them are measurements;
        `overflowing` is for the others."""
        lost = np.isnan(values).any(axis=1)
        if lost.any():
            lost &= ~(np.abs(numbers) > LARGEST).any(axis=1)
        if lost.any():
            raise InputError(left_missing(name, self.names, self.steps, numbers[lost]))

    def _through(self, numbers: np.ndarray) -> np.ndarray:
        """What the steps make of numbers `[N, G]`, a table of its own."""
        values = numbers
        with np.errstate(over="ignore", invalid="ignore"):
            for name, made in zip(self.names, self.steps, strict=True):
                values = applied(name, made, values)
        return values.copy() if np.may_share_memory(values, numbers) else values

    def _numbers(self, table: pd.DataFrame) -> np.ndarray:
        return self.typed.apply(table) if self.typed else table.to_numpy(dtype=float)

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
                "modality %r: %s of the %s columns of the model are there; the others count as "
                "missing",
                modality.name,
                len(there),
                len(self.columns),
            )
        return table.reindex(columns=list(self.columns))

    def numbers(self, modality: Modality) -> np.ndarray:
        """float64 `[N, G]`: the numbers before the first step, NaN where missing."""
        return self._numbers(modality.table.reindex(columns=list(self.columns)))

    def standardise(self, numbers: np.ndarray) -> np.ndarray:
        """What the steps make of `numbers` `[N, G]`, as columns `[N, F]`: NaN where the number that
        a column came from is missing, none beyond `ABSURD`."""
        columns = np.clip(self._through(numbers), -ABSURD, ABSURD)
        columns[np.isnan(numbers[:, self.sources])] = np.nan
        return columns

    @property
    def medians(self) -> np.ndarray | None:
        """float64 `[G]`: training medians of the numbers before the first step, where that is the
        imputer and so keeps them."""
        first = self.steps[0]
        return first.median if isinstance(first, Impute) else None

    def overflowing(self, values: np.ndarray) -> int:
        """How many columns of `apply`'s output hold a size that no measurement has."""
        sane = np.isfinite(values) & (np.abs(values) < ABSURD)
        return int((~sane).any(axis=0).sum())

    def present(self, modality: Modality) -> np.ndarray:
        """bool `[N]`: patients with a value in any fitted column; values elsewhere cannot be used,
        so they do not count."""
        table = modality.table.reindex(columns=list(self.columns))
        return table.notna().any(axis=1).to_numpy()

    def unknown(self, modality: Modality) -> list[str]:
        """What to tell of records that the model can make nothing of: column, how many patients,
        what is taken in their place. Counts alone: neither ids nor values."""
        if self.typed is None:
            return []
        kinds = {name: kind for name, kind, *_ in self.typed.columns}
        table = modality.table.reindex(columns=list(self.columns))
        notices = []
        for name, count in self.typed.unknown(table).items():
            who = few_counted(count, "patient has", "patients have")
            notices.append(f"{modality.name}, {name}: {who} a value {_UNKNOWN[kinds[name]]}")
        return notices

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Arrays and JSON from which `from_state` rebuilds the pipeline."""
        arrays, saved = {}, []
        for place, (name, made) in enumerate(zip(self.names, self.steps, strict=True)):
            own, about = made.state()
            start = _start(self.names, place)
            arrays |= {f"{start}{key}": value for key, value in own.items()}
            saved.append({"step": name, "about": about})
        described = {
            "columns": self.columns,
            "typed": None if self.typed is None else self.typed.state(),
            "steps": None if self.names == USUAL_STEPS else saved,
        }
        return arrays | {"owners": self.owners}, described

    @classmethod
    def from_state(cls, arrays: Mapping[str, np.ndarray], described: Mapping) -> Pipeline:
        """The pipeline of `state`'s arrays and JSON. Raises `ValueError` where they do not go
        together."""
        typed = described["typed"]
        typed = None if typed is None else TypedColumns.from_state(typed)
        made_of = np.arange(len(described["columns"])) if typed is None else typed.owners
        saved = described.get("steps") or [{"step": name, "about": {}} for name in USUAL_STEPS]
        names, width = tuple(each["step"] for each in saved), len(made_of)
        steps: list[Step] = []
        for place, each in enumerate(saved):
            start = _start(names, place)
            name, about = each["step"], each["about"]
            steps.append(restored_step(step(name), name, arrays, start, about, width))
            width = len(owners_of(name, steps[-1], width))
        sources = sources_of(steps, len(made_of))
        check_shapes(arrays, {"owners": Array(PLACES, ("kept",))}, {"kept": width})
        if not np.array_equal(made_of[sources], arrays["owners"]):
            raise ValueError("owners: not the columns that are kept")
        columns = tuple(described["columns"])
        return cls(columns, typed, names, tuple(steps), sources, arrays["owners"])


def _start(names: tuple[str, ...], place: int) -> str:
    """What the names of a step's arrays begin with; those of the usual steps stand alone."""
    return "" if names == USUAL_STEPS else f"steps/{place}/"


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
