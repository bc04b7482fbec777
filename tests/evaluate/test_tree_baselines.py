"""Random forest and gradient boosting: which columns they see, how they are tuned, and what they do
where data are thin."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import f_classif
from sklearn.metrics import log_loss, roc_auc_score

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.evaluate import tree_baselines
from graphfuse.evaluate.tree_baselines import (
    SPLITS,
    STAGES,
    TREES,
    TRIED,
    Columns,
    boosting,
    forest,
)
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.schema import Recipe
from tests.outcomes import of_codes

RECIPE = Recipe.model_validate({"name": "plain", "net": {"propagate": "none"}})
BOTH = pytest.mark.parametrize("baseline", [forest, boosting], ids=["forest", "boosting"])


def fold(cohort, train, codes=None, classes=None):
    """The fold that trains on the first `train` patients, and the others' views."""
    outcome = cohort.outcome()
    codes = outcome.values if codes is None else codes
    cross = PreparedFold.fit(
        cohort.take(np.arange(train)),
        of_codes(codes[:train], classes or len(outcome.classes)),
        RECIPE,
        None,
        0,
    )
    return cross, cross.preparation.views(cohort.take(np.arange(train, len(cohort))))


def frames(values, names):
    index = [f"P{i:03d}" for i in range(len(values))]
    return pd.DataFrame(values, index=index, columns=names)


@pytest.fixture(scope="module")
def made():
    return planted(150, {"rna": 40, "meth": 20}, missing={"meth": 0.3}, effect=1.5, seed=0).cohort


@pytest.fixture
def few_trees(monkeypatch):
    """For tests in which it does not matter how much is found."""
    for name, count in {"TREES": 24, "TRIED": 20, "STAGES": 5}.items():
        monkeypatch.setattr(tree_baselines, name, count)


FEW_TREES = pytest.mark.usefixtures("few_trees")


@BOTH
def test_planted_truth_is_found(baseline, made):
    cross, views = fold(made, 100)
    probability = baseline(cross, views)
    assert probability.shape == (50, 2)
    np.testing.assert_allclose(probability.sum(1), 1, rtol=1e-9)
    assert roc_auc_score(made.outcome().values[100:], probability[:, 1]) > 0.9


@pytest.mark.slow
@BOTH
def test_noise_stays_at_chance(baseline):
    """For either; `test_on_noise_boosting_stops_early` is a small one of the same claim."""
    found, truth = [], []
    for seed in range(3):
        noise = planted(120, {"rna": 1000}, effect=0.0, seed=seed).cohort
        found.append(baseline(*fold(noise, 60))[:, 1])
        truth.append(noise.outcome().values[60:])
    assert (
        abs(roc_auc_score(np.concatenate(truth), np.concatenate(found)) - 0.5) < 0.11
    )  # 2.5 standard errors


