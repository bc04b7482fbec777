"""Approximate neighbours in a large cohort: points in the cells of a k-means, and a query looks
into the nearest cells only.

An inverted file (Jégou et al. 2011, doi:10.1109/TPAMI.2010.57) without quantisation: in the cells
that a query looks into it misses nothing, so its recall is the share of true neighbours in those
cells, and their number is read off a sample. The file depends on the reference alone, and a query's
cells on the query alone: it finds the same in any company.
"""

from __future__ import annotations

import logging
from functools import partial

import numpy as np
from scipy import sparse

from graphfuse.graph.coarse import ROWS, TILE, Shadow, cuts, hits, raised, spread, under, whole
from graphfuse.graph.metric import ranked, without

log = logging.getLogger(__name__)
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
        self.begin = np.concatenate(
            [[0], np.cumsum(np.bincount(self.home, minlength=len(self.centres)))]
        )
        self.coarse = coarse.sorted(self.order)

    def points(self, rows: np.ndarray, lifted: bool = False) -> np.ndarray:
        """Rows placed for their cells. For a dot product the reference is lifted by one coordinate,
        on to a sphere: then the most similar are the least distant."""
        rows = self.shadow.placed(rows)
        if not self.lifted:
            return rows
        above = (
            np.maximum(0, 1 - (rows**2).sum(1, keepdims=True))
            if lifted
            else np.zeros((len(rows), 1))
        )
        return np.hstack([rows, np.sqrt(above)])

    def near(self, points: np.ndarray, count: int) -> np.ndarray:
        """`[q, count]`: the nearest cells of placed points, the nearest first."""
        half, found = (self.centres**2).sum(1) / 2, np.empty((len(points), count), np.int32)
        for rows in cuts(len(points)):
            far = (half - points[rows] @ self.centres.T).astype(
                np.float32
            )  # blind to the last digits of a product
            if count == 1:
                found[rows, 0] = far.argmin(1)
            else:
                close = np.argpartition(far, min(count, far.shape[1] - 1), axis=1)[:, :count]
                order = np.argsort(np.take_along_axis(far, close, 1), axis=1)
                found[rows] = np.take_along_axis(close, order, 1)
        return found

    def reach(self, queries: np.ndarray, true: np.ndarray, share: float) -> int:
        """How many cells to look into, so that a share of the `true` neighbours `[q, k]` is
        there."""
        near = self.near(self.points(queries), len(self.centres))
        rank = np.take_along_axis(np.argsort(near, axis=1), self.home[true], 1)
        return int(np.sort(rank, axis=None)[int(np.ceil(share * rank.size)) - 1]) + 1

    def find(self, queries: np.ndarray, count: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
        """(index, similarity) `[q, count]` of the nearest in each query's nearest `cells` cells."""
        home = self.home if queries is self.reference else self._homes(queries)
        turn = np.argsort(
            home, kind="stable"
        )  # queries of one cell side by side: their products are large

        def work(rows):
            asking = queries[rows]
            row, place = self._chosen(asking, self.near(self.points(asking), cells), count)
            return ranked(asking, self.reference, row, self.order[place], count, self.metric)

        pieces = np.array_split(turn, max(-(-len(turn) // PIECE), min(32, len(turn) // 1024), 1))
        found = [
            each
            for part in spread(partial(whole, work), pieces, len(turn) * cells * 1e3)
            for each in part
        ]
        index, similarity = (np.concatenate(column) for column in zip(*found))
        back = np.argsort(turn)
        return index[back], similarity[back]

    def _homes(self, rows, lifted=False):
        """The nearest cell of each row."""

        def work(some):
            return self.near(self.points(rows[some], lifted), 1)[:, 0]

        return np.concatenate(
            list(spread(work, cuts(len(rows), 4096), len(rows) * len(self.centres)))
        )

    def _chosen(self, queries, near, count):
        """(row of the queries, place in the cells' order) of every pair in these cells that may be
        among the `count` nearest: one cell each, then three more, twelve more and so on, over a
        rising bar."""
        left, slack, _ = self.coarse.left(queries)
        none = np.zeros(0, np.int64)
        bar, kept, start = (
            under(np.full(len(near), -np.inf), self.coarse),
            [(none, none, np.zeros(0, np.float32))],
            0,
        )
        while start < near.shape[1]:
            stop = min(max(1, 4 * start), near.shape[1])
            kept += self._round(
                left, near[:, start:stop], bar, slack, count if start == 0 else None
            )
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
                    tile = self.coarse.tile(
                        left[some], start, min(start + TILE, self.begin[cell + 1])
                    )
                    if count and start == self.begin[cell] and tile.shape[1] >= count:
                        kth = np.partition(tile, tile.shape[1] - count, axis=1)[
                            :, tile.shape[1] - count
                        ]
                        bar[some] = under(kth - 2 * slack[some], self.coarse)
                    found = hits(tile, bar[some], start)
                    yield some[found[0]], *found[1:]


def _means(points, count, rng):
    """The centres of a k-means: Lloyd's iteration from points drawn by chance."""
    centres = points[rng.choice(len(points), count, replace=False)]
    for _ in range(8):
        half = (centres**2).sum(1) / 2
        home = np.concatenate(
            [(half - points[rows] @ centres.T).argmin(1) for rows in cuts(len(points), 4096)]
        )
        many = np.bincount(home, minlength=count)[:, None]
        total = (
            sparse.csr_array((np.ones(len(home)), (home, np.arange(len(home)))), (count, len(home)))
            @ points
        )
        centres = np.where(many > 0, total / np.maximum(many, 1), centres)
    return centres


def approximate(
    queries, reference, metric: str, count: int, seed: int, coarse, exact
) -> tuple | None:
    """(index, similarity, recall) of the `count` nearest; `None` where so many cells would be
    needed that an exact search costs no more.

    The number of cells is chosen on `SAMPLE` reference points, whose true neighbours
    `exact(queries, count)` finds: so it does not depend on the queries.
    """
    drawn = np.sort(
        np.random.default_rng(seed).choice(
            len(reference), min(SAMPLE, len(reference)), replace=False
        )
    )
    sample, deep = reference[drawn], max(2, count)
    true = without(*exact(sample, deep), drawn)
    file = Cells(reference, metric, coarse, seed)
    cells = file.reach(
        sample, true[0], RECALL + 0.01
    )  # a point more than is promised: it is the sample's recall
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
