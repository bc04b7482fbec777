"""Two scales in one table, and raw numbers."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort_checks.mixed_scales import looks_raw, two_scales

rng = np.random.default_rng(5)
SHAPE = (50, 40)
M = rng.normal(0, 2.5, 40) + rng.normal(0, 0.5, SHAPE)
BETA = 1 / (1 + 2.0**-M)
LOGS = np.abs(rng.normal(8, 2, SHAPE)) + 0.01


def test_beta_among_m_values_is_told_by_patients_and_by_columns():
    rows = np.r_[M[:30], BETA[30:]]
    assert "all values of 20 patients lie between 0 and 1" in two_scales(pd.DataFrame(rows))
    columns = np.c_[M[:, :25], BETA[:, 25:]]
    assert "all values of 15 columns lie between 0 and 1" in two_scales(pd.DataFrame(columns))


def test_logarithms_beside_raw_numbers_are_told():
    rows = np.r_[LOGS[:10], 2.0 ** LOGS[10:]]
    assert "10 patients and " in two_scales(pd.DataFrame(rows))


@pytest.mark.parametrize(
    "values",
    [M, BETA, LOGS, 2.0**LOGS, np.round(2.0**LOGS), M[:, :3], rng.normal(size=SHAPE)],
)
def test_one_scale_is_silent(values):
    assert two_scales(pd.DataFrame(values)) == ""
    holes = np.where(rng.random(np.shape(values)) < 0.2, np.nan, values)
    assert two_scales(pd.DataFrame(holes)) == ""


def test_raw_is_never_negative_large_and_skewed():
    assert looks_raw(pd.DataFrame(np.exp(rng.normal(5, 1, SHAPE))))
    for values in (LOGS, M, BETA, rng.normal(900, 30, SHAPE), np.full(SHAPE, 999.0)):
        assert not looks_raw(pd.DataFrame(values))
    assert not looks_raw(pd.DataFrame({"a": ["x"]}))


def test_whole_numbers_beyond_a_thousand_are_raw_though_no_column_is_skewed():
    counts = np.round(rng.normal(900, 90, SHAPE))
    assert looks_raw(pd.DataFrame(counts + 300))
    assert not looks_raw(pd.DataFrame(np.round(counts / 12)))
    assert not looks_raw(pd.DataFrame(counts - 5000))
