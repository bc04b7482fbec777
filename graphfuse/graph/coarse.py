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

from graphfuse.graph.metric import block_similarity, square

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
        self.centre = (
            reference.mean(0) if self.far and len(reference) else np.zeros(reference.shape[1])
        )
        parts = range(0, len(reference), 4096)
        moved = (reference[start : start + 4096] - self.centre for start in parts)
        self.scale = np.sqrt(max((square(part).max() for part in moved), default=0)) or 1.0
        self.right = np.empty((len(reference), reference.shape[1] + 1), np.float32)
        for start in parts:
            part = self.placed(reference[start : start + 4096])
            half = square(part)[:, None] / 2 if self.far else np.zeros((len(part), 1))
            self.right[start : start + 4096] = np.hstack([part, -half])

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
        tie = (
            1e-12 / self.scale * ((1 + length) if self.far else 1 / self.scale)
        )  # a similarity's rounding, as a score
        slack = (points.shape[1] + 8) * 2.0**-24 * (1 + length) + 2 * tie + 1e-30
        beyond = length > 1e6  # so far out that float32 cannot tell
        points[beyond], slack[beyond] = 0, np.inf

        def score(similarity):
            if self.far:
                return (length**2 - (min(similarity, 0) / self.scale) ** 2) / 2
            return np.full(len(length), similarity / self.scale / self.scale)

        return np.hstack([points, np.ones((len(points), 1))]).astype(np.float32), slack, score

    def tile(self, left, start: int, stop: int) -> np.ndarray:
        """Scores `[q, stop - start]`."""
        return left @ self.right[start:stop].T


def scores(reference, metric: str) -> Plain | Shadow:
    """The quicker kind that these points and this metric allow."""
    return (Plain if metric == "cityblock" or sparse.issparse(reference) else Shadow)(
        reference, metric
    )


def above(coarse, queries, least: float) -> tuple[np.ndarray, np.ndarray]:
    """(row of the queries, place in the reference) of every pair that may be at least `least`
    similar."""
    left, slack, score = coarse.left(queries)
    bar = under(score(least) - slack, coarse)
    found = [
        hits(coarse.tile(left, *span), bar, span[0])[:2] for span in _tiles(coarse.count, TILE)
    ]
    none = np.zeros(0, np.int64)
    return tuple(np.concatenate(column) for column in zip((none, none), *found))


def chosen(coarse, queries, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(row of the queries, ascending; place in the reference) of every pair that may be among the
    `count` nearest."""
    left, slack, _ = coarse.left(queries)
    bar, kept, due = None, [], 0
    for start, stop in _tiles(coarse.count, max(TILE // 2, 2 * count)):
        tile = coarse.tile(left, start, stop)
        if bar is None:  # the first tile sets the bar, so that few of the others are looked at
            bar = under(
                np.partition(tile, stop - count, axis=1)[:, stop - count] - 2 * slack, coarse
            )
        kept.append(hits(tile, bar, start))
        if stop >= due or stop == coarse.count or sum(len(part[0]) for part in kept) > CROWD:
            kept, bar = raised(kept, bar, count, slack, coarse)
            due = 4 * stop
    return kept[0][:2] if kept else (np.zeros(0, np.int64), np.zeros(0, np.int64))


def _tiles(count, first):
    """(start, stop) over the reference, the first tile of its own width."""
    starts = [0, *range(first, count, TILE)] if count else []
    return list(zip(starts, [*starts[1:], count]))


def under(bar, coarse):
    """Thresholds in the scores' own precision, never above the float64 ones."""
    if not isinstance(coarse, Shadow):
        return bar
    return np.nextafter(np.clip(bar, -3e38, 3e38).astype(np.float32), np.float32(-np.inf))


def hits(tile, bar, start):
    """(row, place in the reference, score) of what reaches the bar, by row."""
    flat = np.flatnonzero(tile >= bar[:, None])
    row, column = np.divmod(flat, max(1, tile.shape[1]))
    return row, column + start, tile.ravel()[flat]


def raised(kept, bar, count, slack, coarse):
    """What reaches a bar raised to the count-th greatest score so far, less the slack, and that
    bar."""
    row, place, score = (np.concatenate(column) for column in zip(*kept))
    order = np.argsort(row.astype(np.int16), kind="stable")
    row, place, score = row[order], place[order], score[order]
    many = np.bincount(row, minlength=len(bar))
    width = many.max(initial=0)
    if len(bar) > 1 and max(len(row), len(bar) * width // 4) > CROWD:
        raise Crowded
    if width >= count:
        table = np.full((len(bar), width), -np.inf, score.dtype)
        table[row, np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)] = score
        kth = np.partition(table, width - count, axis=1)[:, width - count].astype(float)
        bar = np.maximum(bar, under(kth - 2 * slack, coarse))
        keep = score >= bar[row]
        row, place, score = row[keep], place[keep], score[keep]
    return [(row, place, score)], bar


def spread(work: Callable, pieces: list, cells: float) -> Iterator:
    """`work(piece)` in order, on as many threads as BLAS may use if there are `cells` enough."""
    threads = max(
        (pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1
    )
    threads = min(threads, cpu_count())
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
    """`work(rows)`, or of their halves, and so on, where they are too crowded."""
    try:
        return [work(rows)]
    except Crowded:
        return [part for half in np.array_split(rows, 2) for part in whole(work, half)]


def cuts(count: int, most: int = ROWS) -> list[np.ndarray]:
    """The rows 0 … count - 1 in pieces of work of at most `most`."""
    step = max(1, most)
    return [np.arange(start, min(start + step, count)) for start in range(0, count, step)]


def on_gpu(coarse: Shadow, queries: np.ndarray, count: int, device: str) -> Iterator[tuple]:
    """(places of some queries, row of these, place in the reference) as `chosen` finds them,
    products and greatest scores on a GPU; row and place are `None` for queries with so many near
    ties that the CPU must look."""
    import torch

    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # the slack is that of float32, not of TF32
    try:
        right = torch.from_numpy(coarse.right).to(device).T
        width = min(coarse.count, count + 32)
        for some in cuts(len(queries), int(np.clip(2**28 // max(1, coarse.count), 1, 2**14))):
            left, slack, _ = coarse.left(queries[some])
            top = torch.topk(torch.from_numpy(left).to(device) @ right, width)
            score, place = top.values.cpu().numpy().astype(float), top.indices.cpu().numpy()
            least = score[:, count - 1] - 2 * slack
            sure = (score[:, -1] < least) | (width == coarse.count)
            row, column = np.nonzero(score[sure] >= least[sure, None])
            yield some[sure], row, place[sure][row, column]
            yield from ((some[~sure][part], None, None) for part in cuts(int((~sure).sum())))
    finally:
        torch.set_float32_matmul_precision(precision)
