"""Rankings in a report, and the learned weights of the net behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from graphfuse.report.dot_plot import Dot
from graphfuse.report.formatting import number

TOP = 20
TOP_BY_CLASS = 5
STABLE = 100


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
    interval : str
        The interval of its ranks over the fold models.
    frequency : str
        The percentage of folds in which it is among the first.
    """

    rank: str
    name: str
    modality: str
    score: str
    sign: str
    interval: str
    frequency: str


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
    rank, score = number(row.rank, 0), _digits(row.score)
    interval = _interval(row.rank_lo, row.rank_hi)
    frequency = _percent(row.selected_frequency)
    name, sign = _name(row), _sign(row.sign)
    return Marker(rank, name, row.modality, score, sign, interval, frequency)


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


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.0f} %"


# ------------------------------------------------------------------------------------------ the net

GATES = {"modality": "weight", "patients": "patient graph", "network": "gene network"}


def gate_headings(fitted: Mapping[str, Any]) -> dict[str, str]:
    """The learned weights by which modalities and graphs enter the net.

    Parameters
    ----------
    fitted : mapping
        What a run notes of its fitted net.

    Returns
    -------
    dict of str to str
        Gate → its heading: the usual ones, then patient layers that several modalities share.
    """
    there: set[str] = set()
    for values in fitted.get("gates", {}).values():
        there |= values.keys()
    shared = sorted(there - GATES.keys())
    return GATES | {gate: f"layer {gate}" for gate in shared}


def gates(fitted: Mapping[str, Any]) -> list[dict]:
    """The learned weights of every modality.

    Parameters
    ----------
    fitted : mapping
        What a run notes of its fitted net.

    Returns
    -------
    list of dict
        A row a modality: its `name` and each of its `gates` as `text` and as the percentage of a
        `bar` (`None` without that graph). A bar is full at 1, or at the largest weight of its
        column where that is above 1.
    """
    noted = fitted.get("gates", {})
    by_modality = {name: values for name, values in noted.items() if values}
    headed = gate_headings(fitted)
    full = {gate: _full(gate, by_modality) for gate in headed}
    rows = []
    for name, values in by_modality.items():
        cells = [_bar(values.get(gate), full[gate]) for gate in headed]
        rows.append({"name": name, "gates": cells})
    return rows


def _full(gate: str, by_modality: Mapping[str, Mapping[str, float]]) -> float:
    """The weight at which a bar of this column is full."""
    weights = [values[gate] for values in by_modality.values() if gate in values]
    return max([1.0, *map(abs, weights)])


def _bar(value: float | None, full: float) -> dict | None:
    """A weight as text, and the percentage of its bar; `None` where there is no such weight."""
    if value is None:
        return None
    percent = round(100 * abs(value) / full)
    return {"text": number(value, 2), "bar": percent}


def epochs(fitted: Mapping[str, Any], is_linear: bool = True) -> str:
    """How long the final net trained.

    Parameters
    ----------
    fitted : mapping
        What a run notes of its fitted net.
    is_linear : bool
        Whether the net starts from a linear model.

    Returns
    -------
    str
        A sentence; blank where the run did not note it.
    """
    if "epochs" not in fitted:
        return ""
    chosen = fitted["epochs"]
    by_fold = sorted(fitted.get("fold_epochs", []))
    folds = ""
    if set(by_fold) == {chosen}:
        folds = " (as in every fold)"
    elif by_fold:
        folds = f" (in the folds: {by_fold[0]} to {by_fold[-1]})"
    if chosen == 0 and is_linear:
        model = "ridge regression with graph smoothing; no neural net was trained"
        return f"Early stopping chose 0 epochs{folds}: {model}."
    return f"Early stopping chose {chosen} epochs for the final net{folds}."
