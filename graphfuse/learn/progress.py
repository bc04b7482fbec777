"""Progress of long work: lines in the log, or a bar in a notebook or a terminal."""

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
    """A step that counts nothing."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Step]:
    """Counts and shows the parts of long work.

    Nothing is shown of work within other work that is counted.

    Parameters
    ----------
    what : str
        Name of the work, in a word or two.
    total : int
        How many parts it has.

    Yields
    ------
    callable
        Called when a part ends, from any thread; with False for a part that existed already and
        took no work.
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
    """Number of parts done of a total, and the time since the start."""

    def __init__(self, what: str, total: int):
        self.what, self.total, self.done = what, total, 0
        self.began = time.perf_counter()
        self.lock = Lock()
        self.bar = None
        if _shows_bar():
            self.bar = tqdm(total=total, desc=what, unit="part", file=sys.stderr)

    def step(self, worked: bool = True) -> None:
        """Counts one more part, or takes a part that existed already off the total."""
        with self.lock:
            self.done += worked
            self.total -= not worked
            if self.bar is not None:
                self.bar.total = self.total
                self.bar.update(int(worked))
            elif worked and self.done < self.total:
                self._log()

    def _log(self) -> None:
        """Logs the parts done and the time left."""
        spent = time.perf_counter() - self.began
        remaining = self.total - self.done
        left = duration(spent / self.done * remaining)
        log.info("%s: %d of %d parts, about %s left", self.what, self.done, self.total, left)

    def close(self) -> None:
        """Ends the bar."""
        if self.bar is not None:
            self.bar.close()


def duration(seconds: float) -> str:
    """A duration in words: '40 s', '3 min', '2 h 5 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _shows_bar() -> bool:
    """Whether a notebook or terminal shows a bar, as no lines are logged and it is not quiet."""
    is_visible = "ipykernel" in sys.modules or sys.stderr.isatty()
    return is_visible and log.getEffectiveLevel() == logging.WARNING
