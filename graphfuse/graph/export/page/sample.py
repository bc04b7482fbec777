"""What of a large graph is drawn: a sample of patients with their neighbours, and the strongest
lines among them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from scipy import sparse

from graphfuse.graph.export.page.layout import nearest_links, place, spectral, symmetric
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.neighbour_lists import Neighbours, strongest

CLUMP = 8  # drawn patients for each that is drawn at random


@dataclass(frozen=True, eq=False)
class Pairs:
    """Lines to draw: `a` < `b` int `[P]`, positions among the patients drawn; `way` 1 where a is
    the receiver, 2 where b is, 3 for both ways. `left_out`: how many weaker lines there are."""

    a: np.ndarray
    b: np.ndarray
    way: np.ndarray
    left_out: int = 0


def sample(
    layers: dict[str, Neighbours], strata: np.ndarray, most: int, seed: int
) -> tuple[np.ndarray, int]:
    """The patients to draw.

    All where they are few. Else `most / 8` are drawn at random, in proportion to the strata with at
    least three of each, and then their neighbours and the neighbours of these (strongest first,
    ties at random), until there are `most`.

    Parameters
    ----------
    layers : dict of str to Neighbours
    strata : np.ndarray
        int `[N]`: the stratum of each patient.
    most : int
        Patients to draw at most.
    seed : int

    Returns
    -------
    rows : np.ndarray
        int64, ascending.
    at_random : int
        How many of these were drawn at random.
    """
    if len(strata) <= most:
        return np.arange(len(strata)), len(strata)
    rng = np.random.default_rng(seed)
    order = _by_strata(strata, rng)
    chosen = np.zeros(len(strata), bool)
    senders, at_random = order[:0], 0
    while (room := most - int(chosen.sum())) > 0:
        fresh = senders[:room]
        if not len(senders):  # at first, and when those chosen have no further sender
            waiting = order[~chosen[order]]
            fresh = waiting[: max(room // CLUMP, 1)]
            at_random += len(fresh)
        chosen[fresh] = True
        senders = _senders(layers, fresh, chosen, rng)
    return np.flatnonzero(chosen), at_random


def _by_strata(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All rows in a random order, such that any beginning of the list has the strata in proportion,
    and three of each come first."""
    shuffled = rng.permutation(len(strata))
    quantile = np.zeros(len(strata))  # of each row within its stratum
    for value in np.unique(strata):
        mine = shuffled[strata[shuffled] == value]
        quantile[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
        quantile[mine[:3]] = -1
    order = np.argsort(quantile[shuffled], kind="stable")
    return shuffled[order]


def _senders(
    layers: dict[str, Neighbours], rows: np.ndarray, chosen: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Senders of the patients at `rows` who are not chosen yet: everyone's strongest first, then
    everyone's second."""
    if not layers:
        return np.zeros(0, np.int64)
    of_layers, ranks = [], []
    for lists in layers.values():
        part = lists.take(rows)
        at_random = rng.random(part.edges)
        order = np.lexsort((at_random, -part.weight, part.receivers))
        start = np.repeat(part.offsets[:-1], part.degree)
        of_layers.append(part.index[order])
        ranks.append(np.arange(part.edges) - start)
    by_rank = np.argsort(np.concatenate(ranks), kind="stable")
    senders = np.concatenate(of_layers)[by_rank]
    _, first = np.unique(senders, return_index=True)
    once = senders[np.sort(first)]
    return once[~chosen[once]]


def pairs(lists: Neighbours, rows: np.ndarray, most: int, seed: int) -> Pairs:
    """Lines of a layer among some patients: the strongest, ties at random.

    Parameters
    ----------
    lists : Neighbours
    rows : np.ndarray
        int64 `[n]`: the patients drawn.
    most : int
        Lines that are kept.
    seed : int

    Returns
    -------
    Pairs
    """
    receiver, sender, weight = _edges_among(lists, rows)
    low, high = np.minimum(receiver, sender), np.maximum(receiver, sender)
    keys, line = np.unique(low * len(rows) + high, return_inverse=True)
    count = len(keys)
    way = np.zeros(count, int)
    np.bitwise_or.at(way, line, np.where(receiver < sender, 1, 2))
    strength = np.full(count, -np.inf)
    np.maximum.at(strength, line, weight)
    at_random = np.random.default_rng(seed).random(count)
    strongest_first = np.lexsort((at_random, -strength))
    kept = np.sort(strongest_first[:most])
    low, high = np.divmod(keys[kept], max(len(rows), 1))
    return Pairs(low, high, way[kept], count - len(kept))


def _edges_among(lists: Neighbours, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(receiver, sender, weight) of the edges among the patients at `rows`, as positions in it."""
    place_of = np.full(max(len(lists), lists.senders), -1)
    place_of[rows] = np.arange(len(rows))
    part = lists.take(rows)
    receiver, sender = part.receivers, place_of[part.index]
    among = (sender >= 0) & (sender != receiver)
    return receiver[among], sender[among], part.weight[among]


def whole_and_parts(
    layers: dict[str, Neighbours], rows: np.ndarray, most: int
) -> dict[str, np.ndarray]:
    """Places `[n, 2]` of the patients at `rows`: by all layers together (key ""), and by each of
    the first `most` layers, begun from the places by all.

    Where not all patients are drawn, those that are near each other in the whole graph (by its
    smoothest vectors) count as joined as well.
    """
    joined = {name: symmetric(_matrix(lists)) for name, lists in layers.items() if lists.edges}
    count = len(next(iter(layers.values()), rows))
    total = reduce(add, joined.values(), sparse.csr_matrix((count, count)))
    whole = place(_among(total, rows))
    places = {"": whole}
    if len(layers) > 1:
        for name in list(joined)[:most]:
            places[name] = place(_among(joined[name], rows), whole, steps=90)
    return places


def _matrix(lists: Neighbours) -> sparse.csr_matrix:
    """float64 `[N, N]`: 1 where the row is a receiver of the column."""
    size = max(len(lists), lists.senders)
    ends = (lists.receivers, lists.index)
    ones = np.ones(lists.edges)
    return sparse.csr_matrix((ones, ends), shape=(size, size))


def _among(links: sparse.csr_matrix, rows: np.ndarray) -> sparse.csr_matrix:
    """Links `[n, n]` among the patients at `rows`, and between those near each other in the whole
    graph where not all are drawn."""
    inner = links[rows][:, rows].tocsr()
    if len(rows) == links.shape[0]:
        return inner
    points = spectral(links, 10)[rows]
    degree = np.diff(links.indptr)
    known = np.flatnonzero(degree[rows])
    near = nearest_links(points[known], 6).tocoo()
    ends = (known[near.row], known[near.col])
    close = sparse.csr_matrix((near.data, ends), shape=inner.shape)
    return (inner + close).tocsr()


def leading_genes(network: GeneNetwork, most: int, each: int = 3) -> tuple[np.ndarray, Pairs]:
    """The genes with the most edges, and each one's strongest lines among them.

    Parameters
    ----------
    network : GeneNetwork
    most : int
        Genes; ties go to the first by name.
    each : int
        Lines of each gene.

    Returns
    -------
    genes : np.ndarray
        int64, places in `network.genes`, ascending.
    lines : Pairs
    """
    by_degree = np.argsort(-network.degree, kind="stable")
    chosen = np.sort(by_degree[:most])
    count = max(len(chosen), 1)
    place_of = np.full(len(network.genes), -1)
    place_of[chosen] = np.arange(len(chosen))
    source, target = place_of[network.source], place_of[network.target]
    among = (source >= 0) & (target >= 0) & (source != target)
    source, target = source[among], target[among]
    weight = network.weight[among]
    lines = _strongest_lines(source, target, weight, each, count)
    edges = np.unique(source * count + target)
    a, b = np.divmod(lines, count)
    both_ways = np.full(len(lines), 3)
    return chosen, Pairs(a, b, both_ways, len(edges) - len(lines))


def _strongest_lines(
    source: np.ndarray, target: np.ndarray, weight: np.ndarray, each: int, count: int
) -> np.ndarray:
    """Lower end × `count` + higher end of each node's `each` strongest edges, every line once."""
    one = np.concatenate([source, target])
    other = np.concatenate([target, source])
    best = strongest(one, other, np.concatenate([weight, weight]), each)
    low = np.minimum(one[best], other[best])
    high = np.maximum(one[best], other[best])
    return np.unique(low * count + high)
