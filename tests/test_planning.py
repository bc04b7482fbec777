"""`plan`, from Python and from the shell, and the refusal at the start of `train`."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import graphfuse as gf
from graphfuse.data import memory
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.evaluate.cost_plan import estimate

BENCHMARK = Path(__file__).parent / "benchmarks" / "plan.py"


def without_network():
    """The usual recipe: its network's file alone takes more memory than these tests leave."""
    recipe = gf.Recipe.named("multiplex")
    gene = recipe.gene.model_copy(update={"network": None})
    return recipe.model_copy(update={"gene": gene})


@pytest.mark.slow
def test_a_plan_of_a_cohort(small, monkeypatch, tmp_path):
    """All parts are there, nothing is left on disk, and more repeats take more time."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    resident = memory.resident()
    once = gf.plan(small.cohort, without_network(), cv=(3, 1), ranked=True)
    assert list(once.parts) == [
        "reading", "checks, gene network", "baselines: forest, boosting", "nets, the final one too",
        "nets with control graphs", "baselines and starts: linear", "scores, report", "graphs",
    ]  # fmt: skip
    assert once.probed == (80,) and not once.fits and once.seconds > 0
    beyond = once.memory - resident  # what this process holds of other tests is none of the plan's
    assert 2e7 < beyond < 2e9 and 1e5 < once.disk < 1e7
    assert not list(tmp_path.glob("graphfuse-*"))
    monkeypatch.setenv("GRAPHFUSE_MEMORY_GB", "1e-3")
    often = gf.plan(small.cohort, without_network(), cv=(3, 9), ledger=False)
    assert "nets with control graphs" not in often.parts
    assert often.cpu_seconds > 2 * (once.cpu_seconds - once.parts["nets with control graphs"].cpu)
    assert often.fits and "It does not fit." in str(often)


def test_train_refuses_what_memory_cannot_hold(small, monkeypatch):
    monkeypatch.setenv("GRAPHFUSE_MEMORY_GB", "2e-4")
    with pytest.raises(InputError, match="training takes at least .* What would fit: .*--cv 2x1"):
        gf.train(small.cohort, without_network(), cv=(5, 1))


@pytest.mark.slow
def test_from_the_shell(tmp_path, shell, monkeypatch):
    cohort = planted(60, {"rna": 30}, seed=5).cohort
    table = cohort.modalities["rna"].table.rename_axis("patient")
    table.to_csv(tmp_path / "rna.csv")
    labels = [cohort.outcome().classes[code] for code in cohort.outcome().values]
    table.assign(subtype=labels)[["subtype"]].to_csv(tmp_path / "labels.csv")
    (tmp_path / "cohort.toml").write_text(
        'name = "made"\n[modality.rna]\nfile = "rna.csv"\nkind = "omics"\nvalues = "z-score"\n'
        '[outcome.subtype]\nfile = "labels.csv"\ncolumn = "subtype"\nkind = "class"\n'
    )
    done = shell(tmp_path, "plan", "cohort.toml", "--cv", "3x1", "--no-ledger", "-q")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("made: 60 patients, 30 columns; recipe multiplex, 3 folds × 1")
    assert "\n  loading the libraries " in done.stdout
    assert "\ntime " in done.stdout and "\nmemory, at its peak " in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"rna.csv", "labels.csv", "cohort.toml"}
    monkeypatch.setenv("GRAPHFUSE_MEMORY_GB", "1.2e-4")
    done = shell(tmp_path, "train", "cohort.toml", "--cv", "5x1", "-o", "run", "-q")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "What would fit" in done.stderr and not (tmp_path / "run").exists()


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["tiny", "three", "wide", "mogonet"])
def test_plans_hold(name):
    """Memory, disk and CPU time within 30 %; the clock is others' too."""
    found = {}
    for work in ("plan", "train"):
        done = subprocess.run(
            [sys.executable, BENCHMARK, "--within", work, "--only", name],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr
        found[work] = json.loads(done.stdout.splitlines()[-1])
    said, was = found["plan"], found["train"]
    assert 0.7 < said["memory"] / was["memory"] < 1.3
    assert 0.7 < said["cpu_seconds"] / was["cpu"] < 1.3
    assert 0.5 < said["disk"] / was["disk"] < 2


@pytest.mark.usefixtures("few_trees")
def test_a_plan_is_made_from_probes_of_some_of_the_patients(monkeypatch):
    """What would take as long as the training itself is not probed on all patients."""
    monkeypatch.setattr(estimate, "_budget", lambda *_: 0.0)
    recipe = without_network()
    train = recipe.train.model_copy(update={"epochs": 2, "seeds": 1})
    recipe = recipe.model_copy(update={"train": train})
    cohort = planted(220, {"rna": 6, "meth": 4}, seed=2).cohort
    plan = gf.plan(cohort, recipe, cv=(2, 1), ledger=False)
    assert len(plan.probed) == 2 and plan.probed[-1] < 220
    assert plan.patients == 220 and plan.seconds > 0 and not plan.fits
