"""Two thousand generated tables, read to what was written, or refused: none wrong in silence.

The oracle is the generator: it knows every id, name and cell before they are written down in some
dialect. A failure names the seed; `made(seed)` makes the same table again.
"""

import gzip
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.read import read_table
from graphfuse.errors import InputError

TABLES = 2000
BATCH = 100
MISSING = ["", "", "NA", "NaN", "null", "?", "-", "n/a", "."]
WORDS = ["low", "high", "a b", "stage IIIA", "#N", "it's", "x=1", "1_2", "12 mg", "45%", "90+"]
SPECIAL = ["a;b", "x, y", "tab\there", 'say "hi"', "two\nlines", "three\n\nlines", '"', "end,"]
FOREIGN = ["Größe", "naïve", "µg/l", "§ 5"]
BEYOND_LATIN = ["p\u2028q", "p\x85q", "日本", "αβ", "🧬", "p\x0cq"]
NAMES = ["TP53", "age", "Age (years)", "x.1", "bmi", "g7", "ESR1_HUMAN", "HLA-A", "level at day 2"]
SPECIAL_NAMES = ["age\n(years)", 'the "real" one', "a, b", "c;d", "e\tf", "l1\nl2\nl3"]


@dataclass
class Table:
    """A table, how it is written, and the bytes of the file."""

    names: list[str]
    ids: list[str]
    columns: list[list]  # float (NaN where missing) or str or None
    cells: list[list[str]]  # by column, as written
    points: list[list[str]]  # as written, but with decimal points
    delimiter: str
    decimal: str
    encoding: str
    content: bytes = b""
    ending: str = "csv"
    repeated: bool = False
    texts: list[str] = field(default_factory=list)  # the pieces of each record
    newline: str = "\n"
    comments: str = ""


def made(seed):
    """The table of this seed."""
    rng = np.random.default_rng([11, seed])
    rows, width = int(rng.integers(1, 25)), int(rng.integers(1, 9))
    if seed % 500 == 7:
        rows, width = 3, 10_000
    elif seed % 200 == 9:
        rows = 3_000
    delimiter = str(rng.choice([",", ";", "\t"]))
    quoting = str(rng.choice(["minimal", "all", "words", "none"]))
    encoding = str(rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]))
    decimal = "," if rng.random() < 0.3 and (delimiter != "," or quoting != "none") else "."
    pool, names = pools(quoting, encoding)
    columns, cells, points = [], [], []
    for _ in range(width):
        values, written = column(rng, rows, pool, decimal)
        columns.append(values)
        points.append(written)
        is_number = isinstance(values[0], float)
        cells.append([cell.replace(".", decimal) if is_number and cell != "." else cell
                      for cell in written])  # fmt: skip
    heading, repeated = heading_of(rng, width, names)
    table = Table(heading, ids_of(rng, rows, encoding), columns, cells, points, delimiter, decimal,
                  encoding, repeated=repeated)  # fmt: skip
    write(rng, table, quoting)
    return table


def pools(quoting, encoding):
    """Words for cells and names that this dialect can write."""
    words, names = list(WORDS), list(NAMES)
    if quoting != "none":
        words += SPECIAL
        names += SPECIAL_NAMES
    if encoding not in ("cp1252", "latin-1"):
        words += BEYOND_LATIN
        names += ["größe", "β-catenin", "名前"]
    return words + FOREIGN, names


