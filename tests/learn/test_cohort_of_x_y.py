"""FusionModel as scikit-learn uses it: rows of a cohort, cohorts, and plain tables."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    check_cv,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Outcome

QUICK = Recipe.model_validate({"name": "quick", "train": {"epochs": 3, "seeds": 1}})
FOLDS = StratifiedKFold(2)
ROWS = np.arange(66)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return planted(66, {"rna": 14, "meth": 9}, effect=1.2, missing={"meth": 0.3}, seed=3).cohort


@pytest.fixture(scope="module")
def labels(cohort) -> np.ndarray:
    outcome = cohort.outcome()
    return np.asarray(outcome.classes)[outcome.values]


@pytest.fixture(scope="module")
def by_hand(cohort) -> np.ndarray:
    """Probabilities from folds cut by hand."""
    codes = cohort.outcome().values
    found = np.zeros((len(cohort), 2))
    for train, test in FOLDS.split(ROWS, codes):
        model = FusionModel(QUICK).fit(cohort.take(train))
        found[test] = model.predict_proba(cohort.take(test))
    return found


@pytest.mark.slow
def test_scikit_learn_finds_nothing_to_complain_of():
    """All of its checks, without an exception; skipped is only what asks for another array
    library."""
    results = check_estimator(FusionModel(QUICK), on_fail=None, on_skip=None)
    status = {each["check_name"]: each["status"] for each in results}
    others = {name: how for name, how in status.items() if how != "passed"}
    assert len(status) > 40 and others == {"check_array_api_input": "skipped"}


def test_rows_ids_and_cohorts_are_cross_validated_alike(cohort, labels, by_hand):
    given = [
        (FusionModel(QUICK, cohort=cohort), ROWS),
        (FusionModel(QUICK, cohort=cohort), cohort.patients.to_numpy()),
        (FusionModel(QUICK), cohort),
    ]
    for model, rows in given:
        found = cross_val_predict(model, rows, labels, cv=FOLDS, method="predict_proba")
        assert np.array_equal(found, by_hand)


def test_scores_are_those_of_the_folds(cohort, labels, by_hand):
    model = FusionModel(QUICK, cohort=cohort)
    right = by_hand.argmax(1) == cohort.outcome().values
    wanted = [right[test].mean() for _, test in FOLDS.split(ROWS, labels)]
    kinds = cross_validate(model, ROWS, labels, cv=FOLDS, scoring=["accuracy", "roc_auc"])
    assert kinds["test_accuracy"] == pytest.approx(wanted)
    assert (kinds["test_roc_auc"] > 0.6).all()


def test_a_grid_is_searched_on_rows(cohort, labels):
    late = QUICK.model_copy(update={"name": "late"})
    grid = {"recipe": [QUICK, late]}
    found = GridSearchCV(FusionModel(cohort=cohort), grid, cv=2).fit(ROWS, labels)
    assert found.best_estimator_.cohort is cohort and found.cv_results_["mean_test_score"].min() > 0
    assert found.predict(ROWS[:5]).shape == (5,)


@pytest.mark.slow
def test_folds_run_in_processes_of_their_own(cohort, labels):
    model = FusionModel(QUICK, cohort=cohort)
    apart = cross_val_score(model, ROWS, labels, cv=FOLDS, n_jobs=2)
    assert np.array_equal(apart, cross_val_score(model, ROWS, labels, cv=FOLDS))


def test_a_clone_shares_the_cohort_and_learns_anew(cohort):
    model = FusionModel(QUICK, cohort=cohort, target="subtype", seed=4).fit(ROWS)
    twin = clone(model)
    assert twin.cohort is cohort and twin.get_params()["seed"] == 4
    with pytest.raises(NotFittedError):
        twin.predict(ROWS)


@pytest.mark.parametrize("use", ["predict", "predict_proba", "table", "score", "flags", "shifts"])
def test_before_fit_is_said_to_be_so(cohort, use):
    with pytest.raises(NotFittedError, match="This FusionModel instance is not fitted yet"):
        getattr(FusionModel(), use)(cohort)


def test_a_table_is_a_cohort_of_one_modality(cohort, labels):
    table = cohort.modalities["rna"].table
    of_table = FusionModel(QUICK).fit(table, labels)
    frame = table.set_axis([f"{row:09d}" for row in ROWS], axis=0)
    made = Cohort.from_frames({"X": frame}, pd.Series(labels, frame.index, name="y"))
    assert np.array_equal(
        of_table.predict_proba(table), FusionModel(QUICK).fit(made).predict_proba(made)
    )
    assert list(of_table.feature_names_in_) == list(table.columns)
    assert of_table.n_features_in_ == 14 and of_table.modalities_ == ("X",)


@pytest.mark.parametrize("named", [True, False])
def test_a_loaded_model_takes_the_table_that_it_was_fitted_on(cohort, labels, named, tmp_path):
    table = cohort.modalities["rna"].table
    X = table if named else table.to_numpy()
    model = FusionModel(QUICK).fit(X, labels)
    model.save(tmp_path / "model")
    again = FusionModel.load(tmp_path / "model")
    assert (again.predict_proba(X) == model.predict_proba(X)).all()
    assert hasattr(again, "feature_names_in_") == named and again.n_features_in_ == 14
    with pytest.raises(InputError, match="X has 13 features"):
        again.predict(X.iloc[:, :13].to_numpy() if named else X[:, :13])


def test_classes_keep_their_type(cohort):
    X, codes = cohort.modalities["rna"].table.to_numpy(), cohort.outcome().values
    model = FusionModel(QUICK).fit(X, 7 * codes + 2)
    assert model.classes_.tolist() == [2, 9] and model.classes_.dtype.kind == "i"
    assert set(model.predict(X)) == {2, 9} and model.score(X, 7 * codes + 2) > 0.8
    assert {"p_2", "p_9"} <= set(model.table(X))


def test_missing_numbers_are_allowed_and_a_pipeline_works(cohort, labels):
    X = cohort.modalities["rna"].table.to_numpy().copy()
    X[::3, 1] = np.nan
    model = make_pipeline(StandardScaler(), FusionModel(QUICK)).fit(X, labels)
    assert model.score(X, labels) > 0.8


def test_a_pickled_model_says_the_same(cohort):
    model = FusionModel(QUICK).fit(cohort)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(cohort), model.predict_proba(cohort))


def test_labels_of_a_cohort_are_its_own_or_those_given(cohort, labels):
    turned = np.where(labels == "class0", "late", "early")
    model = FusionModel(QUICK).fit(cohort, turned)
    assert model.classes_.tolist() == ["early", "late"]
    assert (model.predict(cohort) == turned).mean() > 0.8
    assert model.score(cohort, turned) == (model.predict(cohort) == turned).mean()
    named = FusionModel(QUICK).fit(cohort, "subtype")
    assert named.score(cohort) == named.score(cohort, "subtype") == named.score(cohort, labels)


def test_labels_in_another_order_are_refused(cohort, labels):
    series = pd.Series(labels, cohort.patients)
    with pytest.raises(InputError, match=r"y: .* another order .* give y.loc\[cohort.patients\]"):
        FusionModel(QUICK).fit(cohort, series[::-1])
    by_place = FusionModel(QUICK).fit(cohort, series.reset_index(drop=True))
    right = FusionModel(QUICK).fit(cohort, series)
    assert np.array_equal(by_place.predict_proba(cohort), right.predict_proba(cohort))


def test_labels_that_are_not_the_cohorts_own_are_told(cohort, labels, caplog):
    FusionModel(QUICK).fit(cohort, np.where(labels == "class0", "late", "early"))
    assert "y: is not" not in caplog.text
    FusionModel(QUICK).fit(cohort, np.roll(labels, 1))
    assert "y: is not the outcome 'subtype' of the same patients" in caplog.text


def test_the_code_of_unlabelled_patients_is_no_class():
    cohort = planted(40, {"rna": 8}, seed=2).cohort
    outcome = cohort.outcome()
    codes = np.where(np.arange(40) % 4 == 0, -1, outcome.values)
    partly = cohort.with_outcome(type(outcome)("subtype", "class", codes, outcome.classes))
    with pytest.raises(InputError, match="-1 is no class but stands for patients without"):
        FusionModel(QUICK).fit(partly, codes)
    assert FusionModel(QUICK).fit(cohort, np.where(codes < 0, -1, 1)).classes_.tolist() == [-1, 1]


def test_a_model_of_a_cohort_takes_no_table_and_the_other_way(cohort, labels):
    table = cohort.modalities["rna"].table
    with pytest.raises(InputError, match="X: this model was fitted on a cohort"):
        FusionModel(QUICK).fit(cohort).predict(table)
    with pytest.raises(InputError, match="X: X has 3 features, but FusionModel is expecting 14"):
        FusionModel(QUICK).fit(table.to_numpy(), labels).predict(np.zeros((4, 3)))
    with pytest.raises(InputError, match="y: FusionModel requires y to be passed"):
        FusionModel(QUICK).fit(table)


def test_labels_of_a_kind_that_is_not_trained_are_refused(cohort, labels):
    table = cohort.modalities["rna"].table
    with pytest.raises(InputError, match="of kind 'survival' so far; take class"):
        FusionModel(QUICK, kind="survival").fit(table, labels)
    with pytest.raises(InputError, match="no kind of outcome is called 'clas' .*did you mean"):
        FusionModel(QUICK, kind="clas").fit(table, labels)


def test_scikit_learn_is_told_that_classes_are_predicted(cohort, labels):
    assert is_classifier(FusionModel()) and not is_regressor(FusionModel())
    folds = check_cv(3, labels, classifier=is_classifier(FusionModel(cohort=cohort)))
    assert isinstance(folds, StratifiedKFold)


def test_a_cohort_is_scored_by_outcomes_of_the_models_kind(cohort):
    number = Outcome("age", "number", np.arange(66.0))
    with pytest.raises(InputError, match="'age' is of kind 'number', .* of kind 'class'"):
        FusionModel(QUICK).fit(cohort).score(cohort.with_outcome(number), "age")


def test_a_score_goes_by_the_names_of_classes_or_by_labels_of_their_type(cohort):
    codes = cohort.outcome().values
    model = FusionModel(QUICK).fit(cohort, 7 * codes + 2)
    right = (model.predict(cohort) == 7 * codes + 2).mean()
    assert model.score(cohort, 7.0 * codes + 2) == right
    turned = Outcome("turned", "class", 1 - codes, ("9", "2"))
    assert model.score(cohort.with_outcome(turned), "turned") == right
    strange = np.where(codes == 0, 2, 5)
    assert model.score(cohort, strange) == (model.predict(cohort) == strange).mean()
