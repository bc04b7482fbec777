"""Control graphs: what a result must beat before its edges mean anything. Same seed, same graph.

`rewired` keeps every degree and forgets who is joined to whom; `random` keeps only the number of edges; `empty` keeps
no edge. All take a `GeneNetwork` or the `Neighbours` of a patient layer and give back the same kind.
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
KINDS = ("none", "rewired", "random", "empty")


def control(kind: str, graph: Graph, seed: int) -> Graph:
    """`graph` itself (`none`) or its control of this kind. Raises `InputError` for unknown kinds."""
    if kind not in KINDS:
        raise InputError(f"control {kind!r} is unknown{nearest(kind, KINDS)}")
    made = {"none": lambda: graph, "rewired": lambda: rewired(graph, seed), "random": lambda: random(graph, seed)}
    return empty(graph) if kind == "empty" else made[kind]()


def rewired(graph: Graph, seed: int, swaps: int = 10) -> Graph:
    """Degree-preserving double edge swaps; every edge takes part in `swaps` attempts (Maslov and Sneppen, 2002).

    Networks: each gene keeps its degree (directed: in and out), weights stay with edges. Neighbours: each receiver
    keeps its number of senders and its weights, each sender its number of receivers; nobody hears itself where
    receivers and senders are the same patients. No edge stands twice. Attempts that would break this are passed over.
    """
    rng = np.random.default_rng(seed)
    if isinstance(graph, Neighbours):
        square = len(graph) == graph.senders
        span = max(len(graph), graph.senders)
        receiver, sender = _swapped(graph.receivers, graph.index, span, rng, swaps, flip=False, loops=not square)
        return Neighbours.from_edges(receiver, sender, graph.weight, len(graph), graph.senders)
    flip = not graph.directed
    ends = _swapped(graph.source, graph.target, len(graph.genes), rng, swaps, flip=flip, loops=False)
    return _network(graph, *ends, f"rewired, seed {seed}")


def random(graph: Graph, seed: int) -> Graph:
    """As many edges, placed by chance, none twice.

    Networks: any two genes, weights in the old order. Neighbours: each receiver hears as many senders as before, so
    that an absent patient stays absent, drawn from all patients the layer knows and never itself.
    """
    rng = np.random.default_rng(seed)
    if isinstance(graph, Neighbours):
        return _random_senders(graph, rng)
    count = len(graph.genes)
    room = np.arange(count - 1, -1, -1) if not graph.directed else np.full(count, count - 1)  # partners of each gene
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


def _swapped(head, tail, span: int, rng, rounds: int, *, flip: bool, loops: bool) -> tuple[np.ndarray, np.ndarray]:
    """Edges `[E]` after `rounds` of swaps, all edges paired by chance in each: (a, b), (c, d) become (a, d), (c, b).

    `flip`: ends have no order, so an edge may be turned first. `loops`: a node may meet itself. A swap counts only if
    both new edges are new among the edges before the round and among all those proposed in it.
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
        new = np.stack([key(a, d), key(c, b)])
        _, place, count = np.unique(new, return_inverse=True, return_counts=True)
        alone = (count[place.reshape(new.shape)] == 1) & ~np.isin(new, key(head, tail))
        good = alone.all(0) if loops else alone.all(0) & (a != d) & (c != b)
        tail[first[good]], tail[second[good]] = d[good], b[good]
    return head, tail


def _random_senders(graph: Neighbours, rng) -> Neighbours:
    square = len(graph) == graph.senders
    heard = np.zeros(graph.senders, bool)
    heard[graph.index] = True
    if square:
        heard |= graph.degree > 0
    pool = np.flatnonzero(heard)
    index = np.empty_like(graph.index)
    for row in np.flatnonzero(graph.degree):
        start, stop = graph.offsets[row : row + 2]
        others = np.delete(pool, np.searchsorted(pool, row)) if square else pool
        index[start:stop] = rng.choice(others, stop - start, replace=stop - start > len(others))
    return Neighbours.from_edges(graph.receivers, index, graph.weight, len(graph), graph.senders)


def _network(graph: GeneNetwork, source: np.ndarray, target: np.ndarray, what: str) -> GeneNetwork:
    """`graph` with other ends, in the order every network has; weights go along."""
    if not graph.directed:
        source, target = np.minimum(source, target), np.maximum(source, target)
    order = np.lexsort((target, source))
    weight = graph.weight[order] if len(order) else graph.weight
    about = {**graph.about, "control": what}
    log.info("%s: control %s, %d edges", graph.name, what, len(source))
    name = f"{graph.name} ({what})"
    return replace(graph, name=name, source=source[order], target=target[order], weight=weight, about=about)
