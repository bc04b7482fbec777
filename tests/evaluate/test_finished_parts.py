"""A training that was stopped goes on from its finished parts, to the same bits."""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import graphfuse as gf
from graphfuse.api import save_run, train_runs
from graphfuse.data.synth import planted
from graphfuse.errors import InputError, LeakError
from graphfuse.evaluate.resume.dependencies import Beside, dependencies
from graphfuse.evaluate.resume.finished_parts import Finished, Form, finished_beside
from graphfuse.evaluate.run_directory import load_record
from graphfuse.graph.patient_graph import PatientGraph
from graphfuse.schema import Recipe

pytestmark = pytest.mark.usefixtures("few_trees", "nothing_drawn")

RECIPE = Recipe.model_validate(
    {"name": "small", "net": {"width": 4}, "train": {"epochs": 2, "seeds": 1}}
)
COHORT = planted(60, {"rna": 12, "meth": 8}, effect=2.0, carriers=4, seed=4).cohort
OPTIONS = {"cv": (2, 1), "ranked": False}
PARTS = 7  # two folds of baselines, and five nets


class Stop(logging.Handler):
    """Raises an error at the n-th message in which a word stands."""

    def __init__(self, word: str, count: int, error: BaseException):
        super().__init__(logging.INFO)
        self.word, self.left, self.error = word, count, error

    def emit(self, record: logging.LogRecord) -> None:
        self.left -= self.word in record.getMessage()
        if self.left <= 0:
            raise self.error


def train(out: Path, recipe: Recipe = RECIPE, cohort=COHORT, **options) -> None:
    save_run(out, cohort, recipe, **OPTIONS | options)


def stopped(out: Path, word: str, count: int, error: BaseException, **options) -> None:
    """A training that ends with `error` at that message."""
    log = logging.getLogger("graphfuse")
    before, stop = log.level, Stop(word, count, error)
    log.setLevel(logging.INFO)
    log.addHandler(stop)
    try:
        with pytest.raises(type(error)):
            train(out, **options)
    finally:
        log.removeHandler(stop)
        log.setLevel(before)


def hidden(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.startswith("."))


def parts(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(".run.resume/*/*/seal.json"))


def numbers(run: Path) -> dict[str, bytes]:
    """A run directory's files but for what tells of times."""
    files = [path for path in run.rglob("*") if path.is_file()]
    told = {"run.json"}
    found = {
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in files
        if path.name not in told
    }
    metrics = json.loads(found["metrics.json"])
    for kind in ("models", "variants"):
        for row in metrics[kind].values():
            del row["fit_seconds"]
    return found | {"metrics.json": json.dumps(metrics).encode()}


