"""Edge lists: read from any table with two columns of genes, and cleaned with a count for everything left out."""

from __future__ import annotations

import gzip
import logging
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from graphfuse.errors import Faults, InputError, examples, nearest

log = logging.getLogger(__name__)

PAIRS = (
    ("source", "target"), ("protein1", "protein2"), ("g1_symbol", "g2_symbol"), ("gene1", "gene2"),
    ("gene_a", "gene_b"), ("symbol1", "symbol2"), ("node1", "node2"), ("from", "to"),
)  # fmt: skip
SCORES = ("score", "weight", "combined_score", "conn", "confidence")
_VERSIONED = re.compile(r"^(ENS[A-Z]*\d{11})\.\d+$")
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?$")
_BROKEN = (OSError, EOFError, zlib.error, UnicodeError, ValueError)  # pandas and pyarrow faults are ValueErrors


@dataclass(frozen=True, eq=False)
class Edges:
    """Clean edges: `genes` sorted, `source` and `target` int64 `[E]`, `weight` float64 `[E]`, what was left out."""

    genes: tuple[str, ...]
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    cleaned: dict[str, int]


# --------------------------------------------------------------------------------------------------- reading


def read_edges(path: Path, source: str | None = None, target: str | None = None, score: str | None = None):
    """The edge list at `path` (csv, tsv, blanks, gz, parquet) as a frame `source, target[, score]`, nothing cleaned.

    With `source` and `target` named, those columns are taken; else known headers (`PAIRS`, `SCORES`), else the first
    two columns and a numeric third. A list without a header line is recognised. Symbols are categorical, scores
    float64. Raises `InputError` for files that cannot be read, unknown columns and scores that are no numbers.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; give an edge list (csv, tsv, gz, parquet) or the name of a card")
    try:
        frame, names = _parquet(path) if path.suffix == ".parquet" else _text(path)
        asked = (source, target, score) if source and target else None
        places = _named(path, names, asked) if asked else _guessed(path, names)
        edges = frame(places)
    except _BROKEN as error:
        raise InputError(f"{path}: cannot be read as an edge list ({_brief(error)}); give csv, tsv, gz or parquet") from None
    used = [names[place] for place in places]
    log.info("%s: columns %s read as source, target, score", path.name, used)
    return _typed(path, edges, used, sure=asked is not None or used[-1].lower() in SCORES)


def _parquet(path: Path):
    """A reader of chosen columns, and the names of all columns."""
    import pyarrow.parquet as pq

    names = [name for name in pq.read_schema(path).names if not name.startswith("__index_level_")]
    return lambda places: pd.read_parquet(path, columns=[names[p] for p in places]), names


def _text(path: Path):
    """A reader of chosen columns, and the names of all columns (`column 1`, … where the file has no header)."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
        start = file.read(65536).decode("utf-8-sig", errors="ignore").lstrip("\r\n")
    line = start.split("\n", 1)[0]
    if line.lstrip().startswith("<") or "\0" in start:
        raise ValueError("it holds a web page or binary data")
    if not line.strip():
        raise ValueError("it is empty")
    sep = next((mark for mark in ("\t", ",", ";") if mark in line), r"\s+")
    options = {"sep": sep, "encoding": "utf-8-sig", "index_col": False}
    head = pd.read_csv(path, header=None, nrows=200, dtype=str, **options)
    first = [str(name) if pd.notna(name) else "" for name in head.iloc[0]]
    titled = _is_header(first, head)
    names = first if titled else [f"column {i + 1}" for i in range(len(first))]

    def columns(places: list[int]) -> pd.DataFrame:
        kinds = dict.fromkeys(places[:2], "category")
        options.update(header=0 if titled else None, names=list(range(len(names))), usecols=places, dtype=kinds)
        return pd.read_csv(path, **options)[places]

    return columns, names


def _is_header(first: list[str], head: pd.DataFrame) -> bool:
    """Whether the first line names columns: known names, or no number in third place and no gene met again below."""
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
        raise InputError(f"{path}: expected two columns of gene symbols, got {names}; name them source, target[, score]")
    known = [i for i, name in enumerate(_lower(names)) if name in SCORES and i not in pair]
    after = [i for i in titled if i > max(pair)]
    return pair + (known or after)[:1]


def _named(path: Path, names: list[str], asked: tuple[str | None, ...]) -> list[int]:
    """Places of the asked columns; raises `InputError` with all that are not there."""
    faults = Faults(str(path))
    for name in asked:
        if name is not None and name not in names:
            faults.add(f"no column {name!r}{nearest(name, names)}; correct [edges] of the card")
    faults.stop()
    return [names.index(name) for name in asked if name is not None]


