"""How a text table is written: its delimiter, its heading and the records beneath."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphfuse.data import memory
from graphfuse.data.read.decimal_marks import shape_of
from graphfuse.data.read.encoding import utf8_content
from graphfuse.data.read.heading import (
    check_heading,
    hash_heading,
    repeated_names,
    unique_names,
    with_row_names,
)
from graphfuse.data.read.records import Records, head_of
from graphfuse.data.read.special_formats import Envelope, envelope_of, refuse_maf
from graphfuse.errors import InputError

_DELIMITERS = "\t,;"
_SEEN = 20  # records that the delimiter is seen from


@dataclass(frozen=True)
class TextTable:
    """A text table found in its file.

    Parameters
    ----------
    path : Path
        The file.
    names : tuple of str
        Its columns; repeated ones as NAME.1, NAME.2, …
    repeated : tuple of str
        The names that stand more than once, once each.
    records : Records
        The heading and all rows.
    first : int
        The record of the first row.
    descriptions : tuple of int
        Columns of a GCT file that describe the genes, by position.
    """

    path: Path
    names: tuple[str, ...]
    repeated: tuple[str, ...]
    records: Records
    first: int
    descriptions: tuple[int, ...] = ()

    @property
    def delimiter(self) -> str:
        """What stands between two cells."""
        return self.records.delimiter

    @property
    def measured_names(self) -> list[str]:
        """The columns but for those that describe, the id column first."""
        return [name for at, name in enumerate(self.names) if at not in self.descriptions]

    @property
    def rows(self) -> int:
        """How many rows stand under the heading."""
        return len(self.records) - self.first

    @property
    def body(self) -> bytes:
        """The rows as they stand in the file."""
        if not self.rows:
            return b""
        return self.records.content[self.records.starts[self.first] :]


def text_table(path: Path) -> TextTable:
    """The table in a text file.

    Parameters
    ----------
    path : Path
        A csv, tsv, txt or gct file, plain or .gz.

    Returns
    -------
    TextTable
        Its heading and records, every one with as many cells as the heading.

    Raises
    ------
    InputError
        Where there is no table, records do not have as many cells as the heading, or there is less
        memory than reading it takes.
    """
    content = utf8_content(path)
    if not content or content.isspace():
        raise InputError(f"{path}: the table is empty")
    envelope = envelope_of(content, path)
    table = content[envelope.begin : envelope.end]
    if not table or table.isspace():
        raise InputError(f"{path}: no table found: every line starts with #")
    above = content[: envelope.begin]
    skipped = above.count(b"\n") or above.count(b"\r")
    delimiter = envelope.delimiter or _delimiter(table, path)
    memory.require_text(path, table, delimiter)
    records = _records(table, delimiter, path, skipped)
    heading, first = hash_heading(envelope.comments, records, path), 0
    if heading is None:
        heading, first = records.cells(0), 1
    refuse_maf(heading, path)
    heading = with_row_names(heading, records, first, path)
    _check_widths(len(heading), records, first, path, skipped)
    check_heading(heading, records, first, path)
    _check_size(envelope, len(heading), len(records) - first, path)
    names = [re.sub(r"\r\n?", "\n", cell) for cell in heading]
    return TextTable(
        path,
        tuple(unique_names(names)),
        repeated_names(names),
        records,
        first + envelope.annotated,
        tuple(range(1, 1 + envelope.annotations)),
    )


def _delimiter(table: bytes, path: Path) -> str:
    """The delimiter that splits the heading and the next records alike, and most.

    Raises `InputError` where none splits the heading.
    """
    best, most = "", (False, 1)
    for mark in _DELIMITERS:
        head = head_of(table, mark, _SEEN)
        widths = head.widths
        steady = bool(np.isin(widths, [widths[0], widths[0] + 1]).all())
        score = steady, int(widths[0])
        if widths[0] > 1 and (score > most or (score == most and _has_more_numbers(head, best))):
            best, most = mark, score
    if not best:
        raise InputError(
            f"{path}: no table found: the first line has no comma, semicolon or tab; save it as csv"
        )
    return best


def _has_more_numbers(head: Records, other: str) -> bool:
    """Whether more cells under the heading are numbers or blank than with another delimiter."""
    return _numbers(head) > _numbers(Records(head.content, other))


def _numbers(head: Records) -> float:
    """The share of cells under the heading that are numbers or blank."""
    cells = [cell for record in range(1, len(head)) for cell in head.cells(record, _SEEN)[1:]]
    numbers = [cell == "" or shape_of(cell) is not None for cell in cells]
    return float(np.mean(numbers)) if numbers else 0.0


def _records(table: bytes, delimiter: str, path: Path, skipped: int) -> Records:
    """The records; where no quote opens a cell, quotes are letters like any other.

    Raises `InputError` where quotes do not pair.
    """
    records = Records(table, delimiter)
    stray, opened = records.stray_quotes(), records.open_quote
    if not len(stray) and opened is None:
        return records
    plain = Records(table, delimiter, quoted=False)
    if not _encloses(table, delimiter) and (plain.widths == plain.widths[0]).all():
        return plain
    place = int(stray[0]) if len(stray) else opened
    line = records.line_of(place) + skipped
    raise InputError(
        f"{path}: quotes do not pair (line {line:,}): damaged or cut short; obtain it again, or "
        'write quotes within a cell twice ("")'
    )


def _encloses(table: bytes, delimiter: str) -> bool:
    """Whether quotes open a cell somewhere, or stand twice as they do within quotes."""
    opening = rb"(?:^|[\r\n]|" + re.escape(delimiter.encode()) + rb') *"'
    return b'""' in table or re.search(opening, table) is not None


def _check_widths(width: int, records: Records, first: int, path: Path, skipped: int) -> None:
    """Raises `InputError` where rows do not have as many cells as the heading."""
    faulty = np.flatnonzero(records.widths[first:] != width) + first
    if not len(faulty):
        return
    record = faulty[0]
    line = records.line_of(int(records.starts[record])) + skipped
    raise InputError(
        f"{path}: {len(faulty):,} of {len(records) - first:,} rows do not have {width:,} cells as "
        f"the heading has (the first, line {line:,}, has {records.widths[record]:,}): damaged or "
        "cut short; obtain it again or mend it"
    )


def _check_size(envelope: Envelope, width: int, rows: int, path: Path) -> None:
    """Raises `InputError` where a GCT file does not have the size that it says."""
    if envelope.rows is None or envelope.columns is None:
        return
    found = rows - envelope.annotated, width - 1 - envelope.annotations
    if found != (envelope.rows, envelope.columns):
        raise InputError(
            f"{path}: a {envelope.format} file that says {envelope.rows:,} rows × "
            f"{envelope.columns:,} columns and has {found[0]:,} × {found[1]:,}: damaged or cut "
            "short; obtain it again"
        )
