"""Writes the figures of trainings down: `python -m tests.figures.record [--into FOLDER] [NAME …]`.

Those beside this file are made again only where a change is meant to move them, in a commit that
says which and by how much. On another machine other rounding moves figures too (nets trained for
long by some 1e-4): there, figures of an older worktree are written with `--into`, and those of the
newer one set beside them (`tests.figures.compare`).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tests.figures.cases import CASES, HERE, figures, machine

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(CASES), metavar="NAME")
    parser.add_argument("--into", type=Path, default=HERE)
    asked = parser.parse_args()
    for name in asked.names:
        np.savez_compressed(asked.into / f"{name}.npz", machine=machine(), **figures(name))
