"""What a report says of groups of patients."""

from graphfuse.report import subgroups
from graphfuse.schema import Evaluation, GroupScore
from graphfuse.task.registry import metrics_of

CLASS = metrics_of("class")


def rows(evaluated):
    return Evaluation.model_validate_json((evaluated / "evaluation.json").read_text()).subgroups


def test_gaps_are_named_with_their_way_and_small_groups_are_not_scored(evaluated):
    (found,) = subgroups.subgroup_tables(rows(evaluated), CLASS)
    assert found["sentence"] == (
        "Significant subgroup differences (adjusted test): BH (worse in accuracy and Brier); none "
        "for the other 1."
    )
    assert found["small"].endswith("too few tested patients: C8 (<5).")
    assert [row["name"] for row in found["rows"]] == ["BH", "A8"] and found["metrics"] == [
        "accuracy",
        "brier",
    ]
    assert found["rows"][0]["cells"][0] | {"interval": ""} == {
        "score": "0.800", "interval": "", "gap": "−0.100", "gap_interval": "−0.140 to −0.060",
        "shown": True,
    }  # fmt: skip


def test_a_single_small_group_cannot_be_worked_out_from_the_total(evaluated):
    (found,) = subgroups.subgroup_tables(rows(evaluated), CLASS)
    assert [row["patients"] for row in found["rows"]] == ["119–123", "97"]


def level(name, gap, verdict, metric="accuracy"):
    return GroupScore(
        group="sex", level=name, patients=50, metric=metric, score=None if gap is None else 0.8,
        ci95=(None, None),
        gap=gap, gap_ci95=(None, None), verdict=verdict,
    )  # fmt: skip


def test_sentences_for_all_none_and_too_few():
    def said(*found):
        return subgroups.subgroup_tables(list(found), CLASS)[0]["sentence"]

    assert (
        said(level("F", 0.0, "no gap shown"), level("M", 0.0, "no gap shown"))
        == "No significant subgroup difference (adjusted test)."
    )
    assert said(level("F", None, "not scored")) == "No level is large enough to be scored."
    both = said(level("F", 0.1, "gap shown"), level("M", -0.2, "gap shown"))
    shown = "Significant subgroup differences (adjusted test): "
    assert both == f"{shown}M (worse in accuracy) and F (better in accuracy)."
    mixed = said(level("F", 0.1, "gap shown"), level("F", 0.1, "gap shown", "brier"))
    assert mixed == f"{shown}F (worse in Brier, better in accuracy)."


def test_many_small_levels_are_cut_short():
    levels = [level(f"s{i}", None, "not scored") for i in range(20)]
    (found,) = subgroups.subgroup_tables(levels, CLASS)
    assert found["small"].endswith("s11 (50) and 8 more.") and found["rows"] == []
    assert subgroups.subgroup_tables([], CLASS) == []
