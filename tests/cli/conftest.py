"""A clinic's tables on disk, and commands called in their folder."""

import shutil
from contextlib import chdir

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from graphfuse import api
from graphfuse.cli import app
from graphfuse.data.synth import planted
from graphfuse.schema import Recipe
from tests.commands import logging_kept

MANIFEST = """name = "clinic"
[outcome.subtype]
kind = "class"
file = "about.csv"
column = "subtype"
[modality.rna]
file = "rna.csv"
kind = "omics"
values = "z-score"
entity = "gene"
[modality.meth]
file = "meth.csv"
kind = "omics"
values = "m-value"
[groups]
site = { file = "about.csv", column = "site" }
"""
RECIPE = """name = "quick"
[gene]
network = "edges.csv"
[net]
encode = { default = "table", gene = "network" }
width = 4
[train]
epochs = 2
seeds = 1
"""


@pytest.fixture(scope="module", autouse=True)
def small_ladder(few_trees):
    """Commands train with few trees."""


@pytest.fixture(scope="session")
def clinic_files(tmp_path_factory):
    """60 patients of four sites, a manifest, a recipe and its network; not to be changed."""
    folder = tmp_path_factory.mktemp("clinic")
    truth = planted(60, {"rna": 24, "meth": 16}, carriers=6, effect=2.0, seed=5)
    outcome, ids = truth.cohort.outcome(), truth.cohort.patients
    for modality in truth.cohort.modalities.values():
        modality.table.to_csv(folder / f"{modality.name}.csv")
    labels = np.asarray(outcome.classes)[outcome.values]
    about = pd.DataFrame({"subtype": labels, "site": np.repeat(["a", "b", "c", "d"], 15)}, ids)
    about.to_csv(folder / "about.csv")
    truth.network.to_csv(folder / "edges.csv", index=False)
    (folder / "clinic.toml").write_text(MANIFEST)
    (folder / "quick.toml").write_text(RECIPE)
    return folder


@pytest.fixture
def clinic(clinic_files, tmp_path, monkeypatch):
    """A working folder with the clinic's files."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(clinic_files, tmp_path, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def train_clinic(clinic_files, tmp_path_factory):
    """`train_clinic(repeats)`: a folder of the clinic's files and of `run`, the run directory of
    two folds so many times, and the report behind it."""

    def train(repeats: int):
        folder = tmp_path_factory.mktemp("trained") / "clinic"
        shutil.copytree(clinic_files, folder)
        with chdir(folder):
            recipe = Recipe.named("quick.toml")
            asked = {"ranked": False, "cv": (2, repeats), "ledger": False, "device": "cpu"}
            report, _ = api.save_run(folder / "run", "clinic.toml", recipe, **asked)
        return folder, report

    return train


@pytest.fixture(scope="session")
def call():
    """Calls a command in this process."""

    def invoke(*arguments):
        with logging_kept():
            return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke
