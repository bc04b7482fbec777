"""Resamples: complementary halves, models by the run's choices, ranges and stability over them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.evaluate.folds import repeated, splits
from graphfuse.evaluate.leakage.nulls import shuffled
from graphfuse.explain.half_samples import HalfSamples, settled
from graphfuse.explain.rank_over_folds import rank
from graphfuse.learn.fusion_search import train_folds
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

RECIPE = Recipe.model_validate(
    {"name": "linear", "net": {"width": 4}, "train": {"epochs": 0, "seeds": 1}}
)


def fold_models(cohort, folds=2, keep=None):
    outcome, names = cohort.outcome(), tuple(cohort.modalities)
    table = repeated(cohort.patients, outcome.values, folds, 1, 0)
    replicas = []
    for _, fold, tested, train in splits(table, outcome.known)[:keep]:
        prepared = PreparedFold.fit(cohort.take(train), outcome.take(train), RECIPE, None, seed=0)
        (found,) = train_folds([prepared], names, RECIPE, 0, "cpu")
        model = FusionModel(RECIPE, device="cpu")
        model = model.adopt(found.fitted(prepared, names), RECIPE, outcome)
        replicas.append(Replica(0, fold, tested, train, model))
    return replicas


def halves_of(replicas, cohort, count, **given):
    return HalfSamples.of(replicas, cohort, None, settled(RECIPE, replicas), count, **given)


@pytest.fixture(scope="module")
def cohort():
    return planted(80, {"rna": 40, "meth": 20}, carriers=4, effect=2.5, seed=3).cohort


@pytest.fixture(scope="module")
def replicas(cohort):
    return fold_models(cohort)


def test_halves_are_complementary_and_even(cohort, replicas):
    halves = halves_of(replicas, cohort, 6)
    labels = cohort.outcome().values
    trained = []
    for one, other in zip(halves.splits[::2], halves.splits[1::2], strict=True):
        assert set(one.train) | set(other.train) == set(range(len(cohort)))
        assert not set(one.train) & set(other.train)
        assert set(one.tested) == set(other.train)
        assert abs(len(one.train) - len(other.train)) <= 2
        assert abs(labels[one.train].mean() - labels[other.train].mean()) < 0.05
        trained.append(tuple(one.train))
    assert len(set(trained)) == 3, "each pair is dealt anew"


def test_halves_are_of_training_patients_alone(cohort):
    one = fold_models(cohort, keep=1)
    halves = halves_of(one, cohort, 2)
    assert set(halves.splits[0].train) | set(halves.splits[1].train) == set(one[0].train)
    assert not set(halves.splits[0].tested) & set(one[0].tested)


def test_halves_keep_groups_whole(cohort, replicas):
    pairs = np.arange(len(cohort)) // 2
    grouped = replace(cohort, groups={"family": pairs.astype(str)})
    for split in halves_of(replicas, grouped, 4, keeps="family").splits:
        assert not set(pairs[split.train]) & set(pairs[split.tested])


def test_a_model_is_that_of_its_half_alone(cohort, replicas):
    """Values and labels of the other half have no part in it."""
    halves = halves_of(replicas, cohort, 2)
    first = halves.fitted()[0]
    changed = cohort.modalities["rna"].table.copy()
    changed.iloc[first.tested] = 1e3 * changed.iloc[first.tested].to_numpy() + 7
    modalities = dict(cohort.modalities)
    modalities["rna"] = replace(modalities["rna"], table=changed)
    labels = cohort.outcome().values.copy()
    labels[first.tested] = 1 - labels[first.tested]
    outcome = replace(cohort.outcome(), values=labels)
    other = replace(cohort, modalities=modalities, outcomes={outcome.name: outcome})
    pair = [split for split in halves.splits if set(split.train) == set(first.train)]
    again = replace(halves, cohort=other, outcome=outcome)._fit(pair)[0]
    slopes, same = first.model.fitted_.linear.slopes, again.model.fitted_.linear.slopes
    assert all(np.array_equal(slopes[name], same[name]) for name in slopes)


def test_what_is_trained_is_what_most_fold_models_chose(replicas):
    models = []
    for epochs, rate in ((3, 0.01), (9, 0.01), (4, 0.1)):
        fitted = replace(
            replicas[0].model.fitted_,
            epochs=epochs,
            setting={"learning_rate": rate, "weight_decay": 0.5},
        )
        model = FusionModel(RECIPE).adopt(fitted, RECIPE, replace_name(replicas))
        models.append(replace(replicas[0], model=model))
    section = settled(RECIPE, models).train
    assert (section.stop, section.epochs, section.seeds) == ("last", 4, 1)
    assert section.settings == [(0.01, 0.5)]


def replace_name(replicas):
    """Something with the name of the outcome."""
    return pd.Series(name=replicas[0].model.target_, dtype=float)


def test_ranges_are_over_resamples_and_ranks_are_the_runs(cohort, replicas, tmp_path):
    plain = rank(replicas, cohort, None)
    ranking = rank(replicas, cohort, None, resamples=halves_of(replicas, cohort, 4))
    for name in ("nodes", "genes", "groups", "modalities", "nodes_by_class"):
        one, other = getattr(plain, name), getattr(ranking, name)
        assert one["id"].tolist() == other["id"].tolist()
        assert np.array_equal(one["score"], other["score"])
        assert (other["rank_lo"] <= other["rank_mean"]).all()
    wide = (ranking.nodes["rank_hi"] - ranking.nodes["rank_lo"]).mean()
    assert wide > (plain.nodes["rank_hi"] - plain.nodes["rank_lo"]).mean()
    shares = ranking.nodes["selected_frequency"] * 4
    assert np.allclose(shares, shares.round()) and shares.sum() == pytest.approx(4 * 3)
    table = ranking.stability.table
    assert table["kind"].tolist() == ["feature", "group"] and (table["models"] == 4).all()
    assert table["top"].tolist()[0] == 3 and (table["stability"] > 0.2).all()
    assert ranking.stability.verdict.startswith("models agree beyond chance")
    assert "rank in resamples" in repr(ranking) and "verdict: models agree" in repr(ranking)

    ranking.save(tmp_path / "one")
    rank(replicas, cohort, None, resamples=halves_of(replicas, cohort, 4)).save(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
    said = (tmp_path / "one" / "README.txt").read_text()
    assert "4 models of half the training patients" in said and "verdict: models agree" in said
    plain.save(tmp_path / "plain")
    assert not (tmp_path / "plain" / "stability.csv").exists()
    assert "2 fold models, which share" in (tmp_path / "plain" / "README.txt").read_text()


def test_permuted_labels_are_not_stable(cohort):
    null = shuffled(cohort, seed=1)
    replicas = fold_models(null)
    ranking = rank(replicas, null, None, resamples=halves_of(replicas, null, 8))
    assert ranking.stability.verdict.startswith("not stable")


@pytest.mark.parametrize("count", [1, 3, 0])
def test_halves_come_in_pairs(cohort, replicas, count):
    with pytest.raises(InputError, match="resamples: expected an even number from 2"):
        halves_of(replicas, cohort, count)
