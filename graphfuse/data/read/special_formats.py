"""Text formats with more than a heading and rows: where their table begins and ends.

Comment lines, Excel's `sep=` line, GCT and GEO series matrices are read; formats that hold no table
of patients are refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from graphfuse.errors import InputError

_SEPARATOR = re.compile(rb'"?sep=(.)"?[\t,;|]*', re.IGNORECASE)
_BREAK = re.compile(rb"\r\n|\n|\r")
_BEGIN, _END = b"!series_matrix_table_begin", b"!series_matrix_table_end"
_REFUSED = {
    b"##fileformat=vcf": (
        "a VCF file (one variant a row); count the variants of each patient and gene first"
    ),
    b"^database": "a GEO SOFT file; take the series matrix (…_series_matrix.txt.gz) instead",
    b"^series": "a GEO SOFT file; take the series matrix (…_series_matrix.txt.gz) instead",
    b"^sample": "a GEO SOFT file; take the series matrix (…_series_matrix.txt.gz) instead",
    b"^platform": "a GEO SOFT file of a platform, which holds no patients",
    b'{"': "JSON; save it as csv",
    b'[{"': "JSON; save it as csv",
    b"@relation": "an ARFF file; save it as csv",
}
_MAF = {"hugo_symbol", "variant_classification", "tumor_sample_barcode"}


@dataclass(frozen=True)
class Envelope:
    """The place of the table in a text file, and the statements of the file about it.

    Parameters
    ----------
    begin, end : int
        Where the table lies in the content, from its heading on.
    comments : tuple of bytes
        The lines above it that start with #.
    delimiter : str or None
        The delimiter that the file states.
    rows, columns : int or None
        The numbers of rows and patients that a GCT file states.
    annotations, annotated : int
        Numbers of columns after the first, and of rows under the heading, that describe.
    format : str
        The format's name where it is a special one.
    """

    begin: int
    end: int
    comments: tuple[bytes, ...] = ()
    delimiter: str | None = None
    rows: int | None = None
    columns: int | None = None
    annotations: int = 0
    annotated: int = 0
    format: str = ""


def envelope_of(content: bytes, path: Path) -> Envelope:
    """Finds the table in a text file.

    Parameters
    ----------
    content : bytes
        The whole file in UTF-8.
    path : Path
        Its name, for messages.

    Returns
    -------
    Envelope
        The place of the table, and the statements of the file about it.

    Raises
    ------
    InputError
        Where the file is of a format that holds no table of patients, or was cut short.
    """
    start = content[:200].lstrip().lower()
    for sign, words in _REFUSED.items():
        if start.startswith(sign):
            raise InputError(f"{path}: {words}")
    if start.startswith((b"#1.2", b"#1.3")):
        return _gct(content, path)
    if start.startswith((b"!series_", b"!sample_", b'"!series_', b'"!sample_')):
        return _series_matrix(content, path)
    second, line = _line(content, 0)
    separator = _SEPARATOR.fullmatch(line.strip(b" \r\n"))
    delimiter, begin = None, 0
    if separator and separator[1].isascii():
        delimiter, begin = separator[1].decode(), second
    comments, begin = _comments(content, begin)
    return Envelope(begin, len(content), comments, delimiter)


def refuse_maf(names: list[str], path: Path) -> None:
    """Raises `InputError` where the columns are those of a MAF file: a mutation a row."""
    if {name.lower() for name in names} >= _MAF:
        raise InputError(
            f"{path}: a MAF file (one mutation a row), not one patient a row; make a table of "
            "patients × genes of it, in pandas: pd.crosstab(maf.Tumor_Sample_Barcode, "
            "maf.Hugo_Symbol).clip(upper=1)"
        )


def _line(content: bytes, start: int) -> tuple[int, bytes]:
    """Where the next line starts, and the line at `start`, whatever ends it."""
    line_break = _BREAK.search(content, start)
    if line_break is None:
        return len(content), content[start:]
    return line_break.end(), content[start : line_break.start()]


def _comments(content: bytes, begin: int) -> tuple[tuple[bytes, ...], int]:
    """The lines that start with #, blank lines left out, and where the first other line starts."""
    comments: list[bytes] = []
    while begin < len(content):
        following, line = _line(content, begin)
        text = line.strip()
        if text.startswith((b"#", b'"#')):
            comments.append(text)
        elif text:
            break
        begin = following
    return tuple(comments), begin


def _gct(content: bytes, path: Path) -> Envelope:
    """GCT 1.2 and 1.3: a version, the table's size, then genes × patients."""
    begin, version = _line(content, 0)
    begin, line = _line(content, begin)
    sizes = line.split()
    number = version.strip().decode()
    wanted = 2 if number.startswith("#1.2") else 4
    if len(sizes) < wanted or not all(size.isdigit() for size in sizes):
        raise InputError(
            f"{path}: a GCT file ({number}) whose second line is not its size ({wanted} "
            "numbers): damaged or cut short; obtain it again"
        )
    rows, columns, annotations, annotated = [*map(int, sizes), 1, 0][:4]
    return Envelope(
        begin,
        len(content),
        delimiter="\t",
        rows=rows,
        columns=columns,
        annotations=annotations,
        annotated=annotated,
        format=f"GCT {number[1:4]}",
    )


def _series_matrix(content: bytes, path: Path) -> Envelope:
    """A GEO series matrix: the table between two marked lines."""
    lower = content.lower()
    begin, end = lower.find(_BEGIN), lower.find(_END)
    if begin < 0 or end < begin:
        raise InputError(
            f"{path}: a GEO series matrix without its table or the table's end "
            f"({_END.decode()}): cut short; obtain it again"
        )
    begin, _ = _line(content, begin)
    return Envelope(begin, end, delimiter="\t", format="GEO series matrix")
