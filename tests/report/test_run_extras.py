"""What is written beside a trained run may fail: the run stays, and it is told what makes it
again."""

from __future__ import annotations

import json
from copy import copy

import pandas as pd
import pytest

from graphfuse import api
from graphfuse.data.load_cohort import load
from graphfuse.errors import InputError, LeakError
from graphfuse.report.run_extras import AddOns, IncompleteRunError
from graphfuse.schema import Recipe

pytestmark = pytest.mark.usefixtures("few_trees", "words_alone")
QUICK = {"name": "r", "net": {"width": 4}, "train": {"epochs": 2, "seeds": 1}}
MANIFEST = """name = "c"
[outcome.subtype]
kind = "class"
file = "about.csv"
column = "subtype"
[modality.rna]
file = "rna.csv"
kind = "omics"
values = "mixed"
"""


@pytest.fixture(scope="module")
def cohort(small, tmp_path_factory):
    """A cohort with a manifest, so that its run can be ranked anew."""
    folder = tmp_path_factory.mktemp("cohort")
    chosen = small.cohort.without("meth").take(range(40))
    chosen.modalities["rna"].table.to_csv(folder / "rna.csv")
    outcome = chosen.outcome()
    labels = [outcome.classes[code] for code in outcome.values]
    pd.DataFrame({"subtype": labels}, chosen.patients).to_csv(folder / "about.csv")
    (folder / "c.toml").write_text(MANIFEST)
    return load(folder / "c.toml")


OPTIONS = {"cv": (2, 1), "device": "cpu", "ledger": False}


@pytest.fixture(scope="module")
def report(cohort, few_trees):
    return api.train(cohort, Recipe.model_validate(QUICK), **OPTIONS)


@pytest.fixture
def trained(report, monkeypatch):
    """Training gives what was trained once: what comes after it is tested."""

    def train(*_, **__):
        own = copy(report)
        own.record = report.record.model_copy(deep=True)
        return own

    monkeypatch.setattr("graphfuse.api.train_runs.train", train)


def saved(cohort, out, **options):
    asked = {"ranked": True} | OPTIONS | options
    return api.save_run(out, cohort, Recipe.model_validate(QUICK), **asked)


def broken(*_, **__):
    raise RuntimeError("a fault of its own\nin two lines")


PARTS = {
    "graph": ("_write_graph", "graphfuse build", {"graph"}),
    "rank": ("rank", "graphfuse rank", {"rankings"}),
    "report": ("write_report", "graphfuse rank", {"report.html"}),
}


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("part", PARTS)
def test_an_add_on_that_fails_costs_nothing_else(cohort, tmp_path, monkeypatch, part):
    function, cure, missing = PARTS[part]
    with monkeypatch.context() as patched:
        patched.setattr("graphfuse.api.train_runs." + function, broken)
        with pytest.raises(IncompleteRunError) as caught:
            saved(cohort, tmp_path / "run")
    said = str(caught.value)
    assert (
        f"{part}: RuntimeError: a fault of its own; `{cure}" in said and len(said.split("\n")) == 2
    )
    assert "two lines" not in said
    run = tmp_path / "run"
    there = {path.name for path in run.iterdir()}
    wanted = {"run.json", "metrics.json", "predictions.csv", "folds.csv", "model", "graph"}
    wanted |= {"evaluation.json", "rankings", "report.html"}
    assert there == wanted - missing
    notices = json.loads((run / "run.json").read_text())["notices"]
    if part != "report":  # which is written after the record
        assert any(notice.startswith(f"not made: {part}: ") for notice in notices)
    assert len(api.predict(run, cohort.take(range(3)))) == 3
    assert "graphfuse" in caught.value.report.metrics.models
    api.rank_run(run)
    assert (run / "rankings" / "nodes.csv").is_file() and (run / "report.html").is_file()


@pytest.mark.usefixtures("trained")
def test_half_a_folder_of_rankings_is_none(cohort, tmp_path, monkeypatch):
    from graphfuse.explain import ranking

    real, calls = ranking.csv_and_parquet, []

    def full_disk(table, folder, name):
        calls.append(name)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(table, folder, name)

    monkeypatch.setattr(ranking, "csv_and_parquet", full_disk)
    with pytest.raises(IncompleteRunError, match=r"rankings: OSError: .*No space left"):
        saved(cohort, tmp_path / "run")
    assert not (tmp_path / "run" / "rankings").exists()
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_control_that_fails_is_left_out(cohort, tmp_path, monkeypatch):
    from graphfuse.evaluate import study_fits

    real = study_fits._Folds.controlled

    def controlled(self, which):
        if which.name == "patient:random":
            raise MemoryError("no room")
        return real(self, which)

    monkeypatch.setattr(study_fits._Folds, "controlled", controlled)
    with pytest.raises(IncompleteRunError, match=r"patient:random: MemoryError: no room; train"):
        saved(cohort, tmp_path / "run", ledger=True, ranked=False)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert "patient:random" not in metrics["variants"]
    assert "patient:rewired" in metrics["variants"]


@pytest.mark.usefixtures("trained")
def test_what_is_intact_is_told_of_nothing(cohort, tmp_path):
    report, ranking = saved(cohort, tmp_path / "run")
    assert report.failed == () and len(ranking.nodes)
    assert set(report.record.timings) == {"train", "graph", "rank", "rankings"}
    assert not any("not made" in notice for notice in report.record.notices)


def test_training_that_fails_leaves_nothing(cohort, tmp_path):
    with pytest.raises(InputError):
        saved(cohort, tmp_path / "run", cv=(99, 1))
    assert not (tmp_path / "run").exists() and not list(tmp_path.glob(".run*"))


def test_a_leak_is_no_matter_of_an_add_on(tmp_path):
    def leak():
        raise LeakError("seen")

    with pytest.raises(LeakError):
        AddOns(tmp_path, {}).make("graph", "", leak)
