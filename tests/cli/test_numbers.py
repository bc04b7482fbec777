"""Numbers through the shell: train and predict on a planted cohort, and what is damaged."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import graphfuse as gf
from graphfuse.cli import app
from graphfuse.evaluate.run_results import Report

MANIFEST = """
name = "numbers"

[modality.rna]
kind = "omics"
file = "rna.csv"

[modality.meth]
kind = "omics"
file = "meth.csv"

[outcome.score]
kind = "number"
file = "clinic.csv"
column = "score"
"""
RECIPE = 'name = "quick"\n[train]\nepochs = 4\nseeds = 1\n'


def shell(*words) -> str:
    """What a command printed; raises what it raised."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exit_code:
        raise done.exception
    return done.output


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a cohort whose first columns tell most of a score, and its run."""
    folder, rng = tmp_path_factory.mktemp("numbers"), np.random.default_rng(5)
    ids = pd.Index([f"P{row:03d}" for row in range(80)], name="patient")
    rna = pd.DataFrame(rng.normal(size=(80, 12)), ids, [f"g{k}" for k in range(12)])
    meth = pd.DataFrame(rng.normal(size=(80, 8)), ids, [f"m{k}" for k in range(8)])
    told = rna["g0"] - rna["g1"] + 0.7 * meth["m0"]
    score = (250 + 40 * told + 15 * rng.normal(size=80)).round(2)
    score.iloc[70:73] = np.nan
    rna.to_csv(folder / "rna.csv")
    meth.iloc[:65].to_csv(folder / "meth.csv")
    score.rename("score").to_frame().to_csv(folder / "clinic.csv")
    (folder / "cohort.toml").write_text(MANIFEST)
    (folder / "quick.toml").write_text(RECIPE)
    said = ["train", folder / "cohort.toml", "-r", folder / "quick.toml", "--no-ledger"]
    return folder, shell(*said, "--cv", "3x1", "-o", folder / "run"), score


def test_a_run_says_its_kind_and_what_it_scored(made):
    folder, printed, _ = made
    record = json.loads((folder / "run" / "run.json").read_text())
    assert record["kind"] == "number" and record["classes"] == []
    assert record["fitted"]["labelled"] == 77 and "classes" not in record["fitted"]
    metrics = json.loads((folder / "run" / "metrics.json").read_text())["models"]
    assert list(metrics["graphfuse"]) == ["r2", "rmse", "mae", "pearson", "spearman", "fit_seconds"]
    assert metrics["graphfuse"]["r2"]["mean"] > 0.6 > 0.1 > metrics["mean"]["r2"]["mean"]
    assert "rmse" in printed and "RMSE against single" in printed


def test_predictions_are_values_with_bounds_and_load_as_they_were(made):
    folder, _, score = made
    table = pd.read_csv(folder / "run" / "predictions.csv")
    columns = ["patient", "repeat", "fold", "truth", "value", "lo", "hi", "flag"]
    assert list(table) == columns and len(table) == 77
    assert np.allclose(table["truth"], score[table["patient"]])
    assert ((table["lo"] < table["truth"]) & (table["truth"] < table["hi"])).mean() > 0.7
    loaded = Report.load(folder / "run").predictions
    for name in ("truth", "value", "lo", "hi"):
        assert loaded[name].dtype == float and np.allclose(loaded[name], table[name])


def test_new_patients_are_predicted_in_columns_of_numbers(made):
    folder, _, score = made
    for out in ("new.csv", "run/new.csv", "run/new.csv"):
        printed = shell("predict", folder / "run", folder / "cohort.toml", "-o", folder / out)
        assert "\n80 patients predicted (" in printed
    table = pd.read_csv(folder / "new.csv")
    assert list(table) == ["patient", "value", "lo", "hi", "flag"]
    known = score.notna().to_numpy()
    assert np.corrcoef(table["value"][known], score[known])[0, 1] > 0.8
    with pytest.raises(gf.InputError, match="is a file of a run"):
        own = folder / "run" / "predictions.csv"
        shell("predict", folder / "run", folder / "cohort.toml", "-o", own)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("value", "x", "a value is no number"),
        ("lo", "", "a value is no number"),
        ("truth", "inf", "a value is no number"),
        ("hi", None, "no column hi"),
    ],
)
def test_damaged_predictions_are_refused(made, tmp_path, column, value, said):
    folder = shutil.copytree(made[0] / "run", tmp_path / "run")
    table = pd.read_csv(folder / "predictions.csv", dtype=str, keep_default_na=False)
    table = table.drop(columns=column) if value is None else table.assign(**{column: value})
    table.to_csv(folder / "predictions.csv", index=False)
    with pytest.raises(gf.InputError, match=f"predictions.csv: damaged.*{said}"):
        Report.load(folder)


@pytest.mark.parametrize("command", ["train", "plan"])
def test_fusions_of_probabilities_are_refused_before_anything_is_fitted(made, command):
    folder = made[0]
    out = ("-o", folder / "never") if command == "train" else ()
    refused = r"\[net\] fuse = 'stack' combines the class probabilities"
    with pytest.raises(gf.InputError, match=refused):
        shell(command, folder / "cohort.toml", "-r", "late-stack", *out)
    assert not (folder / "never").exists()


def test_a_fusion_of_ones_own_may_combine_numbers(made):
    folder = made[0]
    (folder / "own.py").write_text(OWN)
    (folder / "own.toml").write_text(RECIPE + '[net]\nfuse = "own.py:Mean"\n')
    model = gf.FusionModel(folder / "own.toml").fit(folder / "cohort.toml")
    assert model.score(folder / "cohort.toml") > 0.3


OWN = """
import torch
from graphfuse.nn.slots import Fuse

class Mean(Fuse):
    level, apart, of_probabilities = "decision", True, False

    def __init__(self, dim, modalities):
        super().__init__()

    def forward(self, h, present):
        here = present / present.sum(1, keepdim=True).clamp(min=1)
        return (torch.where(present[..., None] > 0, h, 0.0) * here[..., None]).sum(1)
"""
