"""`Pipeline`: from a modality's table to the columns that models see, fitted on training patients.

A pipeline is a sequence of steps; in records, columns are encoded as numbers first. It records the
input column of each output column. `state()` gives arrays and JSON, so that it is saved without
pickle.
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
from graphfuse.data.records.encode import ColumnPart, TypedColumns
from graphfuse.data.steps.impute import Impute
from graphfuse.errors import Faults, InputError, counted, few_counted
from graphfuse.files.array_rules import PLACES, Array, check_shapes
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
    """From a modality's table to columns `[N, F]` for models; rows of absent patients are zero.

    Parameters
    ----------
    columns : tuple of str
        The input columns in fitted order.
    typed : TypedColumns or None
        Of records, how they become numbers `[N, G]`.
    names, steps : tuple
        The names of the steps, and the fitted steps.
    sources : int array `[F]`
        The number, of G before the first step, that each output column came from.
    owners : int array `[F]`
        The input column of each output column.
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
            Their target.
        steps : sequence of StepSpec
            The steps in their order.
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
        groups = {name: np.asarray(values)[rows] for name, values in (groups or {}).items()}
        learned = learned.take(rows)
        context = Context(modality.name, modality.kind, table.index, names, groups, learned)
        fitted = fit_steps(steps, numbers, context)
        sources = sources_of(fitted, len(made_of))
        owners = made_of[sources]
        step_names = tuple(spec.step for spec in steps)
        return cls(tuple(modality.columns), typed, step_names, fitted, sources, owners)

    def apply(self, modality: Modality, least: float = 0.5) -> np.ndarray:
        """The columns that models see.

        Parameters
        ----------
        modality : Modality
            Of N patients, trained on or new.
        least : float
            The share of the fitted columns that must be there.

        Returns
        -------
        float64 array `[N, F]`

        Raises
        ------
        InputError
            Where too few columns are there, or a step leaves values missing.
        """
        numbers = self._numbers(self._in_fitted_order(modality, least))
        values = self._through(numbers)
        values[~self.present(modality)] = 0.0
        self._refuse_missing(modality.name, numbers, values)
        return values

    def _refuse_missing(self, name: str, numbers: np.ndarray, values: np.ndarray) -> None:
        """Raises `InputError` where values are NaN though the numbers behind them are measurements;
        `overflowing` reports the others."""
        lost = np.isnan(values).any(axis=1)
        if lost.any():
            is_huge = (np.abs(numbers) > LARGEST).any(axis=1)
            lost &= ~is_huge
        if lost.any():
            raise InputError(left_missing(name, self.names, self.steps, numbers[lost]))

    def _through(self, numbers: np.ndarray) -> np.ndarray:
        """The result of all steps on numbers `[N, G]`, in memory of its own."""
        values = numbers
        with np.errstate(over="ignore", invalid="ignore"):
            for name, made in zip(self.names, self.steps, strict=True):
                values = applied(name, made, values)
        return values.copy() if np.may_share_memory(values, numbers) else values

    def _numbers(self, table: pd.DataFrame) -> np.ndarray:
        """float64 `[N, G]` of a table with the fitted columns."""
        return self.typed.apply(table) if self.typed else table.to_numpy(dtype=float)

    def _in_fitted_order(self, modality: Modality, least: float) -> pd.DataFrame:
        """The modality's table with the fitted columns, those that it lacks missing."""
        table = modality.table
        if tuple(table.columns) == self.columns:
            return table
        there = len(table.columns.intersection(pd.Index(self.columns)))
        wanted = len(self.columns)
        if there < least * wanted:
            raise InputError(
                f"modality {modality.name!r}: {there:,} of the {wanted:,} columns that the model "
                f"was fitted on are there; at least {least:.0%} are needed. Rename columns as in "
                "training"
            )
        if there < wanted:
            log.warning(
                "modality %r: %s of the %s columns of the model are there; the others count as "
                "missing",
                modality.name,
                there,
                wanted,
            )
        return table.reindex(columns=list(self.columns))

    def numbers(self, modality: Modality) -> np.ndarray:
        """float64 `[N, G]`: the numbers before the first step, NaN where missing."""
        return self._numbers(modality.table.reindex(columns=list(self.columns)))

    def standardise(self, numbers: np.ndarray) -> np.ndarray:
        """The result of all steps on `numbers` `[N, G]` as columns `[N, F]`: NaN where the number
        that a column came from is missing, none beyond `ABSURD`."""
        columns = np.clip(self._through(numbers), -ABSURD, ABSURD)
        is_missing = np.isnan(numbers[:, self.sources])
        columns[is_missing] = np.nan
        return columns

    @property
    def parts(self) -> list[ColumnPart]:
        """What each of the F output columns stands for: a value, a level of a category, or whether
        a value is missing."""
        if self.typed is None:
            return [ColumnPart(int(column)) for column in self.owners]
        parts = self.typed.parts
        return [parts[source] for source in self.sources]

    @property
    def medians(self) -> np.ndarray | None:
        """float64 `[G]`: training medians of the numbers before the first step, where that is the
        imputer, which keeps them; else None."""
        first = self.steps[0]
        return first.median if isinstance(first, Impute) else None

    def overflowing(self, values: np.ndarray) -> int:
        """The number of columns of `apply`'s output with values that cannot be measurements."""
        is_sane = np.isfinite(values) & (np.abs(values) < ABSURD)
        return int((~is_sane).any(axis=0).sum())

    def present(self, modality: Modality) -> np.ndarray:
        """bool `[N]`: patients with a value in any fitted column; other columns do not count."""
        if tuple(modality.table.columns) == self.columns:
            return modality.present
        table = modality.table.reindex(columns=list(self.columns))
        return table.notna().any(axis=1).to_numpy()

    def unknown(self, modality: Modality) -> list[str]:
        """Notices of values in records that the model does not know: the column, the number of
        patients, and what replaces the value. They show neither ids nor values."""
        if self.typed is None:
            return []
        kinds = self.typed.kinds
        table = modality.table.reindex(columns=list(self.columns))
        notices = []
        for name, count in self.typed.unknown(table).items():
            who = few_counted(count, "patient has", "patients have")
            reason = _UNKNOWN[kinds[name]]
            notices.append(f"{modality.name}, {name}: {who} a value {reason}")
        return notices

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Arrays and JSON from which `from_state` rebuilds the pipeline."""
        arrays, saved = {}, []
        for position, name in enumerate(self.names):
            own, about = self.steps[position].state()
            start = _start(self.names, position)
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
        """Restores a pipeline from `state`'s arrays and JSON. Raises `ValueError` where they do not
        go together."""
        columns = tuple(described["columns"])
        typed, made_of = None, np.arange(len(columns))
        if described["typed"] is not None:
            typed = TypedColumns.from_state(described["typed"])
            made_of = typed.owners
        saved = described.get("steps") or [{"step": name, "about": {}} for name in USUAL_STEPS]
        names = tuple(each["step"] for each in saved)
        steps = _restored_steps(saved, arrays, len(made_of))
        sources = sources_of(steps, len(made_of))
        check_shapes(arrays, {"owners": Array(PLACES, ("kept",))}, {"kept": len(sources)})
        if not np.array_equal(made_of[sources], arrays["owners"]):
            raise ValueError("owners: not the columns that are kept")
        return cls(columns, typed, names, tuple(steps), sources, arrays["owners"])


def _restored_steps(
    saved: Sequence[Mapping], arrays: Mapping[str, np.ndarray], width: int
) -> list[Step]:
    """The steps of a saved pipeline that gets so many columns."""
    names = tuple(each["step"] for each in saved)
    steps: list[Step] = []
    for position, each in enumerate(saved):
        name, start = names[position], _start(names, position)
        made = restored_step(step(name), name, arrays, start, each["about"], width)
        steps.append(made)
        width = len(owners_of(name, made, width))
    return steps


def _start(names: tuple[str, ...], position: int) -> str:
    """The beginning of the names of a step's arrays; the usual steps' have none."""
    return "" if names == USUAL_STEPS else f"steps/{position}/"


def _refuse_fillers(name: str, values: np.ndarray) -> None:
    """Raises `InputError` where training values are too large to be measurements."""
    sizes = np.abs(np.nan_to_num(values, nan=0.0, posinf=np.inf))
    is_filled = (sizes > LARGEST).any(axis=0)
    if is_filled.any():
        count = counted(int(is_filled.sum()), "column holds", "columns hold")
        raise InputError(
            f"modality {name!r}: {count} values beyond {LARGEST:.0e}, which stand for missing in "
            "some formats; make them blank"
        )


def unknown_values(
    pipelines: Mapping[str, Pipeline], modalities: Mapping[str, Modality]
) -> list[str]:
    """The notices of `Pipeline.unknown` for every modality of these patients, before a model scores
    them.

    Raises `InputError` where a column was read as another type than the model was trained with: its
    values may then mean something else.
    """
    notices = []
    for name, pipeline in pipelines.items():
        if name in modalities:
            _check_types(pipeline, modalities[name])
            notices += pipeline.unknown(modalities[name])
    return notices


def _check_types(pipeline: Pipeline, modality: Modality) -> None:
    """Raises `InputError` where columns have other types than those fitted."""
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