@BOTH
def test_two_columns_that_tell_only_together_are_found(baseline):
    """The sign of a product, which no linear baseline finds."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 4))
    label = pd.Series(
        np.where(values[:, 0] * values[:, 1] > 0, "same", "other"),
        index=frames(values, list("abcd")).index,
    )
    cohort = Cohort.from_frames({"rna": frames(values, list("abcd"))}, label.rename("sign"))
    cross, views = fold(cohort, 300)
    assert roc_auc_score(cohort.outcome().values[300:], baseline(cross, views)[:, 1]) > 0.9


# columns
# ------------------------------------------------------------------------------------------------


def test_the_columns_are_those_of_highest_f_whichever_modality(monkeypatch, made):
    monkeypatch.setattr(tree_baselines, "TOP", 12)
    cross, _ = fold(made, 100)
    codes = cross.target.values.copy()
    codes[:10] = -1
    chosen = Columns.fit(cross, of_codes(codes, 2).target).chosen
    by_name = {}
    for m, modality in made.modalities.items():
        rows = np.flatnonzero(modality.present[:100] & (codes >= 0))
        f = f_classif(modality.table.to_numpy()[rows], codes[rows])[0]
        by_name |= {(m, column): value for column, value in enumerate(f)}
    best = sorted(by_name, key=by_name.get, reverse=True)[:12]
    assert {(m, c) for m, columns in chosen.items() for c in columns} == set(best)
    assert len({m for m, _ in best}) == 2


def test_ties_go_by_name_wherever_the_columns_stand(monkeypatch):
    monkeypatch.setattr(tree_baselines, "TOP", 3)
    rng = np.random.default_rng(1)
    one = rng.normal(size=30)
    label = pd.Series(
        rng.permutation(np.arange(30) % 2).astype(str),
        index=frames(one[:, None], ["x"]).index,
        name="y",
    )
    for order in (list("edcba"), list("badce")):
        cohort = Cohort.from_frames({"m": frames(np.tile(one[:, None], 5), order)}, label)
        cross, _ = fold(cohort, 30)
        assert {order[c] for c in Columns.fit(cross, cross.target).chosen["m"]} == set("abc")


def test_who_lacks_a_modality_has_nan_there(made):
    cross, views = fold(made, 100)
    columns = Columns.fit(cross, cross.target)
    table = columns.of(views)
    assert table.shape == (50, 60)
    np.testing.assert_array_equal(np.isnan(table[:, 40:]), np.tile(~views.has["meth"][:, None], 20))
    np.testing.assert_array_equal(table[:, :40], views.own["rna"])


@FEW_TREES
def test_a_modality_of_two_patients_or_of_none_with_a_label_takes_no_places(monkeypatch, made):
    """One patient a class parts any column: that is no sign. And what no labelled patient has
    cannot be learned from."""
    monkeypatch.setattr(tree_baselines, "TOP", 45)
    cross, views = fold(made, 100)
    codes, has = cross.target.values, cross.views.has["meth"]
    pair = np.array([np.flatnonzero(has & (codes == k))[0] for k in (0, 1)])
    for kept, left in ((pair, 5), ([], 0)):
        few = np.where(has & ~np.isin(np.arange(100), kept), -1, codes)
        chosen = Columns.fit(cross, of_codes(few, 2).target).chosen
        assert (len(chosen["rna"]), len(chosen["meth"])) == (40, left)
    cross = replace(cross, target=of_codes(np.where(has, -1, codes), 2).target)
    for baseline in (forest, boosting):
        assert np.isfinite(baseline(cross, views)).all()


# tuning
# -------------------------------------------------------------------------------------------------


def test_the_forest_is_the_one_of_lowest_out_of_bag_loss(made):
    cross, views = fold(made, 100)
    columns = Columns.fit(cross, cross.target)
    x, losses = columns.of(cross.views), {}
    for split in SPLITS:
        kind = {"max_features": split[0], "min_samples_leaf": split[1], "random_state": 0}
        tried = RandomForestClassifier(TRIED, oob_score=True, **kind).fit(x, cross.target.values)
        floored = np.maximum(tried.oob_decision_function_, 0.5 / TRIED)
        losses[split] = -np.log(floored[np.arange(100), cross.target.values]).sum()
    features, least = min(losses, key=losses.get)
    whole = RandomForestClassifier(
        TREES, max_features=features, min_samples_leaf=least, random_state=0
    ).fit(x, cross.target.values)
    np.testing.assert_allclose(
        forest(cross, views), whole.predict_proba(columns.of(views)), rtol=1e-12
    )


def test_boostings_curves_are_held_out(made):
    """The curve of the inner folds, from scikit-learn's own pieces with columns chosen outside the
    held-out patients."""
    cross, _ = fold(made, 100)
    inner, expected = tree_baselines.assign_folds(cross.target.values, tree_baselines.INNER, 0), 0.0
    for k in range(tree_baselines.INNER):
        codes = np.where(inner == k, -1, cross.target.values)
        x = Columns.fit(cross, of_codes(codes, 2).target).of(cross.views)
        model = HistGradientBoostingClassifier(
            max_iter=7,
            max_leaf_nodes=8,
            min_samples_leaf=5,
            max_bins=32,
            max_features=0.1,
            random_state=0,
        ).fit(x[inner != k], cross.target.values[inner != k])
        said = np.clip(model.predict_proba(x[inner == k])[:, 1], 0.5 / TRIED, 1 - 0.5 / TRIED)
        expected += log_loss(cross.target.values[inner == k], said, normalize=False)
    curves = tree_baselines._curves(cross, cross.target)
    assert curves.shape == (2, STAGES)
    assert curves[1, 6] == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_on_noise_boosting_stops_early():
    """Columns chosen with the held-out labels would make it go on to the end."""
    noise = planted(120, {"rna": 3000}, effect=0.0, seed=0).cohort
    cross, _ = fold(noise, 100)
    assert tree_baselines._curves(cross, cross.target).argmin(1).max() < 10
    kept = Columns.fit(cross, cross.target)
    leaky = replace(
        noise,
        modalities={
            "rna": replace(noise.modalities["rna"], table=_columns(noise, kept), symbols=())
        },
    )
    assert tree_baselines._curves(fold(leaky, 100)[0], cross.target).argmin(1).min() > 30


def _columns(cohort, kept):
    return cohort.modalities["rna"].table.iloc[:, kept.chosen["rna"]]


# thin data
# ----------------------------------------------------------------------------------------------


@FEW_TREES
@BOTH
def test_unlabelled_training_patients_are_left_out(baseline, made):
    """They move the scaling, which trees do not mind, and nothing else."""
    codes = made.outcome().values.copy()
    codes[:30] = -1
    cross, views = fold(made, 100, codes)
    without, same = fold(made.take(np.arange(30, 150)), 70)
    assert np.abs(views.own["rna"] - same.own["rna"]).max() > 0.1
    np.testing.assert_allclose(baseline(cross, views), baseline(without, same), atol=1e-9)


@FEW_TREES
@BOTH
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_class_without_training_patients_has_probability_0_in_its_place(baseline, missing):
    made = planted(120, {"rna": 15}, classes=3, effect=2.0, seed=0).cohort
    codes = made.outcome().values.copy()
    codes[:90][codes[:90] == missing] = -1
    cross, views = fold(made, 90, codes, 3)
    probability = baseline(cross, views)
    assert probability.shape == (30, 3) and (probability[:, missing] == 0).all()
    np.testing.assert_allclose(probability.sum(1), 1, rtol=1e-9)
    rest = codes[90:] != missing
    assert (probability.argmax(1) == codes[90:])[rest].mean() > 0.8


@FEW_TREES
@BOTH
def test_a_class_of_one_is_no_obstacle(baseline):
    made = planted(120, {"rna": 15}, classes=3, effect=2.0, seed=0).cohort
    codes = made.outcome().values.copy()
    codes[np.flatnonzero(codes[:90] == 1)[1:]] = -1
    probability = baseline(*fold(made, 90, codes, 3))
    np.testing.assert_allclose(probability.sum(1), 1, rtol=1e-9)
    assert 0 < probability[:, 1].mean() < 0.1


@FEW_TREES
@BOTH
def test_where_all_are_of_one_class_it_is_certain(baseline, made):
    cross, views = fold(made, 100)
    cross = replace(cross, target=of_codes(np.ones(100, int), 2).target)
    np.testing.assert_allclose(baseline(cross, views), np.tile([0.0, 1.0], (50, 1)))


@FEW_TREES
@BOTH
def test_a_handful_of_labels_will_do(baseline, made):
    cross, views = fold(made, 100)
    for labels in (2, 3, 6):
        values = cross.target.values
        shown = np.concatenate(
            [np.flatnonzero(values == k)[: labels // 2 + k * (labels % 2)] for k in (0, 1)]
        )
        few = np.full(100, -1)
        few[shown] = values[shown]
        thin, _ = fold(made, 100, np.concatenate([few, made.outcome().values[100:]]))
        assert np.isfinite(baseline(thin, views)).all()


@FEW_TREES
@BOTH
def test_one_patients_row_is_not_the_others_business_and_twice_is_the_same(baseline, made):
    cross, views = fold(made, 100)
    found = baseline(cross, views)
    np.testing.assert_array_equal(found, baseline(cross, views))
    cross, views = fold(made, 100)
    alone = cross.preparation.views(made.take([103]))
    np.testing.assert_allclose(baseline(cross, alone)[0], found[3], atol=1e-12)
