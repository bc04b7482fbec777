"""The shell: every command on an intact manifest, bad input, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from graphfuse.cli import app
from graphfuse.data.synth import planted
from graphfuse.evaluate.graph_controls import CONTROLS
from graphfuse.schema import FOLD_COLUMNS, PREDICTION_COLUMNS, RANKING_COLUMNS, Metrics, RunRecord
from tests.commands import call

COMMAND = [sys.executable, "-c", "from graphfuse.cli import main; main()"]
pytestmark = pytest.mark.usefixtures("few_trees")
MANIFEST = """name = "clinic"

[outcome.subtype]
kind = "class"
file = "subtype.csv"
column = "subtype"
derived_from = ["rna"]

[modality.rna]
file = "rna.csv"
kind = "omics"
values = "z-score"
entity = "gene"

[modality.meth]
file = "meth.csv"
kind = "omics"
values = "m-value"

[modality.clinical]
file = "clinical.csv"
kind = "ehr"
columns = ["age", "stage"]
types = { stage = "ordinal" }
"""
RECIPE = """name = "quick"
[gene]
network = "edges.csv"
[net]
encode = { default = "table", gene = "network" }
width = 8
[train]
epochs = 3
seeds = 1
"""


def tables(folder: Path, patients: int, seed: int) -> list[str]:
    """Writes a made clinic's tables into `folder`; gives the ids of those with a label."""
    truth = planted(
        patients, {"rna": 40, "meth": 25}, carriers=6, effect=1.5, missing={"meth": 0.2}, seed=seed
    )
    for m in truth.cohort.modalities.values():
        m.table.dropna(how="all").to_csv(folder / f"{m.name}.csv")
    outcome, ids = truth.cohort.outcome(), truth.cohort.patients
    pd.Series([outcome.classes[v] for v in outcome.values], ids, name="subtype").to_csv(
        folder / "subtype.csv"
    )
    rng = np.random.default_rng(seed)
    stages = rng.choice(["I", "II", "III", ""], patients)
    pd.DataFrame({"age": rng.integers(30, 90, patients), "stage": stages}, ids).to_csv(
        folder / "clinical.csv"
    )
    truth.network.to_csv(folder / "edges.csv", index=False)
    return list(ids)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory) -> Path:
    """A folder with tables, a manifest, a recipe, and a finished run in `run`."""
    folder = tmp_path_factory.mktemp("clinic")
    tables(folder, 70, seed=2)
    (folder / "clinic.toml").write_text(MANIFEST)
    (folder / "quick.toml").write_text(RECIPE)
    typed = ["clinic.toml", "--recipe", "quick.toml", "--cv", "2x1", "-o", "run", "--top", "5"]
    done = call(folder, "run", *typed)
    assert done.returncode == 0, done.stderr
    (folder / "printed.txt").write_text(done.stdout)
    return folder


# a run directory
# ----------------------------------------------------------------------------------------


def test_a_run_leaves_every_file(clinic):
    run = clinic / "run"
    expected = {
        "run.json",
        "folds.csv",
        "predictions.csv",
        "metrics.json",
        "evaluation.json",
        "report.html",
    }
    expected |= {"rankings", "graph", "model"}
    assert {path.name for path in run.iterdir()} == expected
    ranked = {"nodes", "genes", "groups", "pathways", "modalities", "nodes_by_class", "edges"}
    ranked |= {"levels", "modules"}
    assert {p.stem for p in (run / "rankings").glob("*.csv")} == ranked
    assert (run / "rankings" / "patient_edges.parquet").is_file()
    exports = {
        "graph.graphml",
        "graph.h5mu",
        "graph.html",
        "hetero.safetensors",
        "hetero.json",
    }
    assert exports <= {p.name for p in (run / "graph").iterdir()}


