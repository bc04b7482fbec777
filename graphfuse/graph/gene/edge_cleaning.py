"""Cleaning of gene edges: what is kept, and a count for everything that is left out."""

from __future__ import annotations

import logging
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from graphfuse.data.genes.ensembl import is_ensembl_id, plain_id
from graphfuse.errors import InputError, examples
from graphfuse.graph.read_edges import in_words, without_faults

log = logging.getLogger(__name__)

BLANK, UNNAMED = -1, -2  # codes of an empty name, and of one without a symbol


@dataclass(frozen=True, eq=False)
class Edges:
    """Clean edges: `genes` sorted, `source` and `target` int64 `[E]`, `weight` float64 `[E]`,
    `cleaned`, how many were left out by reason, and `one_way`, how many the list had in one
    direction only (0 where direction matters)."""

    genes: tuple[str, ...]
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    cleaned: dict[str, int]
    one_way: int = 0


def clean(
    edges: pd.DataFrame,
    *,
    min_score: float | None = None,
    directed: bool = False,
    where: str = "",
    symbols: Callable[[Sequence[str]], Sequence[str | None]] | None = None,
) -> Edges:
    """Keeps the edges that mean something, and counts those left out, in this order.

    `blank_symbol`, `no_symbol`, `self_loop`, `missing_weight` (NaN, infinite),
    `nonpositive_weight`, `below_cut` (score less than `min_score`), then `duplicate` (the highest
    score stays) and, undirected, `both_directions`. Names keep their case; blanks around them go,
    and taxon and version of Ensembl ids. Edges without a score weigh 1.

    Parameters
    ----------
    edges : pd.DataFrame
        `source, target[, score]`.
    min_score : float, optional
    directed : bool
        Whether an edge and its reverse are two.
    where : str
        What messages call the edges.
    symbols : callable, optional
        From tidy names to gene symbols, `None` where a name has none.

    Returns
    -------
    Edges

    Raises
    ------
    InputError
        When no edge is left, when there is a cut but no score, and for scores that are no numbers.
    """
    names, source, target = _coded(edges, symbols)
    weight = np.ones(len(edges))
    if "score" in edges:
        weight = _numbers(edges["score"], where)
    elif min_score is not None:
        raise InputError(
            f"{where}: min_score = {min_score:g} but the edges have no score column; name "
            "one or drop the cut"
        )
    keep, cleaned = _usable(source, target, weight, min_score)
    _check_left(keep, weight, min_score, cleaned, where)
    source, target, weight = source[keep], target[keep], weight[keep]
    source, target, weight = _merged(source, target, weight, directed, cleaned)
    one_way = 0 if directed else _one_way(len(source), cleaned["both_directions"], where)
    used = np.unique(np.concatenate([source, target]))  # names are sorted, so the genes stay sorted
    genes = tuple(names[i] for i in used)
    source, target = np.searchsorted(used, source), np.searchsorted(used, target)
    return Edges(genes, source, target, weight, cleaned, one_way)


def _numbers(score: pd.Series, where: str) -> np.ndarray:
    """float64 `[E]`, NaN where missing. Raises `InputError` for scores that are no numbers, such as
    numbers written as text, which a file may have in another notation."""
    if pd.api.types.is_numeric_dtype(score):
        return score.to_numpy(float, na_value=np.nan)
    known = score[score.notna()]
    others = [cell for cell in known if not isinstance(cell, numbers.Real)]
    if others:
        raise InputError(
            f"{where}: column score holds {type(others[0]).__name__} in {len(others):,} of "
            f"{len(score):,} rows ({examples(map(repr, others))}); give numbers, such as "
            "pd.to_numeric(edges['score']) makes of text"
        )
    return pd.to_numeric(score).to_numpy(float)


