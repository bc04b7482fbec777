"""A log of whose data is read: fits may read training patients only, and scoring no labels.

`watched_cohort.spied` wraps a cohort, whose values, labels and groups can be read as before. Within
a phase (`Spy.fitting`, `Spy.scoring`) every read is noted, and one of a held-out patient is a leak:
it stops the run and says what was read, where and what to do. Taking rows is no read, nor are
names, columns, symbols and ids. The log misses what was computed before the phase;
`graphfuse.evaluate.leakage.check` perturbs held-out patients and finds that too.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

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
_FIT_LABELS = (
    "take labels from cohort.take(rows).outcome(); choose epochs, settings and columns on "
    "inner folds"
)
_CURE = {
    ("fitting", "values"): _FIT,
    ("fitting", "groups"): _FIT,
    ("fitting", "labels"): _FIT_LABELS,
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
    """A read of held-out patients.

    Attributes
    ----------
    what : str
        "values", "labels" or "groups".
    of : str
        The modality, outcome or group.
    patients : int
        How many held-out patients were read.
    kind, phase : str
        The kind of phase, "fitting" or "scoring", and its name.
    where : str
        file:line of the reader.
    """

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
        return min(_count_hidden(mask, rows) for mask in masks)

    def within(self, outer: Phase) -> Phase:
        """The phase made narrower by the one around it: nothing hidden there can be seen here."""
        self.values = [mine & theirs for mine in self.values for theirs in outer.values]
        self.labels = [mine & theirs for mine in self.labels for theirs in outer.labels]
        return self


def _count_hidden(mask: np.ndarray, rows: np.ndarray) -> int:
    """How many different rows are not in the mask."""
    seen = mask[rows]
    return 0 if seen.all() else len(np.unique(rows[~seen]))


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
        counts = [few(int(mask[:-1].sum())) for mask in seen[:3]]
        if len(seen) > 3:
            counts.append("…")
        name = name or f"fitting on {'/'.join(counts)} patients"
        return self._during(Phase("fitting", name, self, seen, seen))

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
        rows = []
        for phase in self.phases:
            for (what, of), mask in phase.read.items():
                rows.append((phase.name, what, of, int(mask[:-1].sum())))
        return pd.DataFrame(rows, columns=["phase", "what", "of", "patients"])

    def summary(self) -> str:
        """One sentence for a report: what was watched, and which leaks there were."""
        fits = sum(phase.kind == "fitting" for phase in self.phases)
        scorings = len(self.phases) - fits
        watched = f"every read in {counted(fits, 'fit')} and {counted(scorings, 'scoring')}"
        if not self.leaks:
            return (
                f"{watched}: no fit read a held-out patient's values, labels or groups, no "
                "scoring a label"
            )
        return f"{watched}: {counted(len(self.leaks), 'leak')}. First: {self.leaks[0]}"

    @contextmanager
    def _during(self, phase: Phase) -> Iterator[Phase]:
        """The phase, within the one that is on."""
        around = _PHASE.get()
        if around is not None and around.spy is self:
            phase = phase.within(around)
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
        if isinstance(rows, Cohort):
            patients = rows.patients
        else:
            rows = np.asarray(rows, dtype=None if np.size(rows) else int)
            patients = self.patients[rows]
        mask = np.zeros(len(self._known) + 1, bool)
        mask[self.find(patients)] = True
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
        is_own = own is not None and own.spy is self
        phases = [own] if is_own else list(self._active)
        if not phases:
            return
        hidden = [phase.hidden(what, rows) for phase in phases]
        phase = phases[int(np.argmin(hidden))]
        nobody = np.zeros(len(self._known) + 1, bool)
        phase.read.setdefault((what, of), nobody)[rows] = True
        fewest = min(hidden)
        if fewest:
            self._caught(Leak(what, of, fewest, phase.kind, phase.name, _reader()))

    def _caught(self, leak: Leak) -> None:
        """Keeps a leak once, and raises `LeakError` where the log is strict."""
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


# -------------------------------------------------------------------------------- where it was read


class _Place(NamedTuple):
    """A line of code, and whether it is within this package."""

    path: str
    line: int
    is_inside: bool

    def __str__(self) -> str:
        return f"{_short(self.path)}:{self.line}"


def _reader() -> str:
    """`file:line` of the reader, and where that is within this package, of the code outside that
    called it."""
    frame = sys._getframe(1)
    places = []
    while frame is not None:
        path = frame.f_code.co_filename
        is_inside = Path(path).is_relative_to(_PACKAGE)
        if _reads_itself(path, is_inside):
            places.append(_Place(path, frame.f_lineno, is_inside))
            if not is_inside:
                break
        frame = frame.f_back
    return _placed(places)


def _reads_itself(path: str, is_inside: bool) -> bool:
    """Whether code in this file reads for itself: it is no library, nor a file that reads for
    others."""
    if path in _THROUGH or path.startswith("<"):
        return False
    return is_inside or not path.startswith(_LIBRARIES)


def _placed(places: Sequence[_Place]) -> str:
    """The first place, and the last where that is outside and the first is not."""
    if not places:
        return "a place unknown"
    first, last = places[0], places[-1]
    if first.is_inside and not last.is_inside:
        return f"{first} (called at {last})"
    return str(first)


def _short(path: str) -> str:
    """A path as a reader knows it: within the package, in the working folder, or the file's
    name."""
    bases = [Path.cwd()]
    if Path(path).is_relative_to(_PACKAGE):
        bases.insert(0, _PACKAGE.parent)
    for base in bases:
        if Path(path).is_relative_to(base):
            return Path(path).relative_to(base).as_posix()
    return Path(path).name
