"""A ranking's faithfulness in a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup

from graphfuse.report.formatting import number
from graphfuse.report.svg import ACCENT, AXIS_LABEL, DASHED, HEADING, INK, MUTED, canvas, panel
from graphfuse.task.metric import MetricSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = {
    "ranked": {"color": ACCENT, "lw": 1.8},
    "random": {"color": MUTED, "lw": 1.4, "ls": DASHED},
    "degree": {"color": INK, "lw": 1.1, "ls": ":"},
}
_AREAS = {"deletion area": "area of deletion", "insertion area": "area of insertion"}
_FIDELITY = {"fidelity+": "fidelity+", "fidelity-": "fidelity−"}


def findings(table: pd.DataFrame | None, metrics: MetricSet, moved: str) -> dict[str, Any] | None:
    """The figure and the rows of a ranking's faithfulness.

    Parameters
    ----------
    table : pandas.DataFrame or None
        As `faithfulness.csv` has it.
    metrics : MetricSet
        Of the kind of outcome.
    moved : str
        How far predictions move, as a clause.

    Returns
    -------
    dict or None
        `None` where there is no table.
    """
    if table is None or table.empty:
        return None
    orders = [order for order in _LINES if (table["order"] == order).any()]
    against = [order for order in orders if order != "ranked"]
    trained = table[table["measure"] == "retrained"]
    whole = trained[trained["order"] == "all columns"]
    metric = metrics[whole["metric"].iloc[0]]
    rows = []
    for measure, name in _FIDELITY.items():
        own = table[table["measure"] == measure]
        for k, part in own.groupby("k"):
            shown = f"{name}, {k:,.0f} columns"
            rows.append({"name": shown, "cells": _cells(part, orders, against)})
    for measure, name in _AREAS.items():
        part = table[table["measure"] == measure]
        rows.append({"name": name, "cells": _cells(part, orders, against)})
    for k, part in trained[trained["order"] != "all columns"].groupby("k"):
        shown = f"trained anew on {k:,.0f} columns"
        rows.append({"name": shown, "cells": _cells(part, orders, against)})
    shown = {"orders": orders, "against": against, "rows": rows, "moved": moved}
    shown |= {"metric": metric.in_sentence, "whole": _value(whole.iloc[0])}
    return shown | {"figure": Markup(curves(table, orders))}


def _cells(part: pd.DataFrame, orders: Sequence[str], against: Sequence[str]) -> list[str]:
    """A measure of each order, and what the ranking has more than each other one."""
    cells = []
    for order, other in [*((order, "") for order in orders), *(("ranked", o) for o in against)]:
        found = part[(part["order"] == order) & (part["against"] == other)]
        cells.append(_value(found.iloc[0]) if len(found) else "")
    return cells


def _value(row: pd.Series) -> str:
    """A value with its interval."""
    plus = "+" if row["against"] and row["value"] > 0 else ""
    shown = f"{plus}{number(row['value'], 3)}"
    if pd.isna(row["lo"]):
        return shown
    return f"{shown} ({number(row['lo'], 3)} to {number(row['hi'], 3)})"


def curves(table: pd.DataFrame, orders: Sequence[str]) -> str:
    """Curves of deletion and insertion against the share of columns.

    Parameters
    ----------
    table : pandas.DataFrame
        As `faithfulness.csv` has it.
    orders : sequence of str
        The orders that are drawn.

    Returns
    -------
    str
        SVG.
    """
    title = "How far predictions move by the share of columns taken out, and put in"
    points = table[table["measure"].isin(["deletion", "insertion"])]
    highest = 1.05 * max(points["hi"].max(), 1e-9)
    with canvas(8.4, 3.0, "faithfulness", title) as drawn:
        for place, measure in enumerate(("deletion", "insertion")):
            axes = panel(drawn.figure, 0.6 + 4.0 * place, 0.5, 3.3, 2.2)
            _curves(axes, points[points["measure"] == measure], orders)
            axes.set(xlim=(0, 100), ylim=(min(0.0, points["lo"].min()), highest))
            axes.set_title(measure, **HEADING, pad=6)
            axes.set_xlabel("first columns, % of all", **AXIS_LABEL)
        axes.legend(frameon=False, fontsize=8.5, loc="upper right")
    return drawn.svg


def _curves(axes: Axes, points: pd.DataFrame, orders: Sequence[str]) -> None:
    """One panel: a line for each order, with the interval of the ranking's."""
    for order in orders:
        own = points[points["order"] == order].sort_values("k")
        share = 100 * own["share"]
        axes.plot(share, own["value"], label=order, **_LINES[order])
        if order == "ranked":
            axes.fill_between(share, own["lo"], own["hi"], color=ACCENT, alpha=0.16, lw=0)