def test_its_files_have_the_promised_shapes(clinic):
    run = clinic / "run"
    record = RunRecord.model_validate(json.loads((run / "run.json").read_text()))
    assert record.schema_version == 1 and record.classes == ["class0", "class1"]
    metrics = Metrics.model_validate(json.loads((run / "metrics.json").read_text()))
    assert set(metrics.models) == {
        "majority", "clinical", "single:rna", "single:meth", "single:clinical", "single", "early",
        "late",
        "forest", "boosting", "no-graph", "graphfuse",
    }  # fmt: skip
    controls = {f"{graph}:{kind}" for graph in ("patient", "gene") for kind in CONTROLS}
    assert set(metrics.variants) == {"without:rna", "pattern:rna+meth+clinical"} | controls
    assert tuple(pd.read_csv(run / "folds.csv").columns) == FOLD_COLUMNS
    predictions = pd.read_csv(run / "predictions.csv")
    assert tuple(predictions.columns) == (
        *PREDICTION_COLUMNS,
        "call",
        "p_class0",
        "p_class1",
        "flag",
    )
    assert sorted(predictions["patient"]) == sorted(pd.read_csv(run / "folds.csv")["patient"])
    accuracy = (
        (predictions["truth"] == predictions["call"]).groupby(predictions["fold"]).mean().mean()
    )
    assert metrics.models["graphfuse"]["accuracy"].mean == pytest.approx(accuracy)


def test_rankings_hold_everything_measured(clinic):
    nodes = pd.read_csv(clinic / "run" / "rankings" / "nodes.csv")
    assert tuple(nodes.columns) == RANKING_COLUMNS
    assert len(nodes) == nodes["id"].nunique() == 40 + 25 + 2
    edges = pd.read_csv(clinic / "run" / "rankings" / "edges.csv")
    written = pd.read_csv(clinic / "edges.csv")
    measured = set(pd.read_csv(clinic / "rna.csv", index_col=0, nrows=0).columns)
    assert len(edges) == (written["source"].isin(measured) & written["target"].isin(measured)).sum()
    assert edges["score"].gt(0).any()
    printed = (clinic / "printed.txt").read_text()
    assert "rank in the folds" in printed and str(nodes["id"][0].partition(":")[2]) in printed


# every command
# ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "clinic.toml", "--recipe", "quick.toml"),
        (
            "subtype",
            "clinic.toml",
            "--recipe",
            "quick.toml",
            "--resamples",
            "4",
            "-k",
            "2",
            "-o",
            "subtypes",
        ),
        ("fetch", "clinic.toml"),
        ("build", "clinic.toml", "--recipe", "quick.toml", "-o", "graphs"),
        (
            "build",
            "clinic.toml",
            "-r",
            "quick.toml",
            "--patient-control",
            "rewired",
            "--gene-control",
            "random",
            "-o",
            "g2",
        ),
        ("predict", "run", "clinic.toml", "-o", "predictions.csv"),
        ("init", "rna.csv", "meth.csv", "subtype.csv", "-o", "drafted.toml"),
        ("--help",),
        ("run", "--help"),
    ],
    ids=lambda a: a[0],
)
def test_every_command_exits_0(clinic, arguments):
    done = call(clinic, *arguments)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_rank_writes_the_same_files_again(clinic):
    nodes = clinic / "run" / "rankings" / "nodes.csv"
    before = nodes.read_bytes()
    done = call(clinic, "rank", "run", "--top", "3")
    assert done.returncode == 0, done.stderr
    assert nodes.read_bytes() == before


def test_rank_refuses_another_network(clinic):
    edges = clinic / "edges.csv"
    before = edges.read_text()
    edges.write_text(before.rsplit("\n", 2)[0] + "\n")
    done = call(clinic, "rank", "run")
    edges.write_text(before)
    assert done.returncode == 2 and "no longer that of this run" in done.stderr


