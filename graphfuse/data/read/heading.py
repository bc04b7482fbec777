"""The heading of a text table: which line it is, and the names of its columns."""

from __future__ import annotations

import re
from pathlib import Path

from graphfuse.data.read.decimal_marks import shape_of
from graphfuse.data.read.record_positions import Records
from graphfuse.errors import InputError

_ID_NAME = re.compile(
    r"(.+[_ .-])?(id|ids|barcode|symbol)"
    r"|patient|sample|subject|case|participant|gene|geneid|gene_name|probe|name|feature",
    re.IGNORECASE,
)
_SEEN = 200  # rows that are compared with the first one
_FEW = 20  # rows that are compared with the heading


def hash_heading(comments: tuple[bytes, ...], records: Records, path: Path) -> list[str] | None:
    """The heading where it is the last line that starts with #, because a row of values follows.

    Parameters
    ----------
    comments : tuple of bytes
        The lines above the table that start with #.
    records : Records
        The records beneath them.
    path : Path
        The file, for messages.

    Returns
    -------
    list of str or None
        The names, or None where the first record is the heading and # begins comments.

    Raises
    ------
    InputError
        Where the line could as well be a comment.
    """
    if not comments:
        return None
    plain = [line for line in comments if not line.startswith((b"##", b'"##'))]
    width = records.widths[0]
    as_wide = [line for line in plain if len(_cells_of(line, records.delimiter)) == width]
    if not as_wide or as_wide[-1] != comments[-1] or width == 1:
        return None
    rows = [records.cells(record) for record in range(min(_SEEN, len(records)))]
    columns = list(zip(*rows, strict=False))[1:]  # without the ids
    first_is_row = any(_is_value(column[0], column[1:]) for column in columns)
    if first_is_row and len(as_wide) == 1:
        return _cells_of(comments[-1].lstrip(b'#" '), records.delimiter)
    rest_has_values = any(_has_values(column[1:]) for column in columns)
    if not first_is_row and (len(as_wide) > 1 or rest_has_values):
        return None
    raise InputError(
        f"{path}: a line that starts with # could be a comment or the heading; remove it, or its #"
    )


def _is_value(cell: str, beneath: tuple[str, ...]) -> bool:
    """Whether a cell is one of its column's values and not the column's name."""
    return shape_of(cell) is not None or (cell != "" and cell in beneath)


def _has_values(cells: tuple[str, ...]) -> bool:
    """Whether cells are numbers, or words that are repeated."""
    numbers = any(shape_of(cell) for cell in cells)
    return numbers or len(set(cells)) < len(cells)


def with_row_names(heading: list[str], records: Records, first: int, path: Path) -> list[str]:
    """The heading, longer by one where every row is: R's row names, or a delimiter at every end.

    Raises `InputError` where the heading names an id column and still lacks a name.
    """
    widths = records.widths[first:]
    rows = range(first, len(records))
    if not len(widths) or not (widths == len(heading) + 1).all():
        return heading
    if all(records.last_cell(record) == "" for record in rows):
        return [*heading, ""]
    ids = [records.cells(record, 1)[0] for record in rows]
    counts_rows = all(each.isdigit() for each in ids)  # R numbers rows that have no names
    names_ids = heading[0] == "" or _ID_NAME.fullmatch(heading[0])
    if names_ids and not counts_rows:
        raise InputError(
            f"{path}: the heading has {len(heading):,} names, that of the ids ({heading[0]!r}) "
            f"among them, and every row {len(heading) + 1:,} cells: a name is lost; correct the "
            "heading"
        )
    return ["", *heading]


def check_heading(heading: list[str], records: Records, first: int, path: Path) -> None:
    """Raises `InputError` where the heading is a row of values like those beneath it."""
    count = min(_FEW, len(records) - first)
    ids = [records.cells(record, 1)[0] for record in range(first, first + count)]
    title, *others = heading
    has_digit = any(map(str.isdigit, title))
    looks_like_id = has_digit and {_shape(each) for each in ids} == {_shape(title)}
    named = [cell for cell in others if cell]
    are_numbers = bool(named) and all(shape_of(cell) for cell in named)
    are_whole = all(cell.isdigit() for cell in named)
    are_labels = are_whole and len(set(named)) == len(named)
    if looks_like_id and are_numbers and not are_labels:
        raise InputError(
            f"{path}: no heading: the first line holds values like the lines beneath it; write "
            "the columns' names above"
        )


def _shape(text: str) -> str:
    """Letters as A, digits as 9."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "A", text))


def repeated_names(names: list[str]) -> tuple[str, ...]:
    """The names that are repeated, once each."""
    seen, repeated = set(), {}
    for name in names:
        if name and name in seen:
            repeated[name] = None
        seen.add(name)
    return tuple(repeated)


def unique_names(names: list[str]) -> list[str]:
    """Repeated names become NAME.1, NAME.2, …; the first stays."""
    taken, count, unique = set(names), {}, []
    for name in names:
        if name not in count:
            count[name] = 0
            unique.append(name)
            continue
        count[name] += 1
        while (numbered := f"{name}.{count[name]}") in taken:
            count[name] += 1
        taken.add(numbered)
        unique.append(numbered)
    return unique


def _cells_of(line: bytes, delimiter: str) -> list[str]:
    """The cells of one line."""
    return Records(line, delimiter).cells(0)
