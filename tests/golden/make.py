"""Makes the golden runs: `python -m tests.golden.make v1`, once for each format that is released.

What stands there is never made again for the same format: that old runs are still read, and say
what they said, is what `test_golden.py` shows.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from graphfuse import api
from graphfuse.data.safe_csv import safe_csv
from tests.fuzz.runs import RECIPES, cohort_files, lay, run_files

KEPT = ("run/run.json", "run/folds.csv", "run/model/model.json", "run/model/model.safetensors")


def make(folder: Path) -> None:
    """Runs of two recipes, in which every kind of layer and signal stands, the patients that they
    are asked for, and what they say of them."""
    patients = {name: each for name, each in cohort_files().items() if name.startswith("other/")}
    lay(patients, folder)
    for name in RECIPES:
        files = run_files(name)
        lay({path: files[path] for path in KEPT}, folder / name)
        with tempfile.TemporaryDirectory() as place:
            lay(files | patients, Path(place))
            said = api.predict(Path(place) / "run", Path(place) / "other" / "new.toml")
        safe_csv(said, folder / name / "expected.csv")


if __name__ == "__main__":
    make(Path(__file__).parent / sys.argv[1])
