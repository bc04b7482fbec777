"""Runs of each format that was released are read, and say what they said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import graphfuse as gf
from graphfuse.evaluate.provenance import packages

HERE = Path(__file__).parent
RUNS = sorted(path.parent for path in HERE.glob("v*/*/expected.csv"))

PREDICT = """import sys
import numpy as np
import graphfuse as gf
np.save(sys.argv[3], gf.FusionModel.load(sys.argv[1]).predict_proba(sys.argv[2]))
"""


@pytest.mark.parametrize("folder", RUNS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_golden_run_says_what_it_said(folder):
    expected = pd.read_csv(folder / "expected.csv", keep_default_na=False, dtype={"patient": str})
    said = gf.predict(folder / "run", folder.parent / "other" / "new.toml")
    assert list(said) == list(expected)
    for column in ("patient", "call", "flag"):
        assert list(said[column]) == list(expected[column])
    made_by = json.loads((folder / "run" / "run.json").read_text())["packages"]
    near = 1e-9 if made_by == packages() else 1e-6
    chances = [column for column in said if column.startswith("p_")]
    np.testing.assert_allclose(said[chances], expected[chances], rtol=0, atol=near)


def test_there_is_a_golden_run_of_today():
    assert len(RUNS) >= 2


@pytest.mark.slow  # a process imports everything; `load` is tested everywhere
def test_a_moved_model_says_the_same_bits_in_a_fresh_process(tmp_path):
    data = tmp_path / "data"
    shutil.copytree(HERE / "v1" / "other", data)
    recipe = gf.Recipe.model_validate(
        {"name": "quick", "net": {"width": 4}, "train": {"epochs": 2, "seeds": 2}}
    )
    model = gf.FusionModel(recipe, device="cpu").fit(gf.load(data / "new.toml"))
    model.save(tmp_path / "model")
    here = model.predict_proba(str(HERE / "v1" / "other" / "new.toml"))
    shutil.rmtree(data)
    (tmp_path / "away").mkdir()
    (tmp_path / "model").rename(tmp_path / "away" / "moved")
    command = [sys.executable, "-c", PREDICT, "moved", HERE / "v1" / "other" / "new.toml", "p.npy"]
    done = subprocess.run(
        [*map(str, command)],
        cwd=tmp_path / "away",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "away" / "p.npy").tobytes() == here.tobytes()