def test_every_help_ends_with_an_example(clinic):
    for command in (
        "init",
        "check",
        "fetch",
        "build",
        "train",
        "rank",
        "predict",
        "run",
        "subtype",
        "check-part",
        "explain",
    ):
        shown = call(clinic, command, "--help").stdout
        assert f"Example: graphfuse {command}" in shown
        assert "--quiet" in shown


HEEDS = {
    "--device": {
        "plan",
        "train",
        "run",
        "rank",
        "predict",
        "explain",
        "score",
        "nulls",
        "bench",
    },
    "--seed": {"check", "plan", "build", "train", "run", "score", "nulls", "bench", "subtype"},
}


@pytest.mark.parametrize("flag", HEEDS)
def test_a_flag_stands_only_on_commands_that_heed_it(flag):
    commands = typer.main.get_command(app).commands
    have = {name for name, it in commands.items() if any(flag in p.opts for p in it.params)}
    assert have == HEEDS[flag]


def test_a_flag_that_a_command_would_not_heed_is_refused(clinic):
    done = call(clinic, "audit", "clinic.toml", "--device", "cpu")
    assert done.returncode == 2 and "No such option: --device" in done.stderr


@pytest.mark.parametrize("verb", ["rank", "predict", "explain", "score"])
def test_a_device_that_is_not_there_is_named(clinic, verb):
    cohort = [] if verb == "rank" else ["clinic.toml"]
    row = ["--row", "P0"] if verb == "explain" else []
    done = call(clinic, verb, "run", *cohort, *row, "--device", "cuda:99")
    assert done.returncode == 2 and "--device cuda:99" in done.stderr


