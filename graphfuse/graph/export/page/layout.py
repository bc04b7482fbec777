"""The layout of a picture: nodes that are joined are placed together. Same links, same places.

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
    """A symmetric matrix of who is joined to whom; nobody is joined to itself.

    Parameters
    ----------
    links : sparse matrix `[N, N]`
        Every stored entry that is not 0 is a link, whatever its weight.

    Returns
    -------
    sparse.csr_matrix
        float64 `[N, N]`, symmetric, 1 where two are joined.
    """
    ones = np.ones(links.nnz)
    one_way = sparse.csr_matrix((ones, links.nonzero()), shape=links.shape)
    joined = (one_way + one_way.T).tocsr()
    joined.setdiag(0)
    joined.eliminate_zeros()
    joined.data[:] = 1
    return joined


def spectral(links: sparse.csr_matrix, dims: int, rounds: int = 4) -> np.ndarray:
    """The smoothest vectors on a symmetric graph, scaled by how smooth they are.

    Subspace iteration with a Chebyshev filter of degree 10, whose bound follows the Ritz values.

    Parameters
    ----------
    links : sparse.csr_matrix `[N, N]`
        Symmetric weights, 0 or more.
    dims : int
        How many vectors; at most N - 1 are given.
    rounds : int
        Of the iteration.

    Returns
    -------
    np.ndarray
        float64 `[N, dims]`; rows without a link are 0.

    References
    ----------
    Coifman and Lafon 2006, Applied and Computational Harmonic Analysis 21 (diffusion maps).
    Zhou, Saad, Tiago and Chelikowsky 2006, Journal of Computational Physics 219 (the filter).
    """
    count = links.shape[0]
    dims = min(dims, max(count - 1, 1))
    walk, scale, trivial = _normalised(links)
    rng = np.random.default_rng(_SEED)
    basis = rng.normal(size=(count, dims)).astype(np.float32)
    bound = 0.5
    for _ in range(rounds):
        basis = _filtered(walk, basis, bound)
        without_trivial = basis - trivial @ (trivial.T @ basis)
        basis, _ = np.linalg.qr(without_trivial)
        projected = basis.T @ (walk @ basis)
        ritz_values, rotation = np.linalg.eigh(projected)
        bound = float(np.clip(ritz_values[0], 0.1, 0.99))
    vectors = (basis @ rotation[:, ::-1]).astype(float)
    smoothness = np.clip(ritz_values[::-1], 0.01, 1)
    return _with_signs(vectors * smoothness * scale[:, None])


def _normalised(links: sparse.csr_matrix) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """D^-1/2 A D^-1/2 in float32, the diagonal of D^-1/2 (0 where there is no link), and the
    matrix's leading eigenvector `[N, 1]`, which says nothing but the degrees."""
    degree = np.asarray(links.sum(1)).ravel()
    root = np.sqrt(degree)
    scale = np.divide(1, root, out=np.zeros_like(root), where=root > 0)
    scaling = sparse.diags(scale)
    walk = (scaling @ links @ scaling).tocsr()
    trivial = root / max(np.linalg.norm(root), 1e-12)
    return walk.astype(np.float32), scale, trivial.astype(np.float32)[:, None]


def _with_signs(vectors: np.ndarray) -> np.ndarray:
    """Vectors `[N, dims]`, each turned so that its greatest entry is positive."""
    farthest = np.abs(vectors).argmax(0)
    greatest = vectors[farthest, np.arange(vectors.shape[1])]
    sign = np.where(greatest < 0, -1, 1)
    return vectors * sign


def _filtered(
    walk: sparse.csr_matrix, basis: np.ndarray, bound: float, degree: int = 10
) -> np.ndarray:
    """The Chebyshev polynomial of `walk` that is small on eigenvalues in -1 … bound, times the
    basis."""
    middle = np.float32((bound - 1) / 2)
    half = np.float32((bound + 1) / 2)
    before = basis
    now = (walk @ basis - middle * basis) / half
    for _ in range(degree - 1):
        moved = walk @ now - middle * now
        before, now = now, 2 * moved / half - before
    greatest = np.abs(now).max(0)
    return now / np.maximum(greatest, np.float32(1e-20))


