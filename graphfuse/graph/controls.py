"""Control graphs: what a result must beat before its edges mean anything. Same seed, same graph.

`rewired` keeps every degree and forgets who is joined to whom; `random` keeps only the number of
edges; under `identity` each node hears itself alone; `empty` keeps no edge. All take a
`GeneNetwork` or the `Neighbours` of a patient layer and give back the same kind.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TypeVar

import numpy as np

from graphfuse.errors import InputError, nearest
from graphfuse.graph.neighbours import Neighbours
from graphfuse.graph.network import GeneNetwork

log = logging.getLogger(__name__)

Graph = TypeVar("Graph", GeneNetwork, Neighbours)
KINDS = ("none", "rewired", "random", "identity", "empty")


def control(kind: str, graph: Graph, seed: int) -> Graph:
    """`graph` itself (`none`) or its control of this kind. Raises `InputError` for unknown
    kinds."""
    if kind not in KINDS:
        raise InputError(f"control {kind!r} is unknown{nearest(kind, KINDS)}")
    if kind == "none":
        return graph
    seeded = {"rewired": rewired, "random": random}
    return (
        seeded[kind](graph, seed)
        if kind in seeded
        else {"identity": identity, "empty": empty}[kind](graph)
    )


def rewired(graph: Graph, seed: int, swaps: int = 10) -> Graph:
    """Degree-preserving double edge swaps; every edge takes part in `swaps` attempts (Maslov and
    Sneppen, 2002).

    Networks: each gene keeps its degree (directed: in and out), weights stay with edges.
    Neighbours: each receiver keeps its number of senders and its weights, each sender its number of
    receivers; nobody hears itself where receivers and senders are the same patients. No edge stands
    twice. Attempts that would break this are passed over.
    """
    rng = np.random.default_rng(seed)
    if isinstance(graph, Neighbours):
        square = len(graph) == graph.senders
        span = max(len(graph), graph.senders)
        receiver, sender = _swapped(
            graph.receivers, graph.index, span, rng, swaps, flip=False, loops=not square
        )
        order = np.argsort(receiver * span + sender)  # receivers stay where they are
        return replace(graph, index=sender[order], weight=graph.weight[order])
    flip = not graph.directed
    ends = _swapped(
        graph.source, graph.target, len(graph.genes), rng, swaps, flip=flip, loops=False
    )
    return _network(graph, *ends, f"rewired, seed {seed}")


def random(graph: Graph, seed: int) -> Graph:
    """As many edges, placed by chance, none twice.

    Networks: any two genes, weights in the old order. Neighbours: each receiver hears as many
    senders as before, so that an absent patient stays absent, drawn from all patients the layer
    knows and never itself.
    """
    rng = np.random.default_rng(seed)
    if isinstance(graph, Neighbours):
        return _random_senders(graph, rng)
    count = len(graph.genes)
    room = (
        np.arange(count - 1, -1, -1) if not graph.directed else np.full(count, count - 1)
    )  # partners of each gene
    ends = np.cumsum(room)
    pair = rng.choice(int(room.sum()), graph.edges, replace=False)
    source = np.searchsorted(ends, pair, side="right")
    target = pair - (ends[source] - room[source])
    target += source + 1 if not graph.directed else target >= source
    return _network(graph, source, target, f"random, seed {seed}")


def empty(graph: Graph) -> Graph:
    """The same nodes without an edge."""
    if isinstance(graph, Neighbours):
        return Neighbours.empty(len(graph), graph.senders)
    none = np.zeros(0, np.int64)
    return replace(_network(graph, none, none, "empty"), weight=np.zeros(0))


def identity(graph: Graph) -> Graph:
    """Each node hears itself alone, with weight 1: what the net gains without a neighbour.

    Networks: a self-loop a gene; `smoothing` then gives each feature the mean over its gene's
    features. Neighbours: every patient that hears or is heard; an absent one stays absent. Raises
    `InputError` where receivers are not the senders.
    """
    if isinstance(graph, Neighbours):
        if len(graph) != graph.senders:
            given = f"{len(graph):,} receivers and {graph.senders:,} senders"
            raise InputError(
                f"control 'identity' needs receivers that are the senders, got {given}; "
                "patients hear themselves"
            )
        return Neighbours.identity(_joined(graph))
    loops = np.arange(len(graph.genes))
    return _network(replace(graph, weight=np.ones(len(loops))), loops, loops, "identity")


def _swapped(
    head, tail, span: int, rng, rounds: int, *, flip: bool, loops: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Edges `[E]` after `rounds` of swaps, all edges paired by chance in each: (a, b), (c, d)
    become (a, d), (c, b).

    `flip`: ends have no order, so an edge may be turned first. `loops`: a node may meet itself. A
    swap counts only if both new edges are new among the edges before the round and among all those
    proposed in it.
    """
    head, tail = head.astype(np.int64), tail.astype(np.int64)

    def key(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.minimum(a, b) * span + np.maximum(a, b) if flip else a * span + b

    for _ in range(rounds):
        order = rng.permutation(len(head))
        first, second = order[: len(order) // 2], order[len(order) // 2 : len(order) // 2 * 2]
        if flip:
            turn = second[rng.random(len(second)) < 0.5]
            head[turn], tail[turn] = tail[turn], head[turn]
        a, b, c, d = head[first], tail[first], head[second], tail[second]
        good = _new(key(a, d), key(c, b), key(head, tail))
        good = good if loops else good & (a != d) & (c != b)
        tail[first[good]], tail[second[good]] = d[good], b[good]
    return head, tail


def _new(one: np.ndarray, other: np.ndarray, present: np.ndarray) -> np.ndarray:
    """bool `[P]`: pairs of keys that stand neither among those present nor twice among all
    pairs."""
    every = np.sort(np.concatenate([present, one, other]))
    twice = every[1:][
        every[1:] == every[:-1]
    ]  # few, so that looking up is fast where sorting all keys once is
    return ~(_among(one, twice) | _among(other, twice))


def _among(keys: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """bool: which keys stand in a sorted array."""
    if not len(ranked):
        return np.zeros(len(keys), bool)
    return ranked[np.minimum(np.searchsorted(ranked, keys), len(ranked) - 1)] == keys


def _joined(graph: Neighbours) -> np.ndarray:
    """bool `[senders]`: who is heard, or, where receivers are the senders, hears."""
    heard = np.zeros(graph.senders, bool)
    heard[graph.index] = True
    return heard | (graph.degree > 0) if len(graph) == graph.senders else heard


def _random_senders(graph: Neighbours, rng) -> Neighbours:
    joined = _joined(graph)
    pool = np.flatnonzero(joined)
    alone = (
        joined if len(graph) == graph.senders else np.zeros(len(graph), bool)
    )  # whose pool lacks itself
    room = len(pool) - alone
    count = np.minimum(graph.degree, room)
    row, number = _distinct(count, room, rng)
    number += alone[row] & (number >= np.searchsorted(pool, row))
    receiver, weight = graph.receivers, graph.weight
    if graph.edges and np.ptp(weight):  # each receiver's weights in an order by chance
        weight = weight[np.lexsort((rng.random(graph.edges), receiver))]
    kept = np.arange(graph.edges) - graph.offsets[receiver] < count[receiver]
    return replace(
        graph, offsets=np.r_[0, np.cumsum(count)], index=pool[number], weight=weight[kept]
    )


def _distinct(count: np.ndarray, room: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
    """For each row i, `count[i]` different numbers below `room[i]`, as sorted (row, number), all
    such sets alike likely.

    Numbers drawn twice are drawn again; where more than half are wanted, those to leave out are
    drawn.
    """
    span, fewer = max(int(room.max(initial=0)), 1), np.minimum(count, room - count)
    keys, short = np.zeros(0, np.int64), fewer
    while short.any():
        row = np.repeat(np.arange(len(room)), short)
        keys = np.sort(
            np.concatenate([keys, row * span + rng.integers(0, room[row])]), kind="stable"
        )
        keys = keys[np.r_[True, keys[1:] != keys[:-1]]]
        short = fewer - np.bincount(keys // span, minlength=len(room))
    many = np.flatnonzero(count > fewer)
    if len(many):
        start = np.cumsum(room[many]) - room[many]
        every = (
            np.repeat(many * span, room[many])
            + np.arange(room[many].sum())
            - np.repeat(start, room[many])
        )
        out = np.isin(keys // span, many)
        keys = np.sort(
            np.concatenate([keys[~out], np.setdiff1d(every, keys[out], assume_unique=True)])
        )
    return keys // span, keys % span


def _network(graph: GeneNetwork, source: np.ndarray, target: np.ndarray, what: str) -> GeneNetwork:
    """`graph` with other ends, in the order every network has; weights go along."""
    if not graph.directed:
        source, target = np.minimum(source, target), np.maximum(source, target)
    order = np.lexsort((target, source))
    weight = graph.weight[order] if len(order) else graph.weight
    about = {**graph.about, "control": what}
    log.info("%s: control %s, %d edges", graph.name, what, len(source))
    name = f"{graph.name} ({what})"
    return replace(
        graph, name=name, source=source[order], target=target[order], weight=weight, about=about
    )
