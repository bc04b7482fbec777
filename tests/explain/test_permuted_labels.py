"""Permuted labels on the halves of resamples: planted items lie above them, noise among them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.explain.half_samples import HalfSamples, settled
from graphfuse.explain.rank_over_folds import rank
from tests.explain.test_half_samples import RECIPE, fold_models


def halves_of(replicas, cohort, count, **given):
    return HalfSamples.of(replicas, cohort, None, settled(RECIPE, replicas), count, **given)


@pytest.fixture(scope="module")
def made():
    return planted(80, {"rna": 40, "meth": 20}, carriers=4, effect=2.5, seed=3)


@pytest.fixture(scope="module")
def replicas(made):
    return fold_models(made.cohort)


@pytest.mark.slow
def test_planted_features_lie_above_permuted_labels(made, replicas, tmp_path):
    halves = halves_of(replicas, made.cohort, 2)
    ranking = rank(replicas, made.cohort, None, resamples=halves, nulls=4)
    table = ranking.nodes.set_index("id")["null_quantile"]
    is_planted = table.index.isin(made.features)
    assert table[is_planted].mean() > 0.9
    assert 0.25 < table[~is_planted].mean() < 0.75
    assert np.allclose(table * 4, (table * 4).round())
    for name in ("genes", "groups", "modalities", "nodes_by_class"):
        assert getattr(ranking, name)["null_quantile"].between(0, 1).all(), name
    plain = rank(replicas, made.cohort, None, resamples=halves)
    assert plain.nodes.drop(columns="null_quantile").equals(
        ranking.nodes.drop(columns="null_quantile")
    ), "nulls change nothing else"
    assert ranking.stability.verdict.startswith("models agree beyond chance")
    ranking.save(tmp_path)
    said = (tmp_path / "README.txt").read_text()
    assert "null_quantile         share of 4 permutations of the labels" in said
    assert "in steps of 1/4; the verdict is not by so few" in said
    few = plain.stability.table["by_chance"]
    assert ranking.stability.table["by_chance"].equals(few), "which say nothing of a tenth"


def test_a_half_keeps_its_labels_and_its_graphs(made, replicas):
    halves = halves_of(replicas, made.cohort, 2)
    labels = made.cohort.outcome().values
    folds = [halves._prepared(split) for split in halves.splits]
    for fold, split in zip(folds, halves.splits, strict=True):
        rng = np.random.default_rng(5)
        outcome = made.cohort.outcome().take(rng.permutation(split.train))
        other = fold.relabelled(outcome)
        assert sorted(other.target.values) == sorted(labels[split.train])
        assert not np.array_equal(other.target.values, fold.target.values)
        assert other.preparation is fold.preparation and other.views is fold.views
        assert other.results.both.count("start") == 0


def test_a_relabelled_fold_is_one_prepared_with_these_labels(made, replicas):
    """Kernels that are taken over change no number."""
    halves = halves_of(replicas, made.cohort, 2)
    pair = halves.splits
    folds = [halves._prepared(split) for split in pair]
    first = halves._trained(pair, folds)  # which fills the memos of the folds
    shuffled = np.random.default_rng(2).permutation(len(made.cohort))
    outcome = made.cohort.outcome().take(shuffled)
    there = replace(made.cohort, outcomes={outcome.name: outcome})
    anew = replace(halves, cohort=there, outcome=outcome)
    others = [
        fold.relabelled(outcome.take(split.train)) for fold, split in zip(folds, pair, strict=True)
    ]
    one = halves._trained(pair, others)[0].model.fitted_.linear
    two = anew._trained(pair, [anew._prepared(split) for split in pair])[0].model.fitted_.linear
    before = first[0].model.fitted_.linear
    for name in one.slopes:
        assert np.allclose(one.slopes[name], two.slopes[name], rtol=1e-9, atol=1e-12)
        assert not np.allclose(one.slopes[name], before.slopes[name])


def test_labels_of_kept_groups_are_not_exchanged(made, replicas):
    family = np.arange(len(made.cohort)) // 2
    grouped = replace(made.cohort, groups={"family": family.astype(str)})
    halves = halves_of(replicas, grouped, 2, keeps="family")
    with pytest.raises(InputError, match="nulls: patients of one family are kept together"):
        rank(replicas, grouped, None, resamples=halves, nulls=2)