def column(rng, rows, pool, decimal):
    """Values, and the cells they are written as (with decimal points)."""
    kind = rng.choice(["float", "full", "whole", "word", "truth", "small", "tiny"])
    gaps = rng.random(rows) < rng.choice([0, 0, 0.2])
    if kind == "word":
        words = [str(rng.choice(pool)) for _ in range(rows)]
        words[0] = str(rng.choice(["low", "1_2"]))
        return words, [f" {word} " if rng.random() < 0.05 else word for word in words]
    if kind == "truth":
        truths = rng.random(rows) < 0.5
        if decimal == ".":
            written = [
                "" if gap else str(truth).upper() for truth, gap in zip(truths, gaps, strict=True)
            ]
            values = [np.nan if gap else float(t) for t, gap in zip(truths, gaps, strict=True)]
            return values, written
    numbers = rng.normal(0, 1, rows) * 10.0 ** rng.integers(-1, 3)
    if kind == "tiny":
        written = [f"{x / 1e9:.18f}" for x in numbers]
    elif kind == "float":
        written = [f"{x:.4f}" for x in numbers]
    elif kind == "small":
        written = [f"{x:.3e}" for x in numbers]
    elif kind == "whole" or kind == "truth":
        written = [f"{x:.0f}" for x in numbers]
    else:
        written = [repr(float(x)) for x in numbers]
    values = [float(text) for text in written]
    for at in np.flatnonzero(gaps):
        values[at], written[at] = np.nan, str(rng.choice(MISSING))
    return values, written


def heading_of(rng, width, pool):
    """Names of the id column and the others; some are repeated on purpose."""
    first = str(rng.choice(["id", "", "patient", "Patient ID", "sample"]))
    names = [f"{rng.choice(pool)} {at}" if rng.random() < 0.9 else f"g{at}" for at in range(width)]
    repeated = width > 1 and rng.random() < 0.05
    if repeated:
        names[-1] = names[0]
    return [first, *names], repeated


def ids_of(rng, rows, encoding):
    """Ids of one kind, none twice."""
    numbers = rng.permutation(rows * 3)[:rows]
    kind = rng.choice(["P{:03d}", "TCGA-A1-{:04d}", "00{:04d}x", "é{}" if encoding else "", "s {}"])
    return [str(kind).format(number) for number in numbers]


def write(rng, table, quoting):
    """Fills in the bytes."""
    newline = str(rng.choice(["\n", "\n", "\r\n", "\r"]))
    records = [table.names, *(list(row) for row in zip(table.ids, *table.cells, strict=True))]
    numbers = [False, *(isinstance(column[0], float) for column in table.columns)]
    pieces = []
    for at, record in enumerate(records):
        piece = [
            enclosed(cell, table.delimiter, quoting, is_number and at > 0)
            for cell, is_number in zip(record, numbers, strict=True)
        ]
        pieces.append(table.delimiter.join(piece))
    if rng.random() < 0.1:
        table.comments = f"# made by hand{newline}#STRING, not a heading{newline}"
    table.texts, table.newline = pieces, newline
    end = newline if rng.random() < 0.8 else ""
    text = table.comments + newline.join(pieces) + end
    table.content = text.encode(table.encoding)
    table.ending = str(rng.choice(["csv", "tsv", "txt"])) + str(rng.choice(["", "", ".gz"]))


def enclosed(cell, delimiter, quoting, is_number):
    """The cell as this dialect writes it."""
    needed = any(mark in cell for mark in (delimiter, '"', "\n", "\r"))
    if quoting == "none" and not needed:
        return cell
    if quoting == "all" or needed or (quoting == "words" and not is_number):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def put(folder, content, ending):
    path = folder / f"t.{ending}"
    path.write_bytes(gzip.compress(content, 1, mtime=0) if ending.endswith("gz") else content)
    return path


def differs(table, got, rows=None):
    """What a frame has otherwise than the table, in words; None where nothing."""
    rows = len(table.ids) if rows is None else rows
    if list(got.index) != table.ids[:rows]:
        return "ids"
    names = [name.strip() for name in table.names[1:]]
    if list(got.columns) != names:
        return f"names {list(got.columns)[:5]} for {names[:5]}"
    for at, column in enumerate(table.columns):
        cells = got.iloc[:, at]
        wanted = column[:rows]
        if rows and isinstance(column[0], float):
            if not pd.api.types.is_numeric_dtype(cells):
                return f"column {at} is text"
            if not np.allclose(cells.to_numpy(float), wanted, rtol=1e-12, atol=0, equal_nan=True):
                return f"column {at}: numbers"
        elif list(cells) != [word.strip() for word in wanted]:
            return f"column {at}: words {list(cells)[:5]} for {wanted[:5]}"
    return None


