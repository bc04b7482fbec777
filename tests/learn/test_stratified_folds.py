"""Stratified folds: everyone once, classes even, groups whole where they must be."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.learn.stratified_folds import assign_folds, grouped, stratified

CODES = np.repeat([0, 1, 2, -1], [50, 23, 7, 10])
PATIENTS = pd.Index([f"P{i:02d}" for i in range(len(CODES))])


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_classes_are_spread_evenly(folds):
    fold = stratified(CODES, folds, 0)
    assert set(fold) == set(range(folds))
    for code in (0, 1, 2, -1):
        counts = np.bincount(fold[code == CODES], minlength=folds)
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("seed", range(5))
def test_rare_classes_are_spread_as_far_as_they_go(seed):
    """A model without one fold knows every class that has two members."""
    codes = np.repeat(np.arange(7), [2, 2, 3, 4, 1, 2, 40])
    fold = stratified(codes, 5, seed)
    for code, count in enumerate([2, 2, 3, 4, 1, 2]):
        assert len(set(fold[codes == code])) == count
    assert np.bincount(fold[codes == 6]).tolist() == [8] * 5


def test_all_classes_may_be_rare():
    codes = np.array([0, 1] * 4)
    fold = stratified(codes, 5, 0)
    assert set(fold) == set(range(5)) and all(len(set(fold[codes == c])) == 4 for c in (0, 1))


def test_a_seed_is_a_split():
    assert stratified(CODES, 5, 3).tolist() == stratified(CODES, 5, 3).tolist()
    assert stratified(CODES, 5, 3).tolist() != stratified(CODES, 5, 4).tolist()


def sites(count):
    """A site for everyone, of very unequal sizes."""
    share = np.linspace(1, 5, count) ** 2
    return np.random.default_rng(0).choice(
        [f"s{k:02d}" for k in range(count)], len(CODES), p=share / share.sum()
    )


def test_inner_folds_are_as_many_as_there_are_groups():
    assert set(grouped(CODES, sites(3), 5, 0)) == {0, 1, 2}
    assert set(grouped(CODES, np.full(len(CODES), "a"), 5, 0)) == {0}


def test_a_seed_is_a_partition_into_groups():
    groups = sites(12)
    assert grouped(CODES, groups, 5, 3).tolist() == grouped(CODES, groups, 5, 3).tolist()
    assert any(
        grouped(CODES, groups, 5, 3).tolist() != grouped(CODES, groups, 5, s).tolist()
        for s in (4, 5)
    )


def test_inner_folds_keep_groups_whole_where_there_are_two():
    fold = assign_folds(CODES, 5, 0, sites(12))
    assert (pd.Series(fold).groupby(sites(12)).nunique() == 1).all() and len(set(fold)) == 5
    for groups in (None, np.full(len(CODES), "only")):
        assert assign_folds(CODES, 5, 0, groups).tolist() == stratified(CODES, 5, 0).tolist()
