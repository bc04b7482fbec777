"""Text tables (csv, tsv, txt, .gz): what the file's layout is, and a fast read of the columns
wanted."""

from __future__ import annotations

import csv
import gzip
import io
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphfuse.data.read.wanted import known
from graphfuse.errors import InputError, examples, nearest

log = logging.getLogger(__name__)

MISSING = (
    "",
    "NA",
    "N/A",
    "n/a",
    "na",
    "NaN",
    "nan",
    "-nan",
    "null",
    "NULL",
    "Null",
    ".",
    "?",
    "-",
    "--",
    "#N/A",
    "<NA>",
)
_HEAD = 1 << 18
_COMMA_NUMBER = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
_COMMA_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
_POINT_NUMBER = re.compile(r"[-+]?\d*\.\d+([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Layout:
    """How a text table is written. `names`: its columns, repeated ones as NAME.1, …; `repeated`:
    those, once each."""

    names: tuple[str, ...]
    repeated: tuple[str, ...]
    delimiter: str
    decimal: str
    skip: int  # lines up to and with the heading
    encoding: str


def layout(path: Path) -> Layout:
    """The layout, from the file's beginning. Raises `InputError` for what is no table."""
    with _opened(path) as file:
        raw = file.read(_HEAD)
        whole = len(raw) < _HEAD
    text, encoding = _decoded(raw, path)
    lines = text.splitlines(keepends=True)
    lines = lines if whole or len(lines) < 2 else lines[:-1]
    if not text.strip():
        raise InputError(f"{path}: the table is empty")
    if whole is False and len(lines) < 2:  # the heading alone is longer: read up to its end
        lines = _long_heading(path, encoding)
    delimiter = _delimiter(lines, path)
    reader = csv.reader(lines, delimiter=delimiter)
    heading = next(row for row in reader if any(cell.strip() for cell in row))
    skip = reader.line_num
    rows = [row for _, row in zip(range(50), reader, strict=False) if row]
    if (
        rows and len(rows[0]) == len(heading) + 1
    ):  # a delimiter at every line's end, or R's row names without a heading
        trailing = all(row[-1] == "" for row in rows)
        heading = [*heading, ""] if trailing else ["", *heading]
    names = [cell.strip() for cell in heading]
    repeated = (
        tuple(dict.fromkeys(n for n in names if n and names.count(n) > 1))
        if len(set(names)) < len(names)
        else ()
    )
    return Layout(
        tuple(_told_apart(names)),
        repeated,
        delimiter,
        _decimal(rows, delimiter, path),
        skip,
        encoding,
    )


def read(
    path: Path,
    id_column: str | None,
    columns: Sequence[str] | None,
    as_text: bool = False,
) -> pd.DataFrame:
    """The columns wanted (all of them by default), indexed by the id column as text.

    `as_text`: every cell as written, only blank ones missing. Raises `InputError` where the id
    column or others are not there, or names are repeated and all were asked for.
    """
    shape = layout(path)
    position = {name: at for at, name in reversed(list(enumerate(shape.names)))}
    if id_column is not None and id_column not in position:
        raise InputError(f"{path}: no id column {id_column!r}{nearest(id_column, shape.names)}")
    id_at = 0 if id_column is None else position[id_column]
    if columns is None:
        if shape.repeated:
            raise InputError(
                f"{path}: {len(shape.repeated)} columns stand more than once "
                f"({examples(shape.repeated)}); "
                "keep or average one each, or name columns = […]"
            )
        chosen = [at for at in range(len(shape.names)) if at != id_at]
    else:
        chosen = [position[name] for name in known(columns, shape.names, path)]
    table = _parse(path, shape, id_at, chosen, as_text)
    if as_text:
        frame = table[chosen].apply(_as_written, args=(shape.decimal,))
    else:
        frame = table[chosen].astype(float) if table.empty else table[chosen]
    frame = frame.set_axis([shape.names[at] for at in chosen], axis=1)
    frame.index = pd.Index(table[id_at], dtype=object)
    trailing = (
        not shape.names[-1] and len(shape.names) - 1 in chosen and frame.iloc[:, -1].isna().all()
    )
    return frame.iloc[:, :-1] if trailing else frame  # a delimiter at every line's end


# ------------------------------------------------------------------------------------ looking at it


def _opened(path: Path):
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else open(path, "rb")


def _decoded(raw: bytes, path: Path) -> tuple[str, str]:
    """The text and its encoding: UTF-8 (with or without mark), UTF-16 by its mark, else Latin-1."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "ignore"), "utf-16"
    if b"\0" in raw:
        raise InputError(f"{path}: not a text table (it holds null bytes); convert it to csv")
    for cut in range(4):  # the last character may be cut in two
        try:
            return raw[: len(raw) - cut].decode("utf-8-sig"), "utf-8-sig"
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1"), "latin-1"


def _long_heading(path: Path, encoding: str) -> list[str]:
    with _opened(path) as file:
        lines = [file.readline(), file.readline()]
    return [line.decode(encoding, "replace") for line in lines if line]


def _delimiter(lines: list[str], path: Path) -> str:
    """The delimiter that splits the heading most and the next lines alike. Raises `InputError` when
    none does."""
    lines = [line for line in lines if line.strip()][:20]
    best, most = "", 1
    for mark in ("\t", ",", ";"):
        widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
        steady = all(width in (widths[0], widths[0] + 1) for width in widths)
        score = widths[0] * (2 if steady else 1)
        if widths[0] > 1 and score > most:
            best, most = mark, score
    if not best:
        raise InputError(
            f"{path}: no table found: the first line has no comma, semicolon or tab; save it as csv"
        )
    return best


def _told_apart(names: list[str]) -> list[str]:
    """Repeated names become NAME.1, NAME.2, …; the first stays."""
    taken, count, out = set(names), {}, []
    for name in names:
        if name not in count:
            count[name] = 0
            out.append(name)
            continue
        while (other := f"{name}.{count[name] + 1}") in taken:
            count[name] += 1
        count[name] += 1
        taken.add(other)
        out.append(other)
    return out


def _decimal(rows: list[list[str]], delimiter: str, path: Path) -> str:
    """'.' or ',' from the first rows. Raises `InputError` where 1,234 could be either."""
    if delimiter == ",":
        return "."
    cells = [cell.strip() for row in rows for cell in row[1:2000]]
    commas = [cell for cell in cells if _COMMA_NUMBER.fullmatch(cell)]
    points = any(_POINT_NUMBER.fullmatch(cell) for cell in cells)
    if not commas:
        return "."
    if points or all(_COMMA_THOUSANDS.fullmatch(cell) for cell in commas):
        raise InputError(
            f"{path}: a comma in numbers ({examples(dict.fromkeys(commas))}) could be a "
            "decimal or a thousands mark; "
            "write numbers with a point and without thousands marks"
        )
    return ","


def _as_written(cells: pd.Series, decimal: str) -> pd.Series:
    """Text without the blanks around it; a number's decimal comma becomes a point."""
    cells = cells.str.strip()
    if decimal == ",":
        numbers = cells.str.fullmatch(_COMMA_NUMBER)
        cells = cells.where(~numbers, cells.str.replace(",", "."))
    return cells.where(cells != "", float("nan"))


def _parse(
    path: Path, shape: Layout, id_at: int, chosen: list[int], as_text: bool = False
) -> pd.DataFrame:
    """The columns at these positions, by pandas' C engine; the id column as text."""
    with _opened(path) as file:
        content = file.read()
    _check_widths(content, shape, path)
    options = {
        "header": None, "skiprows": shape.skip, "names": list(range(len(shape.names))),
        "index_col": False, "engine": "c",
        "usecols": sorted({id_at, *chosen}), "converters": {id_at: str.strip},
        "sep": shape.delimiter,
        "decimal": shape.decimal, "na_values": list(MISSING), "keep_default_na": False,
        "skipinitialspace": True,
        "low_memory": False,
    }  # fmt: skip
    if as_text:
        texts = dict.fromkeys(chosen, object)
        texts.pop(id_at, None)
        options |= {"dtype": texts, "na_filter": False}
    try:
        return pd.read_csv(io.BytesIO(content), encoding=shape.encoding, **options)
    except UnicodeDecodeError:
        log.warning("%s: not UTF-8; read as Latin-1", path.name)
        return pd.read_csv(io.BytesIO(content), encoding="latin-1", **options)
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=sorted({id_at, *chosen}), dtype=object)


def _check_widths(content: bytes, shape: Layout, path: Path) -> None:
    """Raises `InputError` for lines with more or fewer fields than the heading (lines with quotes
    are not counted)."""
    if shape.encoding == "utf-16":
        return
    mark, expected = shape.delimiter.encode(), len(shape.names) - 1
    faulty = []
    for number, line in enumerate(io.BytesIO(content), start=1):
        if (
            number > shape.skip
            and b'"' not in line
            and line.count(mark) != expected
            and line.strip()
        ):
            faulty.append((number, line.count(mark) + 1))
    if faulty:
        number, width = faulty[0]
        raise InputError(
            f"{path}: {len(faulty)} lines do not have {expected + 1} fields as the heading "
            f"has (line {number} has {width}): "
            "damaged or cut short; obtain it again or mend it"
        )
