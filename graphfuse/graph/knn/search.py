"""Neighbour search among points: the most similar ones, all within a threshold, and the threshold
of a mean degree.

Similarity by metric, greater is nearer: `"cosine"` of the rows as they are (a zero row is 0 from
everything); `"dot"` of rows normalised already (cosine, correlation); `"euclidean"`: minus the
distance; `"cityblock"`: 1 minus the mean absolute difference (Gower, of columns divided by their
range). Points are arrays, or scipy sparse, which stays sparse.

Every similarity that counts is summed in float64 for its own pair and rounded to 1e-12; ties go to
the lowest place in the reference. So a query finds the same alone and in a batch. What picks the
pairs worth summing is quick: products in float32 with a bound on their error, which miss nothing;
for the patients of a large cohort among themselves, only with those in the nearest cells, and the
recall is measured.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
from scipy import sparse

from graphfuse.errors import InputError
from graphfuse.graph.knn.candidates import (
    CROWD,
    ROWS,
    Shadow,
    above,
    chosen,
    cuts,
    on_gpu,
    scores,
    spread,
    whole,
)
from graphfuse.graph.knn.inverted_file import approximate
from graphfuse.graph.knn.metric import (
    GREATEST,
    both,
    distinct,
    estimated_threshold,
    greatest,
    pair_similarity,
    ranked,
    without,
)

log = logging.getLogger(__name__)
# reference points, beyond which a search among themselves is approximate where that is quicker
LARGE = 50_000
EDGES = 50_000_000  # pairs that one call gives at most
GPU = 1e9  # similarities, from which a GPU pays


@dataclass(frozen=True, eq=False)
class Found:
    """What q queries found: `index` int64 `[q, k]`, places in the reference, nearest first, -1
    where fewer than k exist; `similarity` float64 `[q, k]`, descending, -inf there; `method`: how;
    `recall`: measured on a sample, `None` = exact."""

    index: np.ndarray
    similarity: np.ndarray
    method: str = "exact"
    recall: float | None = None

    def __repr__(self) -> str:
        how = self.method if self.recall is None else f"{self.method}, recall {self.recall:.3f}"
        return (
            f"Found({self.index.shape[0]:,} queries, {self.index.shape[1]} neighbours each, {how})"
        )


def nearest(
    queries, reference, count: int, metric="cosine", *, own=None, exact=None, seed=0, device="auto"
) -> Found:
    """The points of a reference that are most similar to each query.

    How many queries are asked decides nothing: one new patient finds what it finds among a
    thousand.

    Parameters
    ----------
    queries, reference : array or sparse array `[q, d]`, `[n, d]`
    count : int
        Neighbours of each query.
    metric : {"cosine", "dot", "euclidean", "cityblock"}
    own : np.ndarray, optional
        int64 `[q]`: each query's place in the reference, left out of what it finds (-1: it has
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
    Found

    Raises
    ------
    InputError
        For points that are not finite, with their number.
    """
    if count < 1:
        raise InputError(f"neighbours: expected at least 1, got {count}")
    queries, reference = both(queries, reference, metric)
    own = None if own is None else np.asarray(own, np.int64)
    n = reference.shape[0]
    first, kind = distinct(reference)
    targets = reference if len(first) == n else reference[first]
    if queries is reference:
        asking, asker, asked = first, kind, targets
    else:
        asking, asker = distinct(queries)
        asked = queries if len(asking) == len(asker) else queries[asking]
    if exact is None:
        exact = len(first) <= LARGE or own is None
    wanted = min(count + (own is not None), n)
    among = min(wanted, len(first))
    index, similarity, method, recall = _found(asked, targets, metric, among, exact, seed, device)
    if len(first) < n:
        index, similarity = _members(index, similarity, kind, wanted)
    if len(asking) < len(asker):
        index, similarity = index[asker], similarity[asker]
    if own is not None and n:
        index, similarity = without(index, similarity, own)
    lacking = count - min(count, index.shape[1])
    behind = ((0, 0), (0, lacking))
    index = np.pad(index, behind, constant_values=-1)
    similarity = np.pad(similarity, behind, constant_values=-np.inf)
    return Found(index, similarity, method, recall)


def within(
    queries, reference, least: float, metric="cosine", *, own=None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs at least as similar as `least`; exact.

    Parameters
    ----------
    queries, reference : array or sparse array `[q, d]`, `[n, d]`
    least : float
        A similarity.
    metric : {"cosine", "dot", "euclidean", "cityblock"}
    own : np.ndarray, optional
        int64 `[q]`: each query's place in the reference, left out of what it finds.

    Returns
    -------
    receiver, sender : np.ndarray
        int64 `[E]`, by receiver, then sender.
    similarity : np.ndarray
        float64 `[E]`.

    Raises
    ------
    InputError
        Beyond 50 million pairs.
    """
    parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    total = 0
    for part in _pairs(*both(queries, reference, metric), least, metric, own):
        parts.append(part)
        total += len(part[0])
        if total > EDGES:
            raise InputError(
                f"more than {EDGES:,} pairs are at least {least:g} similar; raise the least "
                "similarity (a smaller radius, a "
                'lower mean degree), or keep a number of neighbours each (rule = "nearest")'
            )
    return tuple(np.concatenate(column) for column in zip(*parts))


