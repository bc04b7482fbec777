"""A cohort whose reads are logged: every read of a table, of labels or of a group goes through
`Spy.note`.

Taking rows is no read, nor are names, columns, symbols and ids.
"""

from __future__ import annotations

import sys
from collections import UserDict
from dataclasses import dataclass, fields

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.evaluate.leakage.access_log import Spy
from graphfuse.task.outcome import Outcome


class _Watched:
    """A field whose every read is noted. `dataclasses.replace` only hands it on."""

    def __init__(self, what: str):
        self.what = what

    def __set_name__(self, kind, name: str):
        self.name = name

    def __set__(self, part, value):
        vars(part)[self.name] = value

    def __get__(self, part, kind=None):
        if part is None:
            return self
        if sys._getframe(1).f_globals.get("__name__") != "dataclasses":
            part.spy.note(self.what, part.name, part.rows)
        return vars(part)[self.name]


class _Part:
    """What a spied modality and a spied outcome have in common; `rows` `[n]`: the spy's rows of its
    patients."""

    @property
    def plain(self):
        """The same, watched by nobody."""
        kind = type(self).__mro__[2]
        return kind(**_fields(self, kind, self.spy))

    def take(self, rows: np.ndarray):
        taken = self.plain.take(rows)
        values = _fields(taken, type(taken), self.spy)
        return type(self)(**values, spy=self.spy, rows=self.rows[rows])

    def _settle(self, patients: int) -> None:
        """Of other patients than before, made from what was read: nobody's rows."""
        if len(self.rows) != patients:
            object.__setattr__(self, "rows", np.full(patients, -1))

    def __repr__(self) -> str:
        return repr(self.plain)


@dataclass(frozen=True, eq=False, repr=False)
class SpiedModality(_Part, Modality):
    """A modality whose table is watched."""

    spy: Spy = None
    rows: np.ndarray = None

    table = _Watched("values")

    def __post_init__(self):
        table = vars(self)["table"]
        if not self.symbols:
            object.__setattr__(self, "symbols", (None,) * table.shape[1])
        if not self.declared:
            object.__setattr__(self, "declared", self.values)
        self._settle(len(table))

    @property
    def columns(self) -> list[str]:
        return self.plain.columns

    @property
    def feature_ids(self) -> list[str]:
        return self.plain.feature_ids


@dataclass(frozen=True, eq=False, repr=False)
class SpiedOutcome(_Part, Outcome):
    """An outcome whose labels are watched."""

    spy: Spy = None
    rows: np.ndarray = None

    values = _Watched("labels")
    event = _Watched("labels")

    def __post_init__(self):
        self._settle(len(vars(self)["values"]))


class SpiedGroups(UserDict):
    """Groups by name; looking one up is a read, seeing which there are is none."""

    def __init__(self, groups: dict[str, np.ndarray], spy: Spy, rows: np.ndarray):
        self.data, self.spy, self.rows = groups, spy, rows

    def __getitem__(self, name: str) -> np.ndarray:
        levels = self.data[name]
        self.spy.note("groups", name, self.rows)
        return levels

    def __or__(self, other) -> dict:
        return dict(self) | dict(other)

    def __ror__(self, other) -> dict:
        return dict(other) | dict(self)

    def copy(self) -> SpiedGroups:
        return SpiedGroups(dict(self.data), self.spy, self.rows)


@dataclass(frozen=True, eq=False, repr=False)
class SpiedCohort(Cohort):
    """A cohort all of whose parts are watched, those given to it by `dataclasses.replace` too."""

    spy: Spy = None

    def __post_init__(self):
        spy = self.spy
        rows = spy.find(self.patients)
        modalities, outcomes = {}, {}
        for name, modality in self.modalities.items():
            values = _fields(modality, Modality, spy)
            modalities[name] = SpiedModality(**values, spy=spy, rows=rows)
        for name, outcome in self.outcomes.items():
            values = _fields(outcome, Outcome, spy)
            outcomes[name] = SpiedOutcome(**values, spy=spy, rows=rows)
        groups = SpiedGroups(_plain_groups(self.groups, spy), spy, rows)
        object.__setattr__(self, "modalities", modalities)
        object.__setattr__(self, "outcomes", outcomes)
        object.__setattr__(self, "groups", groups)

    @property
    def plain(self) -> Cohort:
        """The same cohort, watched by nobody."""
        return Cohort(
            self.name,
            self.patients,
            modalities={name: modality.plain for name, modality in self.modalities.items()},
            outcomes={name: outcome.plain for name, outcome in self.outcomes.items()},
            groups=dict(self.groups.data),
            about=self.about,
        )

    def take(self, rows: np.ndarray) -> Cohort:
        return watched(self.plain.take(rows), self.spy)

    def __repr__(self) -> str:
        return repr(self.plain)


def spied(cohort: Cohort, strict: bool = True) -> tuple[Cohort, Spy]:
    """The cohort with its reads logged, and the log. `strict`: a leak raises `LeakError`; otherwise
    they gather in `Spy.leaks`.

    A cohort whose reads are logged already is read here once, as its first log notes.
    """
    spy = Spy(cohort.patients, strict)
    return watched(cohort, spy), spy


def watched(cohort: Cohort, spy: Spy) -> SpiedCohort:
    """The cohort with every part watched by `spy`; one that another spy watches is read, under its
    eyes."""
    values = {each.name: getattr(cohort, each.name) for each in fields(Cohort)}
    return SpiedCohort(**values, spy=spy)


def _fields(part, kind: type, spy: Spy) -> dict:
    """The fields of a modality or outcome: of this spy's own handed on, of another's read."""
    names = [each.name for each in fields(kind)]
    if getattr(part, "spy", spy) is spy:
        return {name: vars(part)[name] for name in names}
    return {name: getattr(part, name) for name in names}


def _plain_groups(groups, spy: Spy) -> dict[str, np.ndarray]:
    """The groups as a dict: of this spy's own without a read, of another's read."""
    if getattr(groups, "spy", None) is spy:
        return dict(groups.data)
    return dict(groups)
