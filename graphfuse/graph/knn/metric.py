"""Similarities of points: rows are checked once, and a pair has the same similarity whichever
others are computed with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

from graphfuse.errors import InputError
from graphfuse.errors import nearest as suggest

METRICS = ("cosine", "dot", "euclidean", "cityblock")
GREATEST = 1e100  # beyond it, squares overflow


def checked_points(queries, reference, metric: str) -> tuple:
    """Queries and reference as checked float64 rows, both arrays or both CSR; one object if they
    hold the same.

    Raises `InputError` for an unknown metric, unequal widths, and values that are not finite, with
    the number of rows.
    """
    if metric not in METRICS:
        raise InputError(f"metric: {metric!r} is not known{suggest(str(metric), METRICS)}")
    same = queries is reference
    reference = _rows(reference, metric, "reference points")
    queries = reference if same else _rows(queries, metric, "queries")
    if queries.shape[1] != reference.shape[1]:
        raise InputError(
            f"queries have {queries.shape[1]:,} columns, the reference "
            f"{reference.shape[1]:,}; give both the same"
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
        raise InputError(
            f"{what}: expected a table [n, d], got {values.ndim} dimensions; give one row per point"
        )
    _check_finite(values, what)
    if metric != "cosine":
        return values
    # first, so that the squares of tiny values do not vanish
    values = _scaled(values, _greatest_of_rows(values))
    length = np.sqrt(squared_length(values))
    return _scaled(values, length)


def _greatest_of_rows(values) -> np.ndarray:
    """`[n]`: the greatest absolute value of each row."""
    if sparse.issparse(values):
        return abs(values).max(axis=1).toarray().ravel()
    return abs(values).max(1, initial=0)


def _scaled(values, length):
    """Rows divided by `length` `[n]`, but for those of length 0."""
    divisor = np.where(length > 0, length, 1)[:, None]
    scaled = values / divisor
    return sparse.csr_array(scaled) if sparse.issparse(values) else scaled


def _check_finite(values, what):
    """Raises `InputError` for values that are missing, or too great to compute with."""
    stored = values.data if sparse.issparse(values) else values
    usable = abs(stored) <= GREATEST  # false for NaN
    if usable.all():
        return
    if sparse.issparse(values):
        stored_in_row = np.diff(values.indptr)
        row = np.repeat(np.arange(values.shape[0]), stored_in_row)
        bad = len(np.unique(row[~usable]))
    else:
        bad = int((~usable).any(1).sum())
    raise InputError(
        f"{what}: {bad:,} of {values.shape[0]:,} rows hold a value that is missing, "
        f"infinite or beyond {GREATEST:g}; "
        "impute them, rescale, or leave those rows out"
    )


def squared_length(points) -> np.ndarray:
    """float64 `[n]`: the squared length of each row."""
    return _row_sums(points * points)


def _row_sums(points):
    return np.asarray(points.sum(1)).ravel()


def _differ(one, other):
    return one.shape[0] > 0 and bool((one != other).sum())


def pair_similarity(
    queries, reference, receiver: np.ndarray, sender: np.ndarray, metric: str
) -> np.ndarray:
    """float64 `[E]`, rounded to 1e-12: the similarity of the pairs (`receiver`, `sender`).

    Every pair is summed by itself, in one order, so that its value does not depend on which others
    are asked for.
    """
    width = max(1, queries.shape[1])
    out = np.empty(len(receiver))
    step = max(1, (1 << 17) // width)  # stays in a core's cache
    for start in range(0, len(out), step):
        part = slice(start, start + step)
        one, other = queries[receiver[part]], reference[sender[part]]
        if metric == "euclidean":
            out[part] = -np.sqrt(squared_length(one - other))
        elif metric == "cityblock":
            out[part] = 1 - _row_sums(abs(one - other)) / width
        else:
            out[part] = _row_sums(one * other)
    return np.round(out, 12) + 0.0


def block_similarity(queries, reference, metric: str) -> np.ndarray:
    """float64 `[q, n]`, all pairs at once by a matrix product: as `pair_similarity`, but for the
    last digits."""
    if metric == "cityblock":
        distance = cdist(_dense(queries), _dense(reference), "cityblock")
        return 1 - distance / max(1, queries.shape[1])
    product = _dense(queries @ reference.T)
    if metric == "euclidean":
        squares = squared_length(queries)[:, None] + squared_length(reference)[None]
        squared = squares - 2 * product
        return -np.sqrt(np.maximum(squared, 0))
    return product


def _dense(values) -> np.ndarray:
    return values.toarray() if sparse.issparse(values) else values


def distinct(points) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are equal, found by 64-bit sums of the rows' bits.

    Parameters
    ----------
    points : array or sparse array `[n, d]`

    Returns
    -------
    first : np.ndarray
        int64 `[K]`: place of the first row of each group of equal rows, ascending.
    group : np.ndarray
        int64 `[n]`: which group every row is in.
    """
    every = np.arange(points.shape[0])
    _, first, group = np.unique(_keys(points), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.argsort(order)
    first, group = first[order], rank[group]
    again = np.flatnonzero(first[group] != every)
    original = first[group[again]]
    if _differ(points[again], points[original]):
        return every, every.copy()  # unequal rows of one key: never seen, but possible
    return first, group


def _keys(points) -> np.ndarray:
    """uint64 `[n]`: a sum of each row's bits, the same for equal rows."""
    count, width = points.shape
    drawn = np.random.default_rng(0).integers(2**63, size=width, dtype=np.uint64)
    mixing = drawn * np.uint64(2) + np.uint64(1)
    if sparse.issparse(points):
        bits = points.data.view(np.uint64)
        stored = (bits, points.indices, points.indptr)
        return sparse.csr_array(stored, points.shape) @ mixing
    keys = np.zeros(count, np.uint64)
    for start in range(0, count, 4096):
        part = points[start : start + 4096] + 0.0  # minus zero is zero
        bits = part.view(np.uint64)
        keys[start : start + 4096] = (bits * mixing).sum(1)
    return keys


def most_similar(
    queries, reference, row: np.ndarray, place: np.ndarray, count: int, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """The most similar of each query's candidates, ties by place.

    Parameters
    ----------
    queries, reference : array or sparse array `[q, d]`, `[n, d]`
    row, place : np.ndarray
        int64 `[E]`: candidate pairs, of the queries (ascending) and in the reference.
    count : int
        How many each query keeps.
    metric : str

    Returns
    -------
    index : np.ndarray
        int64 `[q, count]`, -1 where a query has fewer candidates.
    similarity : np.ndarray
        float64 `[q, count]`, descending, -inf there.
    """
    held = np.bincount(row, minlength=queries.shape[0])  # candidates of each query
    start = np.cumsum(held) - held
    column = np.arange(len(row)) - np.repeat(start, held)
    shape = queries.shape[0], max(count, held.max(initial=0))
    index = np.full(shape, -1)
    negated = np.full(shape, np.inf)
    index[row, column] = place
    similarity = pair_similarity(queries, reference, row, place, metric)
    negated[row, column] = -similarity
    order = np.lexsort((index, negated))[:, :count]
    index = np.take_along_axis(index, order, 1)
    similarity = 0.0 - np.take_along_axis(negated, order, 1)
    return index, similarity


def without_own(
    index: np.ndarray, similarity: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(index, similarity) `[q, k - 1]`: each row without its `own` place, or without its last where
    `own` is not in it."""
    itself = index == own[:, None]
    itself[:, -1] |= ~itself.any(1)
    shape = (len(index), index.shape[1] - 1)
    return index[~itself].reshape(shape), similarity[~itself].reshape(shape)


def estimated_threshold(reference, drawn: np.ndarray, metric: str, mean_degree: float) -> float:
    """The similarity at which the points at `drawn` have on average so many others among all points
    of `reference` `[n, d]`."""
    wanted = max(1, round(mean_degree * len(drawn)))
    similarities = _of_drawn(reference, drawn, metric)
    return float(greatest(similarities, wanted)[-1])


def _of_drawn(reference, drawn, metric) -> Iterator[np.ndarray]:
    """The similarities of some points to all others, a few points at a time."""
    similarities = len(drawn) * reference.shape[0]
    pieces = -(-similarities // 4_000_000)
    for rows in np.array_split(drawn, pieces or 1):
        block = block_similarity(reference[rows], reference, metric)
        block[np.arange(len(rows)), rows] = -np.inf
        yield block[block > -np.inf]


def greatest(parts: Iterable[np.ndarray], count: int) -> np.ndarray:
    """The `count` greatest numbers of all parts, descending; never much more than these are
    held."""
    kept = np.zeros(0)
    for part in parts:
        if len(kept) == count:
            part = part[part >= kept[-1]]
        kept = np.concatenate([kept, part])
        if len(kept) > count:
            kept = np.partition(kept, len(kept) - count)[-count:]
        kept = -np.sort(-kept)
    return kept