def test_user_folds_are_used(clinic):
    ids = pd.read_csv(clinic / "subtype.csv")["patient"]
    folds = pd.DataFrame(
        {"patient": ids, "repeat": 0, "fold": [0] * 20 + [1] * 20 + [np.nan] * (len(ids) - 40)}
    )
    folds.to_csv(clinic / "folds.csv", index=False)
    done = call(
        clinic,
        "train",
        "clinic.toml",
        "--recipe",
        "quick.toml",
        "--folds",
        "folds.csv",
        "--no-graph-ablation",
        "-o",
        "own",
        "--quiet",
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    predictions = pd.read_csv(clinic / "own" / "predictions.csv")
    assert sorted(predictions["patient"]) == sorted(ids[:40])
    assert set(predictions["patient"][predictions["fold"] == 0]) == set(ids[:20])


def test_new_patients_one_at_a_time_together_and_shuffled(clinic, tmp_path):
    ids = tables(tmp_path, 10, seed=5)
    manifest = MANIFEST.replace('derived_from = ["rna"]\n', "")
    (tmp_path / "new.toml").write_text(
        manifest[manifest.index("[modality.rna]") :].join(['name = "new"\n\n', ""])
    )
    whole = scored(clinic, tmp_path, "new.toml")
    assert sorted(whole.index) == sorted(ids)
    order = np.random.default_rng(0).permutation(10)
    for rows, name in ((order, "shuffled"), *(([i], f"one{i}") for i in (0, 4, 9))):
        part = tmp_path / name
        part.mkdir()
        for table in ("rna", "meth", "clinical"):
            frame = pd.read_csv(tmp_path / f"{table}.csv", index_col=0)
            frame.loc[[ids[i] for i in rows if ids[i] in frame.index]].to_csv(part / f"{table}.csv")
        (part / "new.toml").write_text((tmp_path / "new.toml").read_text())
        found = scored(clinic, part, "new.toml")
        assert np.abs(found - whole.loc[found.index]).to_numpy().max() <= 1e-6


def scored(clinic: Path, folder: Path, manifest: str) -> pd.DataFrame:
    done = call(folder, "predict", str(clinic / "run"), manifest, "-o", "p.csv")
    assert done.returncode == 0, done.stderr
    return pd.read_csv(folder / "p.csv", index_col="patient")[["p_class0", "p_class1"]]


# bad input
# ----------------------------------------------------------------------------------------------

BAD = {
    "missing file": (lambda m: m.replace("rna.csv", "gone.csv"), ["gone.csv"]),
    "unknown key": (lambda m: m.replace("entity", "entitty"), ["entitty", "entity"]),
    "wrong sha256": (
        lambda m: m.replace(
            "[outcome", f'[[source]]\npath = "tables.zip"\nsha256 = "{"0" * 64}"\n\n[outcome', 1
        ),
        ["tables.zip", "sha256"],
    ),
    "no such id column": (
        lambda m: m.replace("[outcome", '[patients]\nid = "pateint"\n\n[outcome', 1),
        ["pateint", "patient"],
    ),
    "no patient in common": (
        lambda m: m.replace("subtype.csv", "strangers.csv"),
        ["strangers.csv", "in common"],
    ),
    "no such column": (
        lambda m: m.replace('column = "subtype"', 'column = "subtipe"'),
        ["subtipe", "subtype"],
    ),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("command", ["check", "run"])
def test_bad_manifests_exit_2_with_one_message(clinic, tmp_path, case, command):
    correct, named = BAD[case]
    for path in clinic.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "tables.zip").write_bytes(b"PK\x05\x06" + b"\0" * 18)
    strangers = pd.read_csv(tmp_path / "subtype.csv")
    strangers.assign(patient="Q" + strangers["patient"]).to_csv(
        tmp_path / "strangers.csv", index=False
    )
    (tmp_path / "bad.toml").write_text(correct(MANIFEST))
    before = set(tmp_path.iterdir())
    done = call(tmp_path, command, "bad.toml", *(["-o", "out"] if command == "run" else []))
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len(re.findall(r"^graphfuse: ", done.stderr, re.M)) == 1
    assert all(word in done.stderr for word in named), done.stderr
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "nowhere", "-o", "x"),
        ("run", "clinic.toml", "-o", "x", "--cv", "five"),
        ("run", "clinic.toml", "-o", "x", "--cv", "60x1"),
        ("run", "clinic.toml", "-o", "x", "--recipe", "multiples"),
        ("run", "clinic.toml", "-o", "x", "--target", "grade"),
        ("run", "clinic.toml", "-o", "x", "--device", "tpu"),
        ("run", "clinic.toml", "-o", "x", "--network", "nothing.csv"),
        ("run", "clinic.toml", "-o", "x", "--folds", "nothing.csv"),
        ("run", "clinic.toml", "-o", "rna.csv"),
        ("rank", "nowhere"),
        ("predict", "nowhere", "clinic.toml"),
        ("init", "rna.csv", "-o", "clinic.toml"),
        ("check-part", "nothing.py:Part"),
        ("frobnicate",),
    ],
    ids=" ".join,
)
def test_bad_arguments_exit_2(clinic, arguments):
    before = set(clinic.iterdir())
    done = call(clinic, *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stderr and "Traceback" not in done.stderr
    assert set(clinic.iterdir()) == before


@pytest.mark.slow  # a process of its own; in this one: evaluate/test_finished_parts.py
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_leaves_the_old_run_and_no_mess(clinic):
    before = {p: p.stat().st_mtime_ns for p in (clinic / "run").rglob("*") if p.is_file()}
    names = set(clinic.iterdir())
    arguments = [
        *COMMAND,
        "run",
        "clinic.toml",
        "--recipe",
        "quick.toml",
        "--cv",
        "5x3",
        "-o",
        "run",
    ]
    heed = {
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    }  # tests started in the background ignore it
    process = subprocess.Popen(
        arguments, cwd=clinic, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **heed
    )
    for line in process.stderr:
        if "Baselines" in line:
            break
    else:
        pytest.fail("no line says that baselines are trained")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    assert set(clinic.iterdir()) == names
    assert {p: p.stat().st_mtime_ns for p in (clinic / "run").rglob("*") if p.is_file()} == before
