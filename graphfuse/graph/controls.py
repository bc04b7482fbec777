"""Control graphs: what a result must beat before its edges mean anything. Same seed, same graph.

`rewired` keeps every degree and forgets who is joined to whom; `random` keeps only the number of
edges; under `identity` each node is its own only neighbour; `empty` keeps no edge. All take a
`GeneNetwork` or the `Neighbours` of a patient layer and give back the same kind.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from graphfuse.errors import InputError, nearest
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.neighbour_lists import Neighbours

log = logging.getLogger(__name__)

Graph = TypeVar("Graph", GeneNetwork, Neighbours)
KINDS = ("none", "rewired", "random", "identity", "empty")


def control(kind: str, graph: Graph, seed: int) -> Graph:
    """A graph itself (`none`) or its control of this kind.

    Parameters
    ----------
    kind : {"none", "rewired", "random", "identity", "empty"}
    graph : GeneNetwork or Neighbours
    seed : int

    Returns
    -------
    GeneNetwork or Neighbours
        As `graph` is.

    Raises
    ------
    InputError
        For unknown kinds.
    """
    if kind not in KINDS:
        raise InputError(f"control {kind!r} is unknown{nearest(kind, KINDS)}")
    if kind == "none":
        return graph
    seeded = {"rewired": rewired, "random": random}
    if kind in seeded:
        return seeded[kind](graph, seed)
    return identity(graph) if kind == "identity" else empty(graph)


def rewired(graph: Graph, seed: int, swaps: int = 10) -> Graph:
    """Degree-preserving double edge swaps; every edge takes part in `swaps` attempts.

    Networks: each gene keeps its degree (directed: in and out), weights stay with edges.
    Neighbours: each receiver keeps its number of senders and its weights, each sender its number of
    receivers; nobody is its own neighbour where receivers and senders are the same patients. No
    edge occurs twice. Attempts that would break this are passed over.

    Parameters
    ----------
    graph : GeneNetwork or Neighbours
    seed : int
    swaps : int
        Attempts per edge.

    Returns
    -------
    GeneNetwork or Neighbours
        As `graph` is.

    References
    ----------
    Maslov and Sneppen 2002, Science 296.
    """
    rng = np.random.default_rng(seed)
    if isinstance(graph, Neighbours):
        loops = len(graph) != graph.senders  # the n-th receiver is another than the n-th sender
        span = max(len(graph), graph.senders)
        ends = graph.receivers, graph.index
        receiver, sender = _swapped(*ends, span, rng, swaps, flip=False, loops=loops)
        order = np.argsort(receiver * span + sender)  # receivers stay where they are
        return replace(graph, index=sender[order], weight=graph.weight[order])
    flip = not graph.directed
    ends = graph.source, graph.target
    source, target = _swapped(*ends, len(graph.genes), rng, swaps, flip=flip, loops=False)
    return _network(graph, source, target, f"rewired, seed {seed}")


def random(graph: Graph, seed: int) -> Graph:
    """As many edges, placed at random, none twice.

    Networks: any two genes, weights in the old order. Neighbours: each receiver has as many senders
    as before, so that an absent patient stays absent, drawn from all patients in the layer and
    never itself.

    Parameters
    ----------
    graph : GeneNetwork or Neighbours
    seed : int

    Returns
    -------
    GeneNetwork or Neighbours
        As `graph` is.
    """
    rng = np.random.default_rng(seed)
    if isinstance(graph, Neighbours):
        return _random_senders(graph, rng)
    count = len(graph.genes)
    partners = np.full(count, count - 1)  # of each gene
    if not graph.directed:
        partners = np.arange(count - 1, -1, -1)
    ends = np.cumsum(partners)
    pair = rng.choice(int(partners.sum()), graph.edges, replace=False)
    source = np.searchsorted(ends, pair, side="right")
    start = ends[source] - partners[source]
    target = pair - start
    if graph.directed:
        target += target >= source
    else:
        target += source + 1
    return _network(graph, source, target, f"random, seed {seed}")


def empty(graph: Graph) -> Graph:
    """The same nodes without an edge.

    Parameters
    ----------
    graph : GeneNetwork or Neighbours

    Returns
    -------
    GeneNetwork or Neighbours
        As `graph` is.
    """
    if isinstance(graph, Neighbours):
        return Neighbours.empty(len(graph), graph.senders)
    none = np.zeros(0, np.int64)
    return replace(_network(graph, none, none, "empty"), weight=np.zeros(0))


def identity(graph: Graph) -> Graph:
    """Each node is its own only neighbour, with weight 1: what the net gains without neighbours.

    Networks: a self-loop for each gene; `smoothing` then gives each feature the mean over its
    gene's features. Neighbours: a self-loop for every patient with an edge; an absent one stays
    absent.

    Parameters
    ----------
    graph : GeneNetwork or Neighbours

    Returns
    -------
    GeneNetwork or Neighbours
        As `graph` is.

    Raises
    ------
    InputError
        Where receivers are not the senders.
    """
    if isinstance(graph, Neighbours):
        if len(graph) != graph.senders:
            given = f"{len(graph):,} receivers and {graph.senders:,} senders"
            raise InputError(
                f"control 'identity' needs receivers that are the senders, got {given}; "
                "every patient has a self-loop"
            )
        return Neighbours.identity(_joined(graph))
    loops = np.arange(len(graph.genes))
    with_weights = replace(graph, weight=np.ones(len(loops)))
    return _network(with_weights, loops, loops, "identity")


def _swapped(
    head, tail, span: int, rng, rounds: int, *, flip: bool, loops: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Edges `[E]` after `rounds` of swaps; in each, all edges are paired at random, and (a, b),
    (c, d) become (a, d), (c, b).

    `flip`: ends have no order, so an edge may be turned first. `loops`: an edge may join a node
    with itself. A swap is made only if both new edges are new among the edges before the round and
    among all those proposed in it.
    """
    head, tail = head.astype(np.int64), tail.astype(np.int64)
    key = partial(_key, span=span, flip=flip)
    for _ in range(rounds):
        order = rng.permutation(len(head))
        half = len(order) // 2
        first, second = order[:half], order[half : half * 2]
        if flip:
            is_turned = rng.random(len(second)) < 0.5
            turn = second[is_turned]
            head[turn], tail[turn] = tail[turn], head[turn]
        a, b = head[first], tail[first]
        c, d = head[second], tail[second]
        allowed = _new(key(a, d), key(c, b), key(head, tail))
        if not loops:
            allowed &= (a != d) & (c != b)
        tail[first[allowed]] = d[allowed]
        tail[second[allowed]] = b[allowed]
    return head, tail


