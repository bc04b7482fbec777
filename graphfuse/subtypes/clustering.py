"""Clusters of patients on one patient layer: spectral and Leiden, and how well a partition holds
together.

A graph here is a symmetric sparse `[N, N]` of weights ≥ 0 without a diagonal. Labels are int `[N]`,
0 for the largest cluster (ties go to the one whose first patient comes first), and -1 for a patient
without any edge.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_matrix, diags
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from graphfuse.errors import InputError
from graphfuse.graph.neighbour_lists import Neighbours

# components of at most this many patients get all their eigenvectors from the dense matrix
DENSE = 1200
RESOLUTIONS = np.geomspace(0.1, 6.0, 40)  # Leiden's scan for a number of clusters


def symmetric(lists: Neighbours) -> csr_matrix:
    """The graph of a layer's lists among its own patients: (W + Wᵀ) / 2, negative weights and the
    diagonal left out."""
    shape = (len(lists), lists.senders)
    heard = csr_matrix((np.maximum(lists.weight, 0), lists.index, lists.offsets), shape=shape)
    graph = (heard + heard.T).tocsr() / 2
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph


def spectrum(graph: csr_matrix, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` smallest eigenvalues, ascending, and vectors `[N, count]` of the normalised
    Laplacian I − D^-½ W D^-½.

    Found component by component, larger ones first among equals, because a Lanczos run sees a
    repeated eigenvalue once: with c components the first c eigenvalues are 0. Isolated patients
    have rows of zeros. Fewer columns where fewer exist.
    """
    total, part = connected_components(graph, directed=False)
    sizes = np.bincount(part, minlength=total)
    values, vectors = [], []
    for c in np.argsort(-sizes, kind="stable"):
        if sizes[c] > 1:
            rows = np.flatnonzero(part == c)
            found, inner = _smallest(graph[rows][:, rows], min(count, len(rows)))
            outer = np.zeros((graph.shape[0], len(found)))
            outer[rows] = inner
            values.append(found)
            vectors.append(outer)
        if len(values) > count:  # `count` components have a zero each: smaller ones add nothing
            break
    if not values:
        return np.zeros(0), np.zeros((graph.shape[0], 0))
    values, vectors = np.concatenate(values), np.hstack(vectors)
    order = np.argsort(np.round(values, 9), kind="stable")[:count]
    return values[order], vectors[:, order]


