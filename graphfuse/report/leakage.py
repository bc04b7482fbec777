"""What was checked against leaks, and what was not."""

from __future__ import annotations

import pandas as pd

from graphfuse.report.formatting import count
from graphfuse.report.run_files import Run

_FITS = "what each fit read: this run kept no watch over its fits"
_TABLES = (
    "whether the tables themselves hold the answer: features made from the label, or known only "
    "after it, one patient or relatives under several ids, sites and batches that go with the "
    "label (graphfuse audit COHORT looks for these)"
)
_CHOICES = "choices made before this run, by someone who had seen other scores on these patients"


def leak_checks(run: Run) -> dict[str, list[str]]:
    """What was looked at, and what a run cannot show.

    Parameters
    ----------
    run : Run
        The files of a run directory.

    Returns
    -------
    dict of str to list of str
        `checked`: what these files show, and what the run noted of its fits; `open`: what they
        cannot show.
    """
    noted = [str(check) for check in run.record.fitted.get("checks", [])]
    not_noted = [] if noted else [_FITS]
    checked = [*_tested(run.predictions), *noted]
    return {"checked": checked, "open": [*not_noted, _TABLES, _CHOICES]}


def _tested(predictions: pd.DataFrame) -> list[str]:
    """Who was tested, and whether anyone was tested twice; nothing where nobody was."""
    if predictions.empty:
        return []
    twice = int(predictions.duplicated(["patient", "repeat"]).sum())
    often = "each once a repeat"
    if twice:
        often = f"{count(twice)} of them more than once in a repeat: folds overlap"
    patients = count(predictions["patient"].nunique())
    folds = len(predictions.drop_duplicates(["repeat", "fold"]))
    return [f"who was tested: {patients} patients in {folds} test folds, {often}"]
