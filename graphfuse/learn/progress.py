"""How far long work has come and how much time is left: lines for whoever reads the log, a bar for
whoever looks at a notebook or a terminal, nothing where nobody does."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

from tqdm import tqdm

log = logging.getLogger(__name__)

_WITHIN: ContextVar[bool] = ContextVar("within", default=False)


Step = Callable[[bool], None]


def no_progress(worked: bool = True) -> None:
    """In place of what counts parts, where nobody counts."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Step]:
    """Counts the parts of long work.

    Parameters
    ----------
    what : str
        The work, in a word or two.
    total : int
        How many parts it has.

    Yields
    ------
    callable
        To be called as each part ends, from any thread; with False for one that took no work, as it
        was there already. Work within other work that is counted tells nothing of its own.
    """
    if _WITHIN.get():
        yield no_progress
        return
    token = _WITHIN.set(True)
    meter = _Meter(what, total)
    try:
        yield meter.step
    finally:
        meter.close()
        _WITHIN.reset(token)


class _Meter:
    """Parts done of a total, since it began."""

    def __init__(self, what: str, total: int):
        self.what, self.total, self.done = what, total, 0
        self.began, self.lock = time.perf_counter(), Lock()
        self.bar = (
            tqdm(total=total, desc=what, unit="part", file=sys.stderr) if _is_seen() else None
        )

    def step(self, worked: bool = True) -> None:
        """One part more is done, or was there already: then it is not counted."""
        with self.lock:
            self.done += worked
            self.total -= not worked
            if self.bar is not None:
                self.bar.total = self.total
                self.bar.update(int(worked))
            elif worked and self.done < self.total:
                self._tell()

    def _tell(self) -> None:
        spent = time.perf_counter() - self.began
        left = duration(spent / self.done * (self.total - self.done))
        log.info("%s: %d of %d parts, about %s left", self.what, self.done, self.total, left)

    def close(self) -> None:
        """Ends the line of a bar."""
        if self.bar is not None:
            self.bar.close()


def duration(seconds: float) -> str:
    """'40 s', '3 min', '2 h 5 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _is_seen() -> bool:
    """Whether somebody sees a bar who is not told by lines, and has not asked for quiet."""
    is_looked_at = "ipykernel" in sys.modules or sys.stderr.isatty()
    return is_looked_at and log.getEffectiveLevel() == logging.WARNING
