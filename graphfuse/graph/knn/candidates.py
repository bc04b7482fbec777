"""Quick scores with a bound on their error, and every pair that may be among the nearest or within
a threshold.

A score is off by at most its query's `slack`. If s is the k-th greatest score a query has seen, its
k nearest have scores of at least s - 2 · slack; those pairs alone are summed in float64 afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy

import numpy as np
from joblib import cpu_count
from scipy import sparse
from threadpoolctl import threadpool_info, threadpool_limits

from graphfuse.graph.knn.metric import block_similarity, square

ROWS, TILE = 256, 2048  # queries and reference points of a tile
CROWD = 4_000_000  # candidates that a piece of work may hold
BUSY = 20_000_000  # similarities, from which threads pay


class Crowded(Exception):
    """More candidates than a piece of work may hold: it is to be cut."""


class Plain:
    """float64 scores that are the similarities: for sparse points and for summed differences."""

    def __init__(self, reference, metric: str):
        self.reference, self.metric, self.count = reference, metric, reference.shape[0]
        self.reach = np.sqrt(square(reference).max(initial=0))

    def left(self, queries) -> tuple:
        """(what a tile needs of these queries, their slack `[q]`, the scores `[q]` of a
        similarity)."""
        length = np.sqrt(square(queries)) + self.reach
        slack = (queries.shape[1] + 8) * 2.0**-52 * length
        if self.metric == "euclidean":
            slack = np.sqrt(slack * length)
        elif self.metric != "cityblock":
            slack = slack * self.reach
        return queries, slack + 2e-12, lambda similarity: np.full(len(length), similarity)

    def sorted(self, order: np.ndarray) -> Plain:
        """The same with the reference in another order."""
        return Plain(self.reference[order], self.metric)

    def tile(self, left, start: int, stop: int) -> np.ndarray:
        """Scores `[q, stop - start]`."""
        return block_similarity(left, self.reference[start:stop], self.metric)


class Shadow:
    """float32 scores of dense points, centred and scaled: q·r for dot products, q·r - |r|² / 2 for
    distances."""

    def __init__(self, reference, metric: str):
        self.count, self.far = len(reference), metric == "euclidean"
        n, width = reference.shape
        self.centre = np.zeros(width)
        if self.far and n:
            self.centre = reference.mean(0)
        parts = [slice(start, start + 4096) for start in range(0, n, 4096)]
        squares = [square(reference[part] - self.centre).max() for part in parts]
        self.scale = np.sqrt(max(squares, default=0)) or 1.0
        self.right = np.empty((n, width + 1), np.float32)
        for part in parts:
            points = self.placed(reference[part])
            half = square(points)[:, None] / 2 if self.far else np.zeros((len(points), 1))
            self.right[part] = np.hstack([points, -half])

    def placed(self, points: np.ndarray) -> np.ndarray:
        """Points centred, and scaled so that no reference point is further out than 1."""
        return (points - self.centre) / self.scale

    def sorted(self, order: np.ndarray) -> Shadow:
        """The same with the reference in another order."""
        again = copy(self)
        again.right = self.right[order]
        return again

    def left(self, queries: np.ndarray) -> tuple:
        """(what a tile needs of these queries, their slack `[q]`, the scores `[q]` of a
        similarity)."""
        points = self.placed(queries)
        length = np.sqrt(square(points))
        steepness = (1 + length) if self.far else 1 / self.scale
        tie = 1e-12 / self.scale * steepness  # a similarity's rounding, as a score
        rounding = (points.shape[1] + 8) * 2.0**-24 * (1 + length)
        slack = rounding + 2 * tie + 1e-30
        beyond = length > 1e6  # so far out that float32 cannot tell
        points[beyond], slack[beyond] = 0, np.inf

        def score(similarity):
            if self.far:
                distance = min(similarity, 0) / self.scale
                return (length**2 - distance**2) / 2
            return np.full(len(length), similarity / self.scale / self.scale)

        with_ones = np.hstack([points, np.ones((len(points), 1))])
        return with_ones.astype(np.float32), slack, score

    def tile(self, left, start: int, stop: int) -> np.ndarray:
        """Scores `[q, stop - start]`."""
        return left @ self.right[start:stop].T


def scores(reference, metric: str) -> Plain | Shadow:
    """The quicker kind of scores that these points and this metric allow.

    Parameters
    ----------
    reference : array or sparse array `[n, d]`
    metric : str

    Returns
    -------
    Plain or Shadow
    """
    if metric == "cityblock" or sparse.issparse(reference):
        return Plain(reference, metric)
    return Shadow(reference, metric)


def above(coarse, queries, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Every pair that may be at least `least` similar.

    Parameters
    ----------
    coarse : Plain or Shadow
        Scores of the reference `[n, d]`.
    queries : array or sparse array `[q, d]`
    least : float
        A similarity.

    Returns
    -------
    row, place : np.ndarray
        int64 `[E]`: of the queries, and in the reference.
    """
    left, slack, score = coarse.left(queries)
    bar = under(score(least) - slack, coarse)
    nobody = np.zeros(0, np.int64)
    rows, places = [nobody], [nobody]
    for start, stop in _tiles(coarse.count, TILE):
        row, place, _ = hits(coarse.tile(left, start, stop), bar, start)
        rows.append(row)
        places.append(place)
    return np.concatenate(rows), np.concatenate(places)


