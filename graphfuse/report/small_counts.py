"""Counts of patients as shown, so that small ones are not given away."""

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
    shown = np.rint(counts).astype(int)
    hidden = (counts > 0) & (shown < hide_below)
    total, row = max(counts.sum(), 1e-300), []
    for place, value in enumerate(shown):
        if hidden[place]:
            row.append(Shaded(f"<{hide_below}", None))
        elif hidden.sum() == 1 and place == np.where(hidden, -1, shown).argmax():
            rest = value + shown[hidden].item()
            row.append(Shaded(f"{max(rest - hide_below + 1, 0):,}–{rest:,}", None))
        else:
            row.append(Shaded(f"{value:,}", round(100 * counts[place] / total)))
    return row
