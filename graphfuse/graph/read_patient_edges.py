"""Edges between patients from a file: kinship, hospital, anything that is known of pairs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.patient_ids import patterns
from graphfuse.errors import InputError
from graphfuse.graph.pair_table import PairTable
from graphfuse.graph.read_edges import (
    in_words,
    known_ends,
    plain_headings,
    read_edges,
    without_faults,
)

PAIRS = (
    ("source", "target"),
    ("patient1", "patient2"),
    ("patient_a", "patient_b"),
    ("id1", "id2"),
    ("from", "to"),
)
WEIGHTS = ("weight", "score", "similarity")


def read_patient_edges(path: Path, patients: pd.Index) -> pd.DataFrame:
    """The patient edges in a file, nothing cleaned.

    Columns are named source, target[, weight], or as in `PAIRS` and `WEIGHTS`. Without such names
    the first two columns are patients, and a third is the weight, if the first row holds two of
    `patients`.

    Parameters
    ----------
    path : Path
        Text (see `pair_table`) or Parquet.
    patients : pd.Index
        Ids of the patients whose graph it is.

    Returns
    -------
    pd.DataFrame
        `source, target, weight`: ids as text, a missing one empty; weights are 1 where the file has
        none.

    Raises
    ------
    InputError
        For files that cannot be read, columns that cannot be identified and weights that are no
        numbers.
    """
    edges = read_edges(
        path,
        is_heading=lambda first, rows: known_ends(first, PAIRS) is not None,
        find_columns=partial(_columns, patients=patients),
        names_as="str",
        wanted="the patient edges (csv, tsv, gz or parquet: source, target[, weight])",
        quoted=lambda cells: f"they look like {patterns(cells)}",  # a cell might be an id
    )
    ids = {
        "source": [_id(cell) for cell in edges.source],
        "target": [_id(cell) for cell in edges.target],
    }
    weight = edges.scores[0] if edges.scores else 1.0
    return pd.DataFrame(ids, dtype=object).assign(weight=weight)


def _columns(table: PairTable, patients: pd.Index) -> tuple[list[int], list[int]]:
    """Positions of source and target, and of the weight where there is one."""
    names = plain_headings(table.names or ())
    ends = known_ends(names, PAIRS)
    if ends is not None:
        weights = [names.index(name) for name in WEIGHTS if name in names]
        return ends, weights[:1]
    if _are_patients(table, patients):
        return [0, 1], [2] if table.width > 2 else []
    raise InputError(
        f"{table.path}: none of its {table.width} columns are called source and target[, "
        "weight]; name them so"
    )


def _are_patients(table: PairTable, patients: pd.Index) -> bool:
    """Whether the first row of a table holds two patients."""
    if table.width < 2 or table.head.empty:
        return False
    first, second = table.head.iloc[0, :2]
    return _id(first) in patients and _id(second) in patients


def _id(cell: object) -> str:
    """An id as written: 7 and 7.0 of a table of numbers are '7', a missing one is ''."""
    if isinstance(cell, float | np.floating):
        if np.isnan(cell):
            return ""
        return f"{cell:.0f}" if float(cell).is_integer() else str(cell)
    return "" if cell is None or cell is pd.NA else str(cell).strip()


# ----------------------------------------------------------------------------------------- cleaning


def clean_patient_edges(
    edges: pd.DataFrame, where: str = ""
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Undirected edges that mean something, each once with its greatest weight.

    Parameters
    ----------
    edges : pd.DataFrame
        `source, target, weight`, as `read_patient_edges` gives them.
    where : str
        The file, for messages.

    Returns
    -------
    edges : pd.DataFrame
        `source, target, weight`, sorted, `source` before `target`.
    left_out : dict of str to int
        Counts of edges left out, in this order: `blank_id`, `self_loop`, `missing_weight` (NaN,
        infinite), `nonpositive_weight`, `duplicate` (either way round).

    Raises
    ------
    InputError
        Where no edge is left.
    """
    source, target, weight = (edges[key].to_numpy() for key in ("source", "target", "weight"))
    faulty = {
        "blank_id": (source == "") | (target == ""),
        "self_loop": source == target,
        "missing_weight": ~np.isfinite(weight),
        "nonpositive_weight": ~(weight > 0),
    }
    keep, left_out = without_faults(faulty, len(edges))
    if not keep.any():
        why = in_words(left_out) or "the list is empty"
        raise InputError(
            f"{where}: none of {len(edges):,} edges is left ({why}); correct the file, or "
            "leave the layer out"
        )
    turn = source > target
    first = np.where(turn, target, source)
    second = np.where(turn, source, target)
    ordered = pd.DataFrame({"source": first, "target": second, "weight": weight})[keep]
    columns = ["source", "target", "weight"]
    greatest_first = ordered.sort_values(columns, ascending=[True, True, False])
    once = greatest_first.drop_duplicates(["source", "target"], ignore_index=True)
    return once, {**left_out, "duplicate": len(ordered) - len(once)}
