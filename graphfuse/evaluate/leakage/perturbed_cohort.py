"""Cohorts in which some patients have other values, labels or ids."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, islice

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.task.outcome import Outcome

WAYS = {"values": ("scrambled", "blank"), "labels": ("scrambled", "blank"), "ids": ("renamed",)}


def perturbed(
    cohort: Cohort, rows: np.ndarray, what: str, way: str, seed: int = 0, target: str | None = None
) -> Cohort:
    """The cohort with something else in place of values, labels or ids of some patients.

    Parameters
    ----------
    cohort : Cohort
    rows : np.ndarray
        int, of the patients.
    what : str
        "values", "labels" or "ids".
    way : str
        "scrambled": values far from their column's own, other words of it, nothing absent, groups
        exchanged; another class, another number. "blank": missing wherever the type allows it;
        labels unknown. "renamed": ids that nobody else has, in the order of the rows.
    seed : int
    target : str, optional
        The one outcome to change (default: all).
    """
    rng = np.random.default_rng(seed)
    if what == "ids":
        return _renamed(cohort, rows)
    if what == "labels":
        changed = dict(cohort.outcomes)
        wanted = list(changed) if target is None else [cohort.outcome(target).name]
        for name in changed:
            if name in wanted:
                changed[name] = relabelled(changed[name], rows, way, rng)
        return replace(cohort, outcomes=changed)
    modalities = {}
    for name, modality in cohort.modalities.items():
        table = other_values(modality.table, rows, way, rng)
        modalities[name] = replace(modality, table=table)
    groups = {k: _regrouped(g, rows, way, rng) for k, g in cohort.groups.items()}
    return replace(cohort, modalities=modalities, groups=groups)


def other_values(
    table: pd.DataFrame, rows: np.ndarray, way: str, rng: np.random.Generator
) -> pd.DataFrame:
    """The table with other values at `rows`, as `perturbed` has them for values."""
    numeric = table.select_dtypes("floating")
    values = numeric.to_numpy(float, copy=True, na_value=np.nan)
    if way == "blank":
        values[rows] = np.nan
    else:
        centre = numeric.mean().fillna(0).to_numpy(float)
        width = numeric.std().fillna(0).to_numpy(float) + 1
        noise = rng.normal(3, 2, (len(rows), values.shape[1]))
        values[rows] = centre + width * noise
    worded = table.columns.difference(numeric.columns)
    words = {name: _reworded(table[name], rows, way, rng) for name in worded}
    numbers = pd.DataFrame(values, index=table.index, columns=numeric.columns)
    numbers = numbers.astype(numeric.dtypes)
    worded_table = pd.DataFrame(words, index=table.index)
    changed = pd.concat([numbers, worded_table], axis=1)
    return changed[table.columns]


def _renamed(cohort: Cohort, rows: np.ndarray) -> Cohort:
    """The cohort with new ids at `rows`; tables are copied, values are the same."""
    ids = cohort.patients.astype(str).to_numpy(dtype=object, copy=True)
    taken = set(ids)
    names = (f"unseen{number}" for number in count())
    free = (name for name in names if name not in taken)
    ids[rows] = list(islice(free, len(rows)))
    patients = pd.Index(ids, name=cohort.patients.name)
    modalities = {}
    for name, modality in cohort.modalities.items():
        modalities[name] = replace(modality, table=modality.table.set_axis(patients))
    return replace(cohort, patients=patients, modalities=modalities)


def _reworded(column: pd.Series, rows: np.ndarray, way: str, rng: np.random.Generator) -> pd.Series:
    """Another word of the column's own in each row, or none."""
    words = sorted(column.dropna().unique())
    column = column.copy()
    if way == "blank":
        column.iloc[rows] = np.nan
        return column
    for row in rows:
        others = [word for word in words if word != column.iloc[row]]
        if others:
            column.iloc[row] = rng.choice(others)
    return column


def _regrouped(
    group: np.ndarray, rows: np.ndarray, way: str, rng: np.random.Generator
) -> np.ndarray:
    """Another group of those there are; blank: one of which nobody else is."""
    changed = np.asarray(group).astype(object)
    known = sorted(set(map(str, changed)))
    others = []
    for row in rows:
        step = rng.integers(1, max(len(known), 2))
        number = known.index(str(changed[row])) + step
        others.append(known[number % len(known)])
    changed[rows] = "" if way == "blank" else others
    return changed


def relabelled(outcome: Outcome, rows: np.ndarray, way: str, rng: np.random.Generator) -> Outcome:
    """The outcome with other values at `rows`, or (`way` "blank") with none."""
    values, event = outcome.task.altered(outcome.target, rows, rng)
    if way == "blank":
        values = outcome.values.copy()
        values[rows] = outcome.task.unknown
    return replace(outcome, values=values, event=event)
