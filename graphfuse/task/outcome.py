"""Outcomes: what is to be predicted of each patient, who has a value, and of which kind it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, examples
from graphfuse.task.registry import kind_of
from graphfuse.task.task import Task


class Target(NamedTuple):
    """What a model learns of N patients, whatever kind of outcome it is.

    A named tuple, and so a tree of arrays (or tensors) that banks of nets stack and pad.

    Attributes
    ----------
    values : array
        `[N]`; what stands where nothing is known has no meaning.
    known : array
        bool `[N]`: who has a value.
    event : array or tuple
        bool `[N]`, of times to an event: whether it was seen; else `()`, a tree without leaves.
    """

    values: np.ndarray
    known: np.ndarray
    event: np.ndarray | tuple = ()

    def take(self, rows) -> Target:
        """The target of some patients, by row numbers or a mask."""
        event = () if isinstance(self.event, tuple) else self.event[rows]
        return Target(self.values[rows], self.known[rows], event)

    def hide(self, rows) -> Target:
        """The same patients, with nothing known of those at `rows`, and no value of theirs."""
        known = self.known.copy()
        known[rows] = False
        values = self.values.copy()
        values[rows] = np.nan if values.dtype.kind == "f" else -1
        return self._replace(values=values, known=known)


class Learned(NamedTuple):
    """A target, and the task that says how it is learned.

    Attributes
    ----------
    target : Target
        Of N patients.
    task : Task or None
        `None` where there is no outcome to learn; then nobody's is known.
    """

    target: Target
    task: Task | None

    @classmethod
    def nothing(cls, patients: int) -> Learned:
        """So many patients of whom nothing is to be learned."""
        return cls(Target(np.full(patients, -1), np.zeros(patients, bool)), None)

    def take(self, rows) -> Learned:
        """The same of some patients."""
        return self._replace(target=self.target.take(rows))

    def relevance(self, table: np.ndarray) -> np.ndarray:
        """float64 `[F]`: how much each column of `table` `[N, F]` says of the target."""
        if self.task is None:
            return np.zeros(table.shape[1])
        return self.task.relevance(table, self.target)


@dataclass(frozen=True, eq=False)
class Outcome:
    """One outcome over N patients.

    Parameters
    ----------
    name : str
    kind : str
        "class", "number" or "survival": a module of `graphfuse.task` says what that means.
    values : np.ndarray
        Class codes int64 `[N]` with -1 for unlabelled; times or numbers float64 `[N]` with NaN for
        unknown.
    classes : tuple of str
        Of a class: their names, in the order of the codes.
    event : np.ndarray, optional
        Of times to an event: bool `[N]`, whether it was seen.
    derived_from : tuple of str
        Modalities from which the outcome was computed.
    """

    name: str
    kind: str
    values: np.ndarray
    classes: tuple[str, ...] = ()
    event: np.ndarray | None = None
    derived_from: tuple[str, ...] = ()

    @property
    def known(self) -> np.ndarray:
        """bool `[N]`: patients with this outcome."""
        return kind_of(self.kind).known(self.values)

    @property
    def target(self) -> Target:
        """What a model learns of it."""
        event = () if self.event is None else self.event
        return Target(self.values, self.known, event)

    @property
    def task(self):
        """What depends on its kind: a `task.kind.Kind` made for this outcome."""
        return kind_of(self.kind).of(self)

    @property
    def learned(self) -> Learned:
        """The target, with its task."""
        return Learned(self.target, self.task)

    def take(self, rows: np.ndarray) -> Outcome:
        """The same outcome for the patients at `rows`."""
        event = None if self.event is None else self.event[rows]
        return replace(self, values=self.values[rows], event=event)

    def __repr__(self) -> str:
        return f"Outcome({self.name}: {self.kind}; {self.task.counted(self.target)})"


def read_outcome(
    frame: pd.DataFrame, spec, name: str, patients: pd.Index
) -> tuple[Outcome, list[str]]:
    """Reads the outcome of these patients from a table.

    Parameters
    ----------
    frame : pd.DataFrame
        The columns that its kind reads (`Kind.columns_read`), by patient.
    spec : OutcomeSpec
        What the manifest says of it.
    name : str
        The outcome's name.
    patients : pd.Index
        The cohort's patients, in order.

    Returns
    -------
    outcome : Outcome
    notices : list of str

    Raises
    ------
    InputError
        Where it cannot be predicted at all.
    """
    kind = kind_of(spec.kind)
    outcome, notices = kind.read(frame.reindex(patients), spec, name)
    if not outcome.known.any():
        raise InputError(
            f"no patient of any modality has a value in {examples(kind.columns_read(spec))}; check "
            "the ids and the column"
        )
    return outcome, notices