@pytest.fixture(scope="module")
def nothing_drawn():
    """Runs whose graphs are made and not written, and whose report is left out: both are made anew,
    of no finished part."""
    log = logging.getLogger("graphfuse")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PatientGraph, "write", lambda graph, folder: log.info("graph of %s", folder))
        patch.setattr(train_runs, "write_report", lambda folder: None)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory, few_trees, nothing_drawn) -> Path:
    """A training that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole")
    train(folder / "run")
    assert hidden(folder) == []
    return folder / "run"


@pytest.fixture(scope="module")
def all_trained(tmp_path_factory, few_trees, nothing_drawn) -> Path:
    """A folder in which a training was stopped when all its parts were there."""
    folder = tmp_path_factory.mktemp("stopped")
    stopped(folder / "run", "graph of", 1, SystemExit(143))
    assert hidden(folder) == [".run.resume"] and len(parts(folder)) == PARTS
    return folder


@pytest.fixture
def left(all_trained, tmp_path) -> Path:
    """A copy of what was left there."""
    shutil.copytree(all_trained, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_resumed_is_whole(left, whole):
    train(left / "run", resume=True)
    assert numbers(left / "run") == numbers(whole)
    assert hidden(left) == []
    said = load_record(left / "run").fitted["checks"]
    assert said[1:] == ["resumed: 7 of 7 parts were there, fitted under the same watch before"]


@pytest.mark.parametrize(
    ("word", "least"),
    [("Baselines", 1), pytest.param("patient:random", 5, marks=pytest.mark.slow)],
)
def test_stopped_in_the_midst_it_goes_on_to_the_same_bits(tmp_path, whole, word, least):
    stopped(tmp_path / "run", word, 2 if word == "Baselines" else 1, SystemExit(143))
    assert least <= len(parts(tmp_path)) < PARTS
    train(tmp_path / "run", resume=True)
    assert numbers(tmp_path / "run") == numbers(whole)


@pytest.mark.slow
def test_stopped_in_the_second_repeat_it_goes_on_to_the_same_bits(tmp_path):
    twice = {"cv": (2, 2)}
    train(tmp_path / "whole", **twice)
    stopped(tmp_path / "run", "patient:random", 2, SystemExit(143), **twice)
    assert PARTS + 4 <= len(parts(tmp_path)) < 2 * PARTS
    train(tmp_path / "run", resume=True, **twice)
    assert numbers(tmp_path / "run") == numbers(tmp_path / "whole")


def test_ctrl_c_leaves_nothing_unless_it_may_be_resumed(tmp_path):
    stopped(tmp_path / "run", "no-graph", 1, KeyboardInterrupt())
    assert os.listdir(tmp_path) == []
    stopped(tmp_path / "run", "no-graph", 1, KeyboardInterrupt(), resume=True)
    before = parts(tmp_path)
    assert len(before) == 2 and hidden(tmp_path) == [".run.resume"]
    stopped(tmp_path / "run", "graphfuse", 1, KeyboardInterrupt())
    assert parts(tmp_path) == before


def test_what_is_kept_is_private(all_trained):
    assert stat.S_IMODE((all_trained / ".run.resume").stat().st_mode) == 0o700


def test_without_resume_it_is_told_and_begins_anew(left, whole, caplog):
    with caplog.at_level(logging.INFO, "graphfuse"):
        train(left / "run")
    told = [said for said in caplog.messages if "--resume would continue" in said]
    assert len(told) == 1 and "7 finished parts" in told[0]
    assert numbers(left / "run") == numbers(whole)
    assert hidden(left) == []
    assert len(load_record(left / "run").fitted["checks"]) == 1


def test_a_damaged_part_is_told_and_made_anew(left, whole, caplog):
    model = next(left.glob(".run.resume/*/r0-graphfuse-*/models/0/model.safetensors"))
    content = bytearray(model.read_bytes())
    content[-9] ^= 1
    model.write_bytes(content)
    (parts(left)[-1] / "rungs.json").write_text("{}")
    train(left / "run", resume=True)
    assert sum("damaged (" in said for said in caplog.messages) == 2
    assert numbers(left / "run") == numbers(whole)


CHANGES = {
    "the data": {"cohort": replace(COHORT, outcomes={"subtype": COHORT.outcome().take(
        np.r_[1:60, 0])})},
    "the recipe": {"recipe": RECIPE.model_copy(update={"name": "other"})},
    "target, seed or options": {"seed": 1},
    "the folds": {"cv": (3, 1)},
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_parts_of_something_else_are_refused_and_stay(left, what):
    with pytest.raises(InputError, match=f"of something else: .*{what}.*leave out --resume"):
        train(left / "run", **CHANGES[what], resume=True)
    assert len(parts(left)) == PARTS and os.listdir(left) == [".run.resume"]


def test_versions_that_differ_are_named(left):
    (about,) = left.glob(".run.resume/*/about.json")
    content = json.loads(about.read_text())
    content["packages"]["torch"] = "1.0.7"
    about.write_text(json.dumps(content))
    about.parent.rename(about.parents[1] / "another")
    with pytest.raises(InputError, match=r"it had torch 1\.0\.7"):
        train(left / "run", resume=True)


def test_files_that_a_recipe_names_count_by_what_they_hold(tmp_path):
    part = tmp_path / "mine.py"
    part.write_text("class Mine: pass")
    recipe = RECIPE.model_copy(
        update={"net": RECIPE.net.model_copy(update={"fuse": f"{part}:Mine"})}
    )

    def found():
        return dependencies(COHORT, "subtype", recipe, None, 0, Beside())

    before = found()
    assert found() == before
    part.write_text("class Mine: other = True")
    assert {key for key in before if before[key] != found()[key]} == {"files"}


def test_a_leak_forgets_what_it_made(tmp_path):
    text = Form(lambda said, folder: (folder / "a").write_text(said), lambda f: f / "a")
    with pytest.raises(LeakError), finished_beside(tmp_path / "run", True) as finished:
        finished.begin({"data": "x"})
        finished.make("first", lambda: "said", text)
        raise LeakError("seen")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_stops_no_training(tmp_path, caplog):
    def full(said, folder):
        raise OSError(28, "No space left on device")

    finished = Finished(tmp_path / ".run.resume")
    finished.begin({"data": "x"})
    assert finished.make("first", lambda: "said", Form(full, lambda folder: "")) == "said"
    assert finished.make("other", lambda: "more", Form(full, lambda folder: "")) == "more"
    assert sum("cannot be kept" in said for said in caplog.messages) == 1


def test_a_run_on_other_data_is_not_replaced(whole, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    kept = (run / "run.json").read_bytes()
    with pytest.raises(InputError, match=r"of other data \(cohort .*, 20\d\d-.*--overwrite"):
        gf.run(COHORT.take(np.arange(50)), run, RECIPE, cv=(2, 1))
    assert (run / "run.json").read_bytes() == kept
    (run / "run.json").write_bytes(kept[:100])
    with pytest.raises(InputError, match=r"run\.json: damaged.*--overwrite"):
        train(run)
    (run / "notes.txt").touch()
    with pytest.raises(InputError, match=r"notes\.txt"):
        train(run)
    train(run, cv=(2, 1), ledger=False, overwrite=True)
    assert load_record(run).hashes["data"] == COHORT.digest()
    assert hidden(tmp_path) == []


def test_a_resume_of_nothing_says_that_it_begins_anew(tmp_path, caplog):
    with caplog.at_level("INFO", logger="graphfuse"):
        Finished(tmp_path / ".run.resume", resume=True).begin({"data": "0"})
    assert "nothing to resume" in caplog.text
