"""What a report says was checked, and what was not."""

from dataclasses import replace

import pandas as pd

from graphfuse.report import leakage
from graphfuse.report.run_files import read_run


def test_who_was_tested_is_counted_and_doubles_are_named(run):
    whole = read_run(run)
    found = leakage.leak_checks(whole)
    assert found["checked"][0].startswith(
        "who was tested: 240 patients in 10 test folds, each once a repeat"
    )
    assert found["open"][0].startswith("what each fit read")
    twice = replace(whole, predictions=pd.concat([whole.predictions, whole.predictions.head(3)]))
    assert "<5 of them more than once in a repeat" in leakage.leak_checks(twice)["checked"][0]


def test_what_the_run_noted_is_repeated(run):
    whole = read_run(run)
    whole.record.fitted["checks"] = ["35 fits were watched; none read a held-out row"]
    found = leakage.leak_checks(whole)
    assert found["checked"][1] == "35 fits were watched; none read a held-out row"
    assert not any("what each fit read" in line for line in found["open"])


def test_without_predictions_nothing_is_claimed(run):
    whole = read_run(run)
    nobody = replace(whole, predictions=whole.predictions.iloc[:0])
    assert leakage.leak_checks(nobody)["checked"] == []