def _key(a: np.ndarray, b: np.ndarray, span: int, flip: bool) -> np.ndarray:
    """int64 `[E]`: one number for each edge (a, b); with `flip`, the same for (b, a)."""
    if flip:
        a, b = np.minimum(a, b), np.maximum(a, b)
    return a * span + b


def _new(one: np.ndarray, other: np.ndarray, present: np.ndarray) -> np.ndarray:
    """bool `[P]`: pairs of keys of which neither is among those present, nor twice among those of
    all pairs."""
    every = np.sort(np.concatenate([present, one, other]))
    again = every[1:] == every[:-1]
    twice = every[1:][again]  # few, so that looking up is fast where sorting all keys once is
    is_old = _among(one, twice) | _among(other, twice)
    return ~is_old


def _among(keys: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """bool: which keys are in a sorted array."""
    if not len(ranked):
        return np.zeros(len(keys), bool)
    place = np.searchsorted(ranked, keys)
    place = np.minimum(place, len(ranked) - 1)
    return ranked[place] == keys


def _joined(graph: Neighbours) -> np.ndarray:
    """bool `[senders]`: who has an edge, as a sender or, where receivers are the senders, as a
    receiver."""
    joined = np.zeros(graph.senders, bool)
    joined[graph.index] = True
    if len(graph) == graph.senders:
        joined |= graph.degree > 0
    return joined


def _random_senders(graph: Neighbours, rng) -> Neighbours:
    """As many senders for each receiver, drawn from all patients in the layer."""
    joined = _joined(graph)
    pool = np.flatnonzero(joined)
    in_pool = np.zeros(len(graph), bool)  # receivers that the pool holds, who may not draw it
    if len(graph) == graph.senders:
        in_pool = joined
    room = len(pool) - in_pool
    count = np.minimum(graph.degree, room)
    row, number = _distinct(count, room, rng)
    own_number = np.searchsorted(pool, row)
    number += in_pool[row] & (number >= own_number)  # nobody draws itself
    receiver = graph.receivers
    weight = _shuffled_weights(graph, receiver, rng)
    rank = np.arange(graph.edges) - graph.offsets[receiver]
    kept = rank < count[receiver]
    offsets = np.r_[0, np.cumsum(count)]
    return replace(graph, offsets=offsets, index=pool[number], weight=weight[kept])


def _shuffled_weights(graph: Neighbours, receiver: np.ndarray, rng) -> np.ndarray:
    """float64 `[E]`: each receiver's weights in a random order, where they differ."""
    if not graph.edges or not np.ptp(graph.weight):
        return graph.weight
    order = np.lexsort((rng.random(graph.edges), receiver))
    return graph.weight[order]


def _distinct(count: np.ndarray, room: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
    """For each row i, `count[i]` different numbers below `room[i]`, as sorted (row, number), all
    such sets equally likely.

    Numbers drawn twice are drawn again; where more than half are wanted, those to leave out are
    drawn.
    """
    span = max(int(room.max(initial=0)), 1)
    fewer = np.minimum(count, room - count)
    keys = _drawn(fewer, room, span, rng)
    turned = np.flatnonzero(count > fewer)
    if len(turned):
        every = _all_keys(turned, room[turned], span)
        of_turned = np.isin(keys // span, turned)
        rest = np.setdiff1d(every, keys[of_turned], assume_unique=True)
        keys = np.sort(np.concatenate([keys[~of_turned], rest]))
    return keys // span, keys % span


def _drawn(count: np.ndarray, room: np.ndarray, span: int, rng) -> np.ndarray:
    """Sorted keys, row · `span` + number: `count[i]` different numbers below `room[i]` for each row
    i."""
    keys, short = np.zeros(0, np.int64), count
    while short.any():
        row = np.repeat(np.arange(len(room)), short)
        fresh = row * span + rng.integers(0, room[row])
        keys = np.sort(np.concatenate([keys, fresh]), kind="stable")
        is_first = np.r_[True, keys[1:] != keys[:-1]]
        keys = keys[is_first]
        drawn = np.bincount(keys // span, minlength=len(room))
        short = count - drawn
    return keys


def _all_keys(rows: np.ndarray, room: np.ndarray, span: int) -> np.ndarray:
    """Keys of all numbers below `room[i]` for each of these rows."""
    start = np.cumsum(room) - room
    number = np.arange(room.sum()) - np.repeat(start, room)
    return np.repeat(rows * span, room) + number


def _network(graph: GeneNetwork, source: np.ndarray, target: np.ndarray, what: str) -> GeneNetwork:
    """`graph` with other ends, in the order every network has; weights go along."""
    if not graph.directed:
        source, target = np.minimum(source, target), np.maximum(source, target)
    order = np.lexsort((target, source))
    weight = graph.weight[order] if len(order) else graph.weight
    about = {**graph.about, "control": what}
    log.info("%s: control %s, %d edges", graph.name, what, len(source))
    ends = {"source": source[order], "target": target[order]}
    name = f"{graph.name} ({what})"
    return replace(graph, name=name, weight=weight, about=about, **ends)
