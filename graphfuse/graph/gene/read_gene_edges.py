"""Edge lists of genes from files: which columns hold the genes and the score, nothing cleaned."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.read.decimal_marks import shapes_of
from graphfuse.errors import Faults, InputError, examples, nearest
from graphfuse.graph.pair_table import PairTable
from graphfuse.graph.read_edges import known_ends, plain_headings, read_edges

log = logging.getLogger(__name__)

# Headings of the two columns of genes, symbols before ids of other kinds.
PAIRS = (
    ("source_genesymbol", "target_genesymbol"),
    ("official symbol interactor a", "official symbol interactor b"),
    ("g1_symbol", "g2_symbol"), ("symbol1", "symbol2"), ("symbol_a", "symbol_b"),
    ("gene1", "gene2"), ("gene_a", "gene_b"), ("gene_1", "gene_2"), ("genea", "geneb"),
    ("source", "target"), ("participant_a", "participant_b"), ("protein1", "protein2"),
    ("protein_a", "protein_b"), ("interactor_a", "interactor_b"), ("node1", "node2"),
    ("from", "to"), ("tf", "target"),
)  # fmt: skip
SCORES = ("score", "weight", "combined_score", "conn", "confidence", "confidence_score")
PRIOR = 0.041  # STRING's chance of any two proteins being linked, part of every evidence score
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?$")


def read_gene_edges(
    path: Path,
    source: str | None = None,
    target: str | None = None,
    score: str | list[str] | None = None,
) -> pd.DataFrame:
    """The gene edges in a file, nothing cleaned.

    Parameters
    ----------
    path : Path
        Text (see `pair_table`), SIF or Parquet.
    source, target : str, optional
        The columns of genes; by default known headings (`PAIRS`), else the first two columns, or
        the first and third where a relation stands between them.
    score : str or list of str, optional
        The score, or several that are combined (`combined`), taken where the genes are named. By
        default a column with a known heading (`SCORES`), else the column behind the genes where its
        numbers are clearly a score.

    Returns
    -------
    pd.DataFrame
        `source, target[, score]`: categorical symbols, float64 scores.

    Raises
    ------
    InputError
        For files that cannot be read, unknown columns and scores that are no numbers.
    """
    scores = [score] if isinstance(score, str) else score or []
    asked = [source, target, *scores] if source and target else []
    edges = read_edges(
        path,
        partial(_is_heading, asked=asked),
        partial(_asked_columns, asked=asked) if asked else _guessed_columns,
        wanted="an edge list (csv, tsv, gz, parquet) or the name of a card",
    )
    scored = edges.headings[2:]
    log.info(
        "%s: columns %s read as source and target, %s", path.name, edges.headings[:2],
        f"{scored} as score" if scored else "none as score: every edge weighs 1",
    )  # fmt: skip
    columns = {
        "source": _symbols(path, edges.source, edges.headings[0]),
        "target": _symbols(path, edges.target, edges.headings[1]),
    }
    if len(scored) == 1:
        columns["score"] = edges.scores[0]
    elif scored:
        columns["score"] = combined(np.column_stack(edges.scores))
    return pd.DataFrame(columns)


def _symbols(path: Path, names: pd.Series, heading: str) -> pd.Series:
    """A column of genes as categories; raises `InputError` where it holds numbers."""
    names = names.astype("category")
    words = [str(symbol) for symbol in names.cat.categories]
    if words and all(_NUMBER.match(word) for word in words):
        raise InputError(
            f"{path}: column {heading!r} holds numbers ({examples(words)}), Entrez ids maybe; "
            "map them to gene symbols, or call the columns of symbols source and target"
        )
    return names


def combined(channels: np.ndarray) -> np.ndarray:
    """One score of each edge from several evidence channels, on their scale.

    With s a score without the prior p, the score is p + (1 - p) (1 - Π (1 - s)). STRING combines
    its channels so, and corrects for homology besides; a network can do without text mining this
    way.

    Parameters
    ----------
    channels : np.ndarray
        `[E, C]`, from 0 to 1, or from 0 to 1,000 where a score is greater than 1; NaN for no
        evidence.

    Returns
    -------
    np.ndarray
        `[E]`; 0 for edges without evidence beyond the prior.

    References
    ----------
    von Mering et al. 2005, doi:10.1093/nar/gki005.
    """
    scale = 1000.0 if np.nanmax(channels, initial=0.0) > 1 else 1.0
    beyond_prior = (channels / scale - PRIOR) / (1 - PRIOR)
    beyond_prior = np.nan_to_num(np.clip(beyond_prior, 0, None))  # [E, C]
    linked = 1 - np.prod(1 - beyond_prior, axis=1)  # [E]
    score = np.where(linked > 0, PRIOR + (1 - PRIOR) * linked, 0.0)
    return scale * score


# ------------------------------------------------------------------------------------------ columns


def _is_heading(first: list[str], rows: pd.DataFrame, asked: Collection[str]) -> bool:
    """Whether the first line names columns: by known or asked headings, or because its third cell
    is no number and neither gene of it appears below."""
    if known_ends(first, PAIRS) is not None or set(asked) & set(first):
        return True
    if len(first) > 2 and _NUMBER.match(first[2]):
        return False
    cells_below = rows.iloc[:, :3].to_numpy().ravel()
    return not set(first[:2]) & set(cells_below)


def _asked_columns(table: PairTable, asked: list[str]) -> tuple[list[int], list[int]]:
    """Positions of the columns asked for; raises `InputError` with all that are not there."""
    names = list(table.names or ())
    faults = Faults(str(table.path))
    for name in asked:
        if name not in names:
            faults.add(f"no column {name!r}{nearest(name, names)}; correct [edges] of the card")
    faults.stop()
    places = [names.index(name) for name in asked]
    return places[:2], places[2:]


def _guessed_columns(table: PairTable) -> tuple[list[int], list[int]]:
    """Positions of source and target, and of the score where there is one."""
    names = [table.heading(place) for place in range(table.width)]
    titled = [place for place, name in enumerate(names) if _is_title(name)]
    ends = known_ends(names, PAIRS) or _around_relation(table, titled) or titled[:2]
    if len(ends) < 2:
        raise InputError(
            f"{table.path}: expected two columns of gene symbols, got {names}; name them "
            "source, target[, score]"
        )
    others = [place for place in titled if place not in ends]
    return ends, _guessed_score(table, names, others, max(ends))


def _is_title(name: str) -> bool:
    """Whether a heading names a column: it is not blank, nor what pandas calls an index."""
    return bool(name.strip()) and not name.startswith("Unnamed")


def _guessed_score(
    table: PairTable, names: list[str], others: list[int], last_end: int
) -> list[int]:
    """The position of the score among the `others`: a known heading, else the column behind the
    genes where it is clearly a score; empty where there is none."""
    plain = plain_headings(names)
    for place in others:
        if plain[place] in SCORES and not _is_mostly_blank(table, place):
            return [place]
    behind = [place for place in others if place > last_end][:1]
    return [place for place in behind if _is_score(table, place)]


def _around_relation(table: PairTable, titled: list[int]) -> list[int] | None:
    """Positions of the genes where a relation stands between them, as in `TP53 activates MDM2`:
    words that repeat, and are no genes of the columns beside them."""
    if len(titled) < 3:
        return None
    first, between, second = (set(table.head[place].dropna()) for place in titled[:3])
    has_numbers = any(_NUMBER.match(str(cell)) for cell in (*between, *second))
    repeats = len(between) <= len(table.head) / 2
    if has_numbers or not repeats or between & (first | second):
        return None
    few = len(second) <= len(between)  # a word on each edge, not another gene
    return None if few or not first & second else [titled[0], titled[2]]


def _cells(table: PairTable, place: int) -> pd.Series:
    """What the first rows hold in a column."""
    return table.head[place].dropna().astype(str).str.strip()


def _is_mostly_blank(table: PairTable, place: int) -> bool:
    """Whether most rows have no number in a column, as BioGRID's have no score."""
    blank = _cells(table, place).isin(["", "-", "."])
    return (~blank).sum() < len(table.head) / 2


def _is_score(table: PairTable, place: int) -> bool:
    """Whether a column without a known heading is clearly a score: it holds numbers, and not only 0
    and 1, as flags such as is_directed are; under a heading, they have decimals."""
    cells = _cells(table, place)
    shapes = shapes_of(cells)
    if not len(cells) or not shapes.are_numbers:
        return False
    if cells.isin(["0", "1", "0.0", "1.0"]).all():
        return False
    has_decimals = bool(set(shapes.cells) - {"whole"})
    return table.names is None or has_decimals
