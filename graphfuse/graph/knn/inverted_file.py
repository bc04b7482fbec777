"""Approximate neighbours in a large cohort: points in the cells of a k-means, and a query looks
into the nearest cells only.

An inverted file (Jégou et al. 2011, doi:10.1109/TPAMI.2010.57) without quantisation: in the cells
that a query looks into it misses nothing, so its recall is the share of true neighbours in those
cells, and their number is read off a sample. The file depends on the reference alone, and a query's
cells on the query alone: it finds the same in any company.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from itertools import chain

import numpy as np
from scipy import sparse

from graphfuse.graph.knn.candidates import (
    ROWS,
    TILE,
    Shadow,
    cuts,
    hits,
    kth_greatest,
    raised,
    spread,
    under,
    whole,
)
from graphfuse.graph.knn.metric import ranked, without

log = logging.getLogger(__name__)
RECALL = 0.95  # least share of true neighbours found
MOST = 0.5  # share of the cells, beyond which a search of all points costs no more
SAMPLE = 1000  # points whose true neighbours are sought
PIECE = 1 << 14  # queries at once


class Cells:
    """`reference` `[n, d]` in about √n cells, by `seed`; `coarse` are its scores."""

    def __init__(self, reference: np.ndarray, metric: str, coarse, seed: int):
        self.reference, self.metric = reference, metric
        self.lifted = metric in ("cosine", "dot")
        self.shadow = coarse if isinstance(coarse, Shadow) else Shadow(reference, "euclidean")
        n = len(reference)
        rng = np.random.default_rng(seed)
        count = int(np.sqrt(n))
        drawn = np.sort(rng.choice(n, min(n, 64 * count), replace=False))
        self.centres = _means(self.points(reference[drawn], self.lifted), count, rng)
        self.home = self._homes(reference, self.lifted)
        self.order = np.argsort(self.home, kind="stable")
        in_cell = np.bincount(self.home, minlength=len(self.centres))
        self.begin = np.concatenate([[0], np.cumsum(in_cell)])
        self.coarse = coarse.sorted(self.order)

    def points(self, rows: np.ndarray, lifted: bool = False) -> np.ndarray:
        """Rows placed for their cells.

        For a dot product the reference is lifted by one coordinate, on to a sphere: then the most
        similar are the least distant.

        Parameters
        ----------
        rows : np.ndarray `[q, d]`
        lifted : bool
            Whether they are of the reference; queries stay at 0 in the further coordinate.

        Returns
        -------
        np.ndarray
            `[q, d]`, or `[q, d + 1]` for a dot product.
        """
        rows = self.shadow.placed(rows)
        if not self.lifted:
            return rows
        height = np.zeros((len(rows), 1))
        if lifted:
            height = np.maximum(0, 1 - (rows**2).sum(1, keepdims=True))
        return np.hstack([rows, np.sqrt(height)])

    def near(self, points: np.ndarray, count: int) -> np.ndarray:
        """The nearest cells of placed points.

        Parameters
        ----------
        points : np.ndarray `[q, d]`
            As `points` gives them.
        count : int
            Cells for each.

        Returns
        -------
        np.ndarray
            int32 `[q, count]`, the nearest first.
        """
        half = (self.centres**2).sum(1) / 2
        nearest = np.empty((len(points), count), np.int32)
        for rows in cuts(len(points)):
            exact = half - points[rows] @ self.centres.T
            distance = exact.astype(np.float32)  # blind to the last digits of a product
            if count == 1:
                nearest[rows, 0] = distance.argmin(1)
                continue
            last = min(count, distance.shape[1] - 1)
            close = np.argpartition(distance, last, axis=1)[:, :count]
            order = np.argsort(np.take_along_axis(distance, close, 1), axis=1)
            nearest[rows] = np.take_along_axis(close, order, 1)
        return nearest

    def reach(self, queries: np.ndarray, true: np.ndarray, share: float) -> int:
        """How many cells to look into, so that a share of the true neighbours is there.

        Parameters
        ----------
        queries : np.ndarray `[q, d]`
        true : np.ndarray `[q, k]`
            Places in the reference of each query's nearest.
        share : float
            In 0 … 1.

        Returns
        -------
        int
        """
        near = self.near(self.points(queries), len(self.centres))
        rank_of_cell = np.argsort(near, axis=1)
        rank = np.take_along_axis(rank_of_cell, self.home[true], 1)
        ascending = np.sort(rank, axis=None)
        wanted = int(np.ceil(share * rank.size))
        return int(ascending[wanted - 1]) + 1

    def find(self, queries: np.ndarray, count: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest in each query's nearest cells.

        Parameters
        ----------
        queries : np.ndarray `[q, d]`
        count : int
            Neighbours of each query.
        cells : int
            Into how many cells each looks.

        Returns
        -------
        index : np.ndarray
            int64 `[q, count]`, places in the reference, -1 where the cells hold fewer.
        similarity : np.ndarray
            float64 `[q, count]`, descending.
        """
        home = self.home if queries is self.reference else self._homes(queries)
        # queries of one cell side by side: their products are large
        by_cell = np.argsort(home, kind="stable")

        def work(rows):
            asking = queries[rows]
            near = self.near(self.points(asking), cells)
            row, place = self._chosen(asking, near, count)
            return ranked(asking, self.reference, row, self.order[place], count, self.metric)

        needed = -(-len(queries) // PIECE)
        pieces = np.array_split(by_cell, max(needed, min(32, len(queries) // 1024), 1))
        parts = spread(partial(whole, work), pieces, len(queries) * cells * 1e3)
        results = chain.from_iterable(parts)
        index, similarity = (np.concatenate(column) for column in zip(*results))
        back = np.argsort(by_cell)
        return index[back], similarity[back]

    def _homes(self, rows, lifted=False):
        """The nearest cell of each row."""

        def work(some):
            points = self.points(rows[some], lifted)
            return self.near(points, 1)[:, 0]

        distances = len(rows) * len(self.centres)
        parts = spread(work, cuts(len(rows), 4096), distances)
        return np.concatenate(list(parts))

    def _chosen(self, queries, near, count):
        """(row of the queries, place in the cells' order) of every pair in these cells that may be
        among the `count` nearest: one cell each, then three more, twelve more and so on, over a
        rising bar."""
        left, slack, _ = self.coarse.left(queries)
        nobody = np.zeros(0, np.int64)
        kept = [(nobody, nobody, np.zeros(0, np.float32))]
        bar = under(np.full(len(near), -np.inf), self.coarse)
        start = 0
        while start < near.shape[1]:
            stop = min(max(1, 4 * start), near.shape[1])
            sets_bar = count if start == 0 else None
            kept += self._round(left, near[:, start:stop], bar, slack, sets_bar)
            kept, bar = raised(kept, bar, count, slack, self.coarse)
            start = stop
        return kept[0][:2]

    def _round(self, left, near, bar, slack, count):
        """Hits of a round's cells; with a `count`, each row's first tile sets its bar."""
        for cell, asking in _by_cell(near, len(self.centres)):
            first, end = self.begin[cell], self.begin[cell + 1]
            for some in np.array_split(asking, -(-len(asking) // (4 * ROWS))):
                for start in range(first, end, TILE):
                    tile = self.coarse.tile(left[some], start, min(start + TILE, end))
                    if count and start == first and tile.shape[1] >= count:
                        least = kth_greatest(tile, count) - 2 * slack[some]
                        bar[some] = under(least, self.coarse)
                    row, place, score = hits(tile, bar[some], start)
                    yield some[row], place, score


def _by_cell(near: np.ndarray, cells: int) -> Iterator[tuple[int, np.ndarray]]:
    """(cell, rows that look into it) of every cell into which any row of `near` looks."""
    looked_into = near.ravel()
    order = np.argsort(looked_into, kind="stable")
    rows = order // near.shape[1]
    many = np.bincount(looked_into, minlength=cells)
    ends = np.cumsum(many)
    for cell in np.flatnonzero(many):
        yield cell, rows[ends[cell] - many[cell] : ends[cell]]


def _means(points, count, rng):
    """The centres of a k-means: Lloyd's iteration from points drawn by chance."""
    n = len(points)
    centres = points[rng.choice(n, count, replace=False)]
    for _ in range(8):
        half = (centres**2).sum(1) / 2
        home = np.empty(n, np.int64)
        for rows in cuts(n, 4096):
            distance = half - points[rows] @ centres.T
            home[rows] = distance.argmin(1)
        in_cell = np.bincount(home, minlength=count)[:, None]
        members = sparse.csr_array((np.ones(n), (home, np.arange(n))), (count, n))
        mean = members @ points / np.maximum(in_cell, 1)
        centres = np.where(in_cell > 0, mean, centres)
    return centres


def approximate(
    queries, reference, metric: str, count: int, seed: int, coarse, exact
) -> tuple | None:
    """The `count` nearest of each query, by cells.

    The number of cells is chosen on `SAMPLE` reference points, whose true neighbours `exact` finds:
    so it does not depend on the queries.

    Parameters
    ----------
    queries, reference : np.ndarray `[q, d]`, `[n, d]`
    metric : str
    count : int
        Neighbours of each query.
    seed : int
        Of the sample and the k-means.
    coarse : Plain or Shadow
        Scores of the reference.
    exact : callable
        `(queries, count)` → (index, similarity), missing nothing.

    Returns
    -------
    (index, similarity, recall) or None
        int64 and float64 `[q, count]`, and the share of true neighbours found of the sample's.
        `None` where so many cells would be needed that an exact search costs no more.

    References
    ----------
    Jégou, Douze and Schmid 2011, doi:10.1109/TPAMI.2010.57.
    """
    n = len(reference)
    drawn = np.sort(np.random.default_rng(seed).choice(n, min(SAMPLE, n), replace=False))
    sample, deep = reference[drawn], max(2, count)
    true_index, true_similarity = without(*exact(sample, deep), drawn)
    file = Cells(reference, metric, coarse, seed)
    # a point more than is promised: it is the sample's recall
    cells = file.reach(sample, true_index, RECALL + 0.01)
    if cells > MOST * len(file.centres):
        log.info("neighbours are in %d of %d cells: searching exactly", cells, len(file.centres))
        return None
    _, similarity = without(*file.find(sample, deep, cells), drawn)
    recall = float((similarity >= true_similarity[:, -1:]).mean())
    log.info("neighbours from %d of %d cells: recall %.3f", cells, len(file.centres), recall)
    index, similarity = file.find(queries, count, cells)
    short = np.flatnonzero(index[:, -1] < 0)  # their cells hold too few
    index[short], similarity[short] = exact(queries[short], count)
    return index, similarity, recall
