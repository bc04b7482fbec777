"""The time until an event, such as death, seen or not: read and shown; no model learns it yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.errors import FEW, InputError, examples, few, few_counted
from graphfuse.task.kind import Kind
from graphfuse.task.outcome import Outcome, Target
from graphfuse.text.event_words import read_events
from graphfuse.text.parse_numbers import plain_numbers


@dataclass(frozen=True)
class Survival(Kind):
    """A time, and whether the event was seen then."""

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
        """Time is the first known of the columns; unknown where time ≤ 0 or the status is."""
        times = pd.DataFrame({column: plain_numbers(frame[column]) for column in spec.time})
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
        values, derived = usable.to_numpy(dtype=float), tuple(spec.derived_from)
        return Outcome(name, cls.kind, values, event=event, derived_from=derived), notices

    def counted(self, target: Target) -> str:
        return f"{int(target.known.sum())} known, {int(target.event[target.known].sum())} events"

    def in_words(self, target: Target) -> str:
        values, known = target.values[target.known], int(target.known.sum())
        seen = int(target.event[target.known].sum())
        is_small = min(seen, known - seen) in range(1, FEW)
        return (
            f"survival, {'some' if is_small else few(known)} known, {few_counted(seen, 'event')}, "
            f"{values.min():.6g} to {values.max():.6g}"
        )

    def shown(self, target: Target) -> dict[str, np.ndarray]:
        seen = pd.array(np.where(target.known, target.event, None), dtype="boolean")
        return {"": target.values, "_event": seen}

    def coloured(self, target: Target) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
        return {" (time)": (target.values, ()), " (event)": self.categories(target)}

    def categories(self, target: Target) -> tuple[np.ndarray, tuple[str, ...]]:
        return np.where(target.known, target.event, -1).astype(int), ("no event", "event")

    def altered(self, target: Target, rows: np.ndarray, rng: np.random.Generator) -> tuple:
        values, event = target.values.copy(), target.event.copy()
        known = pd.Series(values).fillna(0)
        values[rows] = known.max() + (1 + known.std()) * rng.random(len(rows))
        event[rows] = ~event[rows]
        return values, event


def _flipped(times: pd.DataFrame, event: np.ndarray) -> list[str]:
    """A notice where those with the first time (of death) are mostly those without the event."""
    first = times.iloc[:, 0].notna().to_numpy()
    if times.shape[1] < 2 or first.sum() < 5 or first.all() or event[first].mean() >= 0.5:
        return []
    return [
        f"most patients with {times.columns[0]} have no event: is the event's value the wrong way "
        "round?"
    ]
