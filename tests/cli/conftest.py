"""A clinic's tables on disk, and commands called in their folder."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from graphfuse.cli import app
from graphfuse.data.synth import planted

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


@pytest.fixture
def clinic(tmp_path, monkeypatch):
    """A working folder: 60 patients of four sites, a manifest, a recipe and its network."""
    monkeypatch.chdir(tmp_path)
    truth = planted(60, {"rna": 24, "meth": 16}, carriers=6, effect=2.0, seed=5)
    outcome, ids = truth.cohort.outcome(), truth.cohort.patients
    for modality in truth.cohort.modalities.values():
        modality.table.to_csv(f"{modality.name}.csv")
    labels = np.asarray(outcome.classes)[outcome.values]
    pd.DataFrame({"subtype": labels, "site": np.repeat(["a", "b", "c", "d"], 15)}, ids).to_csv(
        "about.csv"
    )
    truth.network.to_csv("edges.csv", index=False)
    (tmp_path / "clinic.toml").write_text(MANIFEST)
    (tmp_path / "quick.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def call():
    """Calls a command in this process."""
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])
