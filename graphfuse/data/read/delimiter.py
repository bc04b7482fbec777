"""The delimiter of a text table, guessed from its first records."""

from __future__ import annotations

import numpy as np

from graphfuse.data.read.decimal_marks import shape_of
from graphfuse.data.read.record_positions import Records, head_of

FIRST_RECORDS = 20  # from which the delimiter is guessed


def guess_delimiter(table: bytes, marks: str, ties_by_numbers: bool = True) -> str:
    """The mark that splits the heading and the next records into equally many cells, and most.

    Parameters
    ----------
    table : bytes
        The table in UTF-8, from its heading on.
    marks : str
        The candidates; of two that split the records alike, the first one counts.
    ties_by_numbers : bool
        Whether such a tie goes to the mark between which more cells are numbers.

    Returns
    -------
    str
        The mark; '' where none splits the first record.

    Examples
    --------
    >>> guess_delimiter(b"id;a;b\\nP1;0,5;1,5\\n", marks="\\t,;")
    ';'
    """
    best, best_score = "", (False, 1)
    for mark in marks:
        head = head_of(table, mark, FIRST_RECORDS)
        width = int(head.widths[0])
        alike = np.isin(head.widths, [width, width + 1])  # R's rows have one cell more
        score = bool(alike.all()), width
        if width == 1 or score < best_score:
            continue
        if score > best_score or (ties_by_numbers and _has_more_numbers(head, best)):
            best, best_score = mark, score
    return best


def _has_more_numbers(head: Records, other: str) -> bool:
    """Whether more cells under the heading are numbers or blank than with another delimiter."""
    return _share_of_numbers(head) > _share_of_numbers(Records(head.content, other))


def _share_of_numbers(head: Records) -> float:
    """The share of cells under the heading, without the ids, that are numbers or blank."""
    is_number = []
    for record in range(1, len(head)):
        cells = head.cells(record, FIRST_RECORDS)[1:]
        is_number += [cell == "" or shape_of(cell) is not None for cell in cells]
    return float(np.mean(is_number)) if is_number else 0.0
