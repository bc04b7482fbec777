"""All pairs of points at least so similar, and the similarity that gives a mean degree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphfuse.errors import InputError
from graphfuse.graph.knn.bounded_candidates import MOST_CANDIDATES, candidates_above
from graphfuse.graph.knn.bounded_scores import scores_of
from graphfuse.graph.knn.metric import (
    GREATEST,
    checked_points,
    estimated_threshold,
    greatest,
    pair_similarity,
)
from graphfuse.graph.knn.pieces import ROWS, in_threads, pieces_of

MOST_PAIRS = 50_000_000  # that one call returns
EXACT_UP_TO = 50_000  # points, up to which a threshold is exact
DRAWN = 2000  # points from which a threshold is estimated


def within(
    queries, reference, least: float, metric: str = "cosine", *, own: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs at least as similar as `least`; exact.

    Parameters
    ----------
    queries, reference : array or sparse array `[q, d]`, `[n, d]`
    least : float
        A similarity.
    metric : {"cosine", "dot", "euclidean", "cityblock"}
    own : np.ndarray, optional
        int64 `[q]`: each query's place in the reference, left out of its pairs.

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
    queries, reference = checked_points(queries, reference, metric)
    nobody = np.zeros(0, np.int64)
    parts = [(nobody, nobody, np.zeros(0))]
    total = 0
    for part in _pairs(queries, reference, least, metric, own):
        parts.append(part)
        total += len(part[0])
        if total > MOST_PAIRS:
            raise InputError(
                f"more than {MOST_PAIRS:,} pairs are at least {least:g} similar; raise the least "
                "similarity (a smaller radius, a "
                'lower mean degree), or keep a number of neighbours each (rule = "nearest")'
            )
    return tuple(np.concatenate(column) for column in zip(*parts))


def threshold(reference, mean_degree: float, metric: str = "cosine", *, seed: int = 0) -> float:
    """The similarity at or above which points have on average `mean_degree` others each.

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
        The similarity of the (`mean_degree` · n)-th most similar ordered pair of two points; the
        least of all where there are fewer pairs, -inf where there is none.

    Raises
    ------
    InputError
        For a mean degree that is not above 0, or gives too many pairs.
    """
    reference, _ = checked_points(reference, reference, metric)
    n = reference.shape[0]
    if n and not 0 < mean_degree * n <= MOST_PAIRS:
        raise InputError(
            f"mean degree: expected above 0 and at most {MOST_PAIRS / n:g} among {n:,} points, "
            f"got {mean_degree:g}"
        )
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(n, min(n, DRAWN), replace=False))
    if n > EXACT_UP_TO:
        return estimated_threshold(reference, drawn, metric, mean_degree)
    return _exact_threshold(reference, drawn, metric, mean_degree)


def _exact_threshold(reference, drawn: np.ndarray, metric: str, mean_degree: float) -> float:
    """`threshold`, from the pairs above an estimate by the points at `drawn`, which is lowered
    until there are enough of them."""
    n = reference.shape[0]
    wanted = max(1, round(mean_degree * n))
    slack = 1.2
    while n > 1:
        least = -GREATEST
        if slack * mean_degree < n - 1:
            estimate = estimated_threshold(reference, drawn, metric, slack * mean_degree)
            least = estimate - 1e-9
        pairs = _pairs(reference, reference, least, metric, np.arange(n))
        similarities = (similarity for _, _, similarity in pairs)
        best = greatest(similarities, wanted)
        if len(best) == wanted or least == -GREATEST:
            return float(best[-1])
        slack *= 2
    return -np.inf


def _pairs(queries, reference, least, metric, own) -> Iterator[tuple]:
    """(receiver, sender, similarity) of the pairs at least as similar as `least`, a piece of the
    queries at a time."""
    scores = scores_of(reference, metric)
    least = round(float(least), 12)

    def work(rows):
        asking = queries[rows]
        row, sender = candidates_above(scores, asking, least)
        similarity = pair_similarity(asking, reference, row, sender, metric)
        receiver = rows[row]
        keep = similarity >= least
        if own is not None:
            keep &= sender != np.asarray(own)[receiver]
        receiver, sender, similarity = receiver[keep], sender[keep], similarity[keep]
        order = np.argsort(receiver, kind="stable")  # senders are in order, tile after tile
        return receiver[order], sender[order], similarity[order]

    # all pairs of a piece may be similar enough
    at_once = min(ROWS, 8 * MOST_CANDIDATES // max(1, scores.count))
    pieces = pieces_of(queries.shape[0], at_once)
    return in_threads(work, pieces, float(queries.shape[0]) * scores.count)
