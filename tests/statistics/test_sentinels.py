"""Codes for missing: found where nothing else explains them, and not in intact numbers."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.statistics.sentinels import sentinels_in

rng = np.random.default_rng(4)
SHAPE = (80, 50)
Z = rng.normal(size=SHAPE)
LOGS = rng.normal(8, 3, 50) + Z
HEAVY = np.round(np.exp(rng.normal(5, 2.2, SHAPE)))
GENOTYPES = rng.integers(0, 3, SHAPE).astype(float)


def found(values):
    return {s.code: s.cells for s in sentinels_in(pd.DataFrame(values).add_prefix("c"))}


def with_code(values, code, cells):
    values = values.copy()
    values.flat[rng.permutation(values.size)[:cells]] = code
    return values


@pytest.mark.parametrize("code", [-99, -999, -9999, 99, 999, 9999, 1e20, -1e30, 9.96921e36, -77777])
@pytest.mark.parametrize("values", [Z, LOGS], ids=["z-scores", "logs"])
def test_codes_are_found(values, code):
    assert found(with_code(values, code, 40)) == {code: 40}
    assert found(with_code(values, np.nan, 40)) == {}


@pytest.mark.parametrize(("values", "code"), [(HEAVY, -9999), (HEAVY, -9), (GENOTYPES, -9)])
def test_a_negative_code_among_counts_is_found(values, code):
    assert found(with_code(values, code, 12)) == {code: 12}


def test_one_cell_is_enough_for_a_listed_code_far_away():
    assert found(with_code(LOGS, -9999, 1)) == {-9999: 1}
    assert found(with_code(LOGS, 712, 1)) == {}


def test_two_codes_in_one_table():
    assert found(with_code(with_code(LOGS, -999, 20), 1e20, 5)) == {-999: 20, 1e20: 5}


def test_a_code_in_columns_of_other_units_is_judged_by_column():
    wide = LOGS * np.geomspace(0.01, 1e4, 50)
    wide[:6, 3] = 9999
    assert found(wide) == {9999: 6}


@pytest.mark.parametrize(
    "values",
    [
        Z,
        LOGS,
        HEAVY,
        np.r_[HEAVY, np.full((1, 50), 999.0)],
        with_code(HEAVY, 999, 4),
        np.round(np.exp(rng.normal(6, 2, (300, 400)))),
        GENOTYPES,
        (rng.random(SHAPE) < 0.05).astype(float),
        np.where(rng.random(SHAPE) < 0.3, 0, rng.normal(24, 2, SHAPE)),
        np.clip(Z * 5, -9, 9),
        np.maximum(np.log10(rng.beta(0.2, 5, SHAPE)), -9),
        rng.normal(-9999, 30, SHAPE),
        Z * 1e17,
        Z * 1e-12,
        np.full(SHAPE, -9999.0),
        np.zeros(SHAPE),
    ],
)
def test_no_alarm_on_intact_numbers(values):
    assert found(values) == {}