def _smallest(graph: csr_matrix, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenpairs of one component, each vector's largest entry positive."""
    root = 1 / np.sqrt(np.asarray(graph.sum(1)).ravel())
    scaled = diags(root) @ graph @ diags(root)
    size = len(root)
    if size <= DENSE or count >= size - 1:
        values, vectors = eigh(
            np.asarray(scaled.todense()), subset_by_index=(size - count, size - 1)
        )
    else:
        start = np.random.default_rng(0).standard_normal(
            size
        )  # fixed, so that the same graph gives the same vectors
        values, vectors = eigsh(scaled, k=count, which="LA", v0=start)
    order = np.argsort(-values, kind="stable")
    values, vectors = np.clip(1 - values[order], 0, 2), vectors[:, order]
    top = vectors[np.abs(vectors).argmax(0), np.arange(vectors.shape[1])]
    return values, vectors * np.sign(top)


def spectral(graph: csr_matrix, counts: Iterable[int], seed: int = 0) -> dict[int, np.ndarray]:
    """Labels for each number of clusters: k-means on the rows, at unit length, of the first k
    eigenvectors.

    Ng, Jordan and Weiss 2001. A number above that of the patients with an edge is left out.
    """
    counts = sorted(counts)
    linked = np.flatnonzero(graph.getnnz(1))
    _, vectors = spectrum(graph, max(counts, default=1))
    found = {}
    for k in counts:
        if k > min(len(linked), vectors.shape[1]):
            break
        rows = vectors[linked, :k]
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
        labels = np.full(graph.shape[0], -1)
        labels[linked] = KMeans(k, n_init=4, random_state=seed).fit_predict(rows)
        found[k] = ordered(labels)
    return found


def leiden(graph: csr_matrix, resolution: float, seed: int = 0) -> np.ndarray:
    """Labels of the partition of greatest modularity at this resolution (Traag et al. 2019,
    doi:10.1038/s41598-019-41695-z).

    Raises `InputError` where the optional package is not installed.
    """
    try:
        from graspologic_native import leiden_csr
    except ImportError:
        raise InputError(
            "Leiden clustering needs graspologic-native: pip install 'graphfuse[cluster]'"
        ) from None
    labels = np.full(graph.shape[0], -1)
    linked = np.flatnonzero(graph.getnnz(1))
    if len(linked):
        inner = graph[linked][:, linked].tocsr()
        inner.sort_indices()
        arrays = (
            inner.indptr.astype(np.int64),
            inner.indices.astype(np.int32),
            inner.data.astype(float),
        )
        _, found = leiden_csr(
            *arrays, len(linked), resolution=float(resolution), iterations=3, seed=seed
        )
        labels[linked] = [found[i] for i in range(len(linked))]
    return ordered(labels)


def resolutions(graph: csr_matrix, counts: Iterable[int], seed: int = 0) -> dict[int, float]:
    """For each number of clusters the middle one of the resolutions that give it; numbers that none
    gives are left out."""
    got = np.array([leiden(graph, r, seed).max(initial=-1) + 1 for r in RESOLUTIONS])
    wanted = {k: RESOLUTIONS[got == k] for k in counts}
    return {k: float(giving[len(giving) // 2]) for k, giving in wanted.items() if len(giving)}


METHODS = ("spectral", "leiden")
Settings = dict[
    int, float
]  # number of clusters → what makes the method give it: that number, or a resolution


def settle(
    method: str,
    graph: csr_matrix,
    counts: Iterable[int],
    seed: int,
    resolution: float | None = None,
) -> Settings:
    """What makes the method give each number of clusters on this graph. With a `resolution`, the
    number it gives."""
    if method == "spectral":
        return {k: k for k in counts}
    if resolution is not None:
        return {int(leiden(graph, resolution, seed).max(initial=-1)) + 1: resolution}
    return resolutions(graph, counts, seed)


def partitions(
    method: str, graph: csr_matrix, settings: Settings, seed: int
) -> dict[int, np.ndarray]:
    """Labels of the graph at each setting. A resolution may give another number of clusters here
    than where it was chosen."""
    if method == "spectral":
        with threadpool_limits(1):  # small matrices, many times: threads would wait for one another
            return spectral(graph, settings, seed)
    return {k: leiden(graph, value, seed) for k, value in settings.items()}


def ordered(labels: np.ndarray) -> np.ndarray:
    """The same partition, clusters numbered by size, then by their first patient; -1 stays."""
    names, first, counts = np.unique(labels, return_index=True, return_counts=True)
    rank = [n for _, _, n in sorted(zip(-counts, first, names, strict=True)) if n >= 0]
    number = {name: i for i, name in enumerate(rank)}
    return np.array([number.get(label, -1) for label in labels.tolist()], dtype=np.int64)


def cohesion(graph: csr_matrix, labels: np.ndarray) -> np.ndarray:
    """float `[N]` in −1 … 1: how much closer each patient is to its own cluster than to the next
    best, (a − b) / max(a, b).

    `a` and `b` are mean weights to a cluster's patients: a silhouette (Rousseeuw 1987) on
    similarities. NaN where a patient has no cluster, 0 where there is one cluster only.
    """
    clusters = int(labels.max(initial=-1)) + 1
    members = csr_matrix(
        (np.ones(len(labels)), (np.arange(len(labels)), np.maximum(labels, 0))),
        (len(labels), max(clusters, 1)),
    )
    members = diags((labels >= 0).astype(float)) @ members
    sizes = np.asarray(members.sum(0)).ravel()
    inside = np.flatnonzero(labels >= 0)
    near = np.asarray((graph @ members).todense())[inside]
    near /= np.maximum(sizes[None] - (labels[inside, None] == np.arange(len(sizes))), 1)
    own = near[np.arange(len(inside)), labels[inside]]
    near[np.arange(len(inside)), labels[inside]] = -np.inf
    other = near.max(1, initial=-np.inf) if clusters > 1 else own
    most = np.maximum(own, other)
    found = np.full(len(labels), np.nan)
    found[inside] = np.divide(own - other, most, out=np.zeros_like(own), where=most > 0)
    return found


def eigengap(graph: csr_matrix, most: int) -> tuple[int, np.ndarray]:
    """The number of clusters 1 … `most` after which the Laplacian's eigenvalues jump most, and the
    jumps λ(k+1) − λ(k) `[most]` (von Luxburg 2007, doi:10.1007/s11222-007-9033-z); the first of
    equals."""
    values, _ = spectrum(graph, most + 1)
    gaps = np.diff(values)
    return (int(np.argmax(np.round(gaps, 9))) + 1 if len(gaps) else 1), gaps
