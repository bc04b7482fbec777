"""Ways to spoil an input: its bytes, the cells of a table, the values and keys of a TOML file."""

from __future__ import annotations

import gzip
from copy import deepcopy
from random import Random

CELLS = (
    "", " ", "NA", "NaN", "nan", "inf", "-inf", "1e400", "1.8e308", "-1e308", "5e-324", "1_2",
    "0x1F", "1,5", "1,234", "1.234,5", "12 mg", "90+", "<5", "50%", "TRUE", "2-Sep", "1e5",
    "00123", "-9999", "'", '"', '""', '"a', 'a"b', "a\nb", '"a\nb"', '"a,b"', "\t", ",", ";",
    "#", "=cmd()", "@x", "-1", "\u00a0", "\u200b", "\ufeff", "\u2028", "\u0085", "\x00", "\x1a",
    "\x0b", "\x0c", "\x1b[31m", "é", "e\u0301", "ß", "İ", "ǅ", "😀", "\u202e", "漢字", "\ud7ff",
    "../x", "/etc/passwd", "C:\\x", "<script>", "{{ x }}", "%s%n", "None", "[]", "9" * 400,
    "x" * 200_000, "P00", "p00", "P0O", "P00 ", "01.02.64", "2021-13-45", "0001-01-01",
    "9999-12-31", "1677-01-01", "٣", "１２", "²", "½",
)  # fmt: skip
ENCODINGS = (
    "utf-16",
    "utf-32",
    "utf-16-be",
    "utf-8-sig",
    "cp1252",
    "latin-1",
    "cp037",
    "shift-jis",
)
NEWLINES = ("\r\n", "\r", "\n\r", "\n\n", "\u2028", "\x0b", "\x85", " \n")
WORDS = (
    "", " ", "x", "none", "auto", "rna", "clinical", "patient", "age", ".", "..", "/",
    "/dev/null", "/proc/self/mem", "~", "~nobody/x", "../rna.csv", "rna.csv/", "rna.csv/x",
    "\x00", "a\x00b", "\ud7ff", "😀", "é", "e\u0301", "a" * 300, "a" * 5000, "*", "?", "%",
    "${HOME}", "(", "[", "(?P<x", "^(.+)$", "^(a|b", "\\", "(?i", "()", "^((.+))(.*)$", "x.py:Y",
    "/dev/null.py:Y", ":", "missing.csv", "folder", "rna.parquet", "rna.npz", "rna.npy",
    "rna.h5ad", "cohort.toml", "edges.csv", "sets.gmt", "file://x", "http://[", "a==1",
    "nearest", "join", "snf", "shared", "each", "empty", "network", "walk", "omics", "ehr",
    "embedding", "counts", "log", "gene", "tcga-patient", "tcga-sample", "P00",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2, 3, 0.5, -0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"),
    2**31, 2**63, -(2**63), 10**19, 10**400, True, False,
)  # fmt: skip


def spoiled_bytes(content: bytes, random: Random) -> bytes:
    """The content after one to three blows to its bytes."""
    for _ in range(random.choice((1, 1, 2, 3))):
        content = random.choice(_BLOWS)(content, random)
    return content


def spoiled_table(content: bytes, random: Random) -> bytes:
    """A delimited text table after blows to its cells, rows, columns or writing."""
    delimiter = "\t" if b"\t" in content.split(b"\n")[0] else ","
    rows = [line.split(delimiter) for line in content.decode().splitlines()]
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        rows = random.choice(_TO_ROWS)(rows, random) or [[""]]
    return _written(rows, delimiter, random)


def spoiled_value(given, random: Random):
    """A TOML value of another kind, or out of every range."""
    choice = random.random()
    if choice < 0.4:
        return random.choice(WORDS)
    if choice < 0.65:
        return random.choice(NUMBERS)
    if choice < 0.75:
        return [spoiled_value(given, random) for _ in range(random.randrange(4))]
    if choice < 0.85:
        return {random.choice(WORDS): spoiled_value(given, random)}
    if choice < 0.92 and isinstance(given, str):
        return given + random.choice(WORDS)
    return random.choice(([given], {"x": given}, [given] * 3, [], {}, [[[]]]))


