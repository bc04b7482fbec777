"""Reading tables of pairs (edges of genes or of patients, names and their symbols) from text in any
common form, SIF or Parquet."""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.read.decimal_marks import (
    MISSING,
    as_floats,
    decimal_mark,
    shape_of,
    shapes_of,
    with_points,
)
from graphfuse.data.read.delimiter import guess_delimiter
from graphfuse.data.read.encoding import utf8_content
from graphfuse.data.read.record_positions import Records, head_of
from graphfuse.data.read.special_formats import envelope_of
from graphfuse.errors import InputError

# The cells of the first line and the rows beneath → whether it names columns.
IsHeading = Callable[[list[str], pd.DataFrame], bool]

# Faults of damaged files; those of pandas and pyarrow are ValueErrors.
_BROKEN = (OSError, EOFError, zlib.error, UnicodeError, ValueError)
_BLANKS = r"\s+"
_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_PLAIN = re.compile(r"[^ \t]+")  # a cell between blanks, as pandas has it
_SEEN = 20  # records that show how wide the table is
_HEAD = 200  # rows that show what columns hold
_COMMENT = re.compile(rb"^[ \t]*#[^\r\n]*(?:\r\n|\n|\r|\Z)", re.MULTILINE)
_CELL = re.compile(r'"([^"]*)"|(\S+)')
_MITAB = re.compile(
    r"^(uniprotkb|entrez gene/locuslink|intact|refseq|ensembl|psi-mi|biogrid):", re.IGNORECASE
)


@dataclass(frozen=True, eq=False)
class PairTable:
    """A table in a text or Parquet file.

    Parameters
    ----------
    path : Path
        The file.
    names : tuple of str or None
        What its heading calls the columns; `None` where it has no heading.
    head : pd.DataFrame
        Its first rows as text, columns by position.
    read : callable
        Positions of columns, and the types they are read as by position → these columns of all
        rows.
    """

    path: Path
    names: tuple[str, ...] | None
    head: pd.DataFrame
    read: Callable[[Sequence[int], Mapping[int, str]], pd.DataFrame]

    @property
    def width(self) -> int:
        """How many columns there are."""
        return self.head.shape[1]

    def heading(self, place: int) -> str:
        """What a column is called: its heading, or its number where there is none."""
        return f"column {place + 1}" if self.names is None else self.names[place]


@contextmanager
def readable(path: Path, what: str, formats: str = "csv, tsv, gz or parquet") -> Iterator[None]:
    """Turns whatever fails in reading a file into an `InputError` that says it is not `what`."""
    try:
        yield
    except InputError:  # which says more, and is a ValueError
        raise
    except _BROKEN as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{path}: cannot be read as {what} ({lines[0]}); give {formats}") from None


def pair_table(path: Path, is_heading: IsHeading) -> PairTable:
    """The table in a file.

    Parameters
    ----------
    path : Path
        Text in any common encoding (csv, tsv, semicolons, blanks, SIF; plain or .gz), or Parquet.
        Lines that begin with # are comments, but for a heading.
    is_heading : callable
        Whether the cells of the first line name columns, given it and the rows beneath.

    Returns
    -------
    PairTable
        Its names and a reader of its columns.

    Raises
    ------
    ValueError
        Where the file is empty, a web page, damaged, or of a format of its own (see `readable`).
    """
    if path.suffix == ".parquet":
        return _parquet(path)
    content = utf8_content(path)
    start = content[:4096].lstrip()
    if start.startswith(b"<"):
        raise ValueError("it holds a web page")
    if not start:
        raise ValueError("it is empty")
    if _is_sif(path):
        return _sif(path, _COMMENT.sub(b"", content))
    envelope = envelope_of(content, path)
    body = content[envelope.begin :]
    if b"\n#" in body or b"\r#" in body:
        body = _COMMENT.sub(b"", body)
    if not body.strip():
        raise ValueError("every line is a comment")
    return _text(path, body, envelope.comments, envelope.delimiter, is_heading)


def _parquet(path: Path) -> PairTable:
    """A table whose types are known."""
    import pyarrow.parquet as pq

    names = [name for name in pq.read_schema(path).names if not name.startswith("__index_level_")]

    def read(places: Sequence[int], kinds: Mapping[int, str]) -> pd.DataFrame:
        frame = pd.read_parquet(path, columns=[names[place] for place in places])
        return frame.set_axis(list(places), axis=1)

    head = read(range(len(names)), {}).head(_HEAD)
    return PairTable(path, tuple(names), head, read)


def _text(
    path: Path,
    body: bytes,
    comments: Sequence[bytes],
    delimiter: str | None,
    is_heading: IsHeading,
) -> PairTable:
    """The table in a text after its comments."""
    # Semicolons go before commas, which may be decimal marks; without any mark, blanks separate.
    guess = guess_delimiter(body, marks="\t;,", ties_by_numbers=False)
    layout = _Layout.of(body, delimiter or guess or _BLANKS)
    first = layout.first_cells()[0]
    names, skipped = _heading(layout, first, comments, is_heading)
    width = layout.checked_width(skipped, len(names or first))
    if names is not None and len(names) == width - 1:
        names = ["", *names]  # R's row names have no heading
    head = layout.frame(range(width), skiprows=skipped, nrows=_HEAD, dtype=str)
    _refuse_mitab(head)

    def read(places: Sequence[int], kinds: Mapping[int, str]) -> pd.DataFrame:
        if len(layout.widths) == skipped:  # a heading alone
            columns = {place: pd.Series(dtype=kinds.get(place, object)) for place in places}
            return pd.DataFrame(columns)
        options = {"skiprows": skipped, "usecols": list(places), "dtype": dict(kinds)}
        return layout.frame(range(width), **options)[list(places)]

    return PairTable(path, None if names is None else tuple(names), head, read)


