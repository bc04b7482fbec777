"""Whether what a card's files hold is as much as the card expects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from graphfuse.errors import Faults
from graphfuse.schema.base import Shape


def check_counts(expect: Shape | None, counts: Mapping[str, int], path: Path) -> None:
    """Raises `InputError` with every count that is not that of a card's `[expect]`.

    Parameters
    ----------
    expect : Shape or None
        The section, whose keys are those of `counts`; without one, any counts will do.
    counts : mapping of str to int
        What there is.
    path : Path
        The card, for messages.
    """
    if expect is None:
        return
    faults = Faults(str(path))
    for what, got in counts.items():
        expected = getattr(expect, what)
        if expected != got:
            faults.add(
                f"[expect] {what}: expected {expected:,}, got {got:,}; the file or the card "
                "has changed: check both"
            )
    faults.stop()