def nearest_links(points: np.ndarray, count: int) -> sparse.csr_matrix:
    """Links between each point and its nearest others.

    Parameters
    ----------
    points : np.ndarray `[n, d]`
    count : int
        Neighbours of each point; at most n - 1 are taken.

    Returns
    -------
    sparse.csr_matrix
        float64 `[n, n]`, symmetric, 1 where two are joined.
    """
    n = len(points)
    count = min(count, n - 1)
    if count < 1:
        return sparse.csr_matrix((n, n))
    _, nearest = cKDTree(points).query(points, count + 1)
    others = nearest[:, 1:].ravel()
    rows = np.repeat(np.arange(n), count)
    ones = np.ones(len(others))
    return symmetric(sparse.csr_matrix((ones, (rows, others)), shape=(n, n)))


def place(
    links: sparse.csr_matrix, start: np.ndarray | None = None, steps: int = 250
) -> np.ndarray:
    """Places of nodes within the unit disc; nodes without a link are placed around the others.

    Parameters
    ----------
    links : sparse.csr_matrix `[n, n]`
        Symmetric weights.
    start : np.ndarray `[n, 2]`, optional
        Places to begin from; by default the graph's own smoothest vectors.
    steps : int
        Of the descent.

    Returns
    -------
    np.ndarray
        float64 `[n, 2]`.
    """
    count = links.shape[0]
    joined = np.flatnonzero(np.diff(links.indptr))
    loose = np.setdiff1d(np.arange(count), joined)
    places = np.zeros((count, 2))
    if len(joined):
        begin = None if start is None else start[joined]
        places[joined] = _place_joined(links[joined][:, joined], begin, steps)
    inner = 0.86 if len(joined) else 0.0
    places[loose] = _around(len(loose), count, inner)
    if len(loose) and len(joined):
        places[joined] *= 0.82  # within the ring of those without a link
    return places


def _place_joined(links: sparse.csr_matrix, start: np.ndarray | None, steps: int) -> np.ndarray:
    """Places `[n, 2]` of nodes that each have a link."""
    if start is None:
        begin = _ranks(spectral(links, 8)[:, :2])
        settled = _turned(_settled(links, begin, steps, _EARLY))
    else:
        settled = _settled(links, start, steps, 3 * _LATE)
    spread_out = _apart(_inside(settled))
    return _inside(spread_out)


def _settled(links: sparse.csr_matrix, begin: np.ndarray, steps: int, early: float) -> np.ndarray:
    """Gradient descent with momentum and gains; exact repulsion, in products of matrices."""
    n = len(begin)
    share = _shares(links)
    rows, columns = share.nonzero()
    weight = np.asarray(share[rows, columns]).ravel()
    gravity = _GRAVITY / n**1.5
    rate = np.float32(max(n / _EARLY, 20.0))
    places = _scaled(begin, early)
    speed, gain = np.zeros_like(places), np.ones_like(places)
    for step in range(steps):
        forming = step < steps // 3
        force = early if forming else _LATE
        momentum = 0.5 if forming else 0.8
        pull = _attraction(places, rows, columns, weight * np.float32(force))
        push = _repulsion(places)
        slope = 4 * (pull - push + gravity * places)
        overshot = slope * speed > 0
        gain = np.where(overshot, gain * 0.8, gain + 0.2)
        gain = np.clip(gain, 0.01, None)
        speed = momentum * speed - rate * gain * slope
        speed *= _braked(speed)
        places = places + speed.astype(np.float32)
        places -= places.mean(0)
    return places.astype(float)


def _braked(speed: np.ndarray) -> np.ndarray:
    """`[n, 1]`: factors that shorten steps of more than 5 to 5."""
    length = np.linalg.norm(speed, axis=1, keepdims=True)
    return np.minimum(1, 5 / np.maximum(length, 1e-9))


def _shares(links: sparse.csr_matrix) -> sparse.csr_matrix:
    """float32 `[n, n]`: how much of all attraction each pair has, symmetric, in sum 1."""
    degree = np.asarray(links.sum(1)).ravel()
    of_row = sparse.diags(1 / np.maximum(degree, 1)) @ links
    both_ways = (of_row + of_row.T) / (2 * len(degree))
    return both_ways.tocsr().astype(np.float32)


def _scaled(begin: np.ndarray, early: float) -> np.ndarray:
    """float32 `[n, 2]`: where the descent begins: close together, or spread as far as it ends where
    the places are known already."""
    spread = 1e-2
    if early != _EARLY:
        spread = 0.25 * np.sqrt(len(begin))
    centred = begin - begin.mean(0)
    places = centred / max(begin.std(), 1e-9) * spread
    return places.astype(np.float32)