def spoiled_shape(table: dict, random: Random) -> dict:
    """A TOML table with keys removed, added, renamed, copied, or values replaced."""
    table = deepcopy(table)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        where = _a_place(table, random)
        _TO_KEYS[random.randrange(len(_TO_KEYS))](where, random)
    return table


def _a_place(table: dict, random: Random) -> dict:
    """The table itself or one within it."""
    places = [table]
    for place in places:
        places += [value for value in place.values() if isinstance(value, dict) and value]
    return random.choice(places)


# ------------------------------------------------------------------------------------ to the bytes


def _flip(content: bytes, random: Random) -> bytes:
    spoiled = bytearray(content or b"x")
    for _ in range(random.choice((1, 1, 3, 20))):
        spoiled[random.randrange(len(spoiled))] = random.randrange(256)
    return bytes(spoiled)


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _behead(content: bytes, random: Random) -> bytes:
    return content[random.randrange(len(content) + 1) :]


def _insert(content: bytes, random: Random) -> bytes:
    at = random.randrange(len(content) + 1)
    what = random.choice(
        (b"\0", b"\xff", b'"', b"'", b"\n", b"\r", b",", b"\xef\xbb\xbf", b"\x1a", b"[", b"=", b"#",
         b"\xed\xa0\x80", random.randbytes(5), random.choice(CELLS).encode("utf-8", "replace")[:50])
    )  # fmt: skip
    return content[:at] + what + content[at:]


def _without_a_slice(content: bytes, random: Random) -> bytes:
    start, end = sorted(random.randrange(len(content) + 1) for _ in range(2))
    return content[:start] + content[end:]


def _with_a_slice_twice(content: bytes, random: Random) -> bytes:
    start, end = sorted(random.randrange(len(content) + 1) for _ in range(2))
    return content[:end] + content[start:]


def _of_another_kind(content: bytes, random: Random) -> bytes:
    return random.choice(
        (b"", b"\n", b"\0" * 64, b"\xef\xbb\xbf", b"\xff\xfe", b"<html>404</html>", b"PK\x03\x04xx",
         b"", b"\n", b"\0" * 64, b"\xef\xbb\xbf", b"\xff\xfe", b"<html>404</html>",
         b"PK\x03\x04xx", b"\x1f\x8b\x08\x00", b"\x89HDF\r\n\x1a\n", b"PAR1",
         b"\x93NUMPY\x01\x00", b"%PDF-1.4", b"\x80\x04.", gzip.compress(content, mtime=0),
         content[::-1],
         random.randbytes(200), b"[" * 5000, b"a=" + b"[" * 5000, b"a = {b = " * 300,
         b".".join([b"a"] * 2000) + b" = 1",
         b"a = {b = " * 300, b".".join([b"a"] * 2000) + b" = 1")
    )  # fmt: skip


_BLOWS = (
    _flip, _flip, _cut, _cut, _behead, _insert, _insert, _without_a_slice, _with_a_slice_twice,
    _of_another_kind,
)  # fmt: skip


# ------------------------------------------------------------------------------------- to the rows


def _cells(rows: list[list[str]], random: Random) -> list[list[str]]:
    nasty = random.choice(CELLS)
    for _ in range(random.choice((1, 1, 3, 12))):
        row = random.choice(rows)
        if row:
            row[random.randrange(len(row))] = nasty
            nasty = random.choice((nasty, random.choice(CELLS)))
    return rows


def _heading(rows: list[list[str]], random: Random) -> list[list[str]]:
    row = rows[0]
    if row:
        row[random.randrange(len(row))] = random.choice((*CELLS, *row))
    return rows


def _column(rows: list[list[str]], random: Random) -> list[list[str]]:
    at, nasty = random.randrange(max(map(len, rows), default=0) + 1), random.choice(CELLS)
    for row in rows[random.randrange(2) :]:
        if at < len(row):
            row[at] = nasty
    return rows


