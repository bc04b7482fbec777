"""Scores as a report shows them."""

import pytest

from graphfuse.report import scores
from graphfuse.schema import Metrics
from graphfuse.task.registry import metrics_of

METRICS = metrics_of("class")


def test_best_marks_the_right_end_of_each_column_and_no_variant(run):
    metrics = Metrics.model_validate_json((run / "metrics.json").read_text())
    best = {
        m: {row.name for row in scores.baselines(metrics) if row.cells[i].best}
        for i, m in enumerate(METRICS.names)
    }
    assert best["accuracy"] == {"single:rna", "single"}
    assert best["ece"] == {"majority"}
    assert not any(cell.best for row in scores.variants(metrics) for cell in row.cells)


def metrics(accuracies, comparisons):
    """Metrics with these accuracies and (model, difference, half-width) against graphfuse, the same
    in all metrics."""
    models = {
        name: {"accuracy": {"mean": a, "sd": 0.1, "ci95": [a - 0.1, a + 0.1]}}
        for name, a in accuracies.items()
    }
    pairs = []
    for name, d, half in comparisons:
        verdict = "better" if d > half else "worse" if d < -half else "no difference shown"
        about = {
            "a": "graphfuse",
            "b": name,
            "difference": d,
            "ci95": [d - half, d + half],
            "p": 0.5,
            "verdict": verdict,
        }
        pairs += [about | {"metric": metric} for metric in ("accuracy", "auroc")]
    return Metrics.model_validate(
        {"schema": 1, "target": "t", "protocol": {}, "models": models, "comparisons": pairs}
    )


def test_the_strongest_is_named_beside_the_one_that_was_chosen():
    found = metrics(
        {"graphfuse": 0.8, "single": 0.7, "early": 0.81, "late": 0.75},
        [("single", 0.1, 0.05), ("early", -0.01, 0.03)],
    )
    said = scores.verdict(found)
    assert "better than the single modality chosen by inner folds (single, 0.700)" in said
    assert (
        "no difference shown to the strongest of single and early, chosen afterwards (early, 0.810)"
        in said
    )
    alone = scores.verdict(metrics({"graphfuse": 0.8, "late": 0.7}, [("late", 0.1, 0.05)]))
    assert (
        "better than the mean of the single modalities (late, 0.700)" in alone
        and "strongest" not in alone
    )


@pytest.mark.parametrize(
    "half, said",
    [(0.0, "identical without them (none, or its learned weights stayed 0)"), (0.1, "no diff")],
)
def test_graphs_that_change_no_bit_are_told_apart_from_graphs_that_change_little(half, said):
    found = metrics({"graphfuse": 0.8, "no-graph": 0.8}, [("no-graph", 0.0, half)])
    assert f"the graphs: {said}" in scores.verdict(found)


def test_variants_with_sections_of_their_own_are_told_there(evaluated):
    found = Metrics.model_validate_json((evaluated / "metrics.json").read_text())
    assert [row.name for row in scores.variants(found)] == ["without:rna", "group:site"]
    assert {dot.label for dot in scores.dots(found, "accuracy") if dot.hollow} == {
        "without:rna",
        "group:site",
    }
    assert {row["name"] for row in scores.comparisons(found)[1] if row["variant"]} == {
        "without:rna",
        "group:site",
    }
