"""Edge lists: read from any table with two columns of genes, and cleaned with a count for
everything left out."""

from __future__ import annotations

import gzip
import logging
import re
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.errors import Faults, InputError, examples, nearest

log = logging.getLogger(__name__)

PAIRS = (
    ("source", "target"), ("protein1", "protein2"), ("g1_symbol", "g2_symbol"), ("gene1", "gene2"),
    ("gene_a", "gene_b"), ("symbol1", "symbol2"), ("node1", "node2"), ("from", "to"),
)  # fmt: skip
SCORES = ("score", "weight", "combined_score", "conn", "confidence")
PRIOR = 0.041  # STRING's chance of any two proteins being linked, part of every evidence score
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?$")
BROKEN = (
    OSError,
    EOFError,
    zlib.error,
    UnicodeError,
    ValueError,
)  # pandas and pyarrow faults are ValueErrors


# ------------------------------------------------------------------------------------------ reading


def read_edges(
    path: Path,
    source: str | None = None,
    target: str | None = None,
    score: str | list[str] | None = None,
):
    """The edge list at `path` (csv, tsv, blanks, gz, parquet) as a frame `source, target[, score]`,
    nothing cleaned.

    With `source` and `target` named, those columns are taken, and several columns of `score`
    combined (`combined`); else known headers (`PAIRS`, `SCORES`), else the first two columns and a
    numeric third. A list without a header line is recognised. Symbols are categorical, scores
    float64. Raises `InputError` for files that cannot be read, unknown columns and scores that are
    no numbers.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; give an edge list (csv, tsv, gz, parquet) or the name of a card"
        )
    try:
        frame, names = _parquet(path) if path.suffix == ".parquet" else _text(path)
        scores = [score] if isinstance(score, str) else score or []
        asked = (source, target, *scores) if source and target else None
        places = _named(path, names, asked) if asked else _guessed(path, names)
        edges = frame(places)
    except BROKEN as error:
        raise InputError(
            f"{path}: cannot be read as an edge list ({brief(error)}); give csv, tsv, gz or parquet"
        ) from None
    used = [names[place] for place in places]
    log.info("%s: columns %s read as source, target, score", path.name, used)
    return _typed(path, edges, used, sure=asked is not None or used[-1].lower() in SCORES)


def _parquet(path: Path):
    """A reader of chosen columns, and the names of all columns."""
    import pyarrow.parquet as pq

    names = [name for name in pq.read_schema(path).names if not name.startswith("__index_level_")]
    return lambda places: pd.read_parquet(path, columns=[names[p] for p in places]), names


def _text(path: Path):
    """A reader of chosen columns, and the names of all columns (`column 1`, … where the file has no
    header)."""
    sep, _ = opening(path)
    options = {"sep": sep, "encoding": "utf-8-sig", "index_col": False}
    head = pd.read_csv(path, header=None, nrows=200, dtype=str, **options)
    first = [str(name) if pd.notna(name) else "" for name in head.iloc[0]]
    titled = _is_header(first, head)
    names = first if titled else [f"column {i + 1}" for i in range(len(first))]

    def columns(places: list[int]) -> pd.DataFrame:
        kinds = dict.fromkeys(places[:2], "category")
        options.update(
            header=0 if titled else None, names=list(range(len(names))), usecols=places, dtype=kinds
        )
        return pd.read_csv(path, **options)[places]

    return columns, names


def opening(path: Path) -> tuple[str, list[str]]:
    """What separates the columns of a text table (plain or gz), and the cells of its first line.
    Raises `ValueError` for what is no text."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
        start = file.read(65536).decode("utf-8-sig", errors="ignore").lstrip("\r\n")
    line = start.split("\n", 1)[0]
    if line.lstrip().startswith("<") or "\0" in start:
        raise ValueError("it holds a web page or binary data")
    if not line.strip():
        raise ValueError("it is empty")
    sep = next((mark for mark in ("\t", ",", ";") if mark in line), r"\s+")
    return sep, re.split(sep, line.strip("\r\n"))


