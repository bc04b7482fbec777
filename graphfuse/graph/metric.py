"""Points and how alike they are: rows checked once, and the similarity of a pair, the same in any
company."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

from graphfuse.errors import InputError
from graphfuse.errors import nearest as suggest

METRICS = ("cosine", "dot", "euclidean", "cityblock")
GREATEST = 1e100  # beyond it, squares overflow


def both(queries, reference, metric: str) -> tuple:
    """Queries and reference as checked float64 rows of one form, arrays or CSR; one object if they
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
    _finite(values, what)
    if metric != "cosine":
        return values
    greatest = np.asarray(
        abs(values).max(axis=1).toarray()
        if sparse.issparse(values)
        else abs(values).max(1, initial=0)
    )
    values = _scaled(
        values, greatest.ravel()
    )  # first, so that the squares of tiny values do not vanish
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
        f"{what}: {bad:,} of {values.shape[0]:,} rows hold a value that is missing, "
        f"infinite or beyond {GREATEST:g}; "
        "impute them, rescale, or leave those rows out"
    )


def square(points) -> np.ndarray:
    """float64 `[n]`: the squared length of each row."""
    return _total(points * points)


def _total(points):
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
            out[part] = -np.sqrt(square(one - other))
        elif metric == "cityblock":
            out[part] = 1 - _total(abs(one - other)) / width
        else:
            out[part] = _total(one * other)
    return np.round(out, 12) + 0.0


def block_similarity(queries, reference, metric: str) -> np.ndarray:
    """float64 `[q, n]`, all pairs at once by a matrix product: the same but for the last digits."""
    if metric == "cityblock":
        queries, reference = (
            p.toarray() if sparse.issparse(p) else p for p in (queries, reference)
        )
        return 1 - cdist(queries, reference, "cityblock") / max(1, queries.shape[1])
    product = queries @ reference.T
    product = product.toarray() if sparse.issparse(product) else product
    if metric == "euclidean":
        return -np.sqrt(
            np.maximum(square(queries)[:, None] + square(reference)[None] - 2 * product, 0)
        )
    return product


def distinct(points) -> tuple[np.ndarray, np.ndarray]:
    """(place of the first of each kind of row, ascending; which kind every row is), by 64-bit sums
    of the rows' bits."""
    count, width = points.shape
    mixing = np.random.default_rng(0).integers(2**63, size=width, dtype=np.uint64) * np.uint64(
        2
    ) + np.uint64(1)
    if sparse.issparse(points):
        key = (
            sparse.csr_array(
                (points.data.view(np.uint64), points.indices, points.indptr), points.shape
            )
            @ mixing
        )
    else:
        key = np.zeros(count, np.uint64)
        for start in range(0, count, 4096):  # + 0.0: minus zero is zero
            key[start : start + 4096] = (
                (points[start : start + 4096] + 0.0).view(np.uint64) * mixing
            ).sum(1)
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    first, group = first[order], np.argsort(order)[group]
    again = np.flatnonzero(first[group] != np.arange(count))
    if _differ(
        points[again], points[first[group[again]]]
    ):  # unequal rows of one key: never seen, but possible
        return np.arange(count), np.arange(count)
    return first, group


def ranked(
    queries, reference, row: np.ndarray, place: np.ndarray, count: int, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """(index, similarity) `[q, count]`: of each query's candidate pairs the `count` most similar,
    ties by place.

    `row` ascends; a query with fewer candidates has -1 at -inf.
    """
    many = np.bincount(row, minlength=queries.shape[0])
    at = row, np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
    shape = queries.shape[0], max(count, many.max(initial=0))
    index, less = np.full(shape, -1), np.full(shape, np.inf)
    index[at], less[at] = place, -pair_similarity(queries, reference, row, place, metric)
    order = np.lexsort((index, less))[:, :count]
    return np.take_along_axis(index, order, 1), 0.0 - np.take_along_axis(less, order, 1)


def without(
    index: np.ndarray, similarity: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each row's list but for its `own` place, or but for its last where `own` is not in it: one
    shorter."""
    itself = index == own[:, None]
    itself[:, -1] |= ~itself.any(1)
    shape = (len(index), index.shape[1] - 1)
    return index[~itself].reshape(shape), similarity[~itself].reshape(shape)
