"""Where nodes stand in a picture: those that are joined stand together. Same links, same places.

Links attract and all pairs repel as in t-SNE (van der Maaten and Hinton 2008, JMLR 9) on the
graph's own weights, begun from the smoothest vectors on the graph; a mild exaggeration keeps what
is continuous together (Böhm, Berens and Kobak 2022, JMLR 23).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

_EARLY, _LATE = 6.0, 1.1  # exaggeration of attraction: while clusters form, and after
# of a uniform pull towards the middle, so that parts without a link between them stay in sight
_GRAVITY = 0.02
_SEED = 20
_BLOCK = 128  # rows whose distances to all are in the cache at once


def symmetric(links: sparse.spmatrix) -> sparse.csr_matrix:
    """float64 csr `[N, N]`: who is joined to whom, either way, without weights beyond "joined";
    nobody to itself."""
    joined = sparse.csr_matrix((np.ones(links.nnz), links.nonzero()), shape=links.shape)
    joined = (joined + joined.T).tocsr()
    joined.setdiag(0)
    joined.eliminate_zeros()
    joined.data[:] = 1
    return joined


def spectral(links: sparse.csr_matrix, dims: int, rounds: int = 4) -> np.ndarray:
    """float64 `[N, dims]`: the smoothest vectors on a symmetric graph, scaled by how smooth they
    are (Coifman and Lafon 2006); rows without a link are 0. Subspace iteration with a Chebyshev
    filter of degree 10 (Zhou, Saad, Tiago and Chelikowsky 2006), whose bound follows the Ritz
    values.
    """
    root = np.sqrt(np.asarray(links.sum(1)).ravel())
    scale = np.divide(1, root, out=np.zeros_like(root), where=root > 0)
    walk = (sparse.diags(scale) @ links @ sparse.diags(scale)).tocsr().astype(np.float32)
    dims = min(dims, max(links.shape[0] - 1, 1))
    trivial = (root / max(np.linalg.norm(root), 1e-12)).astype(np.float32)[:, None]
    basis = np.random.default_rng(_SEED).normal(size=(links.shape[0], dims)).astype(np.float32)
    bound = 0.5
    for _ in range(rounds):
        basis = _filtered(walk, basis, bound)
        basis = np.linalg.qr(basis - trivial @ (trivial.T @ basis))[0]
        values, turn = np.linalg.eigh(basis.T @ (walk @ basis))
        bound = float(np.clip(values[0], 0.1, 0.99))
    smooth = (basis @ turn[:, ::-1]).astype(float) * np.clip(values[::-1], 0.01, 1) * scale[:, None]
    return smooth * np.where(smooth[np.abs(smooth).argmax(0), np.arange(dims)] < 0, -1, 1)


def _filtered(
    walk: sparse.csr_matrix, basis: np.ndarray, bound: float, degree: int = 10
) -> np.ndarray:
    """The Chebyshev polynomial of `walk` that is small on eigenvalues in -1 … bound, times the
    basis."""
    middle, half = np.float32((bound - 1) / 2), np.float32((bound + 1) / 2)
    before, now = basis, (walk @ basis - middle * basis) / half
    for _ in range(degree - 1):
        before, now = now, 2 * (walk @ now - middle * now) / half - before
    return now / np.maximum(np.abs(now).max(0), np.float32(1e-20))


def nearest_links(points: np.ndarray, count: int) -> sparse.csr_matrix:
    """Symmetric links `[n, n]` between each row of `points` and its `count` nearest."""
    count = min(count, len(points) - 1)
    if count < 1:
        return sparse.csr_matrix((len(points), len(points)))
    near = cKDTree(points).query(points, count + 1)[1][:, 1:]
    rows = np.repeat(np.arange(len(points)), count)
    return symmetric(
        sparse.csr_matrix(
            (np.ones(near.size), (rows, near.ravel())), shape=(len(points), len(points))
        )
    )


def place(
    links: sparse.csr_matrix, start: np.ndarray | None = None, steps: int = 250
) -> np.ndarray:
    """float64 `[n, 2]` within the unit disc: places of n nodes with symmetric links; nodes without
    any stand around the rest.

    `start` `[n, 2]`: places to begin from (turned to and grown from), else the graph's own
    smoothest vectors.
    """
    joined = np.flatnonzero(np.diff(links.indptr))
    places = np.zeros((links.shape[0], 2))
    if len(joined):
        inner = links[joined][:, joined]
        begin = _ranks(spectral(inner, 8)[:, :2]) if start is None else start[joined]
        settled = _settled(inner, begin, steps, _EARLY if start is None else 3 * _LATE)
        places[joined] = _inside(_apart(_inside(_lying(settled) if start is None else settled)))
    loose = np.setdiff1d(np.arange(links.shape[0]), joined)
    places[loose] = _around(len(loose), links.shape[0], 0.0 if not len(joined) else 0.86)
    places[joined] *= 0.82 if len(loose) and len(joined) else 1.0
    return places


def _settled(links: sparse.csr_matrix, begin: np.ndarray, steps: int, early: float) -> np.ndarray:
    """Gradient descent with momentum and gains; exact repulsion, in products of matrices."""
    n = len(begin)
    degree = np.asarray(links.sum(1)).ravel()
    share = sparse.diags(1 / np.maximum(degree, 1)) @ links
    share = ((share + share.T) / (2 * n)).tocsr().astype(np.float32)
    rows, columns = share.nonzero()
    weight = np.asarray(share[rows, columns]).ravel()
    y = (
        (begin - begin.mean(0))
        / max(begin.std(), 1e-9)
        * (1e-2 if early == _EARLY else 0.25 * np.sqrt(n))
    )
    y = y.astype(np.float32)
    speed, gain, rate = np.zeros_like(y), np.ones_like(y), max(n / _EARLY, 20.0)
    for step in range(steps):
        force = early if step < steps // 3 else _LATE
        pull = _attraction(y, rows, columns, weight * np.float32(force))
        slope = 4 * (pull - _repulsion(y) + _GRAVITY / n**1.5 * y)
        same = slope * speed > 0
        gain = np.clip(np.where(same, gain * 0.8, gain + 0.2), 0.01, None)
        speed = (0.5 if step < steps // 3 else 0.8) * speed - np.float32(rate) * gain * slope
        length = np.linalg.norm(speed, axis=1, keepdims=True)
        speed *= np.minimum(1, 5 / np.maximum(length, 1e-9))
        y = y + speed.astype(np.float32)
        y -= y.mean(0)
    return y.astype(float)


def _attraction(
    y: np.ndarray, rows: np.ndarray, columns: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    apart = y[rows] - y[columns]
    pull = apart * (weight / (1 + (apart**2).sum(1)))[:, None]
    return np.stack([np.bincount(rows, pull[:, axis], minlength=len(y)) for axis in (0, 1)], axis=1)


def _repulsion(y: np.ndarray) -> np.ndarray:
    """Sum over all pairs of q² (y_i − y_j) over the sum of q, q = 1 / (1 + d²), a block of rows at
    a time."""
    one, square = np.ones((len(y), 1), np.float32), (y**2).sum(1, keepdims=True)
    left, right = np.hstack([-2 * y, one, square]), np.hstack([y, square + 1, one]).T.copy()
    y_and_one, total, sums = np.hstack([y, one]), 0.0, np.empty((len(y), 3), np.float32)
    for start in range(0, len(y), _BLOCK):
        near = left[start : start + _BLOCK] @ right
        np.maximum(near, 1, out=near)
        np.reciprocal(near, out=near)
        total += float(near.sum())
        np.multiply(near, near, out=near)
        np.matmul(near, y_and_one, out=sums[start : start + _BLOCK])
    return (y * sums[:, 2:] - sums[:, :2]) / max(total - len(y), 1e-9)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Each column as ranks in 0 … 1: no stretched tails."""
    if values.shape[1] < 2:
        values = np.column_stack([values, np.zeros((len(values), 2 - values.shape[1]))])
    return values.argsort(0, kind="stable").argsort(0, kind="stable") / max(len(values) - 1, 1)


