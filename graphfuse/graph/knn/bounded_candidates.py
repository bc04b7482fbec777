"""Candidates of an exact neighbour search: fast scores with a bound on their error.

Summing every similarity in float64, pair by pair, is slow. One float32 matrix product for many
pairs is fast, but wrong in its last digits. The search takes both, in three steps:

1. A tile of queries × reference points is scored by one matrix product. A greater score means more
   similar; it is wrong by at most the query's `slack` (see `scores`).
2. Let s be the k-th greatest score that a query has met so far. Each of its true k nearest scores
   at least s - 2 · slack. This is the query's *cutoff*; it rises as further tiles are scored. Pairs
   that reach it are *candidates*, the others are dropped.
3. Candidates alone, a few more than k for each query, are summed in float64 and sorted
   (`metric.most_similar`). Nothing is missed, so the result is exact.

Where very many points are about equally near, candidates might not fit in memory. Then
`TooManyCandidates` is raised, and the piece of queries is halved (`split_if_crowded`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphfuse.graph.knn.bounded_scores import Float32Scores, rounded_down
from graphfuse.graph.knn.pieces import TooManyCandidates, pieces_of

TILE = 2048  # reference points that are scored at once
MOST_CANDIDATES = 4_000_000  # that a piece of work may hold


def candidates_above(scores, queries, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Every pair whose similarity may be at least `least`.

    Parameters
    ----------
    scores : Float64Scores or Float32Scores
        Scores of the reference `[n, d]`.
    queries : array or sparse array `[q, d]`
    least : float
        A similarity.

    Returns
    -------
    row, place : np.ndarray
        int64 `[E]`: of the queries, and in the reference.
    """
    left, slack, score = scores.prepare(queries)
    cutoff = rounded_down(score(least) - slack, scores)
    nobody = np.zeros(0, np.int64)
    rows, places = [nobody], [nobody]
    for start, stop in _tiles(scores.count, TILE):
        row, place, _ = reaching(scores.tile(left, start, stop), cutoff, start)
        rows.append(row)
        places.append(place)
    return np.concatenate(rows), np.concatenate(places)


