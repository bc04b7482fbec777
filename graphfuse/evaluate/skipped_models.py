"""Models beside the net that cannot be trained are reported and left out, and the net stays."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from graphfuse.errors import LeakError, reason
from graphfuse.evaluate.cross_validation_results import Study
from graphfuse.learn.linear.kernels import MOST_PATIENTS

log = logging.getLogger(__name__)


@contextmanager
def left_out_if_failed(name: str, study: Study) -> Iterator[None]:
    """Notes in `study.failed` what fails in the block, and takes the model of this name out of what
    was study. Raises `LeakError` where a held-out patient was seen."""
    try:
        yield
    except LeakError:
        raise
    except Exception as error:
        log.debug("%s failed", name, exc_info=error)
        study.outputs.pop(name, None)
        study.seconds.pop(name, None)
        cure = "train again for it, or without the graph ablation (--no-graph-ablation)"
        study.failed[name] = f"{name}: {reason(error)}; {cure}"
        log.warning("%s could not be trained and is left out: %s", name, reason(error))


def leave_out_linear(study: Study, patients: int) -> None:
    """Notes that the linear baselines are left out, where so many training patients have no
    kernels."""
    message = (
        "linear baselines (clinical, single, early, late): they are solved from patients × "
        f"patients kernels, which are kept up to {MOST_PATIENTS:,} training patients, and there "
        f"are {patients:,}; train on a part of them"
    )
    study.failed["linear"] = message
    log.warning("left out: %s", message)
