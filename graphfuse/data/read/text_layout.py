"""Text tables: their delimiter, their heading and the records beneath it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphfuse.data import memory
from graphfuse.data.read.delimiter import guess_delimiter
from graphfuse.data.read.encoding import utf8_content
from graphfuse.data.read.heading import (
    check_heading,
    hash_heading,
    repeated_names,
    unique_names,
    with_row_names,
)
from graphfuse.data.read.record_positions import Records
from graphfuse.data.read.special_formats import Envelope, envelope_of, refuse_maf
from graphfuse.errors import InputError

_DELIMITERS = "\t,;"


@dataclass(frozen=True)
class TextTable:
    """A text table in its file.

    Parameters
    ----------
    path : Path
        The file.
    names : tuple of str
        Its columns; repeated ones as NAME.1, NAME.2, …
    repeated : tuple of str
        The repeated names, once each.
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
        """The character between two cells."""
        return self.records.delimiter

    @property
    def measured_names(self) -> list[str]:
        """The columns but for those that describe, the id column first."""
        return [name for at, name in enumerate(self.names) if at not in self.descriptions]

    @property
    def rows(self) -> int:
        """The number of rows under the heading."""
        return len(self.records) - self.first

    @property
    def body(self) -> bytes:
        """The rows as the file has them."""
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
    delimiter = envelope.delimiter or guess_delimiter(table, _DELIMITERS)
    if not delimiter:
        raise InputError(
            f"{path}: no table found: the first line has no comma, semicolon or tab; save it as csv"
        )
    memory.require_text(path, table, delimiter)
    records = _records(table, delimiter, path, skipped)
    heading, first = _heading(envelope, records, path)
    _check_widths(len(heading), records, first, path, skipped)
    check_heading(heading, records, first, path)
    _check_size(envelope, len(heading), len(records) - first, path)
    names = [re.sub(r"\r\n?", "\n", cell) for cell in heading]
    unique = tuple(unique_names(names))
    descriptions = tuple(range(1, 1 + envelope.annotations))
    first_row = first + envelope.annotated
    return TextTable(path, unique, repeated_names(names), records, first_row, descriptions)


def _heading(envelope: Envelope, records: Records, path: Path) -> tuple[list[str], int]:
    """The cells of the heading, and the record that comes after it.

    Raises `InputError` for headings of a MAF file and for those that lack a name.
    """
    heading = hash_heading(envelope.comments, records, path)
    first = 0
    if heading is None:
        heading = records.cells(0)
        first = 1
    refuse_maf(heading, path)
    return with_row_names(heading, records, first, path), first


def _records(table: bytes, delimiter: str, path: Path, skipped: int) -> Records:
    """The records; where no quote opens a cell, quotes are letters like any other.

    Raises `InputError` where quotes do not pair.
    """
    records = Records(table, delimiter)
    stray = records.stray_quotes()
    open_quote = records.open_quote
    if not len(stray) and open_quote is None:
        return records
    unquoted = Records(table, delimiter, quoted=False)
    have_one_width = (unquoted.widths == unquoted.widths[0]).all()
    if have_one_width and not _encloses(table, delimiter):
        return unquoted
    position = int(stray[0]) if len(stray) else open_quote
    line = records.line_of(position) + skipped
    raise InputError(
        f"{path}: quotes do not pair (line {line:,}): damaged or cut short; obtain it again, or "
        'write quotes within a cell twice ("")'
    )


def _encloses(table: bytes, delimiter: str) -> bool:
    """Whether quotes open a cell somewhere, or are doubled as they are within quotes."""
    mark = re.escape(delimiter.encode())
    opening = rb"(?:^|[\r\n]|%s) *\"" % mark
    return b'""' in table or re.search(opening, table) is not None


def _check_widths(width: int, records: Records, first: int, path: Path, skipped: int) -> None:
    """Raises `InputError` where rows do not have as many cells as the heading."""
    faulty = np.flatnonzero(records.widths[first:] != width) + first
    if not len(faulty):
        return
    record = faulty[0]
    start = int(records.starts[record])
    line = records.line_of(start) + skipped
    rows = len(records) - first
    raise InputError(
        f"{path}: {len(faulty):,} of {rows:,} rows do not have {width:,} cells as the heading has "
        f"(the first, line {line:,}, has {records.widths[record]:,}): damaged or cut short; obtain "
        "it again or correct it"
    )


def _check_size(envelope: Envelope, width: int, rows: int, path: Path) -> None:
    """Raises `InputError` where a GCT file does not have the size that it states."""
    if envelope.rows is None or envelope.columns is None:
        return
    rows -= envelope.annotated
    columns = width - 1 - envelope.annotations
    if (rows, columns) != (envelope.rows, envelope.columns):
        raise InputError(
            f"{path}: a {envelope.format} file that says {envelope.rows:,} rows × "
            f"{envelope.columns:,} columns and has {rows:,} × {columns:,}: damaged or cut short; "
            "obtain it again"
        )
