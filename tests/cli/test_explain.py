"""`graphfuse explain`: one patient, by a model that did not see them."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import graphfuse as gf
from graphfuse import api
from graphfuse.data.synth import planted
from graphfuse.schema import Recipe

PLANTED = planted(60, {"rna": 24, "meth": 16}, carriers=6, effect=2.0, seed=5)


@pytest.fixture(scope="module")
def trained(train_clinic):
    """The clinic's folder with a run of two folds, twice; not to be changed."""
    folder, _ = train_clinic(repeats=2)
    return folder


@pytest.fixture
def run(trained, tmp_path, monkeypatch):
    """A run directory of the clinic, in a working folder."""
    monkeypatch.chdir(shutil.copytree(trained, tmp_path, dirs_exist_ok=True))
    return Path("run")


def test_a_patient_of_the_run_is_explained_by_who_did_not_see_them(run, call):
    patient = str(PLANTED.cohort.patients[3])
    done = call("explain", "run", "clinic.toml", "--row", patient, "-o", "why", "--top", "4")
    assert done.exit_code == 0, done.output
    told = done.output
    predictions = pd.read_csv(run / "predictions.csv")
    own = predictions[(predictions["patient"] == patient) & (predictions["repeat"] == 0)].iloc[0]
    assert f"the model of repeat 0, fold {own['fold']}, which was not trained on this" in told
    assert f"call {own['call']}" in told and f"Observed: {own['truth']}." in told
    assert "Models of 1 other repeat, not trained on this patient either, say:" in told
    assert f"the other {len(pd.read_csv('why/attributions.csv')) - 4:,} columns together" in told
    files = {path.name for path in Path("why").iterdir()}
    assert files == {"attributions.csv", "counterfactual.csv", "explanation.png", "README.txt"}
    table = pd.read_csv("why/attributions.csv")
    assert table["attribution"].abs().is_monotonic_decreasing
    first = table["feature"].head(6).str.split(":").str[1]
    assert set(first) & set(PLANTED.genes)
    readme = Path("why/README.txt").read_text()
    assert patient in readme and "as you would the patient's record" in readme
    again = call("explain", "run", "clinic.toml", "--row", patient, "-o", "why")
    assert again.exit_code == 0  # in place of the older one


def test_every_kind_of_method_explains(run, call):
    patient = str(PLANTED.cohort.patients[5])
    for method in ("occlusion-of-groups", "permutation", "gradient-x-input"):
        done = call("explain", "run", "clinic.toml", "--row", patient, "--method", method)
        assert done.exit_code == 0, done.output
        assert f"by {method.replace('-', ' ')}" in done.output
        table = pd.read_csv("explanation/attributions.csv")
        assert np.isfinite(table["attribution"]).all() and table["attribution"].any()


def test_what_is_not_there_is_named(run, call):
    done = call("explain", "run", "clinic.toml", "--row", "nobody")
    assert done.exit_code != 0 and str(done.exception).endswith("has no such patient")
    done = call("explain", "nowhere", "clinic.toml", "--row", "P0001")
    assert "is no run directory" in str(done.exception)
    done = call("explain", "run", "clinic.toml", "--row", "P0001", "--method", "attention")
    assert "no attention" in str(done.exception)
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("keep")
    done = call("explain", "run", "clinic.toml", "--row", "P0001", "-o", "mine")
    assert "is no explanation of a patient" in str(done.exception)


# ------------------------------------------------------------------------------------ in memory


RECIPE = Recipe.model_validate(
    {"name": "quick", "net": {"width": 6}, "train": {"epochs": 2, "stop": "last", "seeds": 1}}
)


@pytest.fixture(scope="module")
def report(small):
    return gf.train(small.cohort, RECIPE, cv=(2, 1), ledger=False, device="cpu")


def without_labels(cohort: gf.Cohort, hidden) -> gf.Cohort:
    tables = {m.name: m.table[m.present] for m in cohort.modalities.values()}
    outcome = cohort.outcome()
    labels = pd.Series(np.asarray(outcome.classes, dtype=object)[outcome.values], cohort.patients)
    return gf.Cohort.from_frames(tables, labels.drop(hidden))


def test_attributions_add_up_to_the_change_from_the_mean(small, report):
    found = api.explain(report, small.cohort, str(small.cohort.patients[0]), device="cpu")
    total = found.attributions["attribution"].sum()
    assert f"All columns together {total:+.3f}" in found.total
    change = float(found.total.split("is ")[1].split(" ")[0])
    assert total == pytest.approx(change, abs=0.02 * abs(change) + 1e-3)


def test_a_missing_modality_is_said(small, report):
    absent = small.cohort.patients[~small.cohort.present["meth"].to_numpy()][0]
    found = api.explain(report, small.cohort, str(absent), device="cpu")
    assert any("Not measured in this patient: meth." in said for said in found.about)
    assert set(found.attributions["modality"]) == {"rna"}
    assert set(found.moves["modality"]) <= {"rna"}


