"""The verbs: what their arguments may be, and what they say when they are something else."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import graphfuse as gf
from graphfuse.graph.gene.recipe_network import gene_network
from graphfuse.schema import Recipe

pytestmark = pytest.mark.usefixtures("few_trees")

RECIPE = Recipe.model_validate(
    {"name": "quick", "net": {"width": 6}, "train": {"epochs": 3, "seeds": 1}}
)


@pytest.fixture(scope="module")
def report(small):
    return gf.train(small.cohort, RECIPE, cv=2, device="cpu")


def test_cv_may_be_a_number_of_folds(report):
    assert report.record.protocol["folds"] == 2 and report.record.protocol["repeats"] == 1


def test_folds_may_be_a_frame(small, caplog):
    folds = pd.DataFrame({"patient": small.cohort.patients[:40], "fold": [0, 1] * 20})
    with caplog.at_level(logging.WARNING):
        found = gf.train(small.cohort, RECIPE, folds=folds, device="cpu")
    assert sorted(found.predictions["patient"]) == sorted(folds["patient"])
    assert "40 of 80 patients are tested nowhere" in caplog.text


def test_a_cohort_may_be_its_manifest(tmp_path):
    frame = pd.DataFrame(
        {"G1": [1.5, 2, 3], "G2": [0.5, 4, 1]}, index=pd.Index(["A", "B", "C"], name="id")
    )
    frame.to_csv(tmp_path / "rna.csv")
    (tmp_path / "c.toml").write_text(
        'name = "c"\n[modality.rna]\nfile = "rna.csv"\nkind = "omics"\n'
    )
    assert len(gf.build(tmp_path / "c.toml", RECIPE).cohort) == 3


@pytest.mark.parametrize(
    "thing", [pd.DataFrame({"a": [1]}), 7, None], ids=["frame", "number", "nothing"]
)
def test_what_is_no_cohort_is_refused(thing, report):
    for call in (
        lambda: gf.build(thing, RECIPE),
        lambda: gf.train(thing, RECIPE),
        lambda: gf.predict(report.model, thing),
    ):
        with pytest.raises(gf.InputError, match="expected Cohort"):
            call()


def test_models_before_fit_say_so(small, tmp_path):
    with pytest.raises(NotFittedError):
        gf.FusionModel(RECIPE).predict_proba(small.cohort)
    with pytest.raises(NotFittedError):
        gf.FusionModel(RECIPE).save(tmp_path)


def test_models_save_to_text_paths_and_score(report, small, tmp_path):
    report.model.save(str(tmp_path / "m"))
    model = gf.FusionModel.load(str(tmp_path / "m"))
    truth = np.asarray(model.classes_)[small.cohort.outcome().values]
    assert model.score(small.cohort) == pytest.approx((model.predict(small.cohort) == truth).mean())


def test_predict_says_what_is_not_there(report, small, caplog):
    rna = small.cohort.modalities["rna"].table.iloc[:5, :30]
    with caplog.at_level(logging.WARNING):
        table = gf.predict(report.model, gf.Cohort.from_frames({"rna": rna}))
    assert list(table.columns) == ["patient", "call", "p_class0", "p_class1", "flag"]
    assert (
        "30 of the 40 columns" in caplog.text
        and "'meth' is absent for all 5 patients" in caplog.text
    )
    with pytest.raises(gf.InputError, match="at least 50% are needed"):
        gf.predict(report.model, gf.Cohort.from_frames({"rna": rna.iloc[:, :9]}))


def test_a_network_nobody_can_use_is_off_and_said(small, network, caplog):
    tables = {m.name: m.table for m in small.cohort.modalities.values()}
    bare = gf.Cohort.from_frames(tables)
    recipe = RECIPE.model_copy(
        update={"gene": RECIPE.gene.model_copy(update={"network": "human-ppi"})}
    )
    with caplog.at_level(logging.WARNING):
        assert gene_network(recipe, bare) == (None, [caplog.messages[-1]])
    assert "switched off" in caplog.text
    with pytest.raises(gf.InputError, match="no column has a gene symbol"):
        gene_network(RECIPE, bare, network)
    strangers = gf.GeneNetwork.from_frame(
        pd.DataFrame({"source": ["X", "Y"], "target": ["Y", "Z"]})
    )
    with pytest.raises(gf.InputError, match="are the symbols those of the network"):
        gene_network(RECIPE, small.cohort, strangers)


def test_frames_that_do_not_fit_together_are_refused(small):
    frame = small.cohort.modalities["rna"].table
    labels = pd.Series(["a", "b"] * 40, index=range(80))
    with pytest.raises(gf.InputError, match="no patient in common"):
        gf.Cohort.from_frames({"rna": frame}, labels)
    with pytest.raises(gf.InputError, match="expected Series"):
        gf.Cohort.from_frames({"rna": frame}, labels.to_numpy())
    with pytest.raises(gf.InputError, match="'clin' is no table"):
        gf.Cohort.from_frames({"rna": frame}, ehr=["clin"])
    with pytest.raises(gf.InputError, match=r"e\.g\. \['<LOD'\]"):
        gf.Cohort.from_frames({"rna": frame.astype(object).assign(G0001=["1.5", "<LOD"] * 40)})
