"""What of a large graph is drawn: a sample of patients with those they hear, and the strongest
lines among them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from scipy import sparse

from graphfuse.graph.export.layout import nearest_links, place, spectral, symmetric
from graphfuse.graph.neighbours import Neighbours
from graphfuse.graph.network import GeneNetwork

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
    chosen, heard, by_chance = np.zeros(len(strata), bool), order[:0], 0
    while (room := most - int(chosen.sum())) > 0:
        fresh = heard[:room]
        if not len(heard):  # at first, and when nobody is left who is heard
            fresh = order[~chosen[order]][: max(room // CLUMP, 1)]
            by_chance += len(fresh)
        chosen[fresh] = True
        heard = _heard(layers, fresh, chosen, rng)
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


def _heard(
    layers: dict[str, Neighbours], rows: np.ndarray, chosen: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Patients whom `rows` hear and who are not chosen yet: everyone's strongest first, then
    everyone's second."""
    found, rank = [], []
    for lists in layers.values():
        part = lists.take(rows)
        order = np.lexsort((rng.random(part.edges), -part.weight, part.receivers))
        found.append(part.index[order])
        rank.append(np.arange(part.edges) - np.repeat(part.offsets[:-1], part.degree))
    if not found:
        return np.zeros(0, np.int64)
    heard, rank = np.concatenate(found), np.concatenate(rank)
    heard = heard[np.argsort(rank, kind="stable")]
    first = np.sort(np.unique(heard, return_index=True)[1])
    return heard[first][~chosen[heard[first]]]


def pairs(lists: Neighbours, rows: np.ndarray, most: int, seed: int) -> Pairs:
    """Lines of a layer among the patients at `rows`, at most `most`: the strongest, ties by
    chance."""
    place_of = np.full(max(len(lists), lists.senders), -1)
    place_of[rows] = np.arange(len(rows))
    part = lists.take(rows)
    receiver, sender, weight = part.receivers, place_of[part.index], part.weight
    here = (sender >= 0) & (sender != receiver)
    receiver, sender, weight = receiver[here], sender[here], weight[here]
    low, high = np.minimum(receiver, sender), np.maximum(receiver, sender)
    found, line = np.unique(low * len(rows) + high, return_inverse=True)
    way, strength = np.zeros(len(found), int), np.full(len(found), -np.inf)
    np.bitwise_or.at(way, line, np.where(receiver < sender, 1, 2))
    np.maximum.at(strength, line, weight)
    kept = np.sort(np.lexsort((np.random.default_rng(seed).random(len(found)), -strength))[:most])
    return Pairs(
        found[kept] // len(rows), found[kept] % len(rows), way[kept], len(found) - len(kept)
    )


def whole_and_parts(
    layers: dict[str, Neighbours], rows: np.ndarray, most: int
) -> dict[str, np.ndarray]:
    """Places `[n, 2]` of the patients at `rows`: by all layers together (key ""), and by each of
    the first `most` layers, begun from the whole.

    Where not all patients are drawn, those who stand near each other in the whole graph (its
    smoothest vectors) count as joined as well.
    """
    joined = {name: symmetric(_matrix(lists)) for name, lists in layers.items() if lists.edges}
    total = reduce(
        add, joined.values(), sparse.csr_matrix((len(next(iter(layers.values()), rows)),) * 2)
    )
    found = {"": place(_among(total, rows))}
    for name in list(joined)[:most] if len(layers) > 1 else []:
        found[name] = place(_among(joined[name], rows), found[""], steps=90)
    return found


def _matrix(lists: Neighbours) -> sparse.csr_matrix:
    size = max(len(lists), lists.senders)
    return sparse.csr_matrix(
        (np.ones(lists.edges), (lists.receivers, lists.index)), shape=(size, size)
    )


def _among(links: sparse.csr_matrix, rows: np.ndarray) -> sparse.csr_matrix:
    inner = links[rows][:, rows].tocsr()
    if len(rows) == links.shape[0]:
        return inner
    points = spectral(links, 10)[rows]
    known = np.flatnonzero(np.diff(links.indptr)[rows])
    near = nearest_links(points[known], 6).tocoo()
    return (
        inner
        + sparse.csr_matrix((near.data, (known[near.row], known[near.col])), shape=inner.shape)
    ).tocsr()


def leading_genes(network: GeneNetwork, most: int, each: int = 3) -> tuple[np.ndarray, Pairs]:
    """The `most` genes with the most edges (ties to the first by name), and each one's `each`
    strongest lines among them."""
    chosen = np.sort(np.argsort(-network.degree, kind="stable")[:most])
    place_of = np.full(len(network.genes), -1)
    place_of[chosen] = np.arange(len(chosen))
    source, target = place_of[network.source], place_of[network.target]
    here = (source >= 0) & (target >= 0) & (source != target)
    weight = np.concatenate([network.weight[here]] * 2)
    one, other = (
        np.concatenate([source[here], target[here]]),
        np.concatenate([target[here], source[here]]),
    )
    order = np.lexsort((other, -weight, one))
    one, other = one[order], other[order]
    rank = np.arange(len(one)) - np.searchsorted(one, one)
    one, other = one[rank < each], other[rank < each]
    lines = np.unique(np.minimum(one, other) * len(chosen) + np.maximum(one, other))
    left_out = len(np.unique(source[here] * len(chosen) + target[here])) - len(lines)
    return chosen, Pairs(
        lines // max(len(chosen), 1), lines % max(len(chosen), 1), np.full(len(lines), 3), left_out
    )