def _attraction(
    places: np.ndarray, rows: np.ndarray, columns: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """`[n, 2]`: the force of its links on each node."""
    gap = places[rows] - places[columns]
    nearness = weight / (1 + (gap**2).sum(1))
    pull = gap * nearness[:, None]
    count = len(places)
    of_axes = [np.bincount(rows, pull[:, axis], minlength=count) for axis in (0, 1)]
    return np.stack(of_axes, axis=1)


def _repulsion(places: np.ndarray) -> np.ndarray:
    """Sum over all pairs of q² (y_i − y_j) over the sum of q, q = 1 / (1 + d²), a block of rows at
    a time."""
    n = len(places)
    one = np.ones((n, 1), np.float32)
    square = (places**2).sum(1, keepdims=True)
    left = np.hstack([-2 * places, one, square])
    right = np.hstack([places, square + 1, one]).T.copy()  # left @ right = 1 + d²
    places_and_one = np.hstack([places, one])
    sums = np.empty((n, 3), np.float32)
    total = 0.0
    for start in range(0, n, _BLOCK):
        near = left[start : start + _BLOCK] @ right
        np.maximum(near, 1, out=near)
        np.reciprocal(near, out=near)
        total += float(near.sum())
        np.multiply(near, near, out=near)
        np.matmul(near, places_and_one, out=sums[start : start + _BLOCK])
    of_pairs = total - n  # without each node's pair with itself
    force = places * sums[:, 2:] - sums[:, :2]
    return force / max(of_pairs, 1e-9)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Each column as ranks in 0 … 1, so that no tail is long; at least two columns."""
    if values.shape[1] < 2:
        lacking = np.zeros((len(values), 2 - values.shape[1]))
        values = np.column_stack([values, lacking])
    order = values.argsort(0, kind="stable")
    rank = order.argsort(0, kind="stable")
    return rank / max(len(values) - 1, 1)


def _turned(places: np.ndarray) -> np.ndarray:
    """The places turned so that they spread most from left to right."""
    centred = places - places.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    sign = np.where(axes[:, :1] < 0, -1, 1)
    return centred @ (axes * sign).T


def _apart(places: np.ndarray, rounds: int = 40) -> np.ndarray:
    """The places, with nodes that would cover each other pushed apart."""
    count = len(places)
    least = 0.72 / np.sqrt(count)
    for _ in range(rounds):
        close = cKDTree(places).query_pairs(least, output_type="ndarray")
        if not len(close):
            break
        order = np.lexsort((close[:, 1], close[:, 0]))
        close = close[order]
        one, other = close[:, 0], close[:, 1]
        push = _push(places[one] - places[other], least)
        pairs = np.bincount(close.ravel(), minlength=count)
        crowd = np.sqrt(np.maximum(pairs, 1))
        for axis in (0, 1):
            forth = np.bincount(one, push[:, axis], count)
            back = np.bincount(other, push[:, axis], count)
            places[:, axis] += (forth - back) / crowd
    return places


def _push(gap: np.ndarray, least: float) -> np.ndarray:
    """`[P, 2]`: by how much the first of two nodes with this gap between them moves, so that they
    come to the `least` distance; to the right where they are at one place."""
    length = np.linalg.norm(gap, axis=1, keepdims=True)
    along = gap / np.maximum(length, 1e-9)
    direction = np.where(length > 1e-9, along, [[1.0, 0.0]])
    return direction * (least - length) * 0.5


def _inside(places: np.ndarray) -> np.ndarray:
    """The places about their middle, the farthest nodes on the unit circle; the outermost hundredth
    is drawn in."""
    middle = (places.min(0) + places.max(0)) / 2
    centred = places - middle
    radius = np.linalg.norm(centred, axis=1)
    reach = max(np.quantile(radius, 0.99), 1e-9) * 1.03
    return centred / np.maximum(radius, reach)[:, None]


def _around(count: int, total: int, inner: float) -> np.ndarray:
    """`count` even places between the circles of radius `inner` and 1, as seeds in a sunflower
    (Vogel 1979)."""
    number = np.arange(count)
    turn = number * np.pi * (3 - np.sqrt(5))  # the golden angle each
    area = (1 - inner**2) * (number + 0.5) / max(count, 1)
    radius = np.sqrt(inner**2 + area)
    direction = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return radius[:, None] * direction
