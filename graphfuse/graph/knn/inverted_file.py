"""Approximate neighbours in a large cohort: points are grouped into the cells of a k-means, and a
query is compared with the points of its nearest cells only.

This is an inverted file (Jégou et al. 2011, doi:10.1109/TPAMI.2010.57) without quantisation. In the
cells that a query looks into it misses nothing, so its recall is the share of true neighbours that
lie in those cells; how many cells are needed is read off a sample. The cells depend on the
reference alone, and a query's cells on the query alone: its neighbours do not depend on which other
queries are asked with it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from itertools import chain

import numpy as np
from scipy import sparse

from graphfuse.graph.knn.bounded_candidates import TILE, kth_greatest, raise_cutoff, reaching
from graphfuse.graph.knn.bounded_scores import Float32Scores, rounded_down
from graphfuse.graph.knn.metric import most_similar, without_own
from graphfuse.graph.knn.pieces import ROWS, in_threads, pieces_of, split_if_crowded

log = logging.getLogger(__name__)
RECALL = 0.95  # least share of true neighbours found
MOST_CELLS = 0.5  # share of the cells, beyond which a search of all points costs no more
SAMPLE = 1000  # points whose true neighbours are searched for
PIECE = 1 << 14  # queries at once


class Cells:
    """The points of a reference in about √n cells.

    Parameters
    ----------
    reference : np.ndarray `[n, d]`
    metric : str
    scores : Float64Scores or Float32Scores
        Scores of the reference.
    seed : int
        Of the k-means.
    """

    def __init__(self, reference: np.ndarray, metric: str, scores, seed: int):
        self.reference, self.metric = reference, metric
        self.lifted = metric in ("cosine", "dot")
        self.shadow = (
            scores if isinstance(scores, Float32Scores) else Float32Scores(reference, "euclidean")
        )
        n = len(reference)
        rng = np.random.default_rng(seed)
        count = int(np.sqrt(n))
        drawn = rng.choice(n, min(n, 64 * count), replace=False)
        sample = self.points(reference[np.sort(drawn)], self.lifted)
        self.centres = _k_means(sample, count, rng)
        self.home = self._homes(reference, self.lifted)
        self.order = np.argsort(self.home, kind="stable")
        in_cell = np.bincount(self.home, minlength=len(self.centres))
        self.begin = np.concatenate([[0], np.cumsum(in_cell)])
        self.scores = scores.sorted(self.order)

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
        rows = self.shadow.scaled(rows)
        if not self.lifted:
            return rows
        height = np.zeros((len(rows), 1))
        if lifted:
            squared = (rows**2).sum(1, keepdims=True)
            height = np.maximum(0, 1 - squared)
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
        for rows in pieces_of(len(points)):
            exact = half - points[rows] @ self.centres.T
            distance = exact.astype(np.float32)  # so that a product's last digits decide nothing
            if count == 1:
                nearest[rows, 0] = distance.argmin(1)
                continue
            last = min(count, distance.shape[1] - 1)
            close = np.argpartition(distance, last, axis=1)[:, :count]
            distance_of_close = np.take_along_axis(distance, close, 1)
            order = np.argsort(distance_of_close, axis=1)
            nearest[rows] = np.take_along_axis(close, order, 1)
        return nearest

    def reach(self, queries: np.ndarray, true: np.ndarray, share: float) -> int:
        """How many cells to look into, so that they hold a share of the true neighbours.

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
            row, position = self._candidates(asking, near, count)
            place = self.order[position]
            return most_similar(asking, self.reference, row, place, count, self.metric)

        needed = -(-len(queries) // PIECE)
        pays = min(32, len(queries) // 1024)
        pieces = np.array_split(by_cell, max(needed, pays, 1))
        similarities = len(queries) * cells * 1e3
        parts = in_threads(partial(split_if_crowded, work), pieces, similarities)
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
        parts = in_threads(work, pieces_of(len(rows), 4096), distances)
        return np.concatenate(list(parts))

    def _candidates(self, queries, near, count):
        """(row of the queries, position in the cells' order) of every pair in these cells that may
        be among the `count` nearest.

        Each query looks into one cell, then three more, twelve more and so on, while its cutoff
        rises."""
        left, slack, _ = self.scores.prepare(queries)
        none = np.zeros(0, np.int64)
        kept = [(none, none, np.zeros(0, np.float32))]
        cutoff = rounded_down(np.full(len(near), -np.inf), self.scores)
        start = 0
        while start < near.shape[1]:
            stop = min(max(1, 4 * start), near.shape[1])
            sets_cutoff = count if start == 0 else None
            kept += self._round(left, near[:, start:stop], cutoff, slack, sets_cutoff)
            kept, cutoff = raise_cutoff(kept, cutoff, count, slack, self.scores)
            start = stop
        return kept[0][:2]

    def _round(self, left, near, cutoff, slack, count):
        """Yields the pairs of a round's cells that reach the cutoff; with a `count`, each row's
        first tile sets its cutoff."""
        for cell, asking in _by_cell(near, len(self.centres)):
            first, end = self.begin[cell], self.begin[cell + 1]
            pieces = -(-len(asking) // (4 * ROWS))
            for some in np.array_split(asking, pieces):
                for start in range(first, end, TILE):
                    stop = min(start + TILE, end)
                    tile = self.scores.tile(left[some], start, stop)
                    if count and start == first and tile.shape[1] >= count:
                        least = kth_greatest(tile, count) - 2 * slack[some]
                        cutoff[some] = rounded_down(least, self.scores)
                    row, place, score = reaching(tile, cutoff[some], start)
                    yield some[row], place, score


def _by_cell(near: np.ndarray, cells: int) -> Iterator[tuple[int, np.ndarray]]:
    """(cell, rows that look into it) of every cell into which any row of `near` looks."""
    looked_into = near.ravel()
    order = np.argsort(looked_into, kind="stable")
    rows = order // near.shape[1]
    sizes = np.bincount(looked_into, minlength=cells)
    ends = np.cumsum(sizes)
    for cell in np.flatnonzero(sizes):
        begin = ends[cell] - sizes[cell]
        yield cell, rows[begin : ends[cell]]


def _k_means(points, count, rng):
    """The centres of a k-means: Lloyd's iteration from points drawn by chance."""
    n = len(points)
    centres = points[rng.choice(n, count, replace=False)]
    for _ in range(8):
        half = (centres**2).sum(1) / 2
        home = np.empty(n, np.int64)
        for rows in pieces_of(n, 4096):
            distance = half - points[rows] @ centres.T
            home[rows] = distance.argmin(1)
        in_cell = np.bincount(home, minlength=count)[:, None]
        coordinates = (home, np.arange(n))
        members = sparse.csr_array((np.ones(n), coordinates), (count, n))
        mean = members @ points / np.maximum(in_cell, 1)
        centres = np.where(in_cell > 0, mean, centres)
    return centres


def approximate(
    queries, reference, metric: str, count: int, seed: int, scores, exact
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
    scores : Float64Scores or Float32Scores
        Scores of the reference.
    exact : callable
        `(queries, count)` → (index, similarity) of an exact search.

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
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(n, min(SAMPLE, n), replace=False))
    sample = reference[drawn]
    neighbours = max(2, count)  # with the point itself
    true_index, true_similarity = exact(sample, neighbours)
    true_index, true_similarity = without_own(true_index, true_similarity, drawn)
    file = Cells(reference, metric, scores, seed)
    # a percentage point more than is promised, since it is the recall of a sample
    cells = file.reach(sample, true_index, RECALL + 0.01)
    if cells > MOST_CELLS * len(file.centres):
        log.info("neighbours are in %d of %d cells: searching exactly", cells, len(file.centres))
        return None
    sample_index, similarity = file.find(sample, neighbours, cells)
    _, similarity = without_own(sample_index, similarity, drawn)
    is_true_neighbour = similarity >= true_similarity[:, -1:]
    recall = float(is_true_neighbour.mean())
    log.info("neighbours from %d of %d cells: recall %.3f", cells, len(file.centres), recall)
    index, similarity = file.find(queries, count, cells)
    lacking = np.flatnonzero(index[:, -1] < 0)  # their cells hold too few points
    index[lacking], similarity[lacking] = exact(queries[lacking], count)
    return index, similarity, recall
