"""Neighbour search: the points of a reference that are most similar to each query.

How it works, in the order of the calls:

- `checked_points` brings both sides to float64 rows, and equal rows are searched once (`distinct`).
- Fast scores with a known error pick candidates (see `candidates`), on threads or on a GPU.
- The similarity of every candidate pair is summed in float64 for that pair alone and rounded to
  1e-12; ties go to the lowest place in the reference. So a query gets the same neighbours alone and
  in a batch, and the result is exact.
- Only a search of more than 50,000 points among themselves may be approximate: points are grouped
  into cells, a query looks into the nearest cells alone (see `inverted_file`), and the recall is
  measured on a sample.

Similarity by metric, greater is nearer: `"cosine"` of the rows as they are (a zero row is 0 from
everything); `"dot"` of rows normalised already (cosine, correlation); `"euclidean"`: minus the
distance; `"cityblock"`: 1 minus the mean absolute difference (Gower, of columns divided by their
range). Points are arrays, or scipy sparse, which stays sparse.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy import sparse

from graphfuse.errors import InputError
from graphfuse.graph.knn.bounded_candidates import gpu_candidates, nearest_candidates
from graphfuse.graph.knn.bounded_scores import Float32Scores, scores_of
from graphfuse.graph.knn.inverted_file import approximate
from graphfuse.graph.knn.metric import checked_points, distinct, most_similar, without_own
from graphfuse.graph.knn.pieces import in_threads, pieces_of, split_if_crowded

log = logging.getLogger(__name__)
# reference points, beyond which a search among themselves is approximate where that is quicker
LARGE = 50_000
GPU_FROM = 1e9  # similarities, from which a GPU pays


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The neighbours of q queries.

    Parameters
    ----------
    index : np.ndarray
        int64 `[q, k]`, places in the reference, nearest first; -1 where fewer than k exist.
    similarity : np.ndarray
        float64 `[q, k]`, descending; -inf where fewer than k exist.
    method : str
        How they were searched for.
    recall : float or None
        The share of true neighbours found, measured on a sample; `None` for an exact search.
    """

    index: np.ndarray
    similarity: np.ndarray
    method: str = "exact"
    recall: float | None = None

    def __repr__(self) -> str:
        how = self.method if self.recall is None else f"{self.method}, recall {self.recall:.3f}"
        queries, neighbours = self.index.shape
        return f"SearchResult({queries:,} queries, {neighbours} neighbours each, {how})"


def nearest(
    queries,
    reference,
    count: int,
    metric: str = "cosine",
    *,
    own: np.ndarray | None = None,
    exact: bool | None = None,
    seed: int = 0,
    device: str = "auto",
) -> SearchResult:
    """The points of a reference that are most similar to each query.

    A query's neighbours do not depend on the other queries: one new patient gets the same alone as
    among a thousand.

    Parameters
    ----------
    queries, reference : array or sparse array `[q, d]`, `[n, d]`
    count : int
        Neighbours of each query.
    metric : {"cosine", "dot", "euclidean", "cityblock"}
    own : np.ndarray, optional
        int64 `[q]`: each query's place in the reference, left out of its neighbours (-1: it has
        none).
    exact : bool, optional
        By default every search is, except that of more than 50,000 points among themselves (`own`
        given), if that is quicker.
    seed : int
        Of a search that is not exact.
    device : str
        `"auto"` takes a GPU where there is one and the search is large; its candidates miss
        nothing either.

    Returns
    -------
    SearchResult

    Raises
    ------
    InputError
        For points that are not finite, with their number.
    """
    if count < 1:
        raise InputError(f"neighbours: expected at least 1, got {count}")
    queries, reference = checked_points(queries, reference, metric)
    own = None if own is None else np.asarray(own, np.int64)
    targets = _Distinct.of(reference)
    asked = targets if queries is reference else _Distinct.of(queries)
    if exact is None:
        exact = targets.points.shape[0] <= LARGE or own is None
    n = reference.shape[0]
    wanted = min(count + (own is not None), n)
    index, similarity, method, recall = _search_distinct(
        asked.points, targets.points, metric, wanted, exact, seed, device
    )
    if targets.has_duplicates:
        index, similarity = _of_members(index, similarity, targets.group, wanted)
    if asked.has_duplicates:
        index, similarity = index[asked.group], similarity[asked.group]
    if own is not None and n:
        index, similarity = without_own(index, similarity, own)
    index, similarity = _padded(index, similarity, count)
    return SearchResult(index, similarity, method, recall)


def _padded(index: np.ndarray, similarity: np.ndarray, count: int) -> tuple:
    """(index, similarity) `[q, count]`, with -1 and -inf where there are fewer columns."""
    lacking = max(0, count - index.shape[1])
    columns = ((0, 0), (0, lacking))
    index = np.pad(index, columns, constant_values=-1)
    return index, np.pad(similarity, columns, constant_values=-np.inf)


