"""Outcomes of class codes, as many tests make them."""

from __future__ import annotations

import numpy as np

from graphfuse.task.outcome import Learned, Outcome


def of_codes(codes: np.ndarray, classes: int | None = None) -> Outcome:
    """A class outcome of int codes `[N]`, -1 for unlabelled; by default of as many classes as the
    largest code tells."""
    codes = np.asarray(codes)
    count = int(codes.max(initial=1)) + 1 if classes is None else classes
    return Outcome("y", "class", codes, tuple(f"class{k}" for k in range(count)))


def learned(codes: np.ndarray, classes: int | None = None) -> Learned:
    """Such an outcome as it is learned."""
    return of_codes(codes, classes).learned