def chosen(coarse, queries, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Every pair that may be among the `count` nearest.

    Parameters
    ----------
    coarse : Plain or Shadow
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
    Crowded
        For more candidates than a piece of work may hold.
    """
    left, slack, _ = coarse.left(queries)
    bar, kept, due = None, [], 0
    for start, stop in _tiles(coarse.count, max(TILE // 2, 2 * count)):
        tile = coarse.tile(left, start, stop)
        if bar is None:  # the first tile sets the bar, so that few of the others are looked at
            bar = under(kth_greatest(tile, count) - 2 * slack, coarse)
        kept.append(hits(tile, bar, start))
        held = sum(len(row) for row, _, _ in kept)
        if stop >= due or stop == coarse.count or held > CROWD:
            kept, bar = raised(kept, bar, count, slack, coarse)
            due = 4 * stop
    if not kept:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    row, place, _ = kept[0]
    return row, place


def kth_greatest(values: np.ndarray, count: int) -> np.ndarray:
    """`[q]`: the `count`-th greatest of each row of `values` `[q, n]`, n ≥ `count`."""
    at = values.shape[1] - count
    return np.partition(values, at, axis=1)[:, at]


def _tiles(count, first):
    """(start, stop) over the reference, the first tile of its own width."""
    starts = [0, *range(first, count, TILE)] if count else []
    return list(zip(starts, [*starts[1:], count]))


def under(bar, coarse):
    """Thresholds `[q]` in the scores' own precision, never above the float64 ones."""
    if not isinstance(coarse, Shadow):
        return bar
    rounded = np.clip(bar, -3e38, 3e38).astype(np.float32)
    return np.nextafter(rounded, np.float32(-np.inf))


def hits(tile, bar, start):
    """(row, place in the reference, score) of what reaches the bar, by row."""
    flat = np.flatnonzero(tile >= bar[:, None])
    row, column = np.divmod(flat, max(1, tile.shape[1]))
    return row, column + start, tile.ravel()[flat]


def raised(kept, bar, count, slack, coarse):
    """What reaches a bar raised to the greatest scores so far.

    Parameters
    ----------
    kept : list of tuple
        (row, place, score), each `[E]`, as `hits` gives them.
    bar : np.ndarray `[q]`
        The bar so far.
    count : int
        The new bar is each query's `count`-th greatest score less twice its slack, if it has that
        many scores.
    slack : np.ndarray `[q]`
    coarse : Plain or Shadow

    Returns
    -------
    kept : list of one tuple
        As given, by row.
    bar : np.ndarray `[q]`

    Raises
    ------
    Crowded
        For more candidates than a piece of work may hold.
    """
    row, place, score = (np.concatenate(column) for column in zip(*kept))
    order = np.argsort(row.astype(np.int16), kind="stable")
    row, place, score = row[order], place[order], score[order]
    many = np.bincount(row, minlength=len(bar))
    width = many.max(initial=0)
    if len(bar) > 1 and max(len(row), len(bar) * width // 4) > CROWD:
        raise Crowded
    if width >= count:
        table = np.full((len(bar), width), -np.inf, score.dtype)
        start = np.cumsum(many) - many
        table[row, np.arange(len(row)) - start[row]] = score
        kth = kth_greatest(table, count).astype(float)
        bar = np.maximum(bar, under(kth - 2 * slack, coarse))
        keep = score >= bar[row]
        row, place, score = row[keep], place[keep], score[keep]
    return [(row, place, score)], bar


def spread(work: Callable, pieces: list, cells: float) -> Iterator:
    """`work(piece)` in order, on as many threads as BLAS may use if there are `cells` enough."""
    of_blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    threads = min(max(of_blas, default=1), cpu_count())
    if threads < 2 or cells < BUSY or len(pieces) < 2:
        yield from map(work, pieces)
        return
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        waiting, rest = deque(), iter(pieces)
        for piece in rest:
            waiting.append(pool.submit(work, piece))
            if len(waiting) > 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def whole(work: Callable, rows: np.ndarray) -> list:
    """`[work(rows)]`, or of their halves, and so on, where they are too crowded."""
    try:
        return [work(rows)]
    except Crowded:
        first, second = np.array_split(rows, 2)
        return whole(work, first) + whole(work, second)


def cuts(count: int, most: int = ROWS) -> list[np.ndarray]:
    """The rows 0 … count - 1 in pieces of work of at most `most`."""
    step = max(1, most)
    return [np.arange(start, min(start + step, count)) for start in range(0, count, step)]


def on_gpu(coarse: Shadow, queries: np.ndarray, count: int, device: str) -> Iterator[tuple]:
    """Candidates as `chosen` finds them, products and greatest scores on a GPU.

    Parameters
    ----------
    coarse : Shadow
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
        queries with so many near ties that the CPU must look.
    """
    import torch

    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # the slack is that of float32, not of TF32
    try:
        right = torch.from_numpy(coarse.right).to(device).T
        width = min(coarse.count, count + 32)
        at_once = int(np.clip(2**28 // max(1, coarse.count), 1, 2**14))
        for some in cuts(len(queries), at_once):
            left, slack, _ = coarse.left(queries[some])
            top = torch.topk(torch.from_numpy(left).to(device) @ right, width)
            score = top.values.cpu().numpy().astype(float)
            place = top.indices.cpu().numpy()
            least = score[:, count - 1] - 2 * slack
            sure = (score[:, -1] < least) | (width == coarse.count)
            row, column = np.nonzero(score[sure] >= least[sure, None])
            yield some[sure], row, place[sure][row, column]
            unsure = some[~sure]
            for part in cuts(len(unsure)):
                yield unsure[part], None, None
    finally:
        torch.set_float32_matmul_precision(precision)
