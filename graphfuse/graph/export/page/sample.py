"""What of a large graph is drawn: a sample of patients with those they hear, and the strongest
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

CLUMP = 8  # drawn patients per one that is drawn by chance


@dataclass(frozen=True, eq=False)
class Pairs:
    """Lines to draw: `a` < `b` int `[P]`, places among the drawn; `way` 1 = a hears b, 2 = b hears
    a, 3 = both. `left_out` counts the lines among the drawn that are weaker."""

    a: np.ndarray
    b: np.ndarray
    way: np.ndarray
    left_out: int = 0


def sample(
    layers: dict[str, Neighbours], strata: np.ndarray, most: int, seed: int
) -> tuple[np.ndarray, int]:
    """Rows of at most `most` patients, sorted, and how many of them are there by chance.

    All patients where they are few. Else `most / 8` are drawn by chance, in proportion to `strata`
    `[N]` with at least three of each, and then, in turn, those they hear (strongest first, ties by
    chance), until `most` are found.
    """
    if len(strata) <= most:
        return np.arange(len(strata)), len(strata)
    rng = np.random.default_rng(seed)
    order = _by_strata(strata, rng)
    chosen = np.zeros(len(strata), bool)
    senders, by_chance = order[:0], 0
    while (room := most - int(chosen.sum())) > 0:
        fresh = senders[:room]
        if not len(senders):  # at first, and when those chosen have no further sender
            waiting = order[~chosen[order]]
            fresh = waiting[: max(room // CLUMP, 1)]
            by_chance += len(fresh)
        chosen[fresh] = True
        senders = _senders(layers, fresh, chosen, rng)
    return np.flatnonzero(chosen), by_chance


def _by_strata(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All rows by chance, such that any beginning of the list has the strata in proportion, and
    three of each come first."""
    shuffled = rng.permutation(len(strata))
    place_in = np.zeros(len(strata))
    for value in np.unique(strata):
        mine = shuffled[strata[shuffled] == value]
        place_in[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
        place_in[mine[:3]] = -1
    return shuffled[np.argsort(place_in[shuffled], kind="stable")]


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
        order = np.lexsort((rng.random(part.edges), -part.weight, part.receivers))
        start = np.repeat(part.offsets[:-1], part.degree)
        of_layers.append(part.index[order])
        ranks.append(np.arange(part.edges) - start)
    by_rank = np.argsort(np.concatenate(ranks), kind="stable")
    senders = np.concatenate(of_layers)[by_rank]
    _, first = np.unique(senders, return_index=True)
    once = senders[np.sort(first)]
    return once[~chosen[once]]


def pairs(lists: Neighbours, rows: np.ndarray, most: int, seed: int) -> Pairs:
    """Lines of a layer among some patients: the strongest, ties by chance.

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
    place_of = np.full(max(len(lists), lists.senders), -1)
    place_of[rows] = np.arange(len(rows))
    part = lists.take(rows)
    receiver, sender, weight = part.receivers, place_of[part.index], part.weight
    here = (sender >= 0) & (sender != receiver)
    receiver, sender, weight = receiver[here], sender[here], weight[here]
    low, high = np.minimum(receiver, sender), np.maximum(receiver, sender)
    keys, line = np.unique(low * len(rows) + high, return_inverse=True)
    count = len(keys)
    way, strength = np.zeros(count, int), np.full(count, -np.inf)
    np.bitwise_or.at(way, line, np.where(receiver < sender, 1, 2))
    np.maximum.at(strength, line, weight)
    chance = np.random.default_rng(seed).random(count)
    kept = np.sort(np.lexsort((chance, -strength))[:most])
    low, high = np.divmod(keys[kept], max(len(rows), 1))
    return Pairs(low, high, way[kept], count - len(kept))


def whole_and_parts(
    layers: dict[str, Neighbours], rows: np.ndarray, most: int
) -> dict[str, np.ndarray]:
    """Places `[n, 2]` of the patients at `rows`: by all layers together (key ""), and by each of
    the first `most` layers, begun from the whole.

    Where not all patients are drawn, those who stand near each other in the whole graph (its
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
    return sparse.csr_matrix((np.ones(lists.edges), ends), shape=(size, size))


def _among(links: sparse.csr_matrix, rows: np.ndarray) -> sparse.csr_matrix:
    """Links `[n, n]` among the patients at `rows`, and between those near each other in the whole
    graph where not all are drawn."""
    inner = links[rows][:, rows].tocsr()
    if len(rows) == links.shape[0]:
        return inner
    points = spectral(links, 10)[rows]
    known = np.flatnonzero(np.diff(links.indptr)[rows])
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
    here = (source >= 0) & (target >= 0) & (source != target)
    source, target, weight = source[here], target[here], network.weight[here]
    one, other = np.concatenate([source, target]), np.concatenate([target, source])
    best = strongest(one, other, np.concatenate([weight, weight]), each)
    one, other = one[best], other[best]
    lines = np.unique(np.minimum(one, other) * count + np.maximum(one, other))
    edges = np.unique(source * count + target)
    a, b = np.divmod(lines, count)
    return chosen, Pairs(a, b, np.full(len(lines), 3), len(edges) - len(lines))
