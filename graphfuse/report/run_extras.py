"""What is written beside a trained run: each add-on by itself, so that one that fails costs nothing
else."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from graphfuse.errors import GraphfuseError, LeakError, reason
from graphfuse.schema import RunRecord

log = logging.getLogger(__name__)

Made = TypeVar("Made")


class IncompleteRunError(GraphfuseError):
    """A run was trained and saved, but not all that belongs beside it; `report` is the run's."""

    def __init__(self, message: str, report: object):
        super().__init__(message)
        self.report = report


class AddOns:
    """The add-ons of a run directory, and which of them failed.

    Parameters
    ----------
    folder : Path
        The run directory, which holds what was trained already.
    timings : mapping of str to float
        Seconds that the training took.
    failed : sequence of str
        What failed while training, in words.
    """

    def __init__(self, folder: Path, timings: Mapping[str, float], failed: Sequence[str] = ()):
        self.folder = folder
        self.timings = dict(timings)
        self.failed = list(failed)

    def make(self, what: str, cure: str, work: Callable[[], Made]) -> Made | None:
        """Returns what `work` returns; where it fails, notes that with the cure and returns `None`.

        Raises `LeakError` where a held-out patient was seen: then no result of the run is valid.
        """
        began = time.perf_counter()
        try:
            made = work()
        except LeakError:
            raise
        except Exception as error:
            log.debug("%s failed", what, exc_info=error)
            self.failed.append(f"{what}: {reason(error)}; {cure}")
            return None
        self.timings[what] = round(time.perf_counter() - began, 1)
        return made

    def timed(self, record: RunRecord, memory: float) -> RunRecord:
        """The run's record with what all of it took, and with what failed among its notices."""
        notices = list(record.notices)
        notices += [f"not made: {each}" for each in self.failed]
        update = {"timings": dict(self.timings), "peak_memory_gb": memory, "notices": notices}
        return record.model_copy(update=update)

    def stop(self, report: object) -> None:
        """Raises `IncompleteRunError` where anything failed."""
        if self.failed:
            listed = "\n".join(f"  - {each}" for each in self.failed)
            raise IncompleteRunError(
                f"{self.folder}: trained and saved, but not all that belongs beside it\n{listed}",
                report,
            )
