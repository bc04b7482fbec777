"""Rankings in a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from graphfuse.report.dot_plot import Dot
from graphfuse.report.formatting import number

TOP = 20
TOP_BY_CLASS = 5
STABLE = 100
MISSINGNESS = 0.2  # share of a score above which it is said to be partly missingness


@dataclass(frozen=True)
class Marker:
    """A ranked item as shown: every attribute is the text of a cell.

    Attributes
    ----------
    rank : str
        Its place, 1 the strongest.
    name : str
        An edge by its ends, a gene by its symbol, a feature by its column.
    modality : str
        Where it was measured.
    score : str
        Three significant digits.
    sign : str
        `+`, `−` or nothing.
    of : str
        The class that the sign is of, or a category's strongest level, or nothing.
    interval : str
        The interval of its ranks over the fold models.
    frequency : str
        The percentage of folds in which it is among the first.
    alone : str
        Its association with the outcome by itself, with the 95 % interval and the class.
    q : str
        The false-discovery rate of that association.
    note : str
        That part of its score is missingness, or nothing.
    """

    rank: str
    name: str
    modality: str
    score: str
    sign: str
    of: str
    interval: str
    frequency: str
    alone: str
    q: str
    note: str


def markers(table: pd.DataFrame, top: int = TOP) -> list[Marker]:
    """The first rows of a ranking that score at all.

    Parameters
    ----------
    table : pandas.DataFrame
        A ranking, in the columns of the schema.
    top : int
        How many rows, at most.

    Returns
    -------
    list of Marker
    """
    return [_marker(row) for row in _first(table, top)]


def _marker(row: Any) -> Marker:
    """A row of a ranking as text."""
    return Marker(
        rank=number(row.rank, 0),
        name=_name(row),
        modality=row.modality,
        score=_digits(row.score),
        sign=_sign(row.sign),
        of=f"level {row.level}" if row.level else row.sign_class,
        interval=_interval(row.rank_lo, row.rank_hi),
        frequency=_percent(row.selected_frequency),
        alone=_alone(row),
        q="" if math.isnan(row.q) else _chance(row.q),
        note="partly missingness" if row.missing_share >= MISSINGNESS else "",
    )


def dots(table: pd.DataFrame, top: int = TOP) -> list[Dot]:
    """The same rows for a figure: mean rank and interval, the modality as a note.

    Parameters
    ----------
    table : pandas.DataFrame
        A ranking, in the columns of the schema.
    top : int
        How many rows, at most.

    Returns
    -------
    list of Dot
        No notes where all items are of one modality.
    """
    several = table["modality"].nunique() > 1
    drawn = []
    for row in _first(table, top):
        interval = (row.rank_lo, row.rank_hi)
        note = row.modality if several else ""
        drawn.append(Dot(_name(row), row.rank_mean, *interval, note))
    return drawn


def stability(table: pd.DataFrame, what: str, top: int = TOP) -> str:
    """The stability of the first ranks over folds, in a sentence.

    Parameters
    ----------
    table : pandas.DataFrame
        A ranking, in the columns of the schema.
    what : str
        What its items are called, such as `genes`.
    top : int
        How many rows, at most.

    Returns
    -------
    str
        A sentence; blank where fewer than two rows have an interval, or where the ranking is short.
    """
    first = _first(table, top)
    rows = [row for row in first if math.isfinite(row.rank_hi)]
    if len(rows) < 2 or len(table) <= STABLE:
        return ""
    stable = sum(row.rank_hi <= STABLE for row in rows)
    widest = max(rows, key=lambda row: row.rank_hi - row.rank_lo)
    low = number(widest.rank_lo, 0)
    high = number(widest.rank_hi, 0)
    among = f"among the first {STABLE} (of {len(table):,}) over their whole interval"
    kept = f"Of the first {len(rows)} {what}, {stable or 'none'} stay {among}"
    return f"{kept}; the widest interval runs from {low} to {high}."


def by_class(
    table: pd.DataFrame, classes: Sequence[str], top: int = TOP_BY_CLASS
) -> dict[str, list[Marker]]:
    """The first features of every class.

    Parameters
    ----------
    table : pandas.DataFrame
        The ranking by class, in the columns of the schema and `class`.
    classes : sequence of str
        The classes, in the order shown.
    top : int
        How many features each, at most.

    Returns
    -------
    dict of str to list of Marker
    """
    shown = {}
    for name in classes:
        of_class = table[table["class"] == name]
        shown[name] = markers(of_class, top)
    return shown


def shares(table: pd.DataFrame) -> list[tuple[str, str, int]]:
    """How much of the attribution each modality has.

    Parameters
    ----------
    table : pandas.DataFrame
        The ranking of modalities, in the columns of the schema; scores are shares.

    Returns
    -------
    list of tuple
        Modality, its share as text and in whole per cents for a bar.
    """
    shown = []
    for row in table.dropna(subset=["score"]).itertuples():
        percent = 100 * row.score
        shown.append((row.modality, f"{percent:.1f} %", round(percent)))
    return shown


def _first(table: pd.DataFrame, top: int) -> list[Any]:
    """The first rows that score at all."""
    scoring = table[table["score"] > 0]
    return list(scoring.head(top).itertuples(index=False))


def _name(row: Any) -> str:
    """An edge by its ends, a gene by its symbol, a feature by its column and its symbol where that
    says more."""
    if row.kind == "edge":
        return f"{row.source} – {row.target}"
    name = row.id
    if row.kind == "feature":
        name = name.removeprefix(f"{row.modality}:")
    says_it = not row.gene or row.gene in name
    return name if says_it else f"{name} ({row.gene})"


def _interval(low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return "–"
    return f"{_rank(low)} to {_rank(high)}"


def _rank(value: float) -> str:
    """A mean rank, with one decimal where that says anything."""
    fraction = abs(value - round(value))
    is_whole = value >= 100 or fraction < 0.05
    return number(value, 0 if is_whole else 1)


def _digits(score: float) -> str:
    """Three significant digits."""
    if abs(score) >= 1000:
        return number(score, 0)
    return f"{score:#.3g}".rstrip(".")


def _sign(sign: float) -> str:
    return {1.0: "+", -1.0: "−"}.get(sign, "")


def _alone(row: Any) -> str:
    """An association with its interval, and where it is of a class, that class and whether its
    patients have the higher or the lower values; of a gene, the column that it is of."""
    if math.isnan(row.marginal):
        return ""
    low, high = number(row.marginal_lo, 2), number(row.marginal_hi, 2)
    shown = f"{number(row.marginal, 2)} ({low} to {high})"
    column = getattr(row, "marginal_column", "")
    of_column = f"; {column}" if column.removeprefix(f"{row.modality}:") not in ("", row.id) else ""
    if not row.marginal_class:
        return shown + of_column
    where = {True: "lower in ", False: "higher in "}.get(row.effect < 0, "")
    return f"{shown}, {'' if math.isnan(row.effect) else where}{row.marginal_class}{of_column}"


def _chance(q: float) -> str:
    """A false-discovery rate with two digits."""
    return "< 0.001" if q < 0.001 else f"{q:.2g}"


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.0f} %"
