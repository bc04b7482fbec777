"""Commands that use a run: what they say of whom they score."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from graphfuse.cli import app
from graphfuse.data.safe_csv import safe_csv
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

MANIFEST = (
    'name = "clinic"\n\n[modality.rna]\nfile = "rna.csv"\nkind = "omics"\nvalues = '
    '"z-score"\nentity = "gene"\n'
)


@pytest.fixture(scope="module")
def run(small, tmp_path_factory):
    """The folder of a model of rna, trained on the first 60 patients, the id of the first of whom
    looks like a formula."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    recipe = Recipe.model_validate(
        {"name": "quick", "net": {"width": 4}, "train": {"epochs": 2, "seeds": 1}}
    )
    FusionModel(recipe, device="cpu").fit(small.cohort.without("meth").take(range(60))).save(
        folder / "model"
    )
    ids = ["=1+1", *small.cohort.patients[1:60]]
    safe_csv(pd.DataFrame({"patient": ids, "repeat": 0, "fold": 0}), folder / "folds.csv")
    return folder


def predicted(run, small, folder, rows):
    """What `graphfuse predict` says of the patients at these rows, and the table that it writes."""
    table = (
        small.cohort.modalities["rna"]
        .table.rename(index={small.cohort.patients[0]: "=1+1"})
        .iloc[rows]
    )
    table.to_csv(folder / "rna.csv")
    (folder / "new.toml").write_text(MANIFEST)
    out = folder / "predictions.csv"
    done = CliRunner().invoke(app, ["predict", str(run), str(folder / "new.toml"), "-o", str(out)])
    return done, out


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            range(60),
            "60 of 60 patients were trained on, by their ids: these predictions are no test",
        ),
        (
            range(50, 80),
            "10 of 30 patients were trained on, by their ids: these predictions are no test",
        ),
        (
            [0, 70],
            "some (fewer than 5) patients were trained on, by their ids: these predictions are no "
            "test",
        ),
        (range(60, 70), None),
    ],
    ids=["all", "some", "few, guarded", "none"],
)
def test_predict_says_whom_it_was_trained_on(run, small, tmp_path, rows, said):
    done, out = predicted(run, small, tmp_path, rows)
    assert done.exit_code == 0, done.output
    assert (said in done.output) if said else "no test" not in done.output
    assert len(pd.read_csv(out)) == len(rows)


def test_a_model_alone_says_nothing_of_it(run, small, tmp_path):
    (tmp_path / "bare").mkdir()
    shutil.copytree(run / "model", tmp_path / "bare" / "model")
    done, _ = predicted(tmp_path / "bare", small, tmp_path, range(20))
    assert done.exit_code == 0 and "no test" not in done.output


@pytest.mark.slow
def test_no_foreign_warning_reaches_the_terminal(clinic):
    """Not those of forests in threads, whose filters race, nor those of imports."""
    shell = "from graphfuse.cli import main; main()"
    command = [
        "train",
        "clinic.toml",
        "-r",
        "quick.toml",
        "--cv",
        "4x1",
        "--no-ledger",
        "-o",
        "run",
    ]
    ran = subprocess.run(
        [sys.executable, "-c", shell, *command, "-o", "run"],
        env=os.environ | {"OMP_NUM_THREADS": "2", "PYTHONWARNINGS": "always::UserWarning"},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "Warning" not in ran.stderr and "warnings.warn" not in ran.stderr


@pytest.mark.parametrize("name", ["folds.csv", "model/model.json", "new.toml", "rna.csv"])
def test_predict_writes_over_no_file_of_a_run_and_no_input(run, small, tmp_path, name):
    predicted(run, small, tmp_path, range(60, 70))
    path = (run if (run / name).is_file() else tmp_path) / name
    before = path.read_bytes()
    done = CliRunner().invoke(
        app, ["predict", str(run), str(tmp_path / "new.toml"), "-o", str(path)]
    )
    assert done.exit_code != 0 and "name another" in str(done.exception)
    assert path.read_bytes() == before


def test_predict_writes_anew_over_earlier_predictions_in_a_run(run, small, tmp_path):
    predicted(run, small, tmp_path, range(60, 70))
    shutil.copy(tmp_path / "predictions.csv", run / "earlier.csv")
    done = CliRunner().invoke(
        app,
        ["predict", str(run), str(tmp_path / "new.toml"), "-o", str(run / "earlier.csv")],
    )
    assert done.exit_code == 0, done.output
    (run / "earlier.csv").unlink()
