"""What a check of a pipeline finds, and how two sets of fitted numbers differ, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-9  # absolute, of probabilities and of other fitted numbers


@dataclass(frozen=True)
class Finding:
    """One leak.

    Attributes
    ----------
    instrument : str
        That detected it: "spy", "perturbation", "row independence" or "renaming".
    what : str
        What of held-out patients was used: "values", "labels", "groups" or "ids".
    says : str
        How, in words.
    """

    instrument: str
    what: str
    says: str

    def __str__(self) -> str:
        return f"{self.instrument}: {self.says}"


def differences(
    before: Mapping[str, np.ndarray],
    after: Mapping[str, np.ndarray],
    tolerance: float = TOLERANCE,
) -> list[str]:
    """In words, what differs by more than `tolerance` (missing equals missing) or in shape."""
    lines = []
    for name in before.keys() | after.keys():
        difference = _difference(before.get(name), after.get(name), tolerance)
        if difference:
            lines.append(f"{name} {difference}")
    return sorted(lines)


def _difference(one: np.ndarray | None, two: np.ndarray | None, tolerance: float) -> str:
    """How two arrays differ, in words; '' where they are equal."""
    if one is None or two is None or one.shape != two.shape:
        return "have another shape"
    if one.dtype.kind not in "biufc" or two.dtype.kind not in "biufc":
        return "" if np.array_equal(one, two) else "differ"
    if np.allclose(one, two, rtol=0, atol=tolerance, equal_nan=True):
        return ""
    gap = np.abs(one.astype(float) - two.astype(float))
    if not np.isfinite(gap).any():
        return "become missing"
    return f"by up to {np.nanmax(gap):.2g}"
