"""Fast scores of many pairs at once, with a bound on their error."""

from __future__ import annotations

from copy import copy

import numpy as np
from scipy import sparse

from graphfuse.graph.knn.metric import block_similarity, squared_length

FAR_OUT = 1e6  # times the reference's radius: there, float32 tells no two points apart


class Float64Scores:
    """Scores that are the similarities themselves, for sparse points and for city-block distances.

    Parameters
    ----------
    reference : array or sparse array `[n, d]`
    metric : str
    """

    def __init__(self, reference, metric: str):
        self.reference, self.metric, self.count = reference, metric, reference.shape[0]
        self.reach = np.sqrt(squared_length(reference).max(initial=0))

    def prepare(self, queries) -> tuple:
        """(what a tile needs of these queries, their slack `[q]`, a function from a similarity to
        the scores `[q]` of it)."""
        length = np.sqrt(squared_length(queries)) + self.reach
        slack = (queries.shape[1] + 8) * 2.0**-52 * length
        if self.metric == "euclidean":
            slack = np.sqrt(slack * length)
        elif self.metric != "cityblock":
            slack = slack * self.reach
        return queries, slack + 2e-12, lambda similarity: np.full(len(length), similarity)

    def sorted(self, order: np.ndarray) -> Float64Scores:
        """The same with the reference in another order."""
        return Float64Scores(self.reference[order], self.metric)

    def tile(self, left, start: int, stop: int) -> np.ndarray:
        """Scores `[q, stop - start]` of a stretch of the reference."""
        return block_similarity(left, self.reference[start:stop], self.metric)


class Float32Scores:
    """Scores of dense points by a float32 product: q·r for dot products, q·r - |r|² / 2 for
    distances, of points that are centred and scaled.

    Parameters
    ----------
    reference : np.ndarray `[n, d]`
    metric : str
    """

    def __init__(self, reference, metric: str):
        self.count, self.is_distance = len(reference), metric == "euclidean"
        n, width = reference.shape
        self.centre = np.zeros(width)
        if self.is_distance and n:
            self.centre = reference.mean(0)
        parts = [slice(start, start + 4096) for start in range(0, n, 4096)]
        squares = [squared_length(reference[part] - self.centre).max() for part in parts]
        self.scale = np.sqrt(max(squares, default=0)) or 1.0
        self.right = np.empty((n, width + 1), np.float32)
        for part in parts:
            points = self.scaled(reference[part])
            half = np.zeros((len(points), 1))
            if self.is_distance:
                half = squared_length(points)[:, None] / 2
            self.right[part] = np.hstack([points, -half])

    def scaled(self, points: np.ndarray) -> np.ndarray:
        """Points centred, and scaled so that no reference point is further out than 1."""
        return (points - self.centre) / self.scale

    def sorted(self, order: np.ndarray) -> Float32Scores:
        """The same with the reference in another order."""
        again = copy(self)
        again.right = self.right[order]
        return again

    def prepare(self, queries: np.ndarray) -> tuple:
        """(what a tile needs of these queries, their slack `[q]`, a function from a similarity to
        the scores `[q]` of it)."""
        points = self.scaled(queries)
        length = np.sqrt(squared_length(points))
        steepness = (1 + length) if self.is_distance else 1 / self.scale
        tie = 1e-12 / self.scale * steepness  # a similarity's rounding, as a score
        rounding = (points.shape[1] + 8) * 2.0**-24 * (1 + length)
        slack = rounding + 2 * tie + 1e-30
        beyond = length > FAR_OUT
        points[beyond], slack[beyond] = 0, np.inf

        def score(similarity):
            if self.is_distance:
                distance = min(similarity, 0) / self.scale
                return (length**2 - distance**2) / 2
            return np.full(len(length), similarity / self.scale / self.scale)

        with_ones = np.hstack([points, np.ones((len(points), 1))])
        return with_ones.astype(np.float32), slack, score

    def tile(self, left, start: int, stop: int) -> np.ndarray:
        """Scores `[q, stop - start]` of a stretch of the reference."""
        return left @ self.right[start:stop].T


def scores_of(reference, metric: str) -> Float64Scores | Float32Scores:
    """The quicker kind of scores that these points and this metric allow.

    Parameters
    ----------
    reference : array or sparse array `[n, d]`
    metric : str

    Returns
    -------
    Float64Scores or Float32Scores
    """
    if metric == "cityblock" or sparse.issparse(reference):
        return Float64Scores(reference, metric)
    return Float32Scores(reference, metric)


def rounded_down(cutoff: np.ndarray, scores) -> np.ndarray:
    """Cutoffs `[q]` in the scores' own precision, never above the float64 ones."""
    if not isinstance(scores, Float32Scores):
        return cutoff
    rounded = np.clip(cutoff, -3e38, 3e38).astype(np.float32)
    return np.nextafter(rounded, np.float32(-np.inf))
