"""The calibration of the net: how often it is right at each confidence."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from graphfuse.evaluate.probability_curves import reliability
from graphfuse.report import calibration_plot
from graphfuse.report.run_files import Run

SHOWS = "calibration"
BESIDE = True


def content(run: Run) -> dict[str, Any] | None:
    """The figure; `None` where no confidence has patients enough."""
    classes = run.record.classes
    bins = reliability(run.predictions, classes)
    if not bins:
        return None
    title = "Share of patients predicted correctly against the predicted probability"
    chance = 1 / max(len(classes), 1)
    drawn = calibration_plot.reliability(bins, chance, "reliability", title)
    return {"figure": Markup(drawn), "repeats": run.predictions["repeat"].nunique()}
