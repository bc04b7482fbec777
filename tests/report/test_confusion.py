"""Confusion tables that give no small count away."""

import pandas as pd
import pytest

from graphfuse.report.sections.confusion import confusion


@pytest.mark.parametrize(
    "classes", [["AD", "control"], ["Normal-like", "Basal", "HER2", "LumA", "LumB"]]
)
def test_small_counts_are_hidden_and_cannot_be_worked_out(predictions, classes):
    found = predictions(classes, 200, 2)
    counts = (
        pd.crosstab(found["truth"], found["call"]).reindex(
            index=classes, columns=classes, fill_value=0
        )
        / 2
    )
    table = confusion(found, classes)
    for row, true in zip(table, counts.to_numpy()):
        shown = [cell.text for cell in row]
        hidden = [i for i, text in enumerate(shown) if text == "<5"]
        assert all(cell.share is None for cell in row if cell.text == "<5")
        assert not {"1", "2", "3", "4"} & set(shown)
        assert len(hidden) != 1 or sum("–" in text for text in shown) == 1
        for text, value in zip(shown, true):
            low, _, high = text.partition("–")
            assert (text == "<5" and value < 5) or int(low) - 1 <= value <= int(high or low) + 1
    assert any("–" in cell.text for row in table for cell in row)  # a small count that is alone


def test_a_row_without_small_counts_shows_them_all_and_the_limit_can_be_moved():
    table = pd.DataFrame(
        {
            "repeat": "0",
            "truth": ["a"] * 20 + ["b"] * 12,
            "call": ["a"] * 14 + ["b"] * 6 + ["b"] * 12,
        }
    )
    assert [[cell.text for cell in row] for row in confusion(table, ["a", "b"])] == [
        ["14", "6"],
        ["0", "12"],
    ]
    assert [cell.text for cell in confusion(table, ["a", "b"], hide_below=10)[0]] == [
        "11–20",
        "<10",
    ]
