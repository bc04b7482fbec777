"""Writes the figures of trainings down: `python -m tests.figures.record [NAME …]`.

Made anew only where a change is meant to move them, in a commit that says which and by how much.
"""

from __future__ import annotations

import sys

import numpy as np

from tests.figures.cases import CASES, HERE, figures

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        np.savez_compressed(HERE / f"{name}.npz", **figures(name))
