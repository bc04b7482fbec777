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

import numpy as np
from scipy import sparse

from graphfuse.errors import InputError
from graphfuse.graph.cells import approximate
from graphfuse.graph.coarse import (
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
from graphfuse.graph.metric import (
    GREATEST,
    block_similarity,
    both,
    distinct,
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
    """The `count` points of `reference` `[n, d]` most similar to each of `queries` `[q, d]`.

    `own` int64 `[q]`: each query's place in the reference, left out of what it finds (-1: it has
    none). `exact`: by default every search is, except that of more than 50,000 points among
    themselves (`own` given), if that is quicker. How many queries are asked decides nothing: one
    new patient finds what it finds among a thousand. `device`: `"auto"` takes a GPU where there is
    one and the search is large; its candidates miss nothing either. Raises `InputError` for points
    that are not finite, with their number.
    """
    if count < 1:
        raise InputError(f"neighbours: expected at least 1, got {count}")
    queries, reference = both(queries, reference, metric)
    own = None if own is None else np.asarray(own, np.int64)
    n = reference.shape[0]
    first, kind = distinct(reference)
    targets = reference if len(first) == n else reference[first]
    asking, asker = (first, kind) if queries is reference else distinct(queries)
    asked = (
        queries
        if len(asking) == len(asker)
        else targets
        if queries is reference
        else queries[asking]
    )
    exact = (len(first) <= LARGE or own is None) if exact is None else exact
    wanted = min(count + (own is not None), n)
    *found, method, recall = _found(
        asked, targets, metric, min(wanted, len(first)), exact, seed, device
    )
    if len(first) < n:
        found = _members(*found, kind, wanted)
    if len(asking) < len(asker):
        found = [column[asker] for column in found]
    if own is not None and n:
        found = without(*found, own)
    missing = ((0, 0), (0, count - min(count, found[0].shape[1])))
    index, similarity = (
        np.pad(found[0], missing, constant_values=-1),
        np.pad(found[1], missing, constant_values=-np.inf),
    )
    return Found(index, similarity, method, recall)


def within(
    queries, reference, least: float, metric="cosine", *, own=None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs at least as similar as `least`: (receiver int64 `[E]`, sender int64 `[E]`,
    similarity float64 `[E]`), by receiver, then sender; exact. Raises `InputError` beyond 50
    million pairs."""
    parts, total = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))], 0
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
    """The similarity at which the n points have on average `mean_degree` others each, themselves
    not counted: that of the (`mean_degree` · n)-th most similar ordered pair; the least of all
    where there are fewer, -inf where there is none.

    Exact up to 50,000 points; beyond, as it is for 2,000 of them, drawn by `seed`, among all.
    """
    reference, _ = both(reference, reference, metric)
    n = reference.shape[0]
    if n and not 0 < mean_degree * n <= EDGES:
        raise InputError(
            f"mean degree: expected above 0 and at most {EDGES / n:g} among {n:,} points, "
            f"got {mean_degree:g}"
        )
    drawn, slack = np.sort(np.random.default_rng(seed).choice(n, min(n, 2000), replace=False)), 1.2
    if n > LARGE:
        return float(
            _greatest(_drawn(reference, drawn, metric), max(1, round(mean_degree * len(drawn))))[-1]
        )
    while n > 1:
        some = _greatest(
            _drawn(reference, drawn, metric), max(1, round(slack * mean_degree * len(drawn)))
        )
        least = some[-1] - 1e-9 if slack * mean_degree < n - 1 else -GREATEST
        pairs = _pairs(reference, reference, least, metric, np.arange(n))
        best = _greatest((similarity for _, _, similarity in pairs), max(1, round(mean_degree * n)))
        if len(best) == max(1, round(mean_degree * n)) or least == -GREATEST:
            return float(best[-1])
        slack *= 2
    return -np.inf


def _found(asked, targets, metric, count, exact, seed, device):
    """(index, similarity, method, recall) among points that all differ, by what suits their
    number."""
    coarse = scores(targets, metric)
    gpu = _gpu(device, coarse, asked.shape[0])
    if gpu:
        return *_on_gpu(asked, targets, metric, count, coarse, gpu), f"exact ({gpu})", None
    if not exact and not sparse.issparse(targets) and coarse.count > 10 * count:
        near = approximate(
            asked,
            targets,
            metric,
            count,
            seed,
            coarse,
            lambda q, k: _exact(q, targets, metric, k, coarse),
        )
        if near:
            return *near[:2], "cells of a k-means", near[2]
    return *_exact(asked, targets, metric, count, coarse), "exact", None


def _exact(asked, targets, metric, count, coarse):
    """(index, similarity) `[q, count]`: quick candidates of a piece of queries at a time, then
    their true similarities."""

    def work(rows):
        queries = asked[rows]
        return ranked(queries, targets, *chosen(coarse, queries, count), count, metric)

    pieces = cuts(asked.shape[0])
    parts = _timed(
        spread(partial(whole, work), pieces, float(asked.shape[0]) * coarse.count), len(pieces)
    )
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
    if (
        not isinstance(coarse, Shadow)
        or not coarse.count
        or str(device) == "cpu"
        or (device == "auto" and small)
    ):
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
        place = np.where(
            there, order[np.where(there, begin[near] + np.arange(width), 0)], -1
        ).reshape(len(rows), -1)
        value = np.where(there, similarity[rows][:, :, None], -np.inf).reshape(len(rows), -1)
        best = np.lexsort((place, -value))[:, :count]
        found.append((np.take_along_axis(place, best, 1), np.take_along_axis(value, best, 1)))
    return _stacked(found, count)


def _pairs(queries, reference, least, metric, own) -> Iterator[tuple]:
    """(receiver, sender, similarity) of the pairs at least as similar as `least`, a piece of the
    queries at a time."""
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

    pieces = cuts(
        queries.shape[0], min(ROWS, 8 * CROWD // max(1, coarse.count))
    )  # all of a piece's pairs may be near
    return spread(work, pieces, float(queries.shape[0]) * coarse.count)


def _drawn(reference, drawn, metric) -> Iterator[np.ndarray]:
    """The similarities of some points to all others, a few points at a time."""
    for rows in np.array_split(drawn, -(-len(drawn) * reference.shape[0] // 4_000_000) or 1):
        block = block_similarity(reference[rows], reference, metric)
        block[np.arange(len(rows)), rows] = -np.inf
        yield block[block > -np.inf]


def _greatest(parts: Iterable[np.ndarray], count: int) -> np.ndarray:
    """The `count` greatest numbers of all parts, descending; never much more than these are
    held."""
    kept = np.zeros(0)
    for part in parts:
        kept = np.concatenate([kept, part[part >= kept[-1]] if len(kept) == count else part])
        kept = (
            -np.sort(-np.partition(kept, len(kept) - count)[-count:])
            if len(kept) > count
            else -np.sort(-kept)
        )
    return kept
