"""Gene sets, network modules and known markers among the first genes, as a report shows them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from graphfuse.errors import counted
from graphfuse.explain.knockoff_list import LEVEL as FDR
from graphfuse.explain.knockoff_list import why_empty
from graphfuse.report.formatting import number

SHOWN = 15  # rows of each table
_GENES = 8  # genes named in a row
KNOCKOFFS_SHOWN = 40  # items that knockoffs name
LEVEL = 0.05


def findings(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any] | None:
    """What is known of the first genes.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Those that a ranking has of `enrichment`, `modules`, `positive_control`, `markers` and
        `knockoffs`.

    Returns
    -------
    dict or None
        What `enrichment`, `modules`, `markers` and `knockoffs` show, each `None` where there is no
        such table; `None` where there is none at all.
    """
    if not tables:
        return None
    shown: dict[str, Any] = dict.fromkeys(("enrichment", "modules", "markers", "knockoffs"))
    if "enrichment" in tables:
        shown["enrichment"] = _gene_sets(tables["enrichment"])
    if "modules" in tables:
        shown["modules"] = _modules(tables["modules"])
    if "positive_control" in tables and "markers" in tables:
        shown["markers"] = _markers(tables["positive_control"], tables["markers"])
    if "knockoffs" in tables:
        shown["knockoffs"] = _knockoffs(tables["knockoffs"])
    return shown


def _gene_sets(table: pd.DataFrame) -> dict[str, Any]:
    """The gene sets with the smallest p-values, and how many are over-represented."""
    rows = []
    for row in table.head(SHOWN).itertuples():
        overlap = f"{row.overlap:.0f} of {row.list_size:.0f}"
        expected, fold = number(row.expected, 1), number(row.fold_enrichment, 1)
        cells = [overlap, expected, fold, p_value(row.p), p_value(row.q), p_value(row.p_matched)]
        rows.append({"name": row.gene_set, "cells": cells, "genes": _named(row.genes)})
    found = int((table["q"] < LEVEL).sum())
    return {"rows": rows, "tested": len(table), "found": found, "level": LEVEL}


def _modules(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The largest modules."""
    rows = []
    for row in table.head(SHOWN).itertuples():
        size = f"{row.size:.0f} of {row.list_size:.0f}"
        rows.append({"size": size, "p": p_value(row.p_matched), "genes": _named(row.genes)})
    return rows


def _markers(control: pd.DataFrame, markers: pd.DataFrame) -> dict[str, Any]:
    """A list of markers as a positive control, and the markers that come first."""
    row = control.iloc[0]
    measured = markers[markers["measured"] == "True"]
    shown = {"name": row["gene_set"], "listed": len(markers), "measured": len(measured)}
    shown |= {"found": f"{row['overlap']:.0f}", "first": f"{row['list_size']:.0f}"}
    shown |= {"expected": number(row["expected"], 1), "rank_auroc": number(row["rank_auroc"], 2)}
    shown |= {"p": p_value(row["p"]), "p_matched": p_value(row["p_matched"])}
    shown["of"] = f"{row['background']:,.0f}"
    best = measured.head(SHOWN).itertuples()
    shown["ranks"] = [(each.marker, number(each.rank, 0)) for each in best]
    return shown


def _knockoffs(table: pd.DataFrame) -> dict[str, Any]:
    """How many features and groups knockoffs name, and which."""
    kinds = []
    for kind, items in table.groupby("kind", sort=False):
        named = items.loc[items["q"] <= FDR, "id"].tolist()
        listed = _named(";".join(named), KNOCKOFFS_SHOWN)
        kinds.append({"kind": kind, "of": len(items), "found": len(named), "named": listed})
    draws = int(table["draws"].iloc[0])
    shown = {"kinds": kinds, "rate": FDR, "draws": counted(draws, "draw")}
    why = "" if (table["q"] <= FDR).any() else why_empty(draws)
    return shown | {"empty": why[:1].upper() + why[1:]}


def p_value(value: float) -> str:
    """A p-value as text: two digits from .01 on, one significant digit with its power below.

    Parameters
    ----------
    value : float
        From 0 to 1.

    Returns
    -------
    str
        A dash where it is missing.

    Examples
    --------
    >>> p_value(0.253), p_value(0.0042), p_value(1.8e-30)
    ('0.25', '0.004', '2e-30')
    """
    if math.isnan(value):
        return "–"
    if value >= 0.01:
        return number(value, 2)
    return number(value, 3) if value >= 0.001 else f"{value:.0e}"


def _named(genes: str, shown: int = _GENES) -> str:
    """The first genes of `A;B;C`, and how many more there are."""
    names = [name for name in genes.split(";") if name]
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
