"""The page of subtype discovery, made from a found partition."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.report.subtype_page import chance, page, save_subtypes
from graphfuse.subtypes.discover import subtypes
from graphfuse.subtypes.outcome_differences import differences
from graphfuse.task.outcome import Outcome

TWO = np.arange(60) % 2


def cohort(apart):
    rng = np.random.default_rng(0)
    ids = [f"PATIENT{i:02d}" for i in range(60)]
    values = rng.normal(size=(60, 12)) + apart * TWO[:, None]
    made = Cohort.from_frames(
        {"rna&b": pd.DataFrame(values, ids, [f"g{i}" for i in range(12)])}, name="made & kept"
    )
    classes = np.where(np.arange(60) == 1, 0, TWO)
    outcomes = {
        "type": Outcome("type", "class", classes, ("one", "<two>"), derived_from=("rna&b",)),
        "overall": Outcome(
            "overall", "survival", rng.exponential(9 + 9 * TWO), event=rng.random(60) < 0.8
        ),
    }
    return replace(made, outcomes=outcomes)


@pytest.fixture(scope="module")
def found():
    return subtypes(cohort(3.0), layer="rna&b", resamples=4, nulls=3)


def test_the_page_tells_it_all_and_no_patient(found):
    text = page(found)
    assert "2 stable clusters" in text and "Log-rank" in text and "How many clusters" in text
    assert (
        "PATIENT" not in text
        and "rna&b" not in text
        and "&lt;two&gt;" in text
        and "made &amp; kept" in text
    )
    assert "agreement is expected" in text
    assert not re.search(r"https?://", text)


def test_small_cells_are_hidden(found):
    table = page(found).split("adjusted Rand index")[-1].split("</table>")[0]
    assert found.association["type"].counts.to_numpy().min() == 0
    assert "&lt;5" in table and not re.search(r'<td class="r">[1-4]</td>', table)


def test_numbers_are_told_by_cluster_but_of_no_few(found):
    assert "Kruskal" not in page(found) and "numbers" not in found.describe()
    level = np.where(found.labels == 0, 120.0, -45.0) + np.arange(60) % 7
    known = np.where((found.labels == 1) & (np.arange(60) > 8), np.nan, level)
    outcomes = {
        "score": Outcome("score", "number", level),
        "rare": Outcome("rare", "number", known),
    }
    some = replace(found, differences=differences(found.labels, outcomes, ()))
    score, rare = page(some).split("Kruskal-Wallis H")[1:]
    assert ">123</td>" in score and ">−42</td>" in score and "p &lt; 0.001" in score
    assert rare.count(">–</td>") == 2 and "−4" not in rare.split("</table>")[0]
    assert "number score: Kruskal-Wallis H" in repr(some)
    told = some.describe()["numbers"]["score"]
    assert told["df"] == 1 and told["p"] < 0.001 and len(told["clusters"]) == 2


def test_the_same_partition_gives_the_same_bytes(found):
    assert page(found) == page(found)


def test_one_cluster_makes_a_page_too():
    text = page(subtypes(cohort(0.0), layer="rna&b", resamples=4, nulls=3))
    assert "No stable subtypes" in text and "there is one cluster" in text


def test_tables_and_page_are_saved_together(found, tmp_path):
    folder = save_subtypes(found, tmp_path / "out")
    assert {"report.html", "subtypes.json", "subtypes.csv"} <= {
        path.name for path in folder.iterdir()
    }


def test_a_p_value_in_words():
    assert [chance(p) for p in (0.04567, 0.0001, float("nan"))] == ["0.046", "< 0.001", "–"]