def _usable(
    source: np.ndarray, target: np.ndarray, weight: np.ndarray, min_score: float | None
) -> tuple[np.ndarray, dict[str, int]]:
    """bool `[E]` of the edges that mean something, and counts of the others by their first fault.

    `source` and `target` int64 `[E]`: codes of names, `BLANK` or `UNNAMED`.
    """
    is_blank = (source == BLANK) | (target == BLANK)
    has_no_symbol = (source < 0) | (target < 0)
    below_cut = np.zeros(len(weight), bool)
    if min_score is not None:
        below_cut = ~(weight >= min_score)
    faulty = {
        "blank_symbol": is_blank,
        "no_symbol": has_no_symbol,
        "self_loop": source == target,
        "missing_weight": ~np.isfinite(weight),
        "nonpositive_weight": ~(weight > 0),
        "below_cut": below_cut,
    }
    return without_faults(faulty, len(weight))


def _coded(edges: pd.DataFrame, symbols) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Sorted symbols, and source and target as int64 codes into them; `BLANK` and `UNNAMED` where
    there is none."""
    sides = []
    for side in ("source", "target"):
        column = edges[side].astype("category")
        as_text = map(str, column.cat.categories)
        sides.append(column.cat.rename_categories(as_text))
    both = union_categoricals(sides)
    tidy = [tidy_symbol(name) for name in both.categories]
    symbol_of = tidy if symbols is None else symbols(tidy)
    names = sorted({symbol for symbol in symbol_of if symbol})
    place = {symbol: i for i, symbol in enumerate(names)}
    code_of = []
    for name, symbol in zip(tidy, symbol_of, strict=True):
        code_of.append(place.get(symbol, UNNAMED) if name else BLANK)
    code_of.append(BLANK)  # a missing name has code -1: the last entry
    codes = np.array(code_of, np.int64)[both.codes]
    return names, codes[: len(edges)], codes[len(edges) :]


def tidy_symbol(name: str) -> str:
    """`name` without blanks around it and, for Ensembl ids, without taxon and version:
    `9606.ENSP00000269305.4`."""
    return plain_id(name.strip())


def is_id(name: str) -> bool:
    """Whether a name is an Ensembl or Entrez id and cannot be a symbol."""
    return is_ensembl_id(name) or name.isdigit()


def _merged(source, target, weight, directed: bool, cleaned: dict[str, int]):
    """Every edge once with its highest weight, sorted; undirected edges with source < target."""
    span = np.int64(max(source.max(), target.max()) + 1)
    arrows = len(np.unique(source * span + target))  # directed edges that differ
    cleaned["duplicate"] = len(source) - arrows
    if not directed:
        source, target = np.minimum(source, target), np.maximum(source, target)
    key = source * span + target
    order = np.lexsort((-weight, key))
    is_first = np.r_[True, np.diff(key[order]) > 0]
    chosen = order[is_first]
    cleaned["both_directions"] = arrows - len(chosen)
    return source[chosen], target[chosen], weight[chosen]


def _one_way(count: int, both: int, where: str) -> int:
    """How many of `count` undirected edges the list had in one direction only, `both` being those
    in both; warns where most are in both."""
    one_way = count - both
    if both and 0 < one_way < count / 2:
        log.warning(
            "%s: %d of %d edges are in one direction only; taken as undirected",
            where,
            one_way,
            count,
        )
    return one_way


def _check_left(
    keep: np.ndarray, weight: np.ndarray, min_score: float | None, cleaned: dict, where: str
) -> None:
    """Raises `InputError` when nothing is left; warns when the cut is on another scale than the
    scores."""
    finite = weight[np.isfinite(weight)]
    span = "no score is a number"
    if len(finite):
        span = f"scores run from {finite.min():g} to {finite.max():g}"
    if not keep.any():
        why = in_words(cleaned) or "the list is empty"
        cure = f"lower min_score ({min_score:g})" if cleaned["below_cut"] else "check the columns"
        raise InputError(f"{where}: none of {len(keep):,} edges is left ({why}); {span}; {cure}")
    if min_score is not None and 0 < min_score <= 1 < finite.min():
        log.warning("%s: min_score = %g cuts nothing: %s", where, min_score, span)
