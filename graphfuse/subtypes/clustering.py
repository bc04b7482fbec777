"""Spectral and Leiden clustering of patients on one patient layer, and cohesion of a partition.

A graph here is a symmetric sparse matrix `[N, N]` of weights ≥ 0 whose diagonal is empty. Labels
are int `[N]`: 0 for the largest cluster (of equal ones, the one whose first patient comes first),
and -1 for a patient without any edge.
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

DENSE = 1200  # most patients of a component whose eigenvectors are computed on a dense matrix
RESOLUTIONS = np.geomspace(0.1, 6.0, 40)  # Leiden's scan for a number of clusters


def symmetric(lists: Neighbours) -> csr_matrix:
    """The graph of a layer's neighbour lists among its own patients.

    It is (W + Wᵀ) / 2 without negative weights and without the diagonal.
    """
    shape = (len(lists), lists.senders)
    weight = np.maximum(lists.weight, 0)
    directed = csr_matrix((weight, lists.index, lists.offsets), shape=shape)
    graph = (directed + directed.T).tocsr() / 2
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph


def spectrum(graph: csr_matrix, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The smallest eigenvalues and eigenvectors of the normalised Laplacian I − D^-½ W D^-½.

    They are computed component by component, the larger first among equal eigenvalues, because a
    Lanczos iteration finds a repeated eigenvalue once: with c components the first c are 0.

    Parameters
    ----------
    graph : csr_matrix
        `[N, N]`.
    count : int
        How many eigenpairs are wanted; fewer are returned where fewer exist.

    Returns
    -------
    values : np.ndarray
        `[count]`, ascending.
    vectors : np.ndarray
        `[N, count]`; rows of zeros for patients without an edge.
    """
    total, component = connected_components(graph, directed=False)
    sizes = np.bincount(component, minlength=total)
    values, vectors = [], []
    for number in np.argsort(-sizes, kind="stable"):
        if sizes[number] > 1:
            rows = np.flatnonzero(component == number)
            own_values, own_vectors = _component_spectrum(graph, rows, count)
            values.append(own_values)
            vectors.append(own_vectors)
        if len(values) > count:  # `count` components have a zero each: smaller ones add nothing
            break
    if not values:
        return np.zeros(0), np.zeros((graph.shape[0], 0))
    values, vectors = np.concatenate(values), np.hstack(vectors)
    order = np.argsort(np.round(values, 9), kind="stable")[:count]
    return values[order], vectors[:, order]


