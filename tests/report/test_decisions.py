"""What a report says of acting on probabilities."""

import numpy as np
import pandas as pd

from graphfuse.report.sections.decisions import decision_curves

FIVE = ["Normal-like", "Basal", "HER2", "LumA", "LumB"]


def test_classes_with_patients_enough_have_a_curve_and_a_sentence(predictions):
    found = decision_curves(predictions(FIVE, 240, 2), FIVE)
    assert [row["name"] for row in found["sentences"]] == ["Basal", "LumA", "LumB"] and found[
        "out"
    ] == "Normal-like and HER2"
    assert all(
        row["text"].startswith("better than treating all and than treating none at")
        for row in found["sentences"]
    )
    assert found["figure"].count("<svg") == 1 and "LumA" in found["figure"]


def test_of_two_classes_the_second_has_a_curve(predictions):
    found = decision_curves(predictions(["AD", "control"], 200, 1), ["AD", "control"])
    assert [row["name"] for row in found["sentences"]] == ["control"] and found["out"] == ""


def test_predictions_by_chance_have_no_net_benefit():
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.4, 0.6, 200)
    truth = np.where(rng.random(200) < 0.5, "a", "b")
    table = pd.DataFrame(
        {"patient": range(200), "repeat": 0, "truth": truth, "p_a": 1 - chance, "p_b": chance}
    )
    text = decision_curves(table, ["a", "b"])["sentences"][0]["text"]
    assert text == "at no threshold shown to be better than treating all and treating none"


def test_few_patients_have_no_curve(predictions):
    assert decision_curves(predictions(FIVE, 15, 1), FIVE) is None
