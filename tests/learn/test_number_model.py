"""FusionModel of a number: arrays, cohorts, scikit-learn, files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, check_cv, cross_val_predict, cross_val_score
from sklearn.utils.estimator_checks import check_estimator

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Outcome

QUICK = Recipe.model_validate({"name": "quick", "train": {"epochs": 3, "seeds": 1}})
ROWS = np.arange(90)


@pytest.fixture(scope="module")
def made() -> tuple[Cohort, np.ndarray]:
    """A cohort, and numbers that its first rna columns tell but for a tenth of their variance."""
    cohort = planted(90, {"rna": 12, "meth": 8}, effect=0.0, missing={"meth": 0.2}, seed=4).cohort
    x = cohort.modalities["rna"].table.to_numpy()
    noise = np.random.default_rng(0).standard_normal(90)
    return cohort, 250 + 40 * (x[:, 0] - x[:, 1]) + 18 * noise


@pytest.fixture(scope="module")
def of_number(made) -> Cohort:
    """The cohort with the numbers as its outcome, of whom a few are not known."""
    cohort, score = made
    known = np.where(ROWS % 15 == 3, np.nan, score)
    return replace(cohort, outcomes={"score": Outcome("score", "number", known)})


@pytest.mark.slow
def test_scikit_learn_finds_nothing_to_complain_of():
    results = check_estimator(FusionModel(QUICK, kind="number"), on_fail=None, on_skip=None)
    status = {each["check_name"]: each["status"] for each in results}
    others = {name: how for name, how in status.items() if how != "passed"}
    assert len(status) > 40 and others == {"check_array_api_input": "skipped"}


def test_scikit_learn_is_told_that_numbers_are_predicted(made):
    cohort, score = made
    model = FusionModel(QUICK, cohort=cohort, kind="number")
    assert is_regressor(model) and not is_classifier(model)
    assert isinstance(check_cv(3, score, classifier=is_classifier(model)), KFold)
    assert not hasattr(model, "predict_proba") and not hasattr(model.fit(ROWS, score), "classes_")
    with pytest.raises(AttributeError) as caught:
        model.predict_proba(ROWS)
    assert "knows no classes; take predict" in str(caught.value.__cause__)


@pytest.mark.slow
def test_rows_are_cross_validated_and_scored_by_r2(made):
    cohort, score = made
    model = FusionModel(QUICK, cohort=cohort, kind="number")
    found = cross_val_predict(model, ROWS, score, cv=KFold(3))
    by_hand = np.zeros(90)
    for train, test in KFold(3).split(ROWS):
        fitted = clone(model).fit(train, score[train])
        by_hand[test] = fitted.predict(test)
        assert fitted.score(test, score[test]) == pytest.approx(
            r2_score(score[test], by_hand[test])
        )
    assert np.array_equal(found, by_hand)
    assert cross_val_score(model, ROWS, score, cv=KFold(3)).mean() > 0.6


def test_a_cohorts_outcome_knows_its_kind(of_number, made):
    _, score = made
    model = FusionModel(QUICK).fit(of_number)
    assert is_regressor(model) and repr(model).startswith(
        "FusionModel('quick': score (a number) from"
    )
    table = model.table(of_number)
    assert list(table) == ["patient", "value", "lo", "hi", "flag"]
    inside = (table["lo"] < table["value"]) & (table["value"] < table["hi"])
    assert inside.all() and ((table["lo"] < score) & (score < table["hi"])).mean() > 0.8
    known = of_number.outcome().known
    found = r2_score(score[known], model.predict(of_number)[known])
    assert model.score(of_number) == pytest.approx(found)
    assert model.score(of_number, score) == pytest.approx(r2_score(score, table["value"]))


def test_a_saved_model_says_the_same(of_number, tmp_path):
    model = FusionModel(QUICK).fit(of_number)
    model.save(tmp_path)
    again = FusionModel.load(tmp_path)
    pd.testing.assert_frame_equal(again.table(of_number), model.table(of_number))
    assert again.kind == "number" and again.task_ == model.task_ and repr(again) == repr(model)


def test_labels_that_are_no_numbers_are_refused(made):
    cohort, score = made
    model = FusionModel(QUICK, cohort=cohort, kind="number")
    with pytest.raises(InputError, match="y: holds what is no number .*high.*low"):
        model.fit(ROWS, np.where(score > 250, "high", "low"))
    with pytest.raises(InputError, match="y: Input y contains NaN"):
        model.fit(ROWS, np.where(ROWS == 4, np.nan, score))


def test_a_model_is_fitted_anew_on_another_kind(made):
    cohort, score = made
    model = FusionModel(QUICK, cohort=cohort).fit(ROWS, score > 250)
    assert model.classes_.tolist() == [False, True] and hasattr(model, "predict_proba")
    model.set_params(kind="number").fit(ROWS, score)
    assert not hasattr(model, "classes_") and model.predict(ROWS).dtype == float
