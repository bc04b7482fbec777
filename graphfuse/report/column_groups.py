"""Ranked groups of correlated columns in a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from graphfuse.explain.group_scores import SEPARATOR
from graphfuse.report import formatting, rankings
from graphfuse.report.rankings import TOP, Marker

NAMED = 6  # members that a row names


@dataclass(frozen=True)
class GroupRow:
    """A group as shown: every attribute is text.

    Attributes
    ----------
    marker : Marker
        Its rank, score, interval and so on.
    name : str
        `ESR1 group, 11 columns`; of a single column its name.
    members : str
        The first of its columns by score, without the modality where all are of one.
    ablation : str
        How far predictions move without the group; blank where that was not measured.
    """

    marker: Marker
    name: str
    members: str
    ablation: str


def group_rows(table: pd.DataFrame, top: int = TOP) -> list[GroupRow]:
    """The first groups that score at all.

    Parameters
    ----------
    table : pandas.DataFrame
        The ranking of groups, as `groups.csv` has it.
    top : int
        How many rows, at most.

    Returns
    -------
    list of GroupRow
    """
    first = table[table["score"] > 0].head(top)
    markers = rankings.markers(first, top)
    rows = []
    for row, marker in zip(first.itertuples(index=False), markers, strict=True):
        ablation = "" if pd.isna(row.ablation) else f"{row.ablation:#.3g}".rstrip(".")
        rows.append(GroupRow(marker, group_name(row), _members(row), ablation))
    return rows


def group_name(row: Any) -> str:
    """A group by the gene of its best member, or that member's name, and its size.

    Parameters
    ----------
    row : Any
        A row of the ranking of groups.

    Returns
    -------
    str
    """
    best = row.gene if isinstance(row.gene, str) and row.gene else row.best
    if row.size == 1:
        return row.best
    return f"{best} group, {row.size:,.0f} columns"


def _members(row: Any) -> str:
    """The first members by score, and how many more there are; blank for a single column."""
    if row.size == 1:
        return ""
    ids = row.members.split(SEPARATOR)
    named = [each.removeprefix(f"{row.modality}:") for each in ids[:NAMED]]
    if len(ids) > NAMED:
        return f"{', '.join(named)} and {len(ids) - NAMED:,} more"
    return formatting.listed(named)
