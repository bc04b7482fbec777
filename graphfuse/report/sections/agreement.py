"""Agreement of predicted and observed numbers, in groups of patients."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from graphfuse.errors import InputError
from graphfuse.evaluate.predicted_and_observed import Agreement, Observed, agreement
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
    result = agreement(table["patient"].to_numpy(), output, truth)
    if result is None:
        return {"figure": None}
    target = run.record.target
    title = f"Mean {target} observed in groups of patients against the mean predicted"
    figure = calibration_plot.agreement(result.groups, target, "agreement", title)
    shown = {"figure": Markup(figure), "rows": _rows(result.groups)}
    shown["sentences"] = [_bounds(result), _slope(result)]
    shown["repeats"] = table["repeat"].nunique()
    shown["fifths"] = len(result.groups) == 5
    return shown


def _rows(groups: list[Observed]) -> list[dict[str, str]]:
    """Of each group as shown: the means, the interval of that observed, and how many they are."""
    means: list[float] = []
    for group in groups:
        means += [group.predicted, group.mean]
    digits = decimals(means)
    rows = []
    for group in groups:
        row = {"predicted": number(group.predicted, digits), "patients": count(group.patients)}
        row["observed"] = number(group.mean, digits)
        row["interval"] = span((group.low, group.high), digits)
        rows.append(row)
    return rows


def _bounds(result: Agreement) -> str:
    """How many patients' observed values lay within the bounds, in a sentence."""
    low, high = result.covered_ends
    verdict = "a difference from that is not shown"
    if high < HELD:
        verdict = "the bounds are too narrow"
    elif low > HELD:
        verdict = "the bounds are wider than they need be"
    wanted, held = _percent(HELD), _percent(result.covered)
    interval = f"95 % interval {100 * low:.0f} to {_percent(high)}"
    return (
        f"The bounds around each prediction are made to hold the truth of {wanted} of "
        f"patients. They held it for {held} of {count(result.patients)} ({interval}): {verdict}."
    )


def _slope(result: Agreement) -> str:
    """The calibration slope, in a sentence."""
    if result.slope is None or result.slope_ends is None:
        return "All predictions are the same, so they have no calibration slope."
    low, high = result.slope_ends
    verdict = "no difference from 1 is shown"
    if high < 1:
        verdict = "patients differ less than was predicted"
    elif low > 1:
        verdict = "patients differ more than was predicted"
    slope, interval = number(result.slope, 2), span(result.slope_ends, 2)
    return (
        f"Calibration slope {slope} ({interval}), where 1 means that patients differ by as much "
        f"as was predicted: {verdict}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
