"""Run directories: whole or not at all."""

from __future__ import annotations

import pytest

from graphfuse import api
from graphfuse.errors import InputError, LeakError
from graphfuse.evaluate.report import RUN, load_record, load_replicas
from graphfuse.files.written import whole_folder
from graphfuse.schema import Recipe

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


def test_a_saved_report_reads_back(small, tmp_path):
    report = api.train(small.cohort, RECIPE, cv=(2, 2), device="cpu")
    report.save(tmp_path / "run")
    assert load_record(tmp_path / "run") == report.record
    replicas = load_replicas(tmp_path / "run", small.cohort, report.metrics.target)
    assert [(r.repeat, r.fold) for r in replicas] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for saved, live in zip(replicas, report.replicas, strict=True):
        assert set(saved.tested) == set(live.tested)
        test = small.cohort.take(live.tested)
        assert (saved.model.predict_proba(test) == live.model.predict_proba(test)).all()
    text = str(report)
    assert "graphfuse" in text and "no-graph" in text and "macro-F1 against single" in text


def test_a_built_graph_is_refused_as_a_leak(small):
    graph = api.build(small.cohort, RECIPE)
    with pytest.raises(LeakError, match="held-out"):
        api.train(small.cohort, graph)
    with pytest.raises(LeakError):
        api.train(graph, RECIPE)
