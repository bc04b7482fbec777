"""What is recovered from planted cohorts, in a report."""

from __future__ import annotations

from typing import Any

import pandas as pd

from graphfuse.explain.recovery.recovery import REAL, sentence

_NAMES = {"columns": "columns", "groups": "groups of correlated columns"}


def findings(table: pd.DataFrame | None) -> dict[str, Any] | None:
    """The sentence and the rows of what is recovered.

    Parameters
    ----------
    table : pandas.DataFrame or None
        As `recovery.csv` has it.

    Returns
    -------
    dict or None
        `None` where there is no table.
    """
    if table is None or table.empty:
        return None
    said = sentence(table)
    made = table[table["cohort"] != REAL]
    shown = {"sentence": said[:1].upper() + said[1:], "cohorts": made["cohort"].nunique()}
    found = made[made["measure"] == "found"]
    precision = made[made["measure"] == "average_precision"]
    first = sorted(found.loc[found["kind"] == "columns", "k"].unique())
    rows = []
    for kind, name in _NAMES.items():
        own = found[found["kind"] == kind]
        if own.empty:
            continue
        cells = [_cell(own[own["k"] == k], 1) for k in first]
        cells.append(_cell(precision[precision["kind"] == kind], 2))
        planted = own["planted"].mean()
        row = {"name": f"{planted:.3g} {name}", "of": f"{own['of'].iloc[0]:,.0f}", "cells": cells}
        rows.append(row)
    return shown | {"rows": rows, "first": [f"{k:,.0f}" for k in first]}


def _cell(rows: pd.DataFrame, digits: int) -> str:
    """A mean over cohorts, with the least and the most, beside chance; blank where none is."""
    if rows.empty:
        return ""
    value = rows["value"]
    ends = f"{value.min():.{digits}f} to {value.max():.{digits}f}"
    return f"{value.mean():.{digits}f} ({ends}); chance {rows['chance'].mean():.2g}"
