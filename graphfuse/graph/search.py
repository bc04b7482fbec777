"""Neighbour search among points: the most similar ones, all within a threshold, and the threshold of a mean degree.

Similarity by metric, greater is nearer: `"cosine"` of the rows as they are (a zero row is 0 from everything); `"dot"` of
rows normalised already (cosine, correlation); `"euclidean"`: minus the distance; `"cityblock"`: 1 minus the mean absolute
difference (Gower, of columns divided by their range). Points are arrays, or scipy sparse, which stays sparse.

Every similarity that counts is summed in float64 for its own pair and rounded to 1e-12; ties go to the lowest place in the
reference. So a query finds the same alone and in a batch. What picks the pairs worth summing is quick: products in float32
with a bound on their error, which miss nothing; for the patients of a large cohort among themselves, only with those in the
nearest cells, and the recall is measured.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_info, threadpool_limits

from graphfuse.errors import InputError
from graphfuse.errors import nearest as suggest

log = logging.getLogger(__name__)


# -------------------------------------------------------------------------------------------------------- metric

METRICS = ("cosine", "dot", "euclidean", "cityblock")
GREATEST = 1e100  # beyond it, squares overflow


def both(queries, reference, metric: str) -> tuple:
    """Queries and reference as checked float64 rows of one form, arrays or CSR; one object if they hold the same.

    Raises `InputError` for an unknown metric, unequal widths, and values that are not finite, with the number of rows.
    """
    if metric not in METRICS:
        raise InputError(f"metric: {metric!r} is not known{suggest(str(metric), METRICS)}")
    same = queries is reference
    reference = _rows(reference, metric, "reference points")
    queries = reference if same else _rows(queries, metric, "queries")
    if queries.shape[1] != reference.shape[1]:
        raise InputError(
            f"queries have {queries.shape[1]:,} columns, the reference {reference.shape[1]:,}; give both the same"
        )
    if sparse.issparse(queries) != sparse.issparse(reference):
        queries, reference = sparse.csr_array(queries), sparse.csr_array(reference)
    if not same and queries.shape == reference.shape and not _differ(queries, reference):
        queries = reference
    return queries, reference


def _rows(values, metric, what):
    """float64 rows; of unit length for cosine."""
    if sparse.issparse(values):
        values = sparse.csr_array(values, dtype=np.float64, copy=True)
        values.sum_duplicates()
        values.eliminate_zeros()
    else:
        values = np.ascontiguousarray(values, np.float64)
    if values.ndim != 2:
        raise InputError(f"{what}: expected a table [n, d], got {values.ndim} dimensions; give one row per point")
    _finite(values, what)
    if metric != "cosine":
        return values
    greatest = np.asarray(abs(values).max(axis=1).toarray() if sparse.issparse(values) else abs(values).max(1, initial=0))
    values = _scaled(values, greatest.ravel())  # first, so that the squares of tiny values do not vanish
    return _scaled(values, np.sqrt(square(values)))


def _scaled(values, length):
    by = np.where(length > 0, length, 1)[:, None]
    return sparse.csr_array(values / by) if sparse.issparse(values) else values / by


def _finite(values, what):
    usable = abs(values.data if sparse.issparse(values) else values) <= GREATEST  # false for NaN
    if usable.all():
        return
    if sparse.issparse(values):
        bad = len(np.unique(np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))[~usable]))
    else:
        bad = int((~usable).any(1).sum())
    raise InputError(
        f"{what}: {bad:,} of {values.shape[0]:,} rows hold a value that is missing, infinite or beyond {GREATEST:g}; "
        "impute them, rescale, or leave those rows out"
    )


def square(points) -> np.ndarray:
    """float64 `[n]`: the squared length of each row."""
    return _total(points * points)


def _total(points):
    return np.asarray(points.sum(1)).ravel()


def _differ(one, other):
    return one.shape[0] > 0 and bool((one != other).sum())


def pair_similarity(queries, reference, receiver: np.ndarray, sender: np.ndarray, metric: str) -> np.ndarray:
    """float64 `[E]`, rounded to 1e-12: the similarity of the pairs (`receiver`, `sender`).

    Every pair is summed by itself, in one order, so that its value does not depend on which others are asked for.
    """
    width = max(1, queries.shape[1])
    out = np.empty(len(receiver))
    step = max(1, (1 << 17) // width)  # stays in a core's cache
    for start in range(0, len(out), step):
        part = slice(start, start + step)
        one, other = queries[receiver[part]], reference[sender[part]]
        if metric == "euclidean":
            out[part] = -np.sqrt(square(one - other))
        elif metric == "cityblock":
            out[part] = 1 - _total(abs(one - other)) / width
        else:
            out[part] = _total(one * other)
    return np.round(out, 12) + 0.0


def block_similarity(queries, reference, metric: str) -> np.ndarray:
    """float64 `[q, n]`, all pairs at once by a matrix product: the same but for the last digits."""
    if metric == "cityblock":
        queries, reference = (p.toarray() if sparse.issparse(p) else p for p in (queries, reference))
        return 1 - cdist(queries, reference, "cityblock") / max(1, queries.shape[1])
    product = queries @ reference.T
    product = product.toarray() if sparse.issparse(product) else product
    if metric == "euclidean":
        return -np.sqrt(np.maximum(square(queries)[:, None] + square(reference)[None] - 2 * product, 0))
    return product


def distinct(points) -> tuple[np.ndarray, np.ndarray]:
    """(place of the first of each kind of row, ascending; which kind every row is), by 64-bit sums of the rows' bits."""
    count, width = points.shape
    mixing = np.random.default_rng(0).integers(2**63, size=width, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    if sparse.issparse(points):
        key = sparse.csr_array((points.data.view(np.uint64), points.indices, points.indptr), points.shape) @ mixing
    else:
        key = np.zeros(count, np.uint64)
        for start in range(0, count, 4096):  # + 0.0: minus zero is zero
            key[start : start + 4096] = ((points[start : start + 4096] + 0.0).view(np.uint64) * mixing).sum(1)
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    first, group = first[order], np.argsort(order)[group]
    again = np.flatnonzero(first[group] != np.arange(count))
    if _differ(points[again], points[first[group[again]]]):  # unequal rows of one key: never seen, but possible
        return np.arange(count), np.arange(count)
    return first, group


def ranked(queries, reference, row: np.ndarray, place: np.ndarray, count: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """(index, similarity) `[q, count]`: of each query's candidate pairs the `count` most similar, ties by place.

    `row` ascends; a query with fewer candidates has -1 at -inf.
    """
    many = np.bincount(row, minlength=queries.shape[0])
    at = row, np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
    shape = queries.shape[0], max(count, many.max(initial=0))
    index, less = np.full(shape, -1), np.full(shape, np.inf)
    index[at], less[at] = place, -pair_similarity(queries, reference, row, place, metric)
    order = np.lexsort((index, less))[:, :count]
    return np.take_along_axis(index, order, 1), 0.0 - np.take_along_axis(less, order, 1)


def without(index: np.ndarray, similarity: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row's list but for its `own` place, or but for its last where `own` is not in it: one shorter."""
    itself = index == own[:, None]
    itself[:, -1] |= ~itself.any(1)
    shape = (len(index), index.shape[1] - 1)
    return index[~itself].reshape(shape), similarity[~itself].reshape(shape)


# -------------------------------------------------------------------------------------------------------- coarse

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
        """(what a tile needs of these queries, their slack `[q]`, the scores `[q]` of a similarity)."""
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
    """float32 scores of dense points, centred and scaled: q·r for dot products, q·r - |r|² / 2 for distances."""

    def __init__(self, reference, metric: str):
        self.count, self.far = len(reference), metric == "euclidean"
        self.centre = reference.mean(0) if self.far and len(reference) else np.zeros(reference.shape[1])
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
        """(what a tile needs of these queries, their slack `[q]`, the scores `[q]` of a similarity)."""
        points = self.placed(queries)
        length = np.sqrt(square(points))
        tie = 1e-12 / self.scale * ((1 + length) if self.far else 1 / self.scale)  # a similarity's rounding, as a score
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
    return (Plain if metric == "cityblock" or sparse.issparse(reference) else Shadow)(reference, metric)


def above(coarse, queries, least: float) -> tuple[np.ndarray, np.ndarray]:
    """(row of the queries, place in the reference) of every pair that may be at least `least` similar."""
    left, slack, score = coarse.left(queries)
    bar = under(score(least) - slack, coarse)
    found = [hits(coarse.tile(left, *span), bar, span[0])[:2] for span in _tiles(coarse.count, TILE)]
    none = np.zeros(0, np.int64)
    return tuple(np.concatenate(column) for column in zip((none, none), *found))


def chosen(coarse, queries, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(row of the queries, ascending; place in the reference) of every pair that may be among the `count` nearest."""
    left, slack, _ = coarse.left(queries)
    bar, kept, due = None, [], 0
    for start, stop in _tiles(coarse.count, max(TILE // 2, 2 * count)):
        tile = coarse.tile(left, start, stop)
        if bar is None:  # the first tile sets the bar, so that few of the others are looked at
            bar = under(np.partition(tile, stop - count, axis=1)[:, stop - count] - 2 * slack, coarse)
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
    """What reaches a bar raised to the count-th greatest score so far, less the slack, and that bar."""
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
    threads = max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1)
    threads = min(threads, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else threads)
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
    """(places of some queries, row of these, place in the reference) as `chosen` finds them, products and greatest scores on
    a GPU; row and place are `None` for queries with so many near ties that the CPU must look."""
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


# --------------------------------------------------------------------------------------------------------- cells

RECALL = 0.95  # least share of true neighbours found
MOST = 0.5  # share of the cells, beyond which a search of all points costs no more
SAMPLE = 1000  # points whose true neighbours are sought
PIECE = 1 << 14  # queries at once


class Cells:
    """`reference` `[n, d]` in about √n cells, by `seed`; `coarse` are its scores."""

    def __init__(self, reference: np.ndarray, metric: str, coarse, seed: int):
        self.reference, self.metric, self.lifted = reference, metric, metric in ("cosine", "dot")
        self.shadow = coarse if isinstance(coarse, Shadow) else Shadow(reference, "euclidean")
        rng, count = np.random.default_rng(seed), int(np.sqrt(len(reference)))
        drawn = np.sort(rng.choice(len(reference), min(len(reference), 64 * count), replace=False))
        self.centres = _means(self.points(reference[drawn], self.lifted), count, rng)
        self.home = self._homes(reference, self.lifted)
        self.order = np.argsort(self.home, kind="stable")
        self.begin = np.concatenate([[0], np.cumsum(np.bincount(self.home, minlength=len(self.centres)))])
        self.coarse = coarse.sorted(self.order)

    def points(self, rows: np.ndarray, lifted: bool = False) -> np.ndarray:
        """Rows placed for their cells. For a dot product the reference is lifted by one coordinate, on to a sphere: then the
        most similar are the least distant."""
        rows = self.shadow.placed(rows)
        if not self.lifted:
            return rows
        above = np.maximum(0, 1 - (rows**2).sum(1, keepdims=True)) if lifted else np.zeros((len(rows), 1))
        return np.hstack([rows, np.sqrt(above)])

    def near(self, points: np.ndarray, count: int) -> np.ndarray:
        """`[q, count]`: the nearest cells of placed points, the nearest first."""
        half, found = (self.centres**2).sum(1) / 2, np.empty((len(points), count), np.int32)
        for rows in cuts(len(points)):
            far = (half - points[rows] @ self.centres.T).astype(np.float32)  # blind to the last digits of a product
            if count == 1:
                found[rows, 0] = far.argmin(1)
            else:
                close = np.argpartition(far, min(count, far.shape[1] - 1), axis=1)[:, :count]
                order = np.argsort(np.take_along_axis(far, close, 1), axis=1)
                found[rows] = np.take_along_axis(close, order, 1)
        return found

    def reach(self, queries: np.ndarray, true: np.ndarray, share: float) -> int:
        """How many cells to look into, so that a share of the `true` neighbours `[q, k]` is there."""
        near = self.near(self.points(queries), len(self.centres))
        rank = np.take_along_axis(np.argsort(near, axis=1), self.home[true], 1)
        return int(np.sort(rank, axis=None)[int(np.ceil(share * rank.size)) - 1]) + 1

    def find(self, queries: np.ndarray, count: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
        """(index, similarity) `[q, count]` of the nearest in each query's nearest `cells` cells."""
        home = self.home if queries is self.reference else self._homes(queries)
        turn = np.argsort(home, kind="stable")  # queries of one cell side by side: their products are large

        def work(rows):
            asking = queries[rows]
            row, place = self._chosen(asking, self.near(self.points(asking), cells), count)
            return ranked(asking, self.reference, row, self.order[place], count, self.metric)

        pieces = np.array_split(turn, max(-(-len(turn) // PIECE), min(32, len(turn) // 1024), 1))
        found = [each for part in spread(partial(whole, work), pieces, len(turn) * cells * 1e3) for each in part]
        index, similarity = (np.concatenate(column) for column in zip(*found))
        back = np.argsort(turn)
        return index[back], similarity[back]

    def _homes(self, rows, lifted=False):
        """The nearest cell of each row."""

        def work(some):
            return self.near(self.points(rows[some], lifted), 1)[:, 0]

        return np.concatenate(list(spread(work, cuts(len(rows), 4096), len(rows) * len(self.centres))))

    def _chosen(self, queries, near, count):
        """(row of the queries, place in the cells' order) of every pair in these cells that may be among the `count`
        nearest: one cell each, then three more, twelve more and so on, over a rising bar."""
        left, slack, _ = self.coarse.left(queries)
        none = np.zeros(0, np.int64)
        bar, kept, start = under(np.full(len(near), -np.inf), self.coarse), [(none, none, np.zeros(0, np.float32))], 0
        while start < near.shape[1]:
            stop = min(max(1, 4 * start), near.shape[1])
            kept += self._round(left, near[:, start:stop], bar, slack, count if start == 0 else None)
            kept, bar = raised(kept, bar, count, slack, self.coarse)
            start = stop
        return kept[0][:2]

    def _round(self, left, near, bar, slack, count):
        """Hits of a round's cells; with a `count`, each row's first tile sets its bar."""
        row = np.repeat(np.arange(len(near)), near.shape[1])
        order = np.argsort(near.ravel(), kind="stable")
        row, many = row[order], np.bincount(near.ravel(), minlength=len(self.centres))
        ends = np.cumsum(many)
        for cell in np.flatnonzero(many):
            asking = row[ends[cell] - many[cell] : ends[cell]]
            for some in np.array_split(asking, -(-len(asking) // (4 * ROWS))):
                for start in range(self.begin[cell], self.begin[cell + 1], TILE):
                    tile = self.coarse.tile(left[some], start, min(start + TILE, self.begin[cell + 1]))
                    if count and start == self.begin[cell] and tile.shape[1] >= count:
                        kth = np.partition(tile, tile.shape[1] - count, axis=1)[:, tile.shape[1] - count]
                        bar[some] = under(kth - 2 * slack[some], self.coarse)
                    found = hits(tile, bar[some], start)
                    yield some[found[0]], *found[1:]


def _means(points, count, rng):
    """The centres of a k-means: Lloyd's iteration from points drawn by chance."""
    centres = points[rng.choice(len(points), count, replace=False)]
    for _ in range(8):
        half = (centres**2).sum(1) / 2
        home = np.concatenate([(half - points[rows] @ centres.T).argmin(1) for rows in cuts(len(points), 4096)])
        many = np.bincount(home, minlength=count)[:, None]
        total = sparse.csr_array((np.ones(len(home)), (home, np.arange(len(home)))), (count, len(home))) @ points
        centres = np.where(many > 0, total / np.maximum(many, 1), centres)
    return centres


def approximate(queries, reference, metric: str, count: int, seed: int, coarse, exact) -> tuple | None:
    """(index, similarity, recall) of the `count` nearest; `None` where so many cells would be needed that an exact search
    costs no more.

    The number of cells is chosen on `SAMPLE` reference points, whose true neighbours `exact(queries, count)` finds: so it
    does not depend on the queries.
    """
    drawn = np.sort(np.random.default_rng(seed).choice(len(reference), min(SAMPLE, len(reference)), replace=False))
    sample, deep = reference[drawn], max(2, count)
    true = without(*exact(sample, deep), drawn)
    file = Cells(reference, metric, coarse, seed)
    cells = file.reach(sample, true[0], RECALL + 0.01)  # a point more than is promised: it is the sample's recall
    if cells > MOST * len(file.centres):
        log.info("neighbours are in %d of %d cells: searching exactly", cells, len(file.centres))
        return None
    found = without(*file.find(sample, deep, cells), drawn)
    recall = float((found[1] >= true[1][:, -1:]).mean())
    log.info("neighbours from %d of %d cells: recall %.3f", cells, len(file.centres), recall)
    index, similarity = file.find(queries, count, cells)
    short = np.flatnonzero(index[:, -1] < 0)  # their cells hold too few
    index[short], similarity[short] = exact(queries[short], count)
    return index, similarity, recall


# -------------------------------------------------------------------------------------------------------- search

LARGE = 50_000  # reference points, beyond which a search among themselves is approximate where that is quicker
EDGES = 50_000_000  # pairs that one call gives at most
GPU = 1e9  # similarities, from which a GPU pays


@dataclass(frozen=True, eq=False)
class Found:
    """What q queries found: `index` int64 `[q, k]`, places in the reference, nearest first, -1 where fewer than k exist;
    `similarity` float64 `[q, k]`, descending, -inf there; `method`: how; `recall`: measured on a sample, `None` = exact."""

    index: np.ndarray
    similarity: np.ndarray
    method: str = "exact"
    recall: float | None = None

    def __repr__(self) -> str:
        how = self.method if self.recall is None else f"{self.method}, recall {self.recall:.3f}"
        return f"Found({self.index.shape[0]:,} queries, {self.index.shape[1]} neighbours each, {how})"


def nearest(queries, reference, count: int, metric="cosine", *, own=None, exact=None, seed=0, device="auto") -> Found:
    """The `count` points of `reference` `[n, d]` most similar to each of `queries` `[q, d]`.

    `own` int64 `[q]`: each query's place in the reference, left out of what it finds (-1: it has none). `exact`: by default
    every search is, except that of more than 50,000 points among themselves (`own` given), if that is quicker. How many
    queries are asked decides nothing: one new patient finds what it finds among a thousand. `device`: `"auto"` takes a
    GPU where there is one and the search is large; its candidates miss nothing either. Raises `InputError` for points that
    are not finite, with their number.
    """
    if count < 1:
        raise InputError(f"neighbours: expected at least 1, got {count}")
    queries, reference = both(queries, reference, metric)
    own = None if own is None else np.asarray(own, np.int64)
    n = reference.shape[0]
    first, kind = distinct(reference)
    targets = reference if len(first) == n else reference[first]
    asking, asker = (first, kind) if queries is reference else distinct(queries)
    asked = queries if len(asking) == len(asker) else targets if queries is reference else queries[asking]
    exact = (len(first) <= LARGE or own is None) if exact is None else exact
    wanted = min(count + (own is not None), n)
    *found, method, recall = _found(asked, targets, metric, min(wanted, len(first)), exact, seed, device)
    if len(first) < n:
        found = _members(*found, kind, wanted)
    if len(asking) < len(asker):
        found = [column[asker] for column in found]
    if own is not None and n:
        found = without(*found, own)
    missing = ((0, 0), (0, count - min(count, found[0].shape[1])))
    index, similarity = np.pad(found[0], missing, constant_values=-1), np.pad(found[1], missing, constant_values=-np.inf)
    return Found(index, similarity, method, recall)


def within(queries, reference, least: float, metric="cosine", *, own=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs at least as similar as `least`: (receiver int64 `[E]`, sender int64 `[E]`, similarity float64 `[E]`), by
    receiver, then sender; exact. Raises `InputError` beyond 50 million pairs."""
    parts, total = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))], 0
    for part in _pairs(*both(queries, reference, metric), least, metric, own):
        parts.append(part)
        total += len(part[0])
        if total > EDGES:
            raise InputError(
                f"more than {EDGES:,} pairs are at least {least:g} similar; raise the least similarity (a smaller radius, a "
                'lower mean degree), or keep a number of neighbours each (rule = "nearest")'
            )
    return tuple(np.concatenate(column) for column in zip(*parts))


def threshold(reference, mean_degree: float, metric="cosine", *, seed=0) -> float:
    """The similarity at which the n points have on average `mean_degree` others each, themselves not counted: that of the
    (`mean_degree` · n)-th most similar ordered pair; the least of all where there are fewer, -inf where there is none.

    Exact up to 50,000 points; beyond, as it is for 2,000 of them, drawn by `seed`, among all.
    """
    reference, _ = both(reference, reference, metric)
    n = reference.shape[0]
    if n and not 0 < mean_degree * n <= EDGES:
        raise InputError(f"mean degree: expected above 0 and at most {EDGES / n:g} among {n:,} points, got {mean_degree:g}")
    drawn, slack = np.sort(np.random.default_rng(seed).choice(n, min(n, 2000), replace=False)), 1.2
    if n > LARGE:
        return float(_greatest(_drawn(reference, drawn, metric), max(1, round(mean_degree * len(drawn))))[-1])
    while n > 1:
        some = _greatest(_drawn(reference, drawn, metric), max(1, round(slack * mean_degree * len(drawn))))
        least = some[-1] - 1e-9 if slack * mean_degree < n - 1 else -GREATEST
        pairs = _pairs(reference, reference, least, metric, np.arange(n))
        best = _greatest((similarity for _, _, similarity in pairs), max(1, round(mean_degree * n)))
        if len(best) == max(1, round(mean_degree * n)) or least == -GREATEST:
            return float(best[-1])
        slack *= 2
    return -np.inf


def _found(asked, targets, metric, count, exact, seed, device):
    """(index, similarity, method, recall) among points that all differ, by what suits their number."""
    coarse = scores(targets, metric)
    gpu = _gpu(device, coarse, asked.shape[0])
    if gpu:
        return *_on_gpu(asked, targets, metric, count, coarse, gpu), f"exact ({gpu})", None
    if not exact and not sparse.issparse(targets) and coarse.count > 10 * count:
        near = approximate(asked, targets, metric, count, seed, coarse, lambda q, k: _exact(q, targets, metric, k, coarse))
        if near:
            return *near[:2], "cells of a k-means", near[2]
    return *_exact(asked, targets, metric, count, coarse), "exact", None


def _exact(asked, targets, metric, count, coarse):
    """(index, similarity) `[q, count]`: quick candidates of a piece of queries at a time, then their true similarities."""

    def work(rows):
        queries = asked[rows]
        return ranked(queries, targets, *chosen(coarse, queries, count), count, metric)

    pieces = cuts(asked.shape[0])
    parts = _timed(spread(partial(whole, work), pieces, float(asked.shape[0]) * coarse.count), len(pieces))
    return _stacked((found for part in parts for found in part), count)


def _on_gpu(asked, targets, metric, count, coarse, device):
    """The same, with the candidates from a GPU."""
    index, similarity = np.full((len(asked), count), -1), np.full((len(asked), count), -np.inf)
    for some, row, place in on_gpu(coarse, asked, count, device):
        if row is None:
            index[some], similarity[some] = _exact(asked[some], targets, metric, count, coarse)
        else:
            index[some], similarity[some] = ranked(asked[some], targets, row, place, count, metric)
    return index, similarity


def _gpu(device, coarse, queries):
    """The GPU to search on, if it is asked for, or there is one and the search is large."""
    small = float(queries) * coarse.count < GPU
    if not isinstance(coarse, Shadow) or not coarse.count or str(device) == "cpu" or (device == "auto" and small):
        return None
    import torch

    return str(device) if device != "auto" else "cuda" if torch.cuda.is_available() else None


def _timed(parts: Iterable, count: int) -> Iterator:
    """The same parts; once some are there, a notice if the rest will take minutes."""
    began = time.monotonic()
    for done, part in enumerate(parts, 1):
        yield part
        left = (time.monotonic() - began) / done * (count - done)
        if done == 32 and left > 60:
            log.warning("exact neighbour search: about %.0f more minutes", np.ceil(left / 60))


def _stacked(parts, count):
    none = (np.zeros((0, count), np.int64), np.zeros((0, count)))
    return tuple(np.concatenate(column) for column in zip(none, *parts))


def _members(index, similarity, kind, count):
    """From kinds of points to the points: every kind has its similarity for each of its members."""
    order = np.argsort(kind, kind="stable")
    many = np.bincount(kind)
    begin = np.cumsum(many) - many
    width = min(count, many.max())
    found = []
    for rows in cuts(len(index)):
        near = index[rows][:, :, None]
        there = (near >= 0) & (np.arange(width) < many[near])
        place = np.where(there, order[np.where(there, begin[near] + np.arange(width), 0)], -1).reshape(len(rows), -1)
        value = np.where(there, similarity[rows][:, :, None], -np.inf).reshape(len(rows), -1)
        best = np.lexsort((place, -value))[:, :count]
        found.append((np.take_along_axis(place, best, 1), np.take_along_axis(value, best, 1)))
    return _stacked(found, count)


def _pairs(queries, reference, least, metric, own) -> Iterator[tuple]:
    """(receiver, sender, similarity) of the pairs at least as similar as `least`, a piece of the queries at a time."""
    coarse, least = scores(reference, metric), round(float(least), 12)

    def work(rows):
        asking = queries[rows]
        row, sender = above(coarse, asking, least)
        similarity, receiver = pair_similarity(asking, reference, row, sender, metric), rows[row]
        keep = similarity >= least
        if own is not None:
            keep &= sender != np.asarray(own)[receiver]
        receiver, sender, similarity = receiver[keep], sender[keep], similarity[keep]
        order = np.argsort(receiver, kind="stable")  # the tiles gave senders in order
        return receiver[order], sender[order], similarity[order]

    pieces = cuts(queries.shape[0], min(ROWS, 8 * CROWD // max(1, coarse.count)))  # all of a piece's pairs may be near
    return spread(work, pieces, float(queries.shape[0]) * coarse.count)


def _drawn(reference, drawn, metric) -> Iterator[np.ndarray]:
    """The similarities of some points to all others, a few points at a time."""
    for rows in np.array_split(drawn, -(-len(drawn) * reference.shape[0] // 4_000_000) or 1):
        block = block_similarity(reference[rows], reference, metric)
        block[np.arange(len(rows)), rows] = -np.inf
        yield block[block > -np.inf]


def _greatest(parts: Iterable[np.ndarray], count: int) -> np.ndarray:
    """The `count` greatest numbers of all parts, descending; never much more than these are held."""
    kept = np.zeros(0)
    for part in parts:
        kept = np.concatenate([kept, part[part >= kept[-1]] if len(kept) == count else part])
        kept = -np.sort(-np.partition(kept, len(kept) - count)[-count:]) if len(kept) > count else -np.sort(-kept)
    return kept
