"""What a report says of acting on probabilities."""

import numpy as np
import pandas as pd

from graphfuse.report.sections.decisions import acted_on

FIVE = ["Normal-like", "Basal", "HER2", "LumA", "LumB"]


def test_classes_with_patients_enough_have_a_curve_and_a_sentence(predictions):
    found = acted_on(predictions(FIVE, 240, 2), FIVE)
    assert [row["name"] for row in found["sentences"]] == ["Basal", "LumA", "LumB"] and found[
        "out"
    ] == "Normal-like and HER2"
    assert all(
        row["said"].startswith("better than treating all and than treating none at")
        for row in found["sentences"]
    )
    assert found["figure"].count("<svg") == 1 and "LumA" in found["figure"]


def test_of_two_classes_the_second_is_acted_on(predictions):
    found = acted_on(predictions(["AD", "control"], 200, 1), ["AD", "control"])
    assert [row["name"] for row in found["sentences"]] == ["control"] and found["out"] == ""


def test_predictions_by_chance_are_at_no_threshold_shown_to_do_good():
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.4, 0.6, 200)
    truth = np.where(rng.random(200) < 0.5, "a", "b")
    table = pd.DataFrame(
        {"patient": range(200), "repeat": 0, "truth": truth, "p_a": 1 - chance, "p_b": chance}
    )
    said = acted_on(table, ["a", "b"])["sentences"][0]["said"]
    assert said == "at no threshold is it shown to do better than treating all and treating none"


def test_few_patients_have_no_curve(predictions):
    assert acted_on(predictions(FIVE, 15, 1), FIVE) is None
