"""Scores as a report shows them."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.report import scores
from graphfuse.schema import METRICS, Metrics


def test_best_marks_the_right_end_of_each_column_and_no_variant(run):
    metrics = Metrics.model_validate_json((run / "metrics.json").read_text())
    best = {m: {row.name for row in scores.ladder(metrics) if row.cells[i].best} for i, m in enumerate(scores.NAMES)}
    assert best["accuracy"] == {"single:rna", "single"}
    assert best["ece"] == {"majority"}
    assert not any(cell.best for row in scores.variants(metrics) for cell in row.cells)
    assert set(scores.NAMES) == set(METRICS) == set(scores.MEANINGS)


@pytest.mark.parametrize("classes", [["AD", "control"], ["Normal-like", "Basal", "HER2", "LumA", "LumB"]])
def test_small_counts_are_hidden_and_cannot_be_worked_out(predictions, classes):
    found = predictions(classes, 200, 2)
    counts = pd.crosstab(found["truth"], found["call"]).reindex(index=classes, columns=classes, fill_value=0) / 2
    table = scores.confusion(found, classes)
    for row, true in zip(table, counts.to_numpy()):
        shown = [cell.text for cell in row]
        hidden = [i for i, text in enumerate(shown) if text == "<5"]
        assert all(cell.share is None for cell in row if cell.text == "<5")
        assert not {"1", "2", "3", "4"} & set(shown)
        assert len(hidden) != 1 or sum("–" in text for text in shown) == 1
        for text, value in zip(shown, true):
            low, _, high = text.partition("–")
            assert (text == "<5" and value < 5) or int(low) - 1 <= value <= int(high or low) + 1
    assert any("–" in cell.text for row in table for cell in row) or len(classes) > 2


def test_a_row_without_small_counts_shows_them_all_and_the_limit_can_be_moved():
    table = pd.DataFrame({"repeat": "0", "truth": ["a"] * 20 + ["b"] * 12, "call": ["a"] * 14 + ["b"] * 6 + ["b"] * 12})
    assert [[cell.text for cell in row] for row in scores.confusion(table, ["a", "b"])] == [["14", "6"], ["0", "12"]]
    assert [cell.text for cell in scores.confusion(table, ["a", "b"], hide_below=10)[0]] == ["11–20", "<10"]


def test_calibration_bins_hold_their_own_and_leave_out_the_few():
    rng = np.random.default_rng(0)
    sure = np.repeat([0.55, 0.75, 0.97], [100, 60, 4])
    right = rng.random(164) < sure
    table = pd.DataFrame(
        {"repeat": "0", "truth": "a", "call": np.where(right, "a", "b"), "p_a": np.where(right, sure, 1 - sure)}
    )
    table["p_b"] = 1 - table["p_a"]
    bins = scores.calibration(table, ["a", "b"])
    assert [round(b.confidence, 2) for b in bins] == [0.55, 0.75]
    assert bins[0].right == pytest.approx(right[:100].mean()) and bins[0].low < bins[0].right < bins[0].high
    assert scores.wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_numbers_in_words():
    assert [scores.number(x) for x in (0.8794, -0.0004, -0.02, None, float("nan"))] == ["0.879", "0.000", "−0.020", "–", "–"]
    assert [scores.signed(x) for x in (0.01, -0.01, -0.0001, 0.0)] == ["+0.010", "−0.010", "0.000", "0.000"]
    assert [scores.count(n) for n in (0, 1, 4, 5, 1200)] == ["0", "<5", "<5", "5", "1,200"]
