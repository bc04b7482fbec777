"""Null quantiles: known answers, and what permuted labels make of planted and noise columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation import Replica
from graphfuse.evaluate.folds import repeated, splits
from graphfuse.explain.null_scores import null_quantile
from graphfuse.explain.rank_over_folds import rank
from graphfuse.learn.fusion_search import train_folds
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe


def test_the_share_of_lower_nulls_ties_not_counted():
    nulls = [[1.0, 0.0, 4.0], [2.0, 0.0, 5.0], [3.0, 0.0, 6.0], [9.0, 0.0, 7.0]]
    assert null_quantile([3.5, 0.0, 1.0], nulls).tolist() == [0.75, 0.0, 0.0]


def test_a_score_among_its_nulls_is_uniform():
    drawn = np.random.default_rng(0).normal(size=(200, 4000))
    found = null_quantile(drawn[0], drawn[1:])
    counts, _ = np.histogram(found, 10, (0, 1))
    assert np.abs(counts - 400).max() < 100  # 5 standard deviations


@pytest.mark.parametrize("nulls", [[], [[1.0]], [1.0, 2.0]])
def test_nulls_of_other_items_are_refused(nulls):
    with pytest.raises(ValueError, match=r"null_scores: expected \[nulls, 2\] with a null"):
        null_quantile([1.0, 2.0], nulls)


def ranked(cohort):
    """By the nets of two folds alone."""
    recipe = Recipe.model_validate(
        {"name": "quick", "net": {"width": 4}, "train": {"epochs": 1, "seeds": 1}}
    )
    outcome, names = cohort.outcome(), tuple(cohort.modalities)
    table = repeated(cohort.patients, outcome.values, 2, 1, 0)
    replicas = []
    for _, fold, tested, train in splits(table, outcome.known):
        prepared = PreparedFold.fit(cohort.take(train), outcome.take(train), recipe, None, seed=0)
        (found,) = train_folds([prepared], names, recipe, 0, "cpu")
        model = FusionModel(recipe, device="cpu").adopt(
            found.fitted(prepared, names), recipe, outcome
        )
        replicas.append(Replica(0, fold, tested, train, model))
    return rank(replicas, cohort, None)


def test_a_ranking_beside_rankings_of_permuted_labels(small):
    """One of two nulls scores lower everywhere, as far as an item scores at all."""
    plain = ranked(small.cohort)
    scores = plain.nodes["score"]
    lower, higher = (plain.nodes.assign(score=factor * scores) for factor in (0.5, 2.0))
    nulls = [replace(plain, nodes=lower), replace(plain, nodes=higher)]
    beside = plain.with_nulls(nulls)
    expected = np.where(scores > 0, 0.5, 0.0)
    assert beside.nodes["null_quantile"].tolist() == expected.tolist()
    assert (beside.genes["null_quantile"] == 0).all()  # the same scores: ties do not count
    assert beside.about["null_quantile"].startswith("share of 2 models of permuted labels")
    with pytest.raises(InputError, match="nulls: no ranking is given"):
        plain.with_nulls([])
    with pytest.raises(InputError, match="nulls: one is by occlusion; expected integrated"):
        plain.with_nulls([replace(plain, method="occlusion")])
    with pytest.raises(InputError, match="nulls: one has other features"):
        plain.with_nulls([replace(plain, nodes=plain.nodes.iloc[1:])])


@pytest.mark.slow
def test_planted_features_score_above_their_nulls(small, tmp_path):
    cohort, rng = small.cohort, np.random.default_rng(1)
    outcome, nulls = cohort.outcome(), []
    for _ in range(2):
        permuted = replace(outcome, values=rng.permutation(outcome.values))
        nulls.append(ranked(replace(cohort, outcomes={outcome.name: permuted})))
    plain = ranked(cohort)
    ranking = plain.with_nulls(nulls)
    table = ranking.nodes.set_index("id")
    assert plain.nodes["null_quantile"].isna().all()
    feature = "rna:" + small.genes[0]
    lower = [
        null.nodes.set_index("id")["score"][feature] < table["score"][feature] for null in nulls
    ]
    assert table["null_quantile"][feature] == pytest.approx(np.mean(lower))
    planted = table.index.isin(small.features)
    assert table["null_quantile"][planted].mean() > table["null_quantile"][~planted].mean()
    each = [null.with_nulls([*nulls[:i], *nulls[i + 1 :]]) for i, null in enumerate(nulls)]
    of_nulls = np.mean([null.nodes["null_quantile"].mean() for null in each])
    assert 0.4 < of_nulls <= 0.5  # one of two nulls is the lower, or they tie
    by_class = ranking.nodes_by_class.groupby("class")["null_quantile"].nunique()
    assert (by_class > 1).all() and ranking.genes["null_quantile"].notna().all()
    ranking.save(tmp_path)
    assert "share of 2 models of permuted labels" in (tmp_path / "README.txt").read_text()
