"""Outcomes from columns of a table: a class, a survival time with its event, a number."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.class_labels import class_outcome
from graphfuse.data.events import read_events
from graphfuse.data.outcome import Outcome
from graphfuse.errors import InputError, counted, examples, few_counted
from graphfuse.schema import OutcomeSpec
from graphfuse.text.numbers import numbers, shapes
from graphfuse.text.words import cleaned

# Folds of cross-validation unless --cv says otherwise: each class needs a patient in every one.
FOLDS = 5


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
    labels = frame[spec.column].rename(name)
    found, notices = class_outcome(labels, frame.index, spec.labels, tuple(spec.derived_from))
    sizes = np.bincount(found.values[found.known], minlength=len(found.classes))
    few = [repr(name) for name, size in zip(found.classes, sizes, strict=True) if size < FOLDS]
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
    """Time is the first known of the columns; unknown where time ≤ 0 or the status is."""
    times = pd.DataFrame({column: _numeric(frame[column]) for column in spec.time})
    time = times.bfill(axis=1).iloc[:, 0]
    event, known, notices = read_events(frame[spec.event.column], spec.event.value)
    early = (time <= 0) & known
    if early.any():
        notices.append(
            f"{few_counted(early.sum(), 'patient has', 'patients have')} a time of 0 or less, "
            "which counts as unknown"
        )
    usable = time.where((time > 0) & known)
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
    derived = tuple(spec.derived_from)
    return Outcome(name, "survival", values, event=event, derived_from=derived), notices


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
    """Floats; raises `InputError` with examples where there is text, a bound or an infinity."""
    column = cleaned(column)
    shape = shapes(column)
    bad = column[~np.isin(shape, ("", "number", "infinite"))]
    if len(bad):
        raise InputError(
            f"column {column.name!r}: "
            f"{counted(len(bad), 'value is no number', 'values are no numbers')} "
            f"({examples(dict.fromkeys(bad.map(repr)))}); write numbers or leave blank"
        )
    values = numbers(column)
    if np.isinf(values).any():
        raise InputError(f"column {column.name!r} holds infinite values; make them missing")
    return values


_KINDS = {"class": _classes, "number": _number, "survival": _survival}
