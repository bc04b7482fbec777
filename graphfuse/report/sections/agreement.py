"""Agreement of predicted and observed numbers, in groups of patients."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from graphfuse.errors import InputError
from graphfuse.evaluate.agreement import Agreement, Observed, agreement
from graphfuse.report import calibration_plot
from graphfuse.report.formatting import count, number, span
from graphfuse.report.run_files import Run
from graphfuse.text.format_numbers import decimals

SHOWS = "agreement with what was observed"
BESIDE = False
HELD = 0.9  # the share of patients whose truth the bounds are made to hold


def content(run: Run) -> dict[str, Any]:
    """The figure, its numbers, and sentences on the bounds and on the slope; no figure where there
    are too few patients. Raises `InputError` where the predictions are none."""
    table = run.predictions
    try:
        output, truth = run.record.task.read_table(table)
    except ValueError as error:
        raise InputError(f"predictions.csv: {error}; make it again") from None
    found = agreement(table["patient"].to_numpy(), output, truth)
    if found is None:
        return {"figure": None}
    target = run.record.target
    title = f"Mean {target} observed in groups of patients against the mean predicted"
    return {
        "figure": Markup(calibration_plot.agreement(found.groups, target, "agreement", title)),
        "rows": _rows(found.groups),
        "sentences": [_bounds(found), _slope(found)],
        "repeats": table["repeat"].nunique(),
        "fifths": len(found.groups) == 5,
    }


def _rows(groups: list[Observed]) -> list[dict[str, str]]:
    """Of each group as shown: the means, the interval of that observed, and how many they are."""
    digits = decimals([each for group in groups for each in (group.predicted, group.mean)])
    return [
        {
            "predicted": number(group.predicted, digits),
            "observed": number(group.mean, digits),
            "interval": span((group.low, group.high), digits),
            "patients": count(group.patients),
        }
        for group in groups
    ]


def _bounds(found: Agreement) -> str:
    low, high = found.covered_ends
    verdict = "a difference from that is not shown"
    if high < HELD:
        verdict = "the bounds are too narrow"
    elif low > HELD:
        verdict = "the bounds are wider than they need be"
    return (
        f"The bounds around each prediction are made to hold the truth of {_percent(HELD)} of "
        f"patients. They held it for {_percent(found.covered)} of {count(found.patients)} (95 % "
        f"interval {100 * low:.0f} to {_percent(high)}): {verdict}."
    )


def _slope(found: Agreement) -> str:
    if found.slope is None or found.slope_ends is None:
        return "All predictions are the same, so they have no calibration slope."
    low, high = found.slope_ends
    verdict = "no difference from 1 is shown"
    if high < 1:
        verdict = "patients differ less than was predicted"
    elif low > 1:
        verdict = "patients differ more than was predicted"
    return (
        f"Calibration slope {number(found.slope, 2)} ({span(found.slope_ends, 2)}), where 1 means "
        f"that patients differ by as much as was predicted: {verdict}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