def test_a_hidden_label_is_said(small):
    cohort = without_labels(small.cohort, small.cohort.patients[:1])
    report = gf.train(cohort, RECIPE, cv=(2, 1), ledger=False, device="cpu")
    found = api.explain(report, cohort, str(small.cohort.patients[0]), device="cpu")
    told = " ".join(found.about)
    assert "by the final model. This patient has no label" in told
    assert "outcome is not known" in told


def test_a_new_patient_is_explained_by_the_final_model(small, report):
    tables = {m.name: m.table[m.present] for m in small.cohort.modalities.values()}
    new = {name: table.iloc[:20].rename(index="N{}".format) for name, table in tables.items()}
    cohort = gf.Cohort.from_frames(new)
    found = api.explain(report, cohort, str(cohort.patients[2]), device="cpu")
    assert "of another cohort than the run's" in found.about[0]
    assert any("no outcome 'subtype'" in said for said in found.about)
    expected = report.model.table(cohort)["call"].iloc[2]
    assert f"call {expected}" in found.said


def test_a_modality_that_a_new_cohort_lacks_is_said_once(small, report, caplog):
    rna = small.cohort.modalities["rna"].table.iloc[:9].rename(index="N{}".format)
    cohort = gf.Cohort.from_frames({"rna": rna})
    with caplog.at_level(logging.WARNING):
        found = api.explain(report, cohort, str(cohort.patients[1]), device="cpu")
    assert set(found.attributions["modality"]) == {"rna"}
    assert "Not measured in this patient: meth." in " ".join(found.about)
    assert caplog.text.count("modality 'meth' is absent for all") == 1


def test_counterfactuals_stay_within_training_values_and_have_own_units(small, report):
    for patient in small.cohort.patients[:4]:
        moves = api.explain(report, small.cohort, str(patient), device="cpu").moves
        outside = (moves["to_standardised"] < moves["low"]) | (
            moves["to_standardised"] > moves["high"]
        )
        beyond = (moves["from_standardised"] < moves["low"]) | (
            moves["from_standardised"] > moves["high"]
        )
        assert not (outside & ~beyond).any()
        rises = np.sign(moves["to_standardised"] - moves["from_standardised"])
        own = np.sign(moves["to"].astype(float) - moves["from"].astype(float))
        known = moves["to"].notna()
        assert known.mean() > 0.9 and (rises[known] == own[known]).all()


def test_a_number_is_explained(small, tmp_path):
    tables = {m.name: m.table[m.present] for m in small.cohort.modalities.values()}
    rna = small.cohort.modalities["rna"].table
    source = np.random.default_rng(2)
    dose = 50 + 8 * rna.iloc[:, 0] - 5 * rna.iloc[:, 1] + source.normal(size=len(rna))
    cohort = gf.Cohort.from_frames(tables, dose.rename("dose"), kind="number")
    report = gf.train(cohort, RECIPE, cv=(2, 1), ledger=False, device="cpu")
    patient = dose.sub(dose.mean()).abs().idxmin()
    found = api.explain(report, cohort, str(patient), device="cpu")
    assert found.direction == "the predicted value" and found.said.startswith("value ")
    assert "attribution_value" not in found.attributions
    first = set(found.attributions["feature"].head(8))
    assert first & {f"rna:{name}" for name in rna.columns[:2]}
    assert "logit" not in repr(found)
    mean = np.mean([replica.model.task_.location for replica in report.replicas])
    scale = np.mean([replica.model.task_.scale for replica in report.replicas])
    total = found.attributions["attribution"].sum()
    value, there = (
        float(said.split("value ")[1].split(",")[0]) for said in (found.said, found.total)
    )
    assert scale > 4 and total == pytest.approx(value - there, abs=0.1 * scale)
    assert found.lime_fit > 0.9
    masked = found.attributions.dropna(subset="lime")
    assert np.corrcoef(masked["attribution"], masked["lime"])[0, 1] > 0.9
    slope, _ = np.polyfit(masked["attribution"], masked["lime"], 1)
    assert slope == pytest.approx(1, abs=0.2), "of the same unit"
    printed = repr(found)
    assert "by integrated gradients (in the unit of the outcome)" in printed
    assert "takes the prediction across the training mean (" in printed
    found.save(tmp_path)
    told = " ".join((tmp_path / "README.txt").read_text().split())
    assert "after which the prediction is on the other side of the training mean" in told
    assert "at the training mean (in the unit of the outcome)" in told
    for words in (printed, told):
        assert not re.search(r"flip|\bcall\b|logit|deviations of the outcome", words)
    after = [
        float(said.split("then value ")[1].split(",")[0])
        for said in found.flips[1:]
        if "then value" in said
    ]
    assert after and np.allclose(after, mean, atol=2.5)