def _lying(y: np.ndarray) -> np.ndarray:
    """The places turned so that they spread most from left to right."""
    axes = np.linalg.svd(y - y.mean(0), full_matrices=False)[2]
    return (y - y.mean(0)) @ (axes * np.where(axes[:, :1] < 0, -1, 1)).T


def _apart(places: np.ndarray, rounds: int = 40) -> np.ndarray:
    """The places with those that would cover each other pushed apart."""
    least = 0.72 / np.sqrt(len(places))
    for _ in range(rounds):
        close = cKDTree(places).query_pairs(least, output_type="ndarray")
        if not len(close):
            break
        close = close[np.lexsort((close[:, 1], close[:, 0]))]
        gap = places[close[:, 0]] - places[close[:, 1]]
        length = np.linalg.norm(gap, axis=1, keepdims=True)
        side = (
            np.where(length > 1e-9, gap / np.maximum(length, 1e-9), [[1.0, 0.0]])
            * (least - length)
            * 0.5
        )
        crowd = np.sqrt(np.maximum(np.bincount(close.ravel(), minlength=len(places)), 1))
        for axis in (0, 1):
            push = np.bincount(close[:, 0], side[:, axis], len(places)) - np.bincount(
                close[:, 1], side[:, axis], len(places)
            )
            places[:, axis] += push / crowd
    return places


def _inside(y: np.ndarray) -> np.ndarray:
    """The places about their middle, the farthest nodes on the unit circle; the outermost hundredth
    is drawn in."""
    y = y - (y.min(0) + y.max(0)) / 2
    radius = np.linalg.norm(y, axis=1)
    reach = max(np.quantile(radius, 0.99), 1e-9) * 1.03
    return y / np.maximum(radius, reach)[:, None]


def _around(count: int, total: int, inner: float) -> np.ndarray:
    """A sunflower's rim (Vogel 1979): `count` even places between the circles of radius `inner` and
    1."""
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(inner**2 + (1 - inner**2) * (np.arange(count) + 0.5) / max(count, 1))
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
