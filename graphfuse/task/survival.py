"""The time until an event, such as death: how it is read and shown. No model learns it yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.errors import FEW, InputError, examples, few, few_counted
from graphfuse.task.kind_interface import Kind, beyond_all
from graphfuse.task.outcome import Outcome, Target
from graphfuse.text.event_words import read_events
from graphfuse.text.parse_numbers import plain_numbers


@dataclass(frozen=True)
class Survival(Kind):
    """The time to each patient's event, or to the end of follow-up where no event was seen."""

    kind = "survival"
    has_times = True

    @classmethod
    def lacking(cls, spec) -> str:
        if spec.time and spec.event is not None:
            return ""
        return "a survival outcome needs time = [column, …] and event = { column, value }"

    @classmethod
    def columns_read(cls, spec) -> list[str]:
        return list(dict.fromkeys([*spec.time, spec.event.column]))

    @classmethod
    def read(cls, frame: pd.DataFrame, spec, name: str) -> tuple[Outcome, list[str]]:
        """The outcome and notices; a time is the first known one of the columns.

        It is unknown where it is 0 or less, and where nobody knows whether the event was seen.
        """
        times = pd.DataFrame({column: plain_numbers(frame[column]) for column in spec.time})
        time = times.bfill(axis=1).iloc[:, 0]
        event, has_status, notices = read_events(frame[spec.event.column], spec.event.value)
        usable = time.where((time > 0) & has_status)
        event_of_usable = event[usable.notna()]
        if not event_of_usable.any():
            raise InputError(
                f"no patient with an event has a time above 0 in {examples(spec.time)}; correct "
                "time or event"
            )
        notices += _early_notice((time <= 0) & has_status)
        notices += _flipped_notice(times, event)
        if event_of_usable.all():
            notices.append(
                "every patient with a known time has the event: add a column with the time of "
                "last follow-up to time = […]"
            )
        values = usable.to_numpy(dtype=float)
        derived_from = tuple(spec.derived_from)
        return Outcome(name, cls.kind, values, event=event, derived_from=derived_from), notices

    def counted(self, target: Target) -> str:
        known, events = _counts(target)
        return f"{known} known, {events} events"

    def in_words(self, target: Target) -> str:
        known, events = _counts(target)
        # A total would tell a small number of events, or of patients without, by subtraction.
        has_few = min(events, known - events) in range(1, FEW)
        total = "some" if has_few else few(known)
        values = target.values[target.known]
        span = f"{values.min():.6g} to {values.max():.6g}"
        return f"survival, {total} known, {few_counted(events, 'event')}, {span}"

    def shown(self, target: Target) -> dict[str, np.ndarray]:
        event = np.where(target.known, target.event, None)
        return {"": target.values, "_event": pd.array(event, dtype="boolean")}

    def coloured(self, target: Target) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
        return {" (time)": (target.values, ()), " (event)": self.categories(target)}

    def categories(self, target: Target) -> tuple[np.ndarray, tuple[str, ...]]:
        codes = np.where(target.known, target.event, -1).astype(int)
        return codes, ("no event", "event")

    def altered(self, target: Target, rows: np.ndarray, rng: np.random.Generator) -> tuple:
        event = target.event.copy()
        event[rows] = ~event[rows]
        return beyond_all(target.values, rows, rng), event


def _counts(target: Target) -> tuple[int, int]:
    """How many patients have a known time, and how many of them the event."""
    return int(target.known.sum()), int(target.event[target.known].sum())


def _early_notice(is_early: pd.Series) -> list[str]:
    """A notice for patients whose time is 0 or less."""
    if not is_early.any():
        return []
    patients = few_counted(is_early.sum(), "patient has", "patients have")
    return [f"{patients} a time of 0 or less, which counts as unknown"]


def _flipped_notice(times: pd.DataFrame, event: np.ndarray) -> list[str]:
    """A notice where those with the first time (of death) are mostly those without the event."""
    has_first = times.iloc[:, 0].notna().to_numpy()
    tells_apart = times.shape[1] > 1 and not has_first.all() and has_first.sum() >= 5
    if not tells_apart or event[has_first].mean() >= 0.5:
        return []
    return [
        f"most patients with {times.columns[0]} have no event: is the event's value the wrong way "
        "round?"
    ]
