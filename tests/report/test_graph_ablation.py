"""What a report says of graphs."""

import pytest

from graphfuse.report.graph_ablation import ablations
from graphfuse.schema import Metrics


@pytest.fixture
def table(evaluated):
    return Metrics.model_validate_json((evaluated / "metrics.json").read_text()).model_dump(
        by_alias=True
    )


def told(table):
    graphs = ablations(Metrics.model_validate(table))
    return {graph["name"]: graph for graph in graphs}


def change(table, a, b, difference, half):
    for pair in table["comparisons"]:
        if (pair["a"], pair["b"]) == (a, b):
            ends = [difference - half, difference + half]
            verdict = "better" if ends[0] > 0 else "worse" if ends[1] < 0 else "no difference shown"
            pair.update(difference=difference, ci95=ends, verdict=verdict)


def test_each_graph_has_its_rows_with_what_they_have_over_none(table):
    found = told(table)
    assert list(found) == ["the patient graph", "the gene network"]
    rows = {row["name"]: row for row in found["the gene network"]["rows"]}
    assert list(rows) == ["real", "rewired", "random", "identity", "none"]
    assert [row["ours"] for row in rows.values()] == [True, False, False, False, False]
    assert (
        rows["real"]["cells"][0]["pair"].b == "gene:empty"
        and rows["real"]["cells"][0]["mean"] == "0.879"
    )
    assert rows["rewired"]["cells"][0]["pair"].difference == pytest.approx(0.001)
    assert rows["none"]["cells"][0]["pair"] is None


def test_where_there_is_one_graph_none_is_the_ladders_own(table):
    del table["variants"]["patient:empty"]
    table["variants"] = {
        name: row for name, row in table["variants"].items() if not name.startswith("gene:")
    }
    found = told(table)
    assert list(found) == ["the patient graph"]
    assert found["the patient graph"]["rows"][-1]["about"].endswith("(the net without any graph)")
    assert found["the patient graph"]["sentences"][0].startswith(
        "The patient graph adds 0.1 points of accuracy"
    )


@pytest.mark.parametrize(
    "difference, half, said",
    [
        (0.004, 0.009, "adds 0.4 points of accuracy (−0.5 to 1.3): no gain shown."),
        (0.03, 0.01, "adds 3.0 points of accuracy (2.0 to 4.0): a gain is shown."),
        (-0.03, 0.01, "adds −3.0 points of accuracy (−4.0 to −2.0): a loss is shown."),
        (
            0.0,
            0.0,
            (
                "adds nothing: without it every prediction scores the same. It has no edges, or "
                "its learned weights stayed 0."
            ),
        ),
    ],
    ids=["unclear", "gain", "loss", "identical"],
)
def test_the_sentence_says_what_is_shown(table, difference, half, said):
    change(table, "graphfuse", "patient:empty", difference, half)
    assert told(table)["the patient graph"]["sentences"][0] == f"The patient graph {said}"


def test_a_gain_that_controls_have_too_is_not_one_of_the_edges(table):
    change(table, "graphfuse", "gene:empty", 0.03, 0.01)
    change(table, "gene:rewired", "gene:empty", 0.028, 0.01)
    said = told(table)["the gene network"]["sentences"]
    assert said[1] == (
        "So does the net with rewired edges, so the gain is not shown to come from who is "
        "joined to whom."
    )
    assert said[2].startswith("The real graph against its rewired control: better (+1.8 points")


def test_without_controls_there_is_no_ablation(run):
    metrics = Metrics.model_validate_json((run / "metrics.json").read_text())
    assert ablations(metrics) == []
