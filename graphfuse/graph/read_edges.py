"""One reader of edge lists, of genes or of patients: two columns of names, and scores where there
are any; and counts of what cleaning leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from graphfuse.errors import InputError, examples
from graphfuse.graph.pair_table import IsHeading, PairTable, as_numbers, pair_table, readable


class EdgeList(NamedTuple):
    """The edges of a file as it has them, nothing cleaned: the names of both ends `[E]`, float64
    `[E]` of each score, and what the file calls source, target and scores."""

    source: pd.Series
    target: pd.Series
    scores: list[np.ndarray]
    headings: list[str]


def read_edges(
    path: Path,
    is_heading: IsHeading,
    find_columns: Callable[[PairTable], tuple[list[int], list[int]]],
    names_as: str = "category",
    wanted: str = "an edge list (csv, tsv, gz or parquet)",
    quoted: Callable[[Iterable[str]], str] = examples,
) -> EdgeList:
    """The edge list in a file.

    Parameters
    ----------
    path : Path
        Text in any common form, SIF or Parquet (see `pair_table`).
    is_heading : callable
        Whether the cells of the first line name columns, given it and the rows beneath.
    find_columns : callable
        The table → positions of source and target, and of the scores.
    names_as : str
        The type of the names: `"category"`, or `"str"` for text.
    wanted : str
        What to give, for the message where there is no file.
    quoted : callable
        Cells that are no numbers → what a message may show of them.

    Returns
    -------
    EdgeList

    Raises
    ------
    InputError
        For files that cannot be read, columns that cannot be identified and scores that are no
        numbers.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; give {wanted}")
    with readable(path, "an edge list"):
        table = pair_table(path, is_heading)
        ends, scored = find_columns(table)
        cells = table.read([*ends, *scored], dict.fromkeys(ends, names_as))
    headings = [table.heading(place) for place in (*ends, *scored)]
    scores = [_scores(path, cells[place], table.heading(place), quoted) for place in scored]
    return EdgeList(cells.iloc[:, 0], cells.iloc[:, 1], scores, headings)


def plain_headings(names: Iterable[str]) -> list[str]:
    """Headings in lower case, without blanks and the # before the first."""
    return [name.strip().lstrip("#").lower() for name in names]


def known_ends(names: Iterable[str], pairs: Sequence[tuple[str, str]]) -> list[int] | None:
    """Positions of source and target by the first of these pairs of headings that is there; `None`
    where none is."""
    names = plain_headings(names)
    for source, target in pairs:
        if source in names and target in names:
            return [names.index(source), names.index(target)]
    return None


def _scores(
    path: Path, raw: pd.Series, heading: str, quoted: Callable[[Iterable[str]], str]
) -> np.ndarray:
    """A column of scores as float64; raises `InputError` for cells that are no numbers."""
    score, odd = as_numbers(raw, heading, path)
    if odd:
        raise InputError(
            f"{path}: column {heading!r}: {len(odd):,} scores are no numbers ({quoted(odd)}); "
            "correct them"
        )
    return score


# ----------------------------------------------------------------------------------------- cleaning


def without_faults(
    faulty: Mapping[str, np.ndarray], edges: int
) -> tuple[np.ndarray, dict[str, int]]:
    """Which edges have no fault, and how many are left out for each.

    Parameters
    ----------
    faulty : mapping of str to np.ndarray
        Fault → bool `[E]`; an edge counts under its first.
    edges : int
        How many there are.

    Returns
    -------
    keep : np.ndarray
        bool `[E]`.
    left_out : dict of str to int
    """
    keep, left_out = np.ones(edges, bool), {}
    for what, bad in faulty.items():
        left_out[what] = int((keep & bad).sum())
        keep &= ~bad
    return keep, left_out


def in_words(left_out: Mapping[str, int]) -> str:
    """Counts of edges left out, those that are not 0; empty where none is."""
    return ", ".join(f"{what} {count:,}" for what, count in left_out.items() if count)
