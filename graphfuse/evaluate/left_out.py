"""What stands beside a net may fail without it: it is told and left out, and the net stays."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphfuse.errors import LeakError, reason

if TYPE_CHECKING:
    from graphfuse.evaluate.study import Study

log = logging.getLogger(__name__)


@contextmanager
def left_out_if_failed(name: str, found: Study) -> Iterator[None]:
    """Notes in `found.failed` what fails in the block, and takes the model of this name out of what
    was found. Raises `LeakError` where a held-out patient was seen."""
    try:
        yield
    except LeakError:
        raise
    except Exception as error:
        log.debug("%s failed", name, exc_info=error)
        found.probability.pop(name, None)
        found.seconds.pop(name, None)
        cure = "train again for it, or without the ledger (--no-ledger)"
        found.failed[name] = f"{name}: {reason(error)}; {cure}"
        log.warning("%s could not be trained and is left out: %s", name, reason(error))
