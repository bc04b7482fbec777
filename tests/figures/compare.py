"""Sets the figures of two worktrees, recorded on one machine, beside each other:
`python -m tests.figures.compare OLD NEW`, two folders of `record --into`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

TOLERANCE = 1e-9


def largest_move(old: np.ndarray, new: np.ndarray) -> float:
    """The largest difference of two arrays, infinite where they are of other shapes or lack other
    values."""
    if old.shape != new.shape or (np.isnan(old) != np.isnan(new)).any():
        return np.inf
    known = ~np.isnan(old)
    return float(np.abs(old[known] - new[known]).max(initial=0.0))


def moves(old: Path, new: Path) -> dict[str, float]:
    """What a training found → how far it moved, of two files."""
    with np.load(old) as before, np.load(new) as after:
        names = {*before.files, *after.files} - {"machine"}
        lacking = names - ({*before.files} & {*after.files})
        both = sorted(names - lacking)
        return dict.fromkeys(lacking, np.inf) | {
            name: largest_move(before[name], after[name]) for name in both
        }


if __name__ == "__main__":
    old, new = map(Path, sys.argv[1:3])
    shared = sorted(path.name for path in old.glob("*.npz") if (new / path.name).is_file())
    worst = 0.0
    for name in shared:
        found = moves(old / name, new / name)
        what = max(found, key=found.get)
        worst = max(worst, found[what])
        print(f"{name}: {found[what]:.1e} ({what})")
    sys.exit(not shared or worst > TOLERANCE)
