"""The learned weights of a net in a report: gates, and how long it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphfuse.report.formatting import number

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
