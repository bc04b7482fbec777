"""Outcomes of class codes, as many tests make them."""

from __future__ import annotations

import numpy as np

from graphfuse.task.kind import Task
from graphfuse.task.outcome import Outcome, Target


def of_codes(codes: np.ndarray, classes: int | None = None) -> Outcome:
    """A class outcome of int codes `[N]`, -1 for unlabelled; by default of as many classes as the
    largest code tells."""
    codes = np.asarray(codes)
    count = int(codes.max(initial=1)) + 1 if classes is None else classes
    return Outcome("y", "class", codes, tuple(f"class{k}" for k in range(count)))


def learned(codes: np.ndarray, classes: int | None = None) -> tuple[Target, Task]:
    """Such an outcome as the linear models take it."""
    outcome = of_codes(codes, classes)
    return outcome.target, outcome.task
