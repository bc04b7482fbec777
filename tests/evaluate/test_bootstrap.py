"""Draws of patients, and percentiles of what they score."""

import numpy as np
import pytest

from graphfuse.evaluate.bootstrap import blocks, interval, stacked


def test_draws_keep_every_stratum_and_come_in_blocks_of_any_size(monkeypatch):
    strata = np.array([0, 1, 0, 2, 1, 0, 0])
    weights = np.vstack(list(blocks(strata, 50, np.random.default_rng(0))))
    assert weights.shape == (50, 7) and len({tuple(row) for row in weights}) > 20
    for level in range(3):
        assert (weights[:, strata == level].sum(1) == (strata == level).sum()).all()
    monkeypatch.setattr("graphfuse.evaluate.bootstrap.CELLS", 21)
    parts = [{"w": block} for block in blocks(strata, 50, np.random.default_rng(0))]
    assert [len(part["w"]) for part in parts] == [3] * 16 + [2]
    assert len(stacked(parts)["w"]) == 50


def test_the_interval_of_a_mean_is_that_of_students_t():
    rng = np.random.default_rng(0)
    values = rng.normal(size=25)
    drawn = np.concatenate([w @ values / 25 for w in blocks(np.zeros(25, int), 20_000, rng)])
    low, high = interval(drawn, values.mean(), 25)
    half = 2.0639 * values.std(ddof=1) / 5
    assert (low, high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=0.06 * half
    )


def test_there_is_no_interval_where_nothing_varies_or_most_is_unknown():
    assert interval(np.ones(100), 1.0, 30, (0.0, 1.0)) == (None, None)
    assert interval(np.r_[np.full(60, np.nan), np.linspace(0, 1, 40)], 0.5, 30) == (None, None)
    assert interval(np.linspace(0, 1, 9), float("nan"), 30) == (None, None)
    assert interval(np.linspace(0, 1, 9), 0.5, 1) == (None, None)
    low, high = interval(np.linspace(0.8, 1.0, 100), 0.95, 30, (0.0, 1.0))
    assert high == 1.0 and 0.8 < low < 0.95


def test_an_interval_beyond_its_bound_is_none():
    assert interval(np.array([0.9] * 50 + [1.0] * 50), 1.2, 8, (-1.0, 1.0)) == (None, None)
