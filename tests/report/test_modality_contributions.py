"""What a report says of modalities."""

import pytest

from graphfuse.report import modality_contributions
from graphfuse.schema import Evaluation, Metrics


@pytest.fixture
def files(evaluated):
    return [
        kind.model_validate_json((evaluated / name).read_text())
        for kind, name in ((Metrics, "metrics.json"), (Evaluation, "evaluation.json"))
    ]


def test_subsets_go_from_small_to_all_and_patterns_stand_apart(files):
    found = modality_contributions.contributions(*files)
    assert [row["name"] for row in found["subsets"]] == ["rna", "meth", "rna+mirna", "all"]
    assert found["subsets"][0]["cells"][0]["pair"].b == "only:rna" and found["subsets"][-1]["ours"]
    assert [row["name"] for row in found["patterns"]] == ["rna+meth", "rna+meth+mirna+clinical"]


def test_shapley_values_are_told_in_accuracy_largest_first(files):
    found = modality_contributions.contributions(*files)["shapley"]
    assert [row["name"] for row in found["rows"]] == ["rna", "meth", "clinical"] and found[
        "metrics"
    ][0] == "accuracy"
    assert found["sentence"].endswith(
        "a gain is shown for rna and meth; none is shown for clinical."
    )
    assert found["rows"][0]["cells"][0] == "+21.0 (19.0 to 23.0)" in found["figure"]


def test_the_label_without_its_source(files):
    said = modality_contributions.contributions(*files)["source"]
    assert (
        said.startswith("The label is derived from rna. Without rna the net has 0.841 accuracy (")
        and "3.8 points less" in said
    )


@pytest.mark.parametrize(
    "difference, half, said",
    [
        (0.03, 0.01, "a gain from them is shown"),
        (0.0, 0.01, "no gain from them is shown"),
        (-0.03, 0.01, "they do harm"),
        (0, 0, "none."),
    ],
    ids=["used", "unclear", "harm", "identical"],
)
def test_emap_in_words(files, difference, half, said):
    metrics, evaluation = files
    ends = (difference - half, difference + half)
    verdict = "better" if ends[0] > 0 else "worse" if ends[1] < 0 else "no difference shown"
    pairs = [
        p.model_copy(update={"difference": difference, "ci95": ends, "verdict": verdict})
        for p in evaluation.cross_modal
    ]
    found = modality_contributions.contributions(metrics, Evaluation(cross_modal=pairs))
    assert (
        found["together"].startswith(f"Cross-modal interactions: {said}")
        and found["shapley"] is None
    )


def test_without_any_of_it_there_is_no_section(run):
    assert (
        modality_contributions.contributions(
            Metrics.model_validate_json((run / "metrics.json").read_text()), Evaluation()
        )
        is None
    )


def test_one_fold_has_values_without_intervals(files):
    metrics, evaluation = files
    bare = [each.model_copy(update={"ci95": (None, None)}) for each in evaluation.contributions]
    found = modality_contributions.contributions(metrics, Evaluation(contributions=bare))["shapley"]
    assert (
        found["sentence"].endswith("none is shown for rna, meth or clinical.")
        and "+21.0 (no interval)" in found["figure"]
    )