def _component_spectrum(
    graph: csr_matrix, rows: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of one component, and its eigenvectors as vectors of all patients."""
    within = graph[rows][:, rows]
    values, inner = _smallest(within, min(count, len(rows)))
    vectors = np.zeros((graph.shape[0], len(values)))
    vectors[rows] = inner
    return values, vectors


def _smallest(graph: csr_matrix, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenpairs of the Laplacian of one component, each vector's largest entry positive."""
    degree = np.asarray(graph.sum(1)).ravel()
    root = 1 / np.sqrt(degree)
    scaled = diags(root) @ graph @ diags(root)
    size = len(root)
    if size <= DENSE or count >= size - 1:
        dense = np.asarray(scaled.todense())
        values, vectors = eigh(dense, subset_by_index=(size - count, size - 1))
    else:
        # a fixed start, so that the same graph gives the same vectors
        start = np.random.default_rng(0).standard_normal(size)
        values, vectors = eigsh(scaled, k=count, which="LA", v0=start)
    order = np.argsort(-values, kind="stable")
    ascending = np.clip(1 - values[order], 0, 2)
    return ascending, _signed(vectors[:, order])


def _signed(vectors: np.ndarray) -> np.ndarray:
    """Vectors `[N, count]` of which the entry of largest size is positive."""
    largest = np.abs(vectors).argmax(0)
    columns = np.arange(vectors.shape[1])
    return vectors * np.sign(vectors[largest, columns])


def spectral(graph: csr_matrix, counts: Iterable[int], seed: int = 0) -> dict[int, np.ndarray]:
    """Spectral clustering: k-means on the rows, at unit length, of the first k eigenvectors.

    Parameters
    ----------
    graph : csr_matrix
        `[N, N]`.
    counts : iterable of int
        Numbers of clusters.
    seed : int
        Of k-means.

    Returns
    -------
    dict of int to np.ndarray
        Number of clusters → labels `[N]`. Numbers above that of the patients with an edge are left
        out.

    References
    ----------
    Ng, Jordan and Weiss 2001.
    """
    counts = sorted(counts)
    linked = np.flatnonzero(graph.getnnz(1))
    _, vectors = spectrum(graph, max(counts, default=1))
    most = min(len(linked), vectors.shape[1])
    partitions = {}
    for k in counts:
        if k > most:
            break
        rows = vectors[linked, :k]
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        unit = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
        labels = np.full(graph.shape[0], -1)
        labels[linked] = KMeans(k, n_init=4, random_state=seed).fit_predict(unit)
        partitions[k] = ordered(labels)
    return partitions


def leiden(graph: csr_matrix, resolution: float, seed: int = 0) -> np.ndarray:
    """Leiden clustering: the partition of greatest modularity at a resolution.

    Parameters
    ----------
    graph : csr_matrix
        `[N, N]`.
    resolution : float
        Above 0; a greater one gives more clusters.
    seed : int
        Of the random moves.

    Returns
    -------
    np.ndarray
        Labels `[N]`.

    Raises
    ------
    InputError
        Where the optional package graspologic-native is not installed.

    References
    ----------
    Traag et al. 2019, doi:10.1038/s41598-019-41695-z.
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
        offsets = inner.indptr.astype(np.int64)
        neighbours = inner.indices.astype(np.int32)
        weights = inner.data.astype(float)
        options = {"resolution": float(resolution), "iterations": 3, "seed": seed}
        _, community = leiden_csr(offsets, neighbours, weights, len(linked), **options)
        labels[linked] = [community[i] for i in range(len(linked))]
    return ordered(labels)


def resolutions(graph: csr_matrix, counts: Iterable[int], seed: int = 0) -> dict[int, float]:
    """Number of clusters → the middle one of the resolutions that give it, where any does."""
    clusters = np.array([_count(leiden(graph, r, seed)) for r in RESOLUTIONS])
    settings = {}
    for k in counts:
        giving = RESOLUTIONS[clusters == k]
        if len(giving):
            settings[k] = float(giving[len(giving) // 2])
    return settings


def _count(labels: np.ndarray) -> int:
    """How many clusters there are."""
    return int(labels.max(initial=-1)) + 1


METHODS = ("spectral", "leiden")
# number of clusters → what makes the method give it: that number, or a resolution
Settings = dict[int, float]


def settings_for(
    method: str,
    graph: csr_matrix,
    counts: Iterable[int],
    seed: int,
    resolution: float | None = None,
) -> Settings:
    """What makes the method give each number of clusters on this graph.

    With a `resolution`, the only number is the one that it gives.
    """
    if method == "spectral":
        return {k: k for k in counts}
    if resolution is not None:
        return {_count(leiden(graph, resolution, seed)): resolution}
    return resolutions(graph, counts, seed)


def partitions(
    method: str, graph: csr_matrix, settings: Settings, seed: int
) -> dict[int, np.ndarray]:
    """Labels of the graph at each setting.

    A resolution may give another number of clusters here than on the graph for which it was chosen.
    """
    if method == "spectral":
        with threadpool_limits(1):  # small matrices, many times: threads would wait for one another
            return spectral(graph, settings, seed)
    return {k: leiden(graph, value, seed) for k, value in settings.items()}


def ordered(labels: np.ndarray) -> np.ndarray:
    """The same partition, clusters numbered by size, then by their first patient; -1 stays."""
    names, first, counts = np.unique(labels, return_index=True, return_counts=True)
    by_size = names[np.lexsort((first, -counts))]
    number = {name: i for i, name in enumerate(by_size[by_size >= 0])}
    return np.array([number.get(label, -1) for label in labels.tolist()], dtype=np.int64)


def cohesion(graph: csr_matrix, labels: np.ndarray) -> np.ndarray:
    """How much closer each patient is to its own cluster than to the next best.

    It is (a − b) / max(a, b), where a and b are mean weights to the patients of a cluster: a
    silhouette on similarities.

    Parameters
    ----------
    graph : csr_matrix
        `[N, N]`.
    labels : np.ndarray
        int `[N]`: cluster of each patient, -1 for none.

    Returns
    -------
    np.ndarray
        float `[N]` in −1 … 1; NaN for a patient without a cluster, 0 where there is one cluster.

    References
    ----------
    Rousseeuw 1987.
    """
    clusters = _count(labels)
    inside = np.flatnonzero(labels >= 0)
    own_cluster = labels[inside]
    near = _mean_weights(graph, labels, max(clusters, 1))[inside]  # [inside, clusters]
    place = np.arange(len(inside)), own_cluster
    own = near[place]
    near[place] = -np.inf
    other = near.max(1, initial=-np.inf) if clusters > 1 else own
    most = np.maximum(own, other)
    values = np.full(len(labels), np.nan)
    values[inside] = np.divide(own - other, most, out=np.zeros_like(own), where=most > 0)
    return values


def _mean_weights(graph: csr_matrix, labels: np.ndarray, clusters: int) -> np.ndarray:
    """Mean weight from each patient to the others of each cluster, `[N, clusters]`."""
    count = len(labels)
    entries = (labels >= 0).astype(float)
    place = np.arange(count), np.maximum(labels, 0)
    members = csr_matrix((entries, place), (count, clusters))
    total = np.asarray((graph @ members).todense())
    sizes = np.asarray(members.sum(0)).ravel()  # [clusters]
    is_own = labels[:, None] == np.arange(clusters)
    return total / np.maximum(sizes[None] - is_own, 1)


def eigengap(graph: csr_matrix, most: int) -> tuple[int, np.ndarray]:
    """The number of clusters after which the eigenvalues of the Laplacian rise most.

    Parameters
    ----------
    graph : csr_matrix
        `[N, N]`.
    most : int
        The greatest number that may be returned.

    Returns
    -------
    count : int
        In 1 … `most`; the least of equals.
    gaps : np.ndarray
        `[most]`: the differences λ(k+1) − λ(k) of the eigenvalues.

    References
    ----------
    von Luxburg 2007, doi:10.1007/s11222-007-9033-z.
    """
    values, _ = spectrum(graph, most + 1)
    gaps = np.diff(values)
    if not len(gaps):
        return 1, gaps
    widest = int(np.argmax(np.round(gaps, 9)))
    return widest + 1, gaps
