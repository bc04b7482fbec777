"""A cohort that notices who is looked at: what is fitted may see training patients, what is scored
no labels.

`watched.spied` wraps a cohort; its values, labels and groups can be read as ever. Within a phase
(`Spy.fitting`, `Spy.scoring`) every read is noted, and one that reaches a held-out patient is a
leak: it stops the run and says what was read, where and what to do. Taking rows is no read, nor are
names, columns, symbols and ids. What was computed before the phase the spy cannot see;
`graphfuse.evaluate.leakage.check` perturbs held-out patients and does.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data import cohort as cohorts
from graphfuse.data import modality as modalities
from graphfuse.data.cohort import Cohort
from graphfuse.errors import LeakError, counted, few
from graphfuse.task import outcome as outcomes

_SUBJECT = {
    "values": "the values of modality",
    "labels": "the labels of outcome",
    "groups": "the entries of group",
}
_FIT = (
    "fit on training patients alone: hand on cohort.take(rows), and apply what was fitted to "
    "the others"
)
_SCORE = "score tested patients by their own values and what was fitted before"
_CURE = {
    ("fitting", "values"): _FIT,
    ("fitting", "groups"): _FIT,
    (
        "fitting",
        "labels",
    ): (
        "take labels from cohort.take(rows).outcome(); choose epochs, settings and columns on "
        "inner folds"
    ),
    ("scoring", "values"): _SCORE,
    ("scoring", "groups"): _SCORE,
    ("scoring", "labels"): "predict without labels, and compare with them afterwards",
}
_PACKAGE = Path(__file__).parents[2]
_WATCHED = str(Path(__file__).with_name("watched_cohort.py"))
# files that read for someone else
_THROUGH = {module.__file__ for module in (cohorts, modalities, outcomes)} | {__file__, _WATCHED}
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})


@dataclass(frozen=True)
class Leak:
    """A read of held-out patients: `what` ("values", "labels" or "groups") `of` which modality,
    outcome or group, of how many held-out `patients`, in which `kind` of phase, called `phase`, and
    `where` (file:line of the reader)."""

    what: str
    of: str
    patients: int
    kind: str
    phase: str
    where: str

    def __str__(self) -> str:
        return (
            f"{_SUBJECT[self.what]} {self.of!r} of {few(self.patients)} held-out patients "
            f"were read while {self.phase}, "
            f"at {self.where}; {_CURE[self.kind, self.what]}"
        )


@dataclass(eq=False)
class Phase:
    """A stretch of work and who may be seen in it: `values` and `labels` are masks `[N + 1]` over
    the spy's patients (the last entry: anybody else), one for each set of patients worked on side
    by side. `read`: (what, of) → mask of those read."""

    kind: str
    name: str
    spy: Spy
    values: list[np.ndarray]
    labels: list[np.ndarray]
    read: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def hidden(self, what: str, rows: np.ndarray) -> int:
        """How many of the patients at `rows` may not be seen."""
        masks = self.labels if what == "labels" else self.values
        return min(0 if mask[rows].all() else len(np.unique(rows[~mask[rows]])) for mask in masks)

    def within(self, outer: Phase | None) -> Phase:
        """The phase made narrower by the one around it: nothing hidden there can be seen here."""
        if outer is not None:
            self.values = [mine & theirs for mine in self.values for theirs in outer.values]
            self.labels = [mine & theirs for mine in self.labels for theirs in outer.labels]
        return self


_PHASE: ContextVar[Phase | None] = ContextVar("phase", default=None)


class Spy:
    """Notes reads of a spied cohort by phase, and stops at leaks (`strict`) or gathers them in
    `leaks`."""

    def __init__(self, patients: pd.Index, strict: bool = True):
        self.patients, self.strict = patients, strict
        self._known = patients.unique()
        self.phases: list[Phase] = []
        self.leaks: list[Leak] = []
        self._active: list[Phase] = []

    def fitting(self, *rows: np.ndarray | Cohort, name: str = ""):
        """A phase in which the patients at `rows` of the whole cohort (or of a part of it) may be
        seen, values and labels; with several sets of them (folds fitted side by side), a read must
        stay within one."""
        seen = [self._mask(each) for each in rows]
        count = "/".join(few(int(mask[:-1].sum())) for mask in seen[:3]) + (
            "/…" if len(seen) > 3 else ""
        )
        return self._during(
            Phase("fitting", name or f"fitting on {count} patients", self, seen, seen)
        )

    def scoring(
        self, rows: np.ndarray | Cohort, train: np.ndarray | Cohort | None = None, name: str = ""
    ):
        """A phase in which the patients at `rows` are scored: their values may be seen, not their
        labels; those of `train` (default: everybody else) wholly."""
        tested = self._mask(rows)
        learned = ~tested if train is None else self._mask(train) & ~tested
        learned[-1] = True
        name = name or f"scoring {few(int(tested[:-1].sum()))} patients"
        return self._during(Phase("scoring", name, self, [tested | learned], [learned]))

    def reads(self) -> pd.DataFrame:
        """`phase, what, of, patients`: how many patients were read in each phase."""
        rows = [
            (p.name, *key, int(mask[:-1].sum()))
            for p in self.phases
            for key, mask in p.read.items()
        ]
        return pd.DataFrame(rows, columns=["phase", "what", "of", "patients"])

    def told(self) -> str:
        """One sentence for a report: what was watched, and what it saw."""
        fits = sum(phase.kind == "fitting" for phase in self.phases)
        watched = (
            f"every read in {counted(fits, 'fit')} and "
            f"{counted(len(self.phases) - fits, 'scoring')}"
        )
        if not self.leaks:
            return (
                f"{watched}: no fit read a held-out patient's values, labels or groups, no "
                "scoring a label"
            )
        return f"{watched}: {counted(len(self.leaks), 'leak')}. First: {self.leaks[0]}"

    @contextmanager
    def _during(self, phase: Phase) -> Iterator[Phase]:
        around = _PHASE.get()
        phase = phase.within(around if around is not None and around.spy is self else None)
        token = _PHASE.set(phase)
        self.phases.append(phase)
        self._active.append(phase)
        try:
            yield phase
        finally:
            self._active.remove(phase)
            _PHASE.reset(token)

    def _mask(self, rows: np.ndarray | Cohort) -> np.ndarray:
        """Who is meant, and at the end everybody who is not of this cohort."""
        if not isinstance(rows, Cohort):
            rows = np.asarray(rows, dtype=None if np.size(rows) else int)
        mask = np.zeros(len(self._known) + 1, bool)
        mask[self.find(rows.patients if isinstance(rows, Cohort) else self.patients[rows])] = True
        mask[-1] = True
        return mask

    def find(self, patients: pd.Index) -> np.ndarray:
        """Row of each of these patients, -1 for those not of this cohort."""
        return self._known.get_indexer(patients)

    def note(self, what: str, of: str, rows: np.ndarray) -> None:
        """Notes that the patients at `rows` are read. Raises `LeakError` where some are held out,
        unless leaks are gathered.

        A thread that has no phase of its own (a pool's) is one of those at work: some phase must
        allow the read.
        """
        own = _PHASE.get()
        phases = [own] if own is not None and own.spy is self else list(self._active)
        if not phases:
            return
        hidden = [phase.hidden(what, rows) for phase in phases]
        phase = phases[int(np.argmin(hidden))]
        phase.read.setdefault((what, of), np.zeros(len(self._known) + 1, bool))[rows] = True
        if min(hidden):
            self._caught(Leak(what, of, min(hidden), phase.kind, phase.name, _reader()))

    def _caught(self, leak: Leak) -> None:
        if leak not in self.leaks:
            self.leaks.append(leak)
        if self.strict:
            raise LeakError(str(leak))

    def __deepcopy__(self, memo) -> Spy:
        return self  # copies of a cohort are watched by the same

    def __repr__(self) -> str:
        return (
            f"Spy({len(self.patients):,} patients, {len(self.phases)} phases, {len(self.leaks)} "
            "leaks)"
        )


# ------------------------------------------------------------------------------------- who has read


def _reader() -> str:
    """`file:line` of who reads, and where that is within this package, of who called it from
    outside."""
    frame, found = sys._getframe(1), []
    while frame is not None:
        path = frame.f_code.co_filename
        inside = Path(path).is_relative_to(_PACKAGE)
        if (
            path not in _THROUGH
            and not path.startswith("<")
            and (inside or not path.startswith(_LIBRARIES))
        ):
            found.append((path, frame.f_lineno, inside))
            if not inside:
                break
        frame = frame.f_back
    return _placed(found)


def _placed(found: Sequence[tuple[str, int, bool]]) -> str:
    if not found:
        return "a place unknown"
    path, line, inside = found[0]
    outer, there, outside = found[-1]
    return f"{_short(path)}:{line}" + (
        f" (called at {_short(outer)}:{there})" if inside and not outside else ""
    )


def _short(path: str) -> str:
    """A path as a reader knows it: within the package, in the working folder, or the file's
    name."""
    for base in (_PACKAGE.parent if Path(path).is_relative_to(_PACKAGE) else None, Path.cwd()):
        if base is not None and Path(path).is_relative_to(base):
            return Path(path).relative_to(base).as_posix()
    return Path(path).name
