"""Counts of patients as shown, with small counts hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfuse.report.formatting import HIDE_BELOW


@dataclass(frozen=True)
class Shaded:
    """A count as shown; `share` of its row, in whole per cents, `None` where it is hidden."""

    text: str
    share: int | None


def shaded(counts: np.ndarray, hide_below: int = HIDE_BELOW) -> list[Shaded]:
    """Counts that share a known total, as shown: those under `hide_below` are not; where that hides
    only one, the largest is given as a range, since the total would give the hidden one away."""
    rounded = np.rint(counts).astype(int)
    is_hidden = (counts > 0) & (rounded < hide_below)
    largest = np.where(is_hidden, -1, rounded).argmax()
    total = max(counts.sum(), 1e-300)
    row = []
    for place, value in enumerate(rounded):
        if is_hidden[place]:
            row.append(Shaded(f"<{hide_below}", None))
        elif is_hidden.sum() == 1 and place == largest:
            most = value + rounded[is_hidden].item()
            least = max(most - hide_below + 1, 0)
            row.append(Shaded(f"{least:,}–{most:,}", None))
        else:
            percent = round(100 * counts[place] / total)
            row.append(Shaded(f"{value:,}", percent))
    return row