def threshold(reference, mean_degree: float, metric="cosine", *, seed=0) -> float:
    """The similarity at which points have on average so many others each, themselves not counted.

    Exact up to 50,000 points; beyond, as it is for 2,000 of them, drawn by `seed`, among all.

    Parameters
    ----------
    reference : array or sparse array `[n, d]`
    mean_degree : float
    metric : {"cosine", "dot", "euclidean", "cityblock"}
    seed : int

    Returns
    -------
    float
        That of the (`mean_degree` · n)-th most similar ordered pair; the least of all where there
        are fewer, -inf where there is none.

    Raises
    ------
    InputError
        For a mean degree that is not above 0, or gives too many pairs.
    """
    reference, _ = both(reference, reference, metric)
    n = reference.shape[0]
    if n and not 0 < mean_degree * n <= EDGES:
        raise InputError(
            f"mean degree: expected above 0 and at most {EDGES / n:g} among {n:,} points, "
            f"got {mean_degree:g}"
        )
    drawn = np.sort(np.random.default_rng(seed).choice(n, min(n, 2000), replace=False))
    if n > LARGE:
        return estimated_threshold(reference, drawn, metric, mean_degree)
    wanted = max(1, round(mean_degree * n))
    slack = 1.2
    while n > 1:
        least = -GREATEST
        if slack * mean_degree < n - 1:
            least = estimated_threshold(reference, drawn, metric, slack * mean_degree) - 1e-9
        pairs = _pairs(reference, reference, least, metric, np.arange(n))
        best = greatest((similarity for _, _, similarity in pairs), wanted)
        if len(best) == wanted or least == -GREATEST:
            return float(best[-1])
        slack *= 2
    return -np.inf


def _found(asked, targets, metric, count, exact, seed, device):
    """(index, similarity, method, recall) among points that all differ, by what suits their
    number."""
    coarse = scores(targets, metric)
    gpu = _gpu(device, coarse, asked.shape[0])
    if gpu:
        index, similarity = _on_gpu(asked, targets, metric, count, coarse, gpu)
        return index, similarity, f"exact ({gpu})", None

    def sure(queries, count):
        return _exact(queries, targets, metric, count, coarse)

    if not exact and not sparse.issparse(targets) and coarse.count > 10 * count:
        near = approximate(asked, targets, metric, count, seed, coarse, sure)
        if near:
            index, similarity, recall = near
            return index, similarity, "cells of a k-means", recall
    index, similarity = sure(asked, count)
    return index, similarity, "exact", None


def _exact(asked, targets, metric, count, coarse):
    """(index, similarity) `[q, count]`: quick candidates of a piece of queries at a time, then
    their true similarities."""

    def work(rows):
        queries = asked[rows]
        row, place = chosen(coarse, queries, count)
        return ranked(queries, targets, row, place, count, metric)

    pieces = cuts(asked.shape[0])
    similarities = float(asked.shape[0]) * coarse.count
    parts = spread(partial(whole, work), pieces, similarities)
    return _stacked(chain.from_iterable(_timed(parts, len(pieces))), count)


def _on_gpu(asked, targets, metric, count, coarse, device):
    """The same, with the candidates from a GPU."""
    shape = (len(asked), count)
    index, similarity = np.full(shape, -1), np.full(shape, -np.inf)
    for some, row, place in on_gpu(coarse, asked, count, device):
        queries = asked[some]
        if row is None:
            near = _exact(queries, targets, metric, count, coarse)
        else:
            near = ranked(queries, targets, row, place, count, metric)
        index[some], similarity[some] = near
    return index, similarity


def _gpu(device, coarse, queries):
    """The GPU to search on, if it is asked for, or there is one and the search is large."""
    if not isinstance(coarse, Shadow) or not coarse.count or str(device) == "cpu":
        return None
    if device != "auto":
        return str(device)
    if float(queries) * coarse.count < GPU:
        return None
    import torch

    return "cuda" if torch.cuda.is_available() else None


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
    by_kind = np.argsort(kind, kind="stable")
    many = np.bincount(kind)
    begin = np.cumsum(many) - many
    member = np.arange(min(count, many.max()))
    parts = []
    for rows in cuts(len(index)):
        kinds = index[rows][:, :, None]
        there = (kinds >= 0) & (member < many[kinds])
        position = np.where(there, begin[kinds] + member, 0)
        place = np.where(there, by_kind[position], -1)
        value = np.where(there, similarity[rows][:, :, None], -np.inf)
        place, value = place.reshape(len(rows), -1), value.reshape(len(rows), -1)
        best = np.lexsort((place, -value))[:, :count]
        part = np.take_along_axis(place, best, 1), np.take_along_axis(value, best, 1)
        parts.append(part)
    return _stacked(parts, count)


def _pairs(queries, reference, least, metric, own) -> Iterator[tuple]:
    """(receiver, sender, similarity) of the pairs at least as similar as `least`, a piece of the
    queries at a time."""
    coarse = scores(reference, metric)
    least = round(float(least), 12)

    def work(rows):
        asking = queries[rows]
        row, sender = above(coarse, asking, least)
        similarity = pair_similarity(asking, reference, row, sender, metric)
        receiver = rows[row]
        keep = similarity >= least
        if own is not None:
            keep &= sender != np.asarray(own)[receiver]
        receiver, sender, similarity = receiver[keep], sender[keep], similarity[keep]
        order = np.argsort(receiver, kind="stable")  # the tiles gave senders in order
        return receiver[order], sender[order], similarity[order]

    at_once = min(ROWS, 8 * CROWD // max(1, coarse.count))  # all of a piece's pairs may be near
    pieces = cuts(queries.shape[0], at_once)
    return spread(work, pieces, float(queries.shape[0]) * coarse.count)
