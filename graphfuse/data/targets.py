"""Outcomes from columns of a table: a class, a survival time with its event, a number."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.cohort import class_outcome
from graphfuse.data.ehr import as_word
from graphfuse.data.outcome import Outcome
from graphfuse.errors import InputError, counted, examples
from graphfuse.schema import OutcomeSpec

FOLDS = (
    5  # of cross-validation, unless --cv says otherwise; each class needs a patient in every fold
)


def columns_of(spec: OutcomeSpec) -> list[str]:
    """The columns an outcome is read from."""
    named = [spec.column, *spec.time, spec.event.column if spec.event else None]
    return list(dict.fromkeys(column for column in named if column))


def outcome_from(
    frame: pd.DataFrame, spec: OutcomeSpec, name: str, patients: pd.Index
) -> tuple[Outcome, list[str]]:
    """The outcome over `patients`, and notices. Raises `InputError` where it cannot be predicted at
    all."""
    frame = frame.reindex(patients)
    outcome, notices = _KINDS[spec.kind](frame, spec, name)
    if not outcome.known.any():
        raise InputError(
            f"no patient of any modality has a value in {examples(columns_of(spec))}; check "
            "the ids and the column"
        )
    return outcome, notices


def _classes(frame: pd.DataFrame, spec: OutcomeSpec, name: str) -> tuple[Outcome, list[str]]:
    labels = frame[spec.column]
    if spec.labels:
        labels = labels.map(as_word, na_action="ignore").where(
            ~labels.isin(list(spec.labels)), labels
        )
    found = class_outcome(labels.rename(name), frame.index, spec.labels, tuple(spec.derived_from))
    sizes = np.bincount(found.values[found.known], minlength=len(found.classes))
    few = [repr(name) for name, size in zip(found.classes, sizes, strict=True) if size < FOLDS]
    notices = []
    if few:
        which = f"{'class' if len(few) == 1 else 'classes'} {examples(few)}"
        notices.append(
            f"{which}: fewer than {FOLDS} labelled patients, too few for the {FOLDS} folds "
            "that training takes by default; "
            "merge classes by labels = { … }, leave such labels blank, or take fewer folds (--cv)"
        )
    if len(found.classes) == 1:
        notices.append(
            f"all labelled patients are {found.classes[0]!r}; there is nothing to tell apart"
        )
    return found, notices


def _number(frame: pd.DataFrame, spec: OutcomeSpec, name: str) -> tuple[Outcome, list[str]]:
    values = _numeric(frame[spec.column]).to_numpy()
    return Outcome(name, "number", values, derived_from=tuple(spec.derived_from)), []


def _survival(frame: pd.DataFrame, spec: OutcomeSpec, name: str) -> tuple[Outcome, list[str]]:
    """Time is the first known of the columns; unknown where time ≤ 0 or the event's column is
    blank."""
    times = pd.DataFrame({column: _numeric(frame[column]) for column in spec.time})
    time = times.bfill(axis=1).iloc[:, 0]
    status = frame[spec.event.column].map(as_word, na_action="ignore")
    event = (status == as_word(spec.event.value)).to_numpy()
    if not event.any():
        values = sorted(set(status.dropna()))
        raise InputError(
            f"no patient has {spec.event.column} = {spec.event.value!r}: no events "
            f"(values: {examples(values, 5)}); correct event"
        )
    notices = []
    early = (time <= 0) & status.notna()
    if early.any():
        notices.append(
            f"{counted(early.sum(), 'patient has', 'patients have')} a time of 0 or less, "
            "which counts as unknown"
        )
    usable = time.where((time > 0) & status.notna())
    if not event[usable.notna()].any():
        raise InputError(
            f"no patient with an event has a time above 0 in {examples(spec.time)}; correct "
            "time or event"
        )
    notices += _flipped(times, event)
    if event[usable.notna()].all():
        notices.append(
            "every patient with a known time has the event: add a column with the time of "
            "last follow-up to time = […]"
        )
    values = usable.to_numpy(dtype=float)
    return Outcome(
        name, "survival", values, event=event, derived_from=tuple(spec.derived_from)
    ), notices


def _flipped(times: pd.DataFrame, event: np.ndarray) -> list[str]:
    """A notice where those with the first time (of death) are mostly those without the event."""
    first = times.iloc[:, 0].notna().to_numpy()
    if times.shape[1] < 2 or first.sum() < 5 or first.all() or event[first].mean() >= 0.5:
        return []
    return [
        (
            f"most patients with {times.columns[0]} have no event: is the event's value the "
            "wrong way round?"
        )
    ]


def _numeric(column: pd.Series) -> pd.Series:
    """Floats; raises `InputError` with examples where there is text."""
    values = pd.to_numeric(column, errors="coerce").astype(float)
    bad = column.notna() & values.isna()
    if bad.any():
        raise InputError(
            f"column {column.name!r}: "
            f"{counted(bad.sum(), 'value is no number', 'values are no numbers')} "
            f"({examples(dict.fromkeys(column[bad].map(repr)))}); write numbers or leave blank"
        )
    return values.replace([np.inf, -np.inf], np.nan)


_KINDS = {"class": _classes, "number": _number, "survival": _survival}