def _is_header(first: list[str], head: pd.DataFrame) -> bool:
    """Whether the first line names columns: known names, or no number in third place and no gene
    met again below."""
    if _known(first) is not None:
        return True
    numeric = len(first) > 2 and bool(_NUMBER.match(first[2]))
    return not numeric and not set(first[:2]) & set(head.iloc[1:, :2].to_numpy().ravel())


def _lower(names: list[str]) -> list[str]:
    return [name.strip().lstrip("#").lower() for name in names]


def _known(names: list[str]) -> list[int] | None:
    """Places of source and target when the header is a known one."""
    names = _lower(names)
    pair = next((pair for pair in PAIRS if pair[0] in names and pair[1] in names), None)
    return pair and [names.index(pair[0]), names.index(pair[1])]


def _guessed(path: Path, names: list[str]) -> list[int]:
    """Places of source, target and, where there may be one, score."""
    titled = [i for i, name in enumerate(names) if name.strip() and not name.startswith("Unnamed")]
    pair = _known(names) or titled[:2]
    if len(pair) < 2:
        raise InputError(
            f"{path}: expected two columns of gene symbols, got {names}; name them source, "
            "target[, score]"
        )
    known = [i for i, name in enumerate(_lower(names)) if name in SCORES and i not in pair]
    after = [i for i in titled if i > max(pair)]
    return pair + (known or after)[:1]


def _named(path: Path, names: list[str], asked: tuple[str, ...]) -> list[int]:
    """Places of the asked columns; raises `InputError` with all that are not there."""
    faults = Faults(str(path))
    for name in asked:
        if name not in names:
            faults.add(f"no column {name!r}{nearest(name, names)}; correct [edges] of the card")
    faults.stop()
    return [names.index(name) for name in asked]


def _typed(path: Path, edges: pd.DataFrame, used: list[str], sure: bool) -> pd.DataFrame:
    """Columns as categorical symbols and float64 scores; a third column of text that nobody called
    a score is left."""
    pair = [edges.iloc[:, i].astype("category") for i in (0, 1)]
    frame = pd.DataFrame({"source": pair[0], "target": pair[1]})
    words = [str(symbol) for column in pair for symbol in column.cat.categories]
    if words and all(_NUMBER.match(word) for word in words):
        raise InputError(
            f"{path}: columns {used[:2]} hold numbers ({examples(words)}); map them to gene symbols"
        )
    scores = [_numbers(path, edges.iloc[:, i], used[i], sure) for i in range(2, edges.shape[1])]
    if scores and scores[0] is not None:
        frame["score"] = scores[0] if len(scores) == 1 else combined(np.column_stack(scores))
    return frame


def _numbers(path: Path, raw: pd.Series, name: str, sure: bool) -> np.ndarray | None:
    """A column as float64, `None` where it is text that nobody called a score."""
    score = pd.to_numeric(raw, errors="coerce").astype(float)
    odd = raw[raw.notna() & score.isna()]
    if len(odd) and (sure or len(odd) < raw.notna().sum()):
        raise InputError(
            f"{path}: column {name!r}: {len(odd)} scores are no numbers ({examples(odd)}); "
            "mend them"
        )
    return None if len(odd) else score.to_numpy()


def combined(channels: np.ndarray) -> np.ndarray:
    """One score `[E]` from evidence channels `[E, C]`, on their scale: p + (1 - p) (1 - Π (1 - s)),
    s without the prior p.

    As STRING combines its channels (von Mering et al. 2005, doi:10.1093/nar/gki005), less its
    correction for homology; so that a network can do without text mining. Scales: 0 to 1, or 0 to
    1,000 where a score is greater than 1. Edges without evidence beyond the prior score 0.
    """
    scale = 1000.0 if np.nanmax(channels, initial=0.0) > 1 else 1.0
    beyond = np.clip((channels / scale - PRIOR) / (1 - PRIOR), 0, None)
    linked = 1 - np.prod(1 - np.nan_to_num(beyond), axis=1)
    return scale * np.where(linked > 0, PRIOR + (1 - PRIOR) * linked, 0.0)


def brief(error: Exception) -> str:
    """The first line of an error of another library."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# ----------------------------------------------------------------------------------------- cleaning
