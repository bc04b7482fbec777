"""No figure of the recorded trainings has moved: scores, probabilities and rankings are equal to
1e-9, on the machine on which they were recorded."""

from __future__ import annotations

import numpy as np
import pytest

from tests.figures.cases import CASES, HERE, figures, is_here, machine
from tests.figures.compare import TOLERANCE, moves


@pytest.mark.nightly
@pytest.mark.parametrize("name", CASES)
def test_no_figure_moves(name, tmp_path):
    if not is_here(name):
        pytest.skip("needs the folder of shared data")
    with np.load(HERE / f"{name}.npz") as recorded:
        made_on = str(recorded["machine"])
    if made_on != machine():
        pytest.skip(f"recorded on {made_on}, which rounds otherwise than {machine()}")
    np.savez(tmp_path / "new.npz", **figures(name))
    found = moves(HERE / f"{name}.npz", tmp_path / "new.npz")
    assert max(found.values()) <= TOLERANCE, found


def test_every_case_is_recorded():
    assert {path.stem for path in HERE.glob("*.npz")} == set(CASES)


def test_what_moves_is_told(tmp_path):
    same = {"machine": "one", "scores": np.array([0.5, np.nan])}
    np.savez(tmp_path / "old.npz", **same, epochs=np.ones(2))
    np.savez(tmp_path / "new.npz", **same, epochs=np.array([1.0, 1.25]))
    assert moves(tmp_path / "old.npz", tmp_path / "new.npz") == {"scores": 0.0, "epochs": 0.25}
    np.savez(tmp_path / "new.npz", machine="two", scores=np.array([0.5, 0.5]))
    found = moves(tmp_path / "old.npz", tmp_path / "new.npz")
    assert found == {"scores": np.inf, "epochs": np.inf}
