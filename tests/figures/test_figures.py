"""No figure of the recorded trainings has moved: scores, probabilities and rankings are equal to
1e-9."""

from __future__ import annotations

import numpy as np
import pytest

from tests.figures.cases import CASES, HERE, figures, is_here

TOLERANCE = 1e-9


@pytest.mark.nightly
@pytest.mark.parametrize("name", CASES)
def test_no_figure_moves(name):
    if not is_here(name):
        pytest.skip("needs the folder of shared data")
    found = figures(name)
    with np.load(HERE / f"{name}.npz") as recorded:
        assert set(found) == set(recorded.files)
        for what in recorded.files:
            np.testing.assert_allclose(
                found[what], recorded[what], rtol=TOLERANCE, atol=TOLERANCE, err_msg=what
            )


def test_every_case_is_recorded():
    assert {path.stem for path in HERE.glob("*.npz")} == set(CASES)
