"""The model as scikit-learn users know it, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from graphfuse.data.modality import Modality
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

RECIPE = Recipe.model_validate(
    {"name": "quick", "net": {"width": 6}, "train": {"epochs": 5, "seeds": 2}}
)


@pytest.fixture(scope="module")
def model(small) -> FusionModel:
    return FusionModel(RECIPE, device="cpu").fit(small.cohort)


def test_fit_returns_itself_and_learns_names_that_end_in_an_underscore(small, model):
    fresh = FusionModel(RECIPE)
    assert not [name for name in vars(fresh) if name.endswith("_")]
    assert list(model.classes_) == ["class0", "class1"] and model.modalities_ == ("meth", "rna")
    assert set(model.gates_) == {"rna", "meth"}
    assert (
        model.predict(small.cohort)
        == np.asarray(model.classes_)[model.predict_proba(small.cohort).argmax(1)]
    ).all()


def test_parameters_can_be_read_set_and_cloned():
    model = FusionModel(RECIPE, seed=3)
    assert model.get_params()["seed"] == 3
    assert model.set_params(seed=5).seed == 5
    assert clone(model).get_params() == model.get_params()


def test_it_beats_chance_on_patients_it_never_saw(small, model):
    train = FusionModel(RECIPE, device="cpu").fit(small.cohort.take(range(60)))
    test = small.cohort.take(range(60, 80))
    right = train.predict(test) == np.asarray(train.classes_)[test.outcome().values]
    assert right.mean() > 0.8


def test_unlabelled_patients_take_part(small):
    cohort = planted(90, {"rna": 40}, effect=2.0, unlabelled=0.4, seed=2).cohort
    assert not cohort.outcome().known.all()
    model = FusionModel(RECIPE, device="cpu").fit(cohort)
    assert model.fitted_.trained_on == 90
    known = cohort.outcome().known
    right = (
        model.predict(cohort.take(known))
        == np.asarray(model.classes_)[cohort.outcome().values[known]]
    )
    assert right.mean() > 0.9


def test_a_patient_with_nothing_is_refused_by_count_not_by_name(small, model):
    cohort = small.cohort.take([0, 1, 2]).without("rna")
    nobody = cohort.take(~cohort.present["meth"].to_numpy())
    if not len(nobody):
        nobody = small.cohort.take([0]).without("rna", "meth")
    with pytest.raises(
        InputError, match=r"have none of the model's modalities \(meth, rna\)"
    ) as error:
        model.predict_proba(nobody)
    assert not any(patient in str(error.value) for patient in nobody.patients)


def test_what_cannot_be_trained_says_why(small):
    with pytest.raises(InputError, match="no outcome 'grade'"):
        FusionModel(RECIPE).fit(small.cohort, "grade")
    one = planted(30, {"rna": 10}, classes=1).cohort
    with pytest.raises(InputError, match="one class only"):
        FusionModel(RECIPE).fit(one)


def test_loading_nothing_or_a_newer_model_is_refused(model, tmp_path):
    with pytest.raises(InputError, match="holds no model"):
        FusionModel.load(tmp_path)
    model.save(tmp_path / "m")
    described = json.loads((tmp_path / "m" / "model.json").read_text())
    (tmp_path / "m" / "model.json").write_text(json.dumps(described | {"schema": 99}))
    with pytest.raises(InputError, match="schema 99 is newer"):
        FusionModel.load(tmp_path / "m")


@pytest.mark.parametrize("fuse", ["weighted", "stack", "hybrid"])
def test_a_fusion_that_weighs_modalities_reports_its_weights(small, fuse):
    given = RECIPE.model_copy(update={"net": RECIPE.net.model_copy(update={"fuse": fuse})})
    found = FusionModel(given, device="cpu").fit(small.cohort)
    weights = [net.fuse.weights.detach().numpy() for net in found.fitted_.nets]
    assert [found.gates_[m]["modality"] for m in found.modalities_] == pytest.approx(
        np.mean(weights, 0)[:2]
    )


@pytest.mark.parametrize("holder", ["everybody", "one patient"])
def test_a_modality_without_variation_is_left_to_the_others(small, holder):
    cohort = small.cohort.without("meth")
    table = pd.DataFrame(4.0, index=cohort.patients, columns=["a", "b"])
    if holder == "one patient":
        table.iloc[np.arange(len(table)) != 7] = np.nan
    flat = Modality("flat", table)
    wider = replace(cohort, modalities=cohort.modalities | {"flat": flat})
    plain = FusionModel(RECIPE, device="cpu").fit(cohort)
    both = FusionModel(RECIPE, device="cpu").fit(wider)
    calls = (plain.predict(cohort) == both.predict(wider)).mean()
    assert calls > 0.9 and np.isfinite(both.predict_proba(wider)).all()


def test_a_cohort_in_which_nothing_varies_is_refused(small):
    cohort = small.cohort.without("meth")
    flat = replace(cohort.modalities["rna"], table=cohort.modalities["rna"].table * 0 + 2.0)
    with pytest.raises(InputError, match="nothing to learn from"):
        FusionModel(RECIPE, device="cpu").fit(replace(cohort, modalities={"rna": flat}))


@pytest.mark.parametrize(("unit", "offset"), [(1e-12, 0.0), (1e12, 0.0), (1.0, 1e9)])
def test_units_and_offsets_move_no_call(small, model, unit, offset):
    meth = small.cohort.modalities["meth"]
    other = replace(meth, table=meth.table * unit + offset)
    cohort = replace(small.cohort, modalities=small.cohort.modalities | {"meth": other})
    found = FusionModel(RECIPE, device="cpu").fit(cohort).predict_proba(cohort)
    np.testing.assert_allclose(
        found, model.predict_proba(small.cohort), rtol=1e-5 if offset else 1e-9
    )


def test_nothing_is_predicted_before_fit():
    from sklearn.exceptions import NotFittedError

    for call in (FusionModel().predict, FusionModel().predict_proba, FusionModel().score):
        with pytest.raises(NotFittedError):
            call("cohort.toml")
