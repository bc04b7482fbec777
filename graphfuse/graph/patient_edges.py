"""Edges between patients from a file: kinship, hospital, anything that is known of pairs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.patient_ids import patterns
from graphfuse.errors import InputError
from graphfuse.graph.pair_table import BROKEN, PairTable, as_numbers, brief, pair_table

PAIRS = (
    ("source", "target"),
    ("patient1", "patient2"),
    ("patient_a", "patient_b"),
    ("id1", "id2"),
    ("from", "to"),
)
WEIGHTS = ("weight", "score", "similarity")


def read_patient_edges(path: Path, patients: pd.Index) -> pd.DataFrame:
    """The patient edges in a file (see `pair_table`) as `source, target, weight`: ids as text,
    nothing cleaned.

    Columns are named source, target[, weight], or as in `PAIRS` and `WEIGHTS`. Without such names
    the first two columns are patients, and a third is the weight, if the first row holds two of
    `patients`. No weight column means 1. Raises `InputError` for files that cannot be read, columns
    that cannot be told and weights that are no numbers.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; give the patient edges (csv, tsv, gz or parquet: "
            "source, target[, weight])"
        )
    try:
        table = pair_table(path, lambda first, rows: _places(first) is not None)
        places = _places(table.names or ())
        if places is None and _are_patients(table, patients):
            places = list(range(min(table.width, 3)))
        if places is None:
            raise InputError(
                f"{path}: none of its {table.width} columns are called source and target[, "
                "weight]; name them so"
            )
        cells = table.read(places, dict.fromkeys(places[:2], "str"))
    except InputError:  # which says more, and is a ValueError
        raise
    except BROKEN as error:
        raise InputError(
            f"{path}: cannot be read as edges ({brief(error)}); give csv, tsv, gz or parquet"
        ) from None
    sides = {side: list(map(_id, cells[places[i]])) for i, side in enumerate(("source", "target"))}
    edges = pd.DataFrame(sides, dtype=object)
    if len(places) < 3:
        return edges.assign(weight=1.0)
    weight, odd = as_numbers(cells[places[2]], "weight", path)
    if odd:
        raise InputError(
            f"{path}: {len(odd):,} weights are no numbers (they look like "
            f"{patterns(odd)}); mend them"
        )
    return edges.assign(weight=weight)


def _are_patients(table: PairTable, patients: pd.Index) -> bool:
    """Whether the first row of a table holds two patients."""
    rows = table.head
    return table.width > 1 and len(rows) > 0 and all(_id(c) in patients for c in rows.iloc[0, :2])


def _places(names: Iterable) -> list[int] | None:
    """Where source, target and, if there is one, weight stand among known column names."""
    names = [str(name).strip().lower() for name in names]
    pair = next((pair for pair in PAIRS if pair[0] in names and pair[1] in names), None)
    if pair is None:
        return None
    weight = [name for name in WEIGHTS if name in names][:1]
    return [names.index(name) for name in (*pair, *weight)]


def _id(cell: object) -> str:
    """An id as written: 7 and 7.0 of a table of numbers are '7', a missing one is ''."""
    if isinstance(cell, float | np.floating):
        if np.isnan(cell):
            return ""
        return f"{cell:.0f}" if float(cell).is_integer() else str(cell)
    return "" if cell is None or cell is pd.NA else str(cell).strip()


def clean_patient_edges(
    edges: pd.DataFrame, where: str = ""
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Undirected edges that mean something, each once with its greatest weight, and counts of those
    left out, in this order: `blank_id`, `self_loop`, `missing_weight` (NaN, infinite),
    `nonpositive_weight`, `duplicate` (either way round).

    Raises `InputError` when none is left.
    """
    source, target, weight = (edges[key].to_numpy() for key in ("source", "target", "weight"))
    faulty = {
        "blank_id": (source == "") | (target == ""),
        "self_loop": source == target,
        "missing_weight": ~np.isfinite(weight),
        "nonpositive_weight": ~(weight > 0),
    }
    keep, cleaned = np.ones(len(edges), bool), {}
    for what, bad in faulty.items():
        cleaned[what] = int((keep & bad).sum())
        keep &= ~bad
    if not keep.any():
        why = (
            ", ".join(f"{what} {count:,}" for what, count in cleaned.items() if count)
            or "the list is empty"
        )
        raise InputError(
            f"{where}: none of {len(edges):,} edges is left ({why}); mend the file, or "
            "leave the layer out"
        )
    turn = source > target
    ends = {
        "source": np.where(turn, target, source),
        "target": np.where(turn, source, target),
        "weight": weight,
    }
    tidy = pd.DataFrame(ends)[keep].sort_values(
        ["source", "target", "weight"], ascending=[True, True, False]
    )
    once = tidy.drop_duplicates(["source", "target"], ignore_index=True)
    return once, {**cleaned, "duplicate": len(tidy) - len(once)}