def nearest_candidates(scores, queries, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Every pair that may be among the `count` nearest.

    Parameters
    ----------
    scores : Float64Scores or Float32Scores
        Scores of the reference `[n, d]`.
    queries : array or sparse array `[q, d]`
    count : int
        Neighbours of each query.

    Returns
    -------
    row, place : np.ndarray
        int64 `[E]`: of the queries, ascending, and in the reference.

    Raises
    ------
    TooManyCandidates
        For more candidates than a piece of work may hold.
    """
    left, slack, _ = scores.prepare(queries)
    kept: list[tuple] = []
    cutoff, raise_at = None, 0
    for start, stop in _tiles(scores.count, max(TILE // 2, 2 * count)):
        tile = scores.tile(left, start, stop)
        if cutoff is None:  # the first tile sets it, so that few pairs of the others reach it
            kth = kth_greatest(tile, count)
            cutoff = rounded_down(kth - 2 * slack, scores)
        kept.append(reaching(tile, cutoff, start))
        held = sum(len(row) for row, _, _ in kept)
        if stop >= raise_at or stop == scores.count or held > MOST_CANDIDATES:
            kept, cutoff = raise_cutoff(kept, cutoff, count, slack, scores)
            raise_at = 4 * stop
    if not kept:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    row, place, _ = kept[0]
    return row, place


def kth_greatest(values: np.ndarray, count: int) -> np.ndarray:
    """`[q]`: the `count`-th greatest of each row of `values` `[q, n]`, n ≥ `count`."""
    at = values.shape[1] - count
    return np.partition(values, at, axis=1)[:, at]


def _tiles(count: int, first: int) -> list[tuple[int, int]]:
    """(start, stop) of tiles over the reference, the first one `first` wide."""
    starts = [0, *range(first, count, TILE)] if count else []
    return list(zip(starts, [*starts[1:], count]))


def reaching(tile: np.ndarray, cutoff: np.ndarray, start: int) -> tuple[np.ndarray, ...]:
    """(row, place in the reference, score) of the pairs of a tile `[q, w]` that reach the cutoff
    `[q]`, by row; the tile begins at place `start` of the reference."""
    flat = np.flatnonzero(tile >= cutoff[:, None])
    row, column = np.divmod(flat, max(1, tile.shape[1]))
    return row, column + start, tile.ravel()[flat]


def raise_cutoff(kept, cutoff, count, slack, scores):
    """Raises each query's cutoff to what its scores so far allow, and drops pairs beneath it.

    Parameters
    ----------
    kept : list of tuple
        (row, place, score), each `[E]`, as `hits` gives them.
    cutoff : np.ndarray `[q]`
        The cutoff so far.
    count : int
        The new cutoff is each query's `count`-th greatest score less twice its slack, if it has
        that many scores.
    slack : np.ndarray `[q]`
    scores : Float64Scores or Float32Scores

    Returns
    -------
    kept : list of one tuple
        As given, by row.
    cutoff : np.ndarray `[q]`

    Raises
    ------
    TooManyCandidates
        For more candidates than a piece of work may hold.
    """
    row, place, score = (np.concatenate(column) for column in zip(*kept))
    order = np.argsort(row.astype(np.int16), kind="stable")
    row, place, score = row[order], place[order], score[order]
    held = np.bincount(row, minlength=len(cutoff))  # candidates of each query
    width = held.max(initial=0)
    cells_of_table = len(cutoff) * width
    if len(cutoff) > 1 and max(len(row), cells_of_table // 4) > MOST_CANDIDATES:
        raise TooManyCandidates
    if width >= count:
        table = _one_row_each(row, score, held)
        kth = kth_greatest(table, count).astype(float)
        allowed = rounded_down(kth - 2 * slack, scores)
        cutoff = np.maximum(cutoff, allowed)
        keep = score >= cutoff[row]
        row, place, score = row[keep], place[keep], score[keep]
    return [(row, place, score)], cutoff


def _one_row_each(row: np.ndarray, score: np.ndarray, held: np.ndarray) -> np.ndarray:
    """`[q, width]`: the scores of each query in its row, -inf behind them.

    `row` int `[E]`, ascending: the query of each score; `held` int `[q]`: how many each has.
    """
    shape = (len(held), held.max(initial=0))
    table = np.full(shape, -np.inf, score.dtype)
    start = np.cumsum(held) - held
    column = np.arange(len(row)) - start[row]
    table[row, column] = score
    return table


def gpu_candidates(
    scores: Float32Scores, queries: np.ndarray, count: int, device: str
) -> Iterator[tuple]:
    """Candidates as `nearest_candidates` finds them, with products and greatest scores on a GPU.

    Parameters
    ----------
    scores : Float32Scores
        Scores of the reference `[n, d]`.
    queries : np.ndarray `[q, d]`
    count : int
        Neighbours of each query.
    device : str
        As torch names it.

    Yields
    ------
    some, row, place : np.ndarray
        Places of some queries, row of these, place in the reference; row and place are `None` for
        queries with so many near ties that the CPU must search.
    """
    import torch

    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # the slack is that of float32, not of TF32
    try:
        right = torch.from_numpy(scores.right).to(device).T
        width = min(scores.count, count + 32)
        at_once = 2**28 // max(1, scores.count)
        at_once = min(max(at_once, 1), 2**14)
        for some in pieces_of(len(queries), at_once):
            left, slack, _ = scores.prepare(queries[some])
            products = torch.from_numpy(left).to(device) @ right
            top = torch.topk(products, width)
            score = top.values.cpu().numpy().astype(float)
            place = top.indices.cpu().numpy()
            least = score[:, count - 1] - 2 * slack
            # whether nothing beyond the greatest `width` scores can be a candidate
            sure = (score[:, -1] < least) | (width == scores.count)
            row, column = np.nonzero(score[sure] >= least[sure, None])
            yield some[sure], row, place[sure][row, column]
            unsure = some[~sure]
            for part in pieces_of(len(unsure)):
                yield unsure[part], None, None
    finally:
        torch.set_float32_matmul_precision(precision)
