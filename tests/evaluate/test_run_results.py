"""Run directories: whole or not at all."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse import api
from graphfuse.data.synth import planted
from graphfuse.errors import InputError, LeakError
from graphfuse.evaluate.run_directory import RUN, load_record, load_replicas
from graphfuse.evaluate.run_results import Report
from graphfuse.files.atomic_write import whole_folder
from graphfuse.schema import Recipe

pytestmark = pytest.mark.usefixtures("few_trees")

RECIPE = Recipe.model_validate(
    {"name": "quick", "net": {"width": 6}, "train": {"epochs": 3, "seeds": 1}}
)


def test_a_block_that_fails_leaves_the_old_run(tmp_path):
    old = tmp_path / "run"
    old.mkdir()
    (old / "run.json").write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_folder(old, RUN) as part:
        (part / "run.json").write_text("new")
        raise KeyboardInterrupt
    assert (old / "run.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_a_block_that_ends_well_takes_its_place(tmp_path):
    for text in ("first", "second"):
        with whole_folder(tmp_path / "deep" / "run", RUN) as part:
            (part / "run.json").write_text(text)
        assert (tmp_path / "deep" / "run" / "run.json").read_text() == text
    assert len(list((tmp_path / "deep").iterdir())) == 1


def test_somebody_elses_folder_is_never_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="no run directory"), whole_folder(tmp_path, RUN):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
    with pytest.raises(InputError, match=r"no run\.json"):
        load_record(tmp_path)


@pytest.fixture(scope="module")
def saved(small, tmp_path_factory, few_trees):
    """A report, and the run directory that it was saved to."""
    report = api.train(small.cohort, RECIPE, cv=(2, 2), ledger=False, device="cpu")
    return report, report.save(tmp_path_factory.mktemp("runs") / "run")


def test_a_saved_report_reads_back(small, saved):
    report, folder = saved
    assert load_record(folder) == report.record
    replicas = load_replicas(folder, small.cohort, report.metrics.target)
    assert [(r.repeat, r.fold) for r in replicas] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for read, live in zip(replicas, report.replicas, strict=True):
        assert set(read.tested) == set(live.tested)
        test = small.cohort.take(live.tested)
        assert (read.model.predict_proba(test) == live.model.predict_proba(test)).all()
    text = str(report)
    assert "graphfuse" in text and "no-graph" in text and "macro-F1 against single" in text


def test_a_report_is_loaded_as_it_was_saved(small, saved):
    report, folder = saved
    again = Report.load(folder)
    assert str(again) == str(report) and again.record == report.record
    assert again.metrics == report.metrics and again.evaluation == report.evaluation
    pd.testing.assert_frame_equal(again.predictions, report.predictions, check_dtype=False)
    pd.testing.assert_frame_equal(again.folds, report.folds, check_dtype=False)
    wanted = report.model.predict_proba(small.cohort)
    assert np.array_equal(again.model.predict_proba(small.cohort), wanted)
    with pytest.raises(InputError, match="was loaded from .* copy that folder"):
        again.save(folder.parent / "copy")


def test_reports_models_and_folders_predict_and_score_alike(small, saved):
    report, folder = saved
    wanted = api.predict(report.model, small.cohort)
    for given in (report, Report.load(folder), folder, str(folder), folder / "model"):
        pd.testing.assert_frame_equal(api.predict(given, small.cohort), wanted)
    other = planted(30, {"rna": 40, "meth": 24}, seed=9).cohort
    other = replace(other, patients=pd.Index([f"Q{row}" for row in range(30)], name="patient"))
    scores = [api.score(each, other, allow_shift=True).metrics for each in (report, folder)]
    assert scores[0] == scores[1]


def test_a_folder_is_ranked_with_its_cohort_and_nothing_is_written(small, saved):
    report, folder = saved
    wanted, before = api.rank(report), sorted(folder.rglob("*"))
    for given in (str(folder), Report.load(folder)):
        found = api.rank(given, cohort=small.cohort, top=3)
        pd.testing.assert_frame_equal(found.nodes, wanted.nodes)
    assert sorted(folder.rglob("*")) == before
    with pytest.raises(InputError, match="was trained on tables in memory"):
        api.rank(folder)
    with pytest.raises(InputError, match="not, or no longer, those of this run"):
        api.rank(folder, cohort=small.cohort.take(slice(0, 50)))


@pytest.mark.parametrize(
    "column, value, said",
    [
        ("p_class0", "1.5", "p_class0 holds what is no probability"),
        ("p_class0", "", "p_class0 holds what is no probability"),
        ("fold", "x", "a repeat or a fold is no whole number"),
        ("call", None, "no column call"),
    ],
)
def test_damaged_predictions_are_one_message(saved, tmp_path, column, value, said):
    folder = shutil.copytree(saved[1], tmp_path / "run")
    table = pd.read_csv(folder / "predictions.csv", dtype=str, keep_default_na=False)
    table = table.drop(columns=column) if value is None else table.assign(**{column: value})
    table.to_csv(folder / "predictions.csv", index=False)
    with pytest.raises(InputError, match=f"predictions.csv: damaged.*{said}"):
        Report.load(folder)


def test_a_built_graph_is_refused_as_a_leak(small):
    graph = api.build(small.cohort, RECIPE)
    with pytest.raises(LeakError, match="held-out"):
        api.train(small.cohort, graph)
    with pytest.raises(LeakError):
        api.train(graph, RECIPE)


def test_fold_models_in_the_place_of_one_another_are_damage(small, saved, tmp_path):
    """As many patients trained both; each would be explained on its own training patients."""
    run = shutil.copytree(saved[1], tmp_path / "run")
    folds = run / "model" / "folds"
    (folds / "r0f0").rename(folds / "other")
    (folds / "r0f1").rename(folds / "r0f0")
    (folds / "other").rename(folds / "r0f1")
    with pytest.raises(InputError, match="r0f0: damaged model: .*predictions.csv"):
        api.rank(run, cohort=small.cohort)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_all_files_of_a_run_may_be_read_by_the_same_people(saved):
    modes = {path.stat().st_mode for path in saved[1].rglob("*") if path.is_file()}
    assert len(modes) == 1
