"""The tables of a bench: one metric a cohort, one row a baseline, verdicts where there are any."""

from types import SimpleNamespace

import numpy as np
import pytest

from graphfuse.evaluate.bench import Result
from graphfuse.report.bench_page import headline, summary
from graphfuse.schema import Metrics
from graphfuse.task.outcome import Outcome


@pytest.fixture
def result(evaluated):
    metrics = Metrics.model_validate_json((evaluated / "metrics.json").read_text())

    def made(name="one", classes=5, recipe="multiplex"):
        outcome = Outcome("subtype", "class", np.arange(classes), tuple("abcde"[:classes]))
        return Result(
            SimpleNamespace(name=name, outcome=outcome, recipe=SimpleNamespace(name=recipe)),
            metrics.model_copy(deep=True),
            [],
        )

    return made


def test_two_classes_are_told_by_auroc_and_more_by_macro_f1(result):
    assert headline(result(classes=2)).name == "auroc"
    assert headline(result(classes=3)).name == "macro_f1"


def test_a_row_for_every_baseline_but_single_modalities_and_the_net_last(result):
    found = summary([result("one"), result("two", classes=2)])
    names = [row["name"] for row in found["rows"]]
    assert names[-2:] == ["no-graph", "graphfuse"] and not any(
        name.startswith("single:") for name in names
    )
    assert found["titles"] == ["one", "two"] and found["metrics"] == ["macro-F1", "AUROC"]
    ours = found["rows"][-1]["cells"]
    assert (
        ours[0]["mean"] == "0.799" and " to " in ours[0]["interval"] and ours[0]["verdict"] == ""
    )  # accuracy less .08
    assert {row["name"]: row["cells"][0]["verdict"] for row in found["rows"]}[
        "majority"
    ] == "better"


def test_recipes_are_named_where_there_are_several(result):
    assert summary([result(), result(recipe="snf")])["titles"] == ["one, multiplex", "one, snf"]


def test_a_baseline_that_one_cohort_lacks_is_a_dash(result):
    other = result("two")
    del other.metrics.models["clinical"]
    cells = {row["name"]: row["cells"] for row in summary([result(), other])["rows"]}["clinical"]
    assert cells[1]["mean"] == "–" and cells[1]["interval"] == cells[1]["verdict"] == ""


def test_graphs_are_told_in_the_headline_metric(result):
    said = summary([result()])["graphs"][0]
    assert any(line.startswith("the patient graph adds") for line in said)


def test_what_knows_nothing_stands_first_and_unknown_baselines_last(result):
    other = result("two")
    models = other.metrics.models
    models["oracle"] = models["clinical"]
    found = summary([result(), other])
    names = [row["name"] for row in found["rows"]]
    assert names[0] == "majority" and names[-2:] == ["graphfuse", "oracle"]
    assert found["in_points"]
