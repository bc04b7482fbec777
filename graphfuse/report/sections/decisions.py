"""Decision-curve analysis of the net's probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from graphfuse.evaluate.probability_curves import decision_curve, useful
from graphfuse.report import page_plots
from graphfuse.report.formatting import listed
from graphfuse.report.run_files import Run

SHOWS = ""  # "calibration" already says it
BESIDE = False
FEWEST = 20  # patients of a class, and of the others, for it to have a curve
MOST = 6  # classes drawn, the commonest


def content(run: Run) -> dict[str, Any] | None:
    """The decision curves of the run's predictions."""
    return decision_curves(run.predictions, run.record.classes)


def decision_curves(predictions: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any] | None:
    """Net benefit of acting on the predicted probabilities, against treating all and none.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Held-out predictions, as in `predictions.csv`.
    classes : sequence of str
        The classes. Of two, the second is the one acted on, as for AUROC.

    Returns
    -------
    dict or None
        The figure, a sentence a class, and classes left out; `None` where no class has patients
        enough.
    """
    drawn = _drawn(predictions, classes)
    if not drawn:
        return None
    curves = {name: decision_curve(predictions, name) for name in drawn}
    title = (
        f"Net benefit against the threshold for {listed(drawn)}: the net, treating all, "
        "treating none"
    )
    left_out = [name for name in classes if name not in drawn]
    shown: dict[str, Any] = {"fewest": FEWEST}
    shown["figure"] = Markup(page_plots.benefit(curves, "benefit", title))
    shown["sentences"] = [_sentence(name, useful(curve)) for name, curve in curves.items()]
    shown["out"] = "" if len(classes) == 2 else listed(left_out)
    return shown


def _drawn(predictions: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """The classes that have a curve, in their order: the commonest of those with enough patients in
    and outside the class."""
    truth = predictions.drop_duplicates("patient")["truth"]
    patients = truth.value_counts().reindex(list(classes), fill_value=0)
    total = patients.sum()
    wanted = []
    for name in classes:
        is_acted_on = len(classes) != 2 or name == classes[1]
        fewer = min(patients[name], total - patients[name])
        if is_acted_on and fewer >= FEWEST and f"p_{name}" in predictions:
            wanted.append(name)
    by_size = sorted(wanted, key=lambda name: -patients[name])
    return sorted(by_size[:MOST], key=list(classes).index)


def _sentence(name: str, spans: list[tuple[float, float]]) -> dict[str, str]:
    """Between which thresholds the net has the larger net benefit, in a sentence."""
    if not spans:
        return {
            "name": name,
            "text": "at no threshold shown to be better than treating all and treating none",
        }
    longest = max(spans, key=lambda ends: ends[1] - ends[0])
    low, high = longest
    at = f"a threshold of {low:.2f}"
    if high > low:
        at = f"thresholds from {low:.2f} to {high:.2f}"
    shorter = len(spans) - 1
    if shorter:
        at += f" and in {shorter} shorter stretch{'es' if shorter > 1 else ''}"
    return {"name": name, "text": f"better than treating all and than treating none at {at}"}