def _typed(path: Path, edges: pd.DataFrame, used: list[str], sure: bool) -> pd.DataFrame:
    """Columns as categorical symbols and float64 scores; a third column of text that nobody called a score is left."""
    pair = [edges.iloc[:, i].astype("category") for i in (0, 1)]
    frame = pd.DataFrame({"source": pair[0], "target": pair[1]})
    words = [str(symbol) for column in pair for symbol in column.cat.categories]
    if words and all(_NUMBER.match(word) for word in words):
        raise InputError(f"{path}: columns {used[:2]} hold numbers ({examples(words)}); map them to gene symbols")
    if edges.shape[1] > 2:
        raw = edges.iloc[:, 2]
        score = pd.to_numeric(raw, errors="coerce").astype(float)
        odd = raw[raw.notna() & score.isna()]
        if len(odd) and (sure or len(odd) < raw.notna().sum()):
            raise InputError(f"{path}: column {used[2]!r}: {len(odd)} scores are no numbers ({examples(odd)}); mend them")
        if not len(odd):
            frame["score"] = score
    return frame


def _brief(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# -------------------------------------------------------------------------------------------------- cleaning


def clean(edges: pd.DataFrame, *, min_score: float | None = None, directed: bool = False, where: str = "") -> Edges:
    """Edges that mean something, and counts of those left out, in this order.

    `blank_symbol`, `self_loop`, `missing_weight` (NaN, infinite), `nonpositive_weight`, `below_cut` (score less than
    `min_score`), then `duplicate` (the highest score stays) and, undirected, `both_directions`. Symbols keep their
    case; blanks around them and Ensembl versions go. Edges without a score weigh 1. Raises `InputError` when no edge
    is left, and when there is a cut but no score.
    """
    names, source, target = _coded(edges)
    weight = edges["score"].to_numpy(float) if "score" in edges else np.ones(len(edges))
    if min_score is not None and "score" not in edges:
        raise InputError(f"{where}: min_score = {min_score:g} but the edges have no score column; name one or drop the cut")
    faulty = {
        "blank_symbol": (source < 0) | (target < 0),
        "self_loop": source == target,
        "missing_weight": ~np.isfinite(weight),
        "nonpositive_weight": ~(weight > 0),
        "below_cut": np.zeros(len(edges), bool) if min_score is None else ~(weight >= min_score),
    }
    keep, cleaned = np.ones(len(edges), bool), {}
    for what, bad in faulty.items():
        cleaned[what] = int((keep & bad).sum())
        keep &= ~bad
    _check_left(keep, weight, min_score, cleaned, where)
    source, target, weight = _merged(source[keep], target[keep], weight[keep], directed, cleaned)
    used = np.unique(np.concatenate([source, target]))  # names are sorted, so the genes stay sorted
    genes = tuple(names[i] for i in used)
    return Edges(genes, np.searchsorted(used, source), np.searchsorted(used, target), weight, cleaned)


def _coded(edges: pd.DataFrame) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Sorted symbols, and source and target as int64 codes into them; -1 where blank."""
    pair = [edges[side].astype("category") for side in ("source", "target")]
    both = union_categoricals([column.cat.rename_categories(map(str, column.cat.categories)) for column in pair])
    tidy = [tidy_symbol(symbol) for symbol in both.categories]
    names = sorted({symbol for symbol in tidy if symbol})
    place = {symbol: i for i, symbol in enumerate(names)}
    codes = np.array([place.get(symbol, -1) for symbol in tidy] + [-1], np.int64)[both.codes]  # code -1: the last entry
    return names, codes[: len(edges)], codes[len(edges) :]


def tidy_symbol(symbol: str) -> str:
    """`symbol` without blanks around it and, for Ensembl ids, without version."""
    return _VERSIONED.sub(r"\1", symbol.strip())


def _merged(source, target, weight, directed: bool, cleaned: dict[str, int]):
    """Every edge once with its highest weight, sorted; undirected edges with source < target."""
    span = np.int64(max(source.max(), target.max()) + 1)
    arrows = len(np.unique(source * span + target))
    cleaned["duplicate"] = len(source) - arrows
    if not directed:
        source, target = np.minimum(source, target), np.maximum(source, target)
    key = source * span + target
    order = np.lexsort((-weight, key))
    first = np.r_[True, np.diff(key[order]) > 0]
    chosen = order[first]
    cleaned["both_directions"] = arrows - len(chosen)
    return source[chosen], target[chosen], weight[chosen]


def _check_left(keep: np.ndarray, weight: np.ndarray, min_score: float | None, cleaned: dict, where: str) -> None:
    """Raises `InputError` when nothing is left; warns when the cut is on another scale than the scores."""
    finite = weight[np.isfinite(weight)]
    span = f"scores run from {finite.min():g} to {finite.max():g}" if len(finite) else "no score is a number"
    if not keep.any():
        why = ", ".join(f"{what} {count:,}" for what, count in cleaned.items() if count) or "the list is empty"
        cure = f"lower min_score ({min_score:g})" if cleaned["below_cut"] else "check the columns"
        raise InputError(f"{where}: none of {len(keep):,} edges is left ({why}); {span}; {cure}")
    if min_score is not None and 0 < min_score <= 1 < finite.min():
        log.warning("%s: min_score = %g cuts nothing: %s", where, min_score, span)