class _Distinct(NamedTuple):
    """The rows of a table that differ, and `group` int64 `[n]`: which of them every row is."""

    points: np.ndarray | sparse.csr_array
    group: np.ndarray

    @classmethod
    def of(cls, points) -> _Distinct:
        first, group = distinct(points)
        return cls(points if len(first) == len(group) else points[first], group)

    @property
    def has_duplicates(self) -> bool:
        """Whether any two rows of the table are equal."""
        return self.points.shape[0] < len(self.group)


def _search_distinct(asked, targets, metric, count, exact, seed, device):
    """(index, similarity, method, recall) of the `count` nearest, or of all where there are fewer,
    among points that all differ; on a GPU, by cells, or exactly on the CPU."""
    scores = scores_of(targets, metric)
    count = min(count, scores.count)
    gpu = _gpu(device, scores, asked.shape[0])
    if gpu:
        index, similarity = _on_gpu(asked, targets, metric, count, scores, gpu)
        return index, similarity, f"exact ({gpu})", None

    def search_exactly(queries, count):
        return _exact(queries, targets, metric, count, scores)

    if not exact and not sparse.issparse(targets) and scores.count > 10 * count:
        near = approximate(asked, targets, metric, count, seed, scores, search_exactly)
        if near:
            index, similarity, recall = near
            return index, similarity, "cells of a k-means", recall
    index, similarity = search_exactly(asked, count)
    return index, similarity, "exact", None


def _exact(asked, targets, metric, count, scores):
    """(index, similarity) `[q, count]` from the candidates of a piece of queries at a time."""

    def work(rows):
        queries = asked[rows]
        row, place = nearest_candidates(scores, queries, count)
        return most_similar(queries, targets, row, place, count, metric)

    pieces = pieces_of(asked.shape[0])
    similarities = float(asked.shape[0]) * scores.count
    parts = in_threads(partial(split_if_crowded, work), pieces, similarities)
    return _stacked(chain.from_iterable(_timed(parts, len(pieces))), count)


def _on_gpu(asked, targets, metric, count, scores, device):
    """(index, similarity) `[q, count]` from the candidates that a GPU found."""
    shape = (len(asked), count)
    index = np.full(shape, -1)
    similarity = np.full(shape, -np.inf)
    for some, row, place in gpu_candidates(scores, asked, count, device):
        queries = asked[some]
        if row is None:
            near = _exact(queries, targets, metric, count, scores)
        else:
            near = most_similar(queries, targets, row, place, count, metric)
        index[some], similarity[some] = near
    return index, similarity


def _gpu(device: str, scores, queries: int) -> str | None:
    """The GPU to search on, where one is asked for, or there is one and the search is large."""
    if not isinstance(scores, Float32Scores) or not scores.count or str(device) == "cpu":
        return None
    if device != "auto":
        return str(device)
    if float(queries) * scores.count < GPU_FROM:
        return None
    import torch

    return "cuda" if torch.cuda.is_available() else None


def _timed(parts: Iterable, count: int) -> Iterator:
    """The same parts; after the 32nd of `count`, a notice where the rest will take minutes."""
    began = time.monotonic()
    for done, part in enumerate(parts, 1):
        yield part
        per_part = (time.monotonic() - began) / done
        left = per_part * (count - done)
        if done == 32 and left > 60:
            log.warning("exact neighbour search: about %.0f more minutes", np.ceil(left / 60))


def _stacked(parts, count):
    """(index, similarity) of all parts, each `[q, count]`."""
    none = (np.zeros((0, count), np.int64), np.zeros((0, count)))
    return tuple(np.concatenate(column) for column in zip(none, *parts))


def _of_members(index, similarity, group, count):
    """(index, similarity) `[q, count]` of points, from those `[q, k]` of groups of equal points:
    every member of a group has the group's similarity.

    `group` int64 `[n]`: which group every point is in.
    """
    by_group = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    begin = np.cumsum(sizes) - sizes
    member = np.arange(min(count, sizes.max()))
    parts = []
    for rows in pieces_of(len(index)):
        groups = index[rows][:, :, None]  # [rows, k, 1]
        exists = (groups >= 0) & (member < sizes[groups])  # [rows, k, members]
        position = np.where(exists, begin[groups] + member, 0)
        place = np.where(exists, by_group[position], -1)
        value = np.where(exists, similarity[rows][:, :, None], -np.inf)
        place, value = place.reshape(len(rows), -1), value.reshape(len(rows), -1)
        best = np.lexsort((place, -value))[:, :count]
        best_places = np.take_along_axis(place, best, 1)
        parts.append((best_places, np.take_along_axis(value, best, 1)))
    return _stacked(parts, count)
