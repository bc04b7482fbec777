"""What was checked against leaks, and what was not."""

from __future__ import annotations

from graphfuse.report.files import Run
from graphfuse.report.words import count


def told(run: Run) -> dict[str, list[str]]:
    """`checked`: what this run's own files show, and what the run noted of its fits; `open`: what
    they cannot show."""
    checked, table = [], run.predictions
    if not table.empty:
        twice = int(table.duplicated(["patient", "repeat"]).sum())
        often = (
            "each once a repeat"
            if not twice
            else f"{count(twice)} of them more than once in a repeat: folds overlap"
        )
        folds = len(table.drop_duplicates(["repeat", "fold"]))
        checked.append(
            f"who was tested: {count(table['patient'].nunique())} patients in {folds} test "
            f"folds, {often}"
        )
    checked += map(str, run.record.fitted.get("checks", []))
    missing = (
        []
        if run.record.fitted.get("checks")
        else ["what each fit read: this run kept no watch over its fits"]
    )
    return {
        "checked": checked,
        "open": [
            *missing,
            "whether the tables themselves hold the answer: features made from the label, "
            "one patient under two ids, batches "
            "that go with the label (graphfuse audit COHORT looks for these)",
            "choices made before this run, by someone who had seen other scores on these patients",
        ],
    }
