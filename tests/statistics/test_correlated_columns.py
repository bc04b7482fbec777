"""Correlated columns are grouped: planted blocks, several tables, missing values, few rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score

from graphfuse.statistics import correlated_columns as module
from graphfuse.statistics.correlated_columns import chance_correlation, correlated_columns

ROWS = 300


def block(rng, size, r, rows=ROWS):
    """Columns `[rows, size]` that correlate by r in pairs, with random signs."""
    factor = rng.normal(size=(rows, 1))
    values = np.sqrt(r) * factor + np.sqrt(1 - r) * rng.normal(size=(rows, size))
    return values * rng.choice([-1, 1], size)


def planted(seed, r=0.9, sizes=(20, 5, 2), noise=100):
    """Blocks and noise columns in random order, and the block of each column."""
    rng = np.random.default_rng(seed)
    blocks = [block(rng, size, r) for size in sizes]
    table = np.hstack([*blocks, rng.normal(size=(ROWS, noise))])
    truth = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), len(sizes) + np.arange(noise)])
    order = rng.permutation(len(truth))
    return table[:, order], truth[order]


@pytest.mark.parametrize("r", [0.75, 0.8, 0.9])
def test_planted_blocks_are_the_groups(r):
    for seed in range(5):
        table, truth = planted(seed, r)
        found = correlated_columns([table])
        assert adjusted_rand_score(truth, found.group) > (0.95 if r < 0.8 else 0.999)
        assert (found.group[found.centre] == np.arange(len(found.centre))).all()


def test_complete_linkage_breaks_a_block_that_average_linkage_keeps():
    rng = np.random.default_rng(1)
    table = block(rng, 20, 0.75)
    distances = 1 - np.abs(np.corrcoef(table.T))[np.triu_indices(20, 1)]
    assert fcluster(linkage(distances, "complete"), 0.3, "distance").max() > 1
    assert correlated_columns([table]).group.max() == 0


def test_a_chain_is_no_group():
    rng = np.random.default_rng(0)
    chain = [rng.normal(size=5_000)]
    for _ in range(9):
        chain.append(0.8 * chain[-1] + 0.6 * rng.normal(size=5_000))
    found = correlated_columns([np.stack(chain, 1)])
    assert np.bincount(found.group).max() <= 3  # r of the ends: .13


def test_the_result_is_that_of_scipy_on_all_columns_at_once():
    rng = np.random.default_rng(3)
    table = np.hstack([block(rng, 12, r) for r in rng.uniform(0.5, 0.9, 8)])
    distances = 1 - np.abs(np.corrcoef(table.T))
    upper = distances[np.triu_indices(len(distances), 1)]
    expected = fcluster(linkage(upper, "average"), 0.3, "distance")
    assert adjusted_rand_score(expected, correlated_columns([table]).group) == 1


def test_blocks_and_large_parts_are_computed_alike(monkeypatch):
    table, truth = planted(0)
    expected = correlated_columns([table])
    monkeypatch.setattr(module, "BLOCK", 7)
    found = correlated_columns([table])
    assert (found.group == expected.group).all() and (found.centre == expected.centre).all()
    monkeypatch.setattr(module, "LARGEST", 10)  # the block of 20 is parted at higher correlations
    parted = correlated_columns([table])
    assert adjusted_rand_score(truth[truth != 0], parted.group[truth != 0]) == 1


def test_groups_reach_across_tables_over_the_rows_that_both_have():
    rng = np.random.default_rng(2)
    both = block(rng, 4, 0.9)
    first = np.hstack([both[:, :2], rng.normal(size=(ROWS, 5))])
    second = np.hstack([rng.normal(size=(ROWS, 5)), both[:, 2:]])
    second[:100] = np.nan
    group = correlated_columns([first, second]).group
    assert group[0] == group[1] == group[12] == group[13]
    assert len(np.unique(group)) == 11


def test_tables_without_common_rows_have_no_common_groups():
    rng = np.random.default_rng(2)
    both = block(rng, 2, 0.99)
    first, second = both[:, :1].copy(), both[:, 1:].copy()
    first[150:], second[:150] = np.nan, np.nan
    assert correlated_columns([first, second]).group.tolist() == [0, 1]


def test_missing_values_count_as_the_median():
    rng = np.random.default_rng(5)
    table = block(rng, 6, 0.95)
    table[rng.random(table.shape) < 0.05] = np.nan
    table[:20] = np.nan  # patients without the modality
    assert correlated_columns([table]).group.max() == 0
    empty = np.full((ROWS, 1), np.nan)
    assert correlated_columns([np.hstack([table, empty, empty])]).group.tolist() == [0] * 6 + [1, 2]


def test_constant_columns_and_scales_do_not_matter():
    rng = np.random.default_rng(6)
    pair = block(rng, 2, 0.95) * [1e-200, 1e200]
    constant = np.full((ROWS, 2), 0.1 + 0.2)
    group = correlated_columns([np.hstack([pair, constant])]).group
    assert group.tolist() == [0, 0, 1, 2]


def test_few_rows_make_no_groups_by_chance():
    rng = np.random.default_rng(7)
    table = rng.normal(size=(15, 400))
    largest = np.abs(np.corrcoef(table.T) - np.eye(400)).max()
    assert largest > 0.7
    found = correlated_columns([table])
    assert len(found.centre) == 400
    exceeded = 0
    for _ in range(100):
        correlations = np.corrcoef(rng.normal(size=(20, 30)).T)
        exceeded += np.abs(correlations - np.eye(30)).max() > chance_correlation(20, 435)
    assert exceeded <= 12
    assert chance_correlation(2, 10) == np.inf


def test_the_order_of_columns_only_renames_groups():
    table, _ = planted(4)
    order = np.random.default_rng(0).permutation(table.shape[1])
    expected, found = correlated_columns([table]), correlated_columns([table[:, order]])
    assert adjusted_rand_score(expected.group[order], found.group) == 1
    assert set(order[found.centre]) == set(expected.centre)
    first = np.unique(found.group, return_index=True)[1]
    assert (np.diff(first) > 0).all()


def test_nothing_to_group():
    empty = correlated_columns([np.zeros((5, 0))])
    assert empty.group.tolist() == [] and empty.centre.tolist() == []
    assert correlated_columns([np.zeros((0, 2))]).group.tolist() == [0, 1]