def _dropped(rows: list[list[str]], random: Random) -> list[list[str]]:
    at = random.randrange(max(map(len, rows), default=0) + 1)
    return random.choice(
        (rows[1:], rows[:1], rows[:2], rows[:-1], [row[:at] + row[at + 1 :] for row in rows],
         [row[:1] for row in rows], [row[:at] for row in rows])
    )  # fmt: skip


def _doubled(rows: list[list[str]], random: Random) -> list[list[str]]:
    at = random.randrange(len(rows))
    return random.choice(
        (rows + rows, rows + rows[1:], [*rows, rows[at]], [row + row for row in rows],
         [row + row[1:] for row in rows], [[str(n), *row] for n, row in enumerate(rows)])
    )  # fmt: skip


def _ragged(rows: list[list[str]], random: Random) -> list[list[str]]:
    for row in random.sample(rows, min(len(rows), random.choice((1, 2, 9)))):
        row[random.randrange(len(row) + 1) :] = [""] * random.randrange(4)
    return rows


def _shifted(rows: list[list[str]], random: Random) -> list[list[str]]:
    width = max(map(len, rows), default=0)
    filled = [row + [""] * (width - len(row)) for row in rows]
    return random.choice(
        ([list(column) for column in zip(*filled, strict=True)], rows[::-1],
         [["# a remark"], *rows], [["sep=;"], *rows], [[], [], *rows], [row[::-1] for row in rows])
    )  # fmt: skip


def _wide(rows: list[list[str]], random: Random) -> list[list[str]]:
    count = random.choice((300, 2000))
    head, *rest = rows[:4]
    return [head + [f"c{n}" for n in range(count)], *(row + ["1"] * count for row in rest)]


_TO_ROWS = (
    _cells, _cells, _cells, _cells, _heading, _heading, _column, _column, _dropped, _doubled,
    _ragged, _shifted,
)  # fmt: skip
_TO_ROWS = (*_TO_ROWS * 3, _wide)


def _written(rows: list[list[str]], delimiter: str, random: Random) -> bytes:
    """The rows as a file, mostly as they were, else with another delimiter, newline or encoding."""
    if random.random() < 0.15:
        delimiter = random.choice(("\t", ",", ";", "|", " ", ", ", "::"))
    newline = random.choice(NEWLINES) if random.random() < 0.15 else "\n"
    text = newline.join(delimiter.join(row) for row in rows) + random.choice(("", newline))
    encoding = random.choice(ENCODINGS) if random.random() < 0.15 else "utf-8"
    return text.encode(encoding, "replace")


# ------------------------------------------------------------------------------------- to the keys


def _replace(table: dict, random: Random) -> None:
    if table:
        key = random.choice(list(table))
        table[key] = spoiled_value(table[key], random)


def _remove(table: dict, random: Random) -> None:
    if table:
        del table[random.choice(list(table))]


def _add(table: dict, random: Random) -> None:
    key = random.choice((*WORDS, *table))
    table[key + random.choice(("", "x", "."))] = spoiled_value("", random)


def _rename(table: dict, random: Random) -> None:
    if table:
        key = random.choice(list(table))
        table[random.choice(WORDS)] = table.pop(key)


def _swap(table: dict, random: Random) -> None:
    if len(table) > 1:
        one, other = random.sample(list(table), 2)
        table[one], table[other] = table[other], table[one]


_TO_KEYS = (_replace, _replace, _replace, _replace, _remove, _add, _rename, _swap)


# ------------------------------------------------------------------------------------ TOML as text


def toml(table: dict) -> str:
    """A dictionary as TOML, its tables written inline."""
    return "".join(f"{_text(key)} = {_value(value)}\n" for key, value in table.items())


def _value(value) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{_text(key)} = {_value(each)}" for key, each in value.items())
        return "{ " + inside + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    """A string in quotes; what TOML does not take as it is, is escaped."""
    inside = "".join(_escaped(letter) for letter in text)
    return f'"{inside}"'


def _escaped(letter: str) -> str:
    if letter in '"\\' or ord(letter) < 32 or ord(letter) == 127:
        return f"\\u{ord(letter):04x}"
    return letter
