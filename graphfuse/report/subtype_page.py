"""The page of subtype discovery: one HTML file that opens offline, with no patient's id in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.files.atomic_write import whole, whole_folder
from graphfuse.report import formatting, survival_plot
from graphfuse.report.templates import template
from graphfuse.subtypes.associations import Association, Separation
from graphfuse.subtypes.number_choice import RULE
from graphfuse.subtypes.outcome_differences import Difference
from graphfuse.subtypes.result import SUBTYPES, Subtypes
from graphfuse.text.format_numbers import significant


def may_hold_subtypes(folder: Path, cohort: Cohort, overwrite: bool = False) -> None:
    """Raises `InputError` where a folder holds anything but subtypes, or, unless `overwrite`, those
    of other data."""
    SUBTYPES.refuse_foreign(folder, overwrite)
    if not overwrite:
        SUBTYPES.refuse_other(folder, cohort.digest())


def save_subtypes(subtypes: Subtypes, folder: str | Path) -> Path:
    """The tables of `Subtypes.write` and `report.html` in a folder, whole or not at all; returns
    the folder."""
    with whole_folder(folder, SUBTYPES) as part:
        subtypes.write(part)
        write_page(subtypes, part)
    return Path(folder)


def write_page(subtypes: Subtypes, folder: str | Path) -> Path:
    """Writes `report.html` into an existing folder; returns its path."""
    path = Path(folder) / "report.html"
    with whole(path) as part:
        part.write_text(page(subtypes), encoding="utf-8", newline="\n")
    return path


def page(subtypes: Subtypes) -> str:
    """The page as HTML. Cells of fewer than 5 patients are hidden."""
    return template("subtype.html.jinja", chance=chance).render(**_shown(subtypes))


def chance(p: float) -> str:
    """A p-value: three decimals, or that it is below 0.001."""
    if not np.isfinite(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _shown(subtypes: Subtypes) -> dict[str, Any]:
    """Everything the template shows."""
    confidence = pd.Series(subtypes.confidence).groupby(subtypes.labels).mean()
    clusters = subtypes.clusters.to_dict("records")
    for row in clusters:
        row["confidence"] = float(confidence[row["cluster"]])
    is_inside = subtypes.labels >= 0
    shown: dict[str, Any] = {"subtypes": subtypes, "rule": RULE, "clusters": clusters}
    shown["inf"] = float("inf")
    shown["colours"] = survival_plot.COLOURS
    shown["hide_below"] = formatting.HIDE_BELOW
    shown["parameters"] = subtypes.about["parameters"]
    shown["hashes"] = subtypes.about["hashes"]
    shown["inside"] = int(is_inside.sum())
    shown["outside"] = int((~is_inside).sum())
    shown["candidates"] = subtypes.table.to_dict("records")
    shown["contribution"] = subtypes.contribution.to_dict("records")
    shown["survival"] = [_survival(each) for each in subtypes.survival.values()]
    shown["classes"] = [_classes(each) for each in subtypes.association.values()]
    shown["numbers"] = [_number(each) for each in subtypes.differences.values()]
    return shown


def _survival(separation: Separation) -> dict[str, Any]:
    """Survival by cluster: its test, its curves, and how many are at risk at round moments."""
    table, groups = separation.curves, separation.groups.to_dict("records")
    last = float(table["time"].max()) or 1.0
    moments = survival_plot.ticks(last)
    at_risk = {}
    for row in groups:
        cluster = row["cluster"]
        curve = table[table["cluster"] == cluster]
        at_risk[cluster] = survival_plot.at_risk(curve, moments)
    title = f"Kaplan-Meier curves of {separation.outcome} by cluster"
    figure = survival_plot.survival_figure(table, title, formatting.HIDE_BELOW)
    shown = {"name": separation.outcome, "test": separation.test, "figure": figure}
    shown["p_holm"] = separation.p_holm
    shown |= {"groups": groups, "moments": moments, "at_risk": at_risk}
    return shown


def _classes(association: Association) -> dict[str, Any]:
    """Patients by cluster and class, and how far the two agree."""
    counts = association.counts
    rows = []
    for cluster, row in zip(counts.index, counts.to_numpy(), strict=True):
        patients = [int(count) for count in row]
        rows.append((int(cluster), patients))
    shown = {"name": association.outcome, "classes": list(counts.columns), "rows": rows}
    shown["nmi"] = association.nmi
    shown["ari"] = association.ari
    shown["parents"] = association.derived_from
    return shown


def _number(difference: Difference) -> dict[str, Any]:
    """Means and spreads in words: as many decimals in all clusters, and none of a small one."""
    rows = difference.groups.to_dict("records")
    like = difference.groups["mean"].abs().max()
    for row in rows:
        is_shown = row["patients"] >= formatting.HIDE_BELOW
        for key in ("mean", "sd"):
            text = significant(row[key], like=like) if is_shown else "–"
            row[key] = text.replace("-", "−")
    return {"test": difference, "rows": rows}
