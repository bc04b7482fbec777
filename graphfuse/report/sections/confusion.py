"""The confusion matrix of the net on its test patients, with small counts hidden."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from graphfuse.report.formatting import HIDE_BELOW
from graphfuse.report.run_files import Run
from graphfuse.report.small_counts import Shaded, shaded

SHOWS = "the confusion matrix"
BESIDE = True


def content(run: Run) -> dict[str, Any]:
    """A row of counts for each class, and over how many repeats they are means."""
    classes = run.record.classes
    rows = confusion(run.predictions, classes)
    named_rows = list(zip(classes, rows, strict=True))
    return {"rows": named_rows, "repeats": run.predictions["repeat"].nunique()}


def confusion(
    predictions: pd.DataFrame, classes: Sequence[str], hide_below: int = HIDE_BELOW
) -> list[list[Shaded]]:
    """Patients by reference class (rows) and predicted class (columns), as means over repeats;
    small counts are hidden as by `shaded`."""
    repeats = max(predictions["repeat"].nunique(), 1)
    counted = pd.crosstab(predictions["truth"], predictions["call"])
    table = counted.reindex(index=classes, columns=classes, fill_value=0)
    return [shaded(counts / repeats, hide_below) for counts in table.to_numpy(float)]