def _heading(
    layout: _Layout, first: list[str], comments: Sequence[bytes], is_heading: IsHeading
) -> tuple[list[str] | None, int]:
    """The names of the columns, from the first line or the last comment, or `None`; and how many
    lines they take."""
    widest = int(layout.widths[: _HEAD + 1].max())
    rows = layout.frame(range(widest), nrows=_HEAD + 1, dtype=str)
    if is_heading(first, rows.iloc[1:]):
        return first, 1
    in_comment = layout.commented_heading(comments, widest)
    if in_comment is not None and is_heading(in_comment, rows):
        return in_comment, 0
    return None, 0


def _split(line: str) -> list[str]:
    """The cells of a line that blanks separate."""
    return [quoted or plain for quoted, plain in _CELL.findall(line)]


@dataclass(frozen=True, eq=False)
class _Layout:
    """The rows of a text, what separates their cells, and whether quotes enclose cells."""

    body: bytes
    delimiter: str
    quoted: bool

    @classmethod
    def of(cls, body: bytes, delimiter: str) -> _Layout:
        if delimiter == _BLANKS:
            return cls(body, delimiter, True)
        records = Records(body, delimiter)
        quoted = records.open_quote is None and not len(records.stray_quotes())
        return cls(body, delimiter, quoted)

    def first_cells(self) -> list[list[str]]:
        """The cells of the first records."""
        if self.delimiter == _BLANKS:
            lines = _LINE_BREAK.split(self.body[: 1 << 16].decode(errors="ignore"))
            return [_split(line) for line in lines if line.strip(" \t")][:_SEEN]
        head = head_of(self.body, self.delimiter, _SEEN)
        head = Records(head.content, self.delimiter, self.quoted)
        return [head.cells(record) for record in range(len(head))]

    def commented_heading(self, comments: Sequence[bytes], width: int) -> list[str] | None:
        """The cells of the last line that starts with #, where they are as many as the columns."""
        if not comments:
            return None
        line = comments[-1].decode().lstrip("#").strip()
        if self.delimiter == _BLANKS:
            cells = _split(line)
        else:
            cells = [cell.strip().strip('"') for cell in line.split(self.delimiter)]
        return cells if len(cells) == width else None

    def checked_width(self, skipped: int, width: int) -> int:
        """How many cells every row has: as many as the heading, or one more, as R writes row names.
        Raises `ValueError` where they differ."""
        rows = self.widths[skipped:]
        if skipped and len(rows) and (rows == width + 1).all():
            return width + 1
        odd = int((rows != width).sum())
        if odd:
            raise ValueError(
                f"{odd:,} of {len(rows):,} rows do not have {width:,} cells as the first line: "
                "damaged or cut short"
            )
        return width

    @cached_property
    def widths(self) -> np.ndarray:
        """int `[n]`: how many cells every record has."""
        if self.delimiter != _BLANKS:
            return Records(self.body, self.delimiter, self.quoted).widths
        text = self.body.decode(errors="ignore")
        split = _split if '"' in text else _PLAIN.findall
        lines = _LINE_BREAK.split(text)
        return np.array([len(split(line)) for line in lines if line.strip(" \t")], dtype=int)

    def frame(self, names: Sequence[int], **options) -> pd.DataFrame:
        """Rows by pandas' C engine, columns by position."""
        return pd.read_csv(
            io.BytesIO(self.body),
            sep=self.delimiter,
            header=None,
            names=list(names),
            index_col=False,
            skipinitialspace=True,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            encoding="utf-8",
            **options,
        )


def _refuse_mitab(head: pd.DataFrame) -> None:
    """Raises `ValueError` for PSI-MI's table, whose cells are `database:accession`."""
    cells = head.iloc[:, 0].dropna().astype(str)
    if len(cells) and cells.map(lambda cell: bool(_MITAB.match(cell))).all():
        raise ValueError(
            "it is a PSI-MI TAB file, whose cells are database:accession; make a table source, "
            "target of gene symbols of it"
        )


def as_numbers(raw: pd.Series, name: str, path: Path) -> tuple[np.ndarray, list[str]]:
    """A column as float64, decimal commas too, and the cells that are no numbers.

    Raises `InputError` where numbers could be read in two ways.
    """
    if raw.dtype == bool or pd.api.types.is_numeric_dtype(raw):
        return raw.to_numpy(float), []
    raw = raw.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    words = [str(cell) for cell in raw.dropna().unique()]
    shapes = shapes_of(words)
    if shapes.are_numbers:
        decimal = decimal_mark({name: shapes}, None, path)
        numbers = as_floats(with_points(raw.to_numpy(object), decimal))
        if numbers is not None:
            return numbers, []
    return np.empty(0), [word for word in words if word not in MISSING and shape_of(word) is None]


# ------------------------------------------------------------------------------------------ SIF


def _is_sif(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(".sif")


def _sif(path: Path, content: bytes) -> PairTable:
    """Cytoscape's simple interaction format: a node, a relation, and any number of nodes; a line
    with a node alone has no edge."""
    text = content.decode()
    delimiter = "\t" if "\t" in text else None
    pairs = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().split(delimiter)]
        cells = [cell for cell in cells if cell]
        if len(cells) == 2:
            raise ValueError("a line has two cells; a SIF file has a source, a relation, targets")
        pairs += [(cells[0], target) for target in cells[2:]]
    frame = pd.DataFrame(pairs, columns=[0, 1], dtype=str)

    def read(places: Sequence[int], kinds: Mapping[int, str]) -> pd.DataFrame:
        return frame[list(places)]

    return PairTable(path, ("source", "target"), frame.head(_HEAD), read)
