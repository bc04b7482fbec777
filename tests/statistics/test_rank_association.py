"""Rank statistics of many columns against scipy's of one, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from graphfuse.statistics import rank_association
from graphfuse.statistics.rank_association import (
    auroc_interval,
    correlation_interval,
    one_vs_rest,
    rank_correlation,
)


@pytest.fixture
def values() -> np.ndarray:
    """Five columns with ties and gaps."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(60, 5)).round(1)
    table[rng.random(table.shape) < 0.2] = np.nan
    return table


@pytest.mark.parametrize("block", [2, 2_000])
def test_classes_are_compared_as_scipy_does(values, monkeypatch, block):
    monkeypatch.setattr(rank_association, "BLOCK", block)
    labels = np.random.default_rng(1).integers(0, 3, 60)
    compared = one_vs_rest(values, labels, 3)
    for f, column in enumerate(values.T):
        by_class = [column[(labels == k) & ~np.isnan(column)] for k in range(3)]
        assert compared.p_any[f] == pytest.approx(stats.kruskal(*by_class).pvalue)
        for k, own in enumerate(by_class):
            rest = np.concatenate(by_class[:k] + by_class[k + 1 :])
            usual = {"use_continuity": False, "method": "asymptotic"}
            test = stats.mannwhitneyu(own, rest, **usual)
            assert compared.auroc[k, f] == pytest.approx(test.statistic / len(own) / len(rest))
            assert compared.p[k, f] == pytest.approx(test.pvalue)
            squares = (own - own.mean()) @ (own - own.mean())
            squares += (rest - rest.mean()) @ (rest - rest.mean())
            pooled = np.sqrt(squares / (len(own) + len(rest) - 2))
            difference = own.mean() - rest.mean()
            assert compared.effect[k, f] == pytest.approx(difference / pooled)
            assert compared.difference[k, f] == pytest.approx(difference)


def test_correlations_are_scipys(values):
    number = np.random.default_rng(2).normal(size=60).round(1)
    found = rank_correlation(values, number)
    for f, column in enumerate(values.T):
        there = ~np.isnan(column)
        test = stats.spearmanr(column[there], number[there])
        assert found.rho[f] == pytest.approx(test.statistic)
        assert found.p[f] == pytest.approx(test.pvalue)
        standard = stats.zscore(column[there])
        assert found.slope[f] == pytest.approx(np.polyfit(standard, number[there], 1)[0])


def test_what_cannot_be_computed_is_missing():
    values = np.array([[np.nan, 1.0], [np.nan, 1.0], [np.nan, 1.0], [2.0, 1.0]])
    compared = one_vs_rest(values, np.array([0, 0, 1, 1]), 2)
    assert np.isnan(compared.auroc[:, 0]).all() and np.isnan(compared.p_any).all()
    assert compared.auroc[:, 1].tolist() == [0.5, 0.5]  # a constant column tells nothing
    assert np.isnan(compared.effect).all()
    found = rank_correlation(values, np.arange(4.0))
    assert np.isnan(found.rho).all() and np.isnan(found.p).all()


def test_intervals_are_never_empty_and_stay_in_bounds():
    auroc = np.array([0.0, 0.5, 0.9, 1.0])
    low, high = auroc_interval(auroc, np.full(4, 8), np.full(4, 30), 1.96)
    assert (low <= auroc).all() and (auroc <= high).all() and (high - low > 0.05).all()
    assert low[0] == 0 and high[-1] == 1
    np.testing.assert_allclose(low[::-1][0], 1 - high[0], atol=1e-12)
    rho = np.array([-1.0, 0.0, 1.0])
    low, high = correlation_interval(rho, np.full(3, 12), 1.96)
    assert (high - low > 0.05).all() and (np.abs([low, high]) <= 1).all()
    low, high = correlation_interval(rho, np.full(3, 3), 1.96)
    assert (low == -1).all() and (high == 1).all()


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("positives", [8, 40])
def test_an_interval_of_an_auroc_covers_the_truth(shift, positives):
    rng = np.random.default_rng(3)
    values = rng.normal(size=(60, 1_000))
    values[:positives] += shift
    labels = (np.arange(60) < positives).astype(int)
    compared = one_vs_rest(values, labels, 2)
    sizes = compared.positives[1], compared.negatives[1]
    low, high = auroc_interval(compared.auroc[1], *sizes, 1.96)
    truth = stats.norm.cdf(shift / np.sqrt(2))
    assert 0.93 <= ((low <= truth) & (truth <= high)).mean() <= 0.99
