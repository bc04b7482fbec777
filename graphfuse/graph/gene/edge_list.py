"""Edge lists: read from any table with two columns of genes, nothing cleaned yet."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.read.decimal_marks import shapes_of
from graphfuse.errors import Faults, InputError, examples, nearest
from graphfuse.graph.pair_table import BROKEN, PairTable, as_numbers, brief, pair_table

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


# ------------------------------------------------------------------------------------------ reading


def read_edges(
    path: Path,
    source: str | None = None,
    target: str | None = None,
    score: str | list[str] | None = None,
) -> pd.DataFrame:
    """The edge list in a file, nothing cleaned.

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
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; give an edge list (csv, tsv, gz, parquet) or the name of a card"
        )
    scores = [score] if isinstance(score, str) else score or []
    asked = (source, target, *scores) if source and target else ()
    try:
        table = pair_table(path, lambda first, rows: _is_heading(first, rows, asked))
        pair, scored = _named(table, asked) if asked else _guessed(table)
        places = [*pair, *scored]
        edges = table.read(places, dict.fromkeys(pair, "category"))
    except InputError:  # which says more, and is a ValueError
        raise
    except BROKEN as error:
        raise InputError(
            f"{path}: cannot be read as an edge list ({brief(error)}); give csv, tsv, gz or parquet"
        ) from None
    used = [_called(table, place) for place in places]
    log.info(
        "%s: columns %s read as source and target, %s", path.name, used[:2],
        f"{used[2:]} as score" if scored else "none as score: every edge weighs 1",
    )  # fmt: skip
    return _typed(path, edges, used)


def _called(table: PairTable, place: int) -> str:
    """A column's heading, or its number where it has none."""
    return f"column {place + 1}" if table.names is None else table.names[place]


def _is_heading(first: list[str], rows: pd.DataFrame, asked: tuple[str, ...]) -> bool:
    """Whether the first line names columns: known or asked names, or no number in third place and
    no gene met again below."""
    if _known(first) is not None or set(asked) & set(first):
        return True
    numeric = len(first) > 2 and bool(_NUMBER.match(first[2]))
    return not numeric and not set(first[:2]) & set(rows.iloc[:, :3].to_numpy().ravel())


def _lower(names: list[str] | tuple[str, ...]) -> list[str]:
    return [name.strip().lstrip("#").lower() for name in names]


def _known(names: list[str] | tuple[str, ...]) -> list[int] | None:
    """Places of source and target when the header is a known one."""
    names = _lower(names)
    pair = next((pair for pair in PAIRS if pair[0] in names and pair[1] in names), None)
    return pair and [names.index(pair[0]), names.index(pair[1])]


def _guessed(table: PairTable) -> tuple[list[int], list[int]]:
    """Places of source and target, and of the score where there is one."""
    names = table.names or tuple(f"column {i + 1}" for i in range(table.width))
    titled = [i for i, name in enumerate(names) if name.strip() and not name.startswith("Unnamed")]
    pair = _known(names) or _around_relation(table, titled) or titled[:2]
    if len(pair) < 2:
        raise InputError(
            f"{table.path}: expected two columns of gene symbols, got {list(names)}; name them "
            "source, target[, score]"
        )
    others = [i for i in titled if i not in pair]
    known = [i for i in others if _lower(names)[i] in SCORES and not _is_mostly_blank(table, i)]
    after = [i for i in others if i > max(pair)][:1]
    clear = [i for i in after if _is_score(table, i)]
    return pair, (known or clear)[:1]


def _around_relation(table: PairTable, titled: list[int]) -> list[int] | None:
    """Places of the genes where a relation stands between them, as in `TP53 activates MDM2`: words
    that repeat, and are no genes of the columns beside them."""
    if len(titled) < 3:
        return None
    first, between, second = (set(table.head[place].dropna()) for place in titled[:3])
    numbers = any(_NUMBER.match(str(cell)) for cell in (*between, *second))
    repeats = len(between) <= len(table.head) / 2
    if numbers or not repeats or between & (first | second):
        return None
    few = len(second) <= len(between)  # a word on each edge, not another gene
    return None if few or not first & second else [titled[0], titled[2]]


def _cells(table: PairTable, place: int) -> pd.Series:
    """What the first rows hold in a column."""
    return table.head[place].dropna().astype(str).str.strip()


def _is_mostly_blank(table: PairTable, place: int) -> bool:
    """Whether most rows have no number in a column, as BioGRID's have no score."""
    filled = (~_cells(table, place).isin(["", "-", "."])).sum()
    return filled < len(table.head) / 2


def _is_score(table: PairTable, place: int) -> bool:
    """Whether a column that nobody called a score is clearly one: numbers, and not only 0 and 1, as
    flags such as is_directed are; under a heading, with decimals."""
    cells = _cells(table, place)
    shapes = shapes_of(cells)
    if not len(cells) or not shapes.are_numbers:
        return False
    decimals = set(shapes.cells) - {"whole"}
    flags = cells.isin(["0", "1", "0.0", "1.0"]).all()
    return not flags and (table.names is None or bool(decimals))


def _named(table: PairTable, asked: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Places of the asked columns; raises `InputError` with all that are not there."""
    names, faults = list(table.names or ()), Faults(str(table.path))
    for name in asked:
        if name not in names:
            faults.add(f"no column {name!r}{nearest(name, names)}; correct [edges] of the card")
    faults.stop()
    places = [names.index(name) for name in asked]
    return places[:2], places[2:]


def _typed(path: Path, edges: pd.DataFrame, used: list[str]) -> pd.DataFrame:
    """Columns as categorical symbols and float64 scores. Raises `InputError` where a column of
    genes holds numbers."""
    pair = [edges.iloc[:, i].astype("category") for i in (0, 1)]
    for name, column in zip(used, pair, strict=False):
        words = [str(symbol) for symbol in column.cat.categories]
        if words and all(_NUMBER.match(word) for word in words):
            raise InputError(
                f"{path}: column {name!r} holds numbers ({examples(words)}), Entrez ids maybe; "
                "map them to gene symbols, or call the columns of symbols source and target"
            )
    frame = pd.DataFrame({"source": pair[0], "target": pair[1]})
    scores = [_numbers(path, edges.iloc[:, i], used[i]) for i in range(2, edges.shape[1])]
    if scores:
        frame["score"] = scores[0] if len(scores) == 1 else combined(np.column_stack(scores))
    return frame


def _numbers(path: Path, raw: pd.Series, name: str) -> np.ndarray:
    """A column of scores as float64; raises `InputError` for what is no number."""
    score, odd = as_numbers(raw, name, path)
    if odd:
        raise InputError(
            f"{path}: column {name!r}: {len(odd)} scores are no numbers ({examples(odd)}); "
            "mend them"
        )
    return score


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
