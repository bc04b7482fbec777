"""The baselines: which there are, and what each is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.evaluate.baselines import by_group, fit_baselines
from graphfuse.learn.fold_data import start_of
from graphfuse.learn.linear.crossfit import ridge
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.schema import Recipe
from tests.outcomes import of_codes

pytestmark = pytest.mark.usefixtures("some_trees")
RECIPE = Recipe.model_validate({"name": "small", "patient": {"neighbours": 4}})


def cohort(effect=1.5, seed=0):
    """RNA (strong), methylation (noise, often absent) and records (age by class)."""
    made = planted(
        90,
        {"rna": 40, "meth": 30},
        weights={"meth": 0.0},
        missing={"meth": 0.3},
        effect=effect,
        seed=seed,
    ).cohort
    codes = made.outcome().values
    rng = np.random.default_rng(seed)
    records = pd.DataFrame(
        {"age": rng.normal(60, 5, 90) + 6 * codes, "sex": rng.choice(["f", "m"], 90)},
        index=made.patients,
    )
    tables = {name: m.table[m.present] for name, m in made.modalities.items()}
    labels = pd.Series(
        np.asarray(made.outcome().classes)[codes], index=made.patients, name="subtype"
    )
    labels.iloc[:4] = None
    return Cohort.from_frames(
        {**tables, "clinical": records},
        labels,
        ehr={"clinical": {"age": "numeric", "sex": "categorical"}},
    )


@pytest.fixture(scope="module")
def fitted(some_trees):
    whole = cohort()
    train, test = whole.take(np.arange(0, 60)), whole.take(np.arange(60, 90))
    cross = PreparedFold.fit(train, train.outcome(), RECIPE, None, 0)
    views = cross.preparation.views(test)
    return cross, test, views, fit_baselines(cross, test, views)


def test_the_baselines(fitted):
    _, _, _, baselines = fitted
    singles = ["single:rna", "single:meth", "single:clinical"]
    assert list(baselines) == [
        "majority",
        "clinical",
        *singles,
        "single",
        "early",
        "late",
        "forest",
        "boosting",
    ]
    for baseline in baselines.values():
        assert baseline.output.shape == (30, 2) and baseline.seconds >= 0
        np.testing.assert_allclose(baseline.output.sum(1), 1, rtol=1e-9)
        assert (baseline.output >= 0).all()


def test_majority_is_the_shares_of_the_training_labels(fitted):
    cross, _, _, baselines = fitted
    counts = [(cross.target.values == k).sum() for k in range(2)]
    np.testing.assert_allclose(
        baselines["majority"].output, np.tile(np.array(counts) / sum(counts), (30, 1))
    )


def test_late_is_the_mean_of_the_singles_a_patient_has(fitted):
    _, test, _, baselines = fitted
    present = test.present
    for i in range(30):
        mine = [baselines[f"single:{m}"].output[i] for m in present if present[m].iloc[i]]
        np.testing.assert_allclose(baselines["late"].output[i], np.mean(mine, 0), rtol=1e-12)
    assert not present["meth"].all()


def test_single_is_the_one_of_lowest_inner_loss(fitted):
    cross, _, _, baselines = fitted
    losses = {m: ridge(cross.without_graphs(), (m,)).loss for m in ("rna", "meth", "clinical")}
    best = min(losses, key=losses.get)
    assert best != "meth"
    np.testing.assert_array_equal(baselines["single"].output, baselines[f"single:{best}"].output)


def test_clinical_is_the_ridge_on_the_records(fitted):
    _, test, _, baselines = fitted
    np.testing.assert_array_equal(baselines["clinical"].output, baselines["single:clinical"].output)
    assert (baselines["clinical"].output.argmax(1) == test.outcome().values).mean() > 0.6


def test_early_is_the_ridge_on_all_columns_side_by_side(fitted):
    cross, _, views, baselines = fitted
    fit = ridge(cross.without_graphs(), ("rna", "meth", "clinical"))
    wide = np.hstack([views.own[m] for m in fit.modalities])
    slope = (
        np.hstack([cross.views.own[m] for m in fit.modalities]).T @ fit.coefficients["rna"][0]
    )  # one for all
    np.testing.assert_allclose(
        baselines["early"].output, softmax(wide @ slope + fit.bias, axis=1), rtol=1e-9
    )


def test_planted_truth_is_found_and_noise_is_not(fitted):
    _, test, _, baselines = fitted
    truth = test.outcome().values

    def accuracy(name):
        return (baselines[name].output.argmax(1) == truth).mean()

    assert accuracy("single:rna") > 0.85 and accuracy("early") > 0.85 and accuracy("single") > 0.6
    assert accuracy("forest") > 0.85 and accuracy("boosting") > 0.85
    assert accuracy("single:meth") < 0.8


def test_who_lacks_a_baselines_modalities_gets_the_shares(fitted):
    cross, test, views, baselines = fitted
    absent = ~test.modalities["meth"].present
    majority = baselines["majority"].output
    np.testing.assert_allclose(baselines["single:meth"].output[absent], majority[absent])
    nothing = replace(
        views, own={m: v * 0 for m, v in views.own.items()}, present=np.zeros_like(views.present)
    )
    for name, baseline in fit_baselines(cross, test, nothing).items():
        np.testing.assert_allclose(baseline.output, majority, err_msg=name)


def test_a_test_patients_baselines_do_not_depend_on_the_others(fitted):
    cross, test, views, baselines = fitted
    for i in (0, 11):
        alone = fit_baselines(cross, test, cross.preparation.views(test.take([i])))
        for name, baseline in alone.items():
            np.testing.assert_allclose(
                baseline.output[0], baselines[name].output[i], atol=1e-10, err_msg=name
            )


def test_without_records_there_is_no_clinical_baseline():
    made = planted(60, {"rna": 10}, seed=1).cohort
    cross = PreparedFold.fit(made, made.outcome(), RECIPE, None, 0)
    baselines = fit_baselines(cross, made, cross.preparation.views(made))
    assert list(baselines) == [
        "majority",
        "single:rna",
        "single",
        "early",
        "late",
        "forest",
        "boosting",
    ]


def test_the_group_alone_says_what_it_says():
    """Two sites that mostly hold one class each: `group:site` has their shares; an unknown site has
    the overall ones."""
    whole = planted(80, {"rna": 10}, effect=0.0, seed=1).cohort
    codes = whole.outcome().values
    site = np.where(np.arange(80) % 4 == 0, 1 - codes, codes).astype(str)
    whole = replace(whole, groups={"site": site})
    cross = PreparedFold.fit(whole, of_codes(codes), Recipe(name="plain"), None, 0)
    strange = replace(whole.take([0, 1, 2]), groups={"site": np.array(["0", "1", "elsewhere"])})
    found = by_group(cross, strange)["group:site"].output
    for row, group in enumerate("01"):
        inside = np.bincount(codes[site == group], minlength=2)
        np.testing.assert_allclose(found[row], (inside + 0.5) / (inside.sum() + 1))
    np.testing.assert_allclose(found[2], [0.5, 0.5])


def test_a_baseline_that_was_solved_before_still_says_what_it_took(fitted):
    cross, test, views, baselines = fitted
    again = fit_baselines(cross, test, views)
    for name in ("single:rna", "single", "early", "late"):
        assert again[name].seconds == baselines[name].seconds > 0


def test_a_baseline_does_not_hang_on_what_the_net_asked_for_before(fitted):
    cross, test, views, baselines = fitted
    other = PreparedFold.fit(cross.cohort, cross.cohort.outcome(), RECIPE, None, 0)
    start_of(other, tuple(test.modalities), RECIPE)
    again = fit_baselines(other, test, views)
    for name, baseline in baselines.items():
        np.testing.assert_array_equal(again[name].output, baseline.output, err_msg=name)