def equals(table, got):
    """Whether a frame is the table."""
    return differs(table, got) is None


def texts_differ(table, got):
    """The same for a frame read as text."""
    for at, column in enumerate(table.points):
        wanted = [cell.strip() for cell in column]
        cells = got.iloc[:, at].fillna("").tolist()
        if cells != wanted:
            return f"column {at} as text: {cells[:5]} for {wanted[:5]}"
    return None


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("batch", range(TABLES // BATCH))
def test_every_table_is_read_to_what_was_written(tmp_path, batch):
    wrong = []
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        table = made(seed)
        path = put(tmp_path, table.content, table.ending)
        try:
            said = differs(table, read_table(path))
            said = said or texts_differ(table, read_table(path, as_text=True))
        except InputError as error:
            said = None if table.repeated and "more than once" in str(error) else str(error)
        if said:
            wrong.append(f"seed {seed}: {said}")
    assert not wrong, "\n".join(wrong)


def damaged(rng, table):
    """The content with one damage, and what kind; None where this kind cannot befall the table."""
    kind = str(rng.choice(["cut", "field", "quote"]))
    text = table.content.decode(table.encoding)
    if kind == "cut":
        cut = int(rng.integers(1, len(table.content)))
        return kind, table.content[:cut]
    if kind == "quote":
        places = [at for at, letter in enumerate(text) if letter == '"']
        if not places:
            return kind, None
        at = int(rng.choice(places))
        return kind, (text[:at] + text[at + 1 :]).encode(table.encoding)
    record = int(rng.integers(0, len(table.texts)))
    lines = list(table.texts)
    fields = lines[record].split(table.delimiter)
    if len(fields) != len(table.names):  # a delimiter within quotes
        return kind, None
    del fields[int(rng.integers(0, len(fields)))]
    lines[record] = table.delimiter.join(fields)
    if not lines[record].strip():
        return kind, None  # a blank line, as stands in many files
    return kind, (table.comments + table.newline.join(lines)).encode(table.encoding)


def is_beginning(table, got):
    """Whether a frame is how the table begins, its last cell perhaps cut.

    A file that ends there is a table like any other: nothing tells that it was longer.
    """
    rows = len(got)
    if not rows:
        return True  # cut within the heading: no value is read
    if got.shape[1] != len(table.columns) or rows > len(table.ids):
        return False
    if list(got.index) != table.ids[:rows]:
        return False
    for at, column in enumerate(table.columns):
        cells = got.iloc[:, at]
        known = rows - (at == len(table.columns) - 1)
        if isinstance(column[0], float) and not pd.api.types.is_numeric_dtype(cells):
            continue  # text among numbers is refused by whoever asks for numbers
        if isinstance(column[0], float):
            near = np.allclose(cells[:known].astype(float), column[:known], 1e-12, 0, True)
        else:
            near = list(cells[:known]) == [word.strip() for word in column[:known]]
        if not near:
            return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(TABLES // BATCH))
def test_a_damaged_table_is_refused_where_the_damage_left_a_sign(tmp_path, batch):
    wrong, refused, tried = [], 0, 0
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        table = made(seed)
        if len(table.content) > 50_000:
            continue
        kind, content = damaged(np.random.default_rng([12, seed]), table)
        if content is None:
            continue
        tried += 1
        path = put(tmp_path, content, table.ending)
        try:
            got = read_table(path)
        except InputError as error:
            assert "Error" not in str(error), f"seed {seed}: {error}"
            refused += 1
            continue
        is_read_right = is_beginning if kind == "cut" else equals
        if not is_read_right(table, got):
            wrong.append(f"seed {seed}: {kind}")
    assert not wrong, "\n".join(wrong)
    assert refused > tried / 2
