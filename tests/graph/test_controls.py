"""Control graphs: what they keep, what they change, and that a seed is a graph."""

import time

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.graph.controls import KINDS, control, empty, identity, random, rewired
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.neighbour_lists import Neighbours


def network(genes=60, edges=300, directed=False, seed=0):
    rng = np.random.default_rng(seed)
    names = np.array([f"G{i:02d}" for i in range(genes)])
    heavy = rng.dirichlet(np.full(genes, 0.5), 1)[0] * 0.5 + 0.5 / genes
    pairs = rng.choice(genes, (edges, 2), p=heavy)
    frame = pd.DataFrame(
        {
            "source": names[pairs[:, 0]],
            "target": names[pairs[:, 1]],
            "score": rng.random(edges) + 0.1,
        }
    )
    return GeneNetwork.from_frame(frame, "made", directed=directed)


def layer(receivers=40, senders=40, neighbours=5, seed=0):
    rng = np.random.default_rng([seed, 99])
    rows = [i for i in range(receivers) if i not in (3, 11)]  # two patients without the modality
    pool = [j for j in range(senders) if j not in (3, 11)]
    chosen = [rng.choice([j for j in pool if j != i], neighbours, replace=False) for i in rows]
    flat = np.repeat(rows, neighbours)
    return Neighbours.from_edges(
        flat, np.concatenate(chosen), rng.random(len(flat)) + 0.1, receivers, senders
    )


def arrows(graph):
    if isinstance(graph, Neighbours):
        return list(zip(graph.receivers.tolist(), graph.index.tolist(), strict=True))
    return list(zip(graph.source.tolist(), graph.target.tolist(), strict=True))


def same(a, b):
    return arrows(a) == arrows(b) and np.array_equal(a.weight, b.weight)


GRAPHS = {
    "undirected": network(),
    "directed": network(directed=True),
    "layer": layer(),
    "oblong layer": layer(receivers=25, senders=40),
}


@pytest.fixture(params=GRAPHS, name="graph")
def _graph(request):
    return GRAPHS[request.param]


@pytest.mark.parametrize(
    "name, kind",
    [
        (name, kind)
        for name in GRAPHS
        for kind in KINDS
        if (name, kind) != ("oblong layer", "identity")  # whose receivers are no senders
    ],
)
def test_a_seed_is_a_graph_and_the_input_is_left_alone(name, kind):
    graph = GRAPHS[name]
    before = (arrows(graph), graph.weight.copy())
    assert same(control(kind, graph, 5), control(kind, graph, 5))
    assert arrows(graph) == before[0] and np.array_equal(graph.weight, before[1])


@pytest.mark.parametrize("make", [rewired, random])
def test_edges_are_as_many_none_twice_none_to_itself(graph, make):
    made = make(graph, 1)
    assert made.edges == graph.edges == len(set(arrows(made)))
    assert sorted(made.weight) == sorted(graph.weight)
    assert not same(made, graph) and not same(made, make(graph, 2))
    if not (isinstance(graph, Neighbours) and len(graph) != graph.senders):
        assert all(a != b for a, b in arrows(made))
    if isinstance(graph, GeneNetwork):
        assert made.genes == graph.genes
        assert arrows(made) == sorted(arrows(made))
        assert graph.directed or all(a < b for a, b in arrows(made))


def test_rewiring_keeps_every_degree_and_mixes(graph):
    made = rewired(graph, 1)
    ends = (
        (lambda g: (g.receivers, g.index))
        if isinstance(graph, Neighbours)
        else (lambda g: (g.source, g.target))
    )
    if isinstance(graph, GeneNetwork) and not graph.directed:
        np.testing.assert_array_equal(made.degree, graph.degree)
    else:
        for now, before in zip(ends(made), ends(graph), strict=True):
            np.testing.assert_array_equal(
                np.bincount(now, minlength=60), np.bincount(before, minlength=60)
            )
    kept = len(set(arrows(made)) & set(arrows(graph))) / graph.edges
    assert kept < 0.5


def test_rewiring_keeps_each_receivers_weights():
    graph = GRAPHS["layer"]
    made = rewired(graph, 1)
    for i in range(len(graph)):
        mine = slice(graph.offsets[i], graph.offsets[i + 1])
        assert sorted(made.weight[mine]) == sorted(graph.weight[mine])


def test_a_random_layer_keeps_absent_patients_absent():
    made = random(GRAPHS["layer"], 1)
    np.testing.assert_array_equal(made.degree, GRAPHS["layer"].degree)
    assert not {3, 11} & set(made.index.tolist())


def test_random_pairs_are_uniform():
    small = network(genes=6, edges=8, seed=4)
    counts = np.zeros((len(small.genes),) * 2)
    for seed in range(600):
        made = random(small, seed)
        counts[made.source, made.target] += 1
    pairs = counts[np.triu_indices(len(small.genes), 1)]
    expected = 600 * small.edges / len(pairs)
    assert np.abs(pairs - expected).max() < 6 * np.sqrt(expected)


def test_random_senders_are_uniform():
    graph = Neighbours.from_edges(
        np.repeat(np.arange(6), [1, 2, 3, 4, 5, 0]),
        [1, 0, 2, 0, 1, 3, 0, 1, 2, 4, 0, 1, 2, 3, 5],
        1.0,
        6,
        6,
    )
    counts = np.zeros((6, 6))
    for seed in range(800):
        made = random(graph, seed)
        np.testing.assert_array_equal(made.degree, graph.degree)
        counts[made.receivers, made.index] += 1
    expected = 800 * graph.degree[:, None] / 5 * ~np.eye(6, dtype=bool)
    assert (
        np.abs(counts - expected).max() < 6 * np.sqrt(expected.max())
        and (counts.diagonal() == 0).all()
    )
    assert (counts[4] == [800, 800, 800, 800, 0, 800]).all()  # all others: nothing to draw


def test_random_weights_leave_their_senders():
    graph = layer(receivers=200, senders=200)
    graph = Neighbours(
        graph.offsets, graph.index, graph.index + 1.0, graph.senders
    )  # a weight that tells its sender
    made = random(graph, 0)
    for i in range(len(graph)):
        mine = slice(graph.offsets[i], graph.offsets[i + 1])
        assert sorted(made.weight[mine]) == sorted(graph.weight[mine])
    assert abs(np.corrcoef(made.index, made.weight)[0, 1]) < 0.15
    assert np.corrcoef(graph.index, graph.weight)[0, 1] > 0.99


def of_pairs(pairs, directed=False):
    return GeneNetwork.from_frame(
        pd.DataFrame(pairs, columns=["source", "target"]), directed=directed
    )


STAR = of_pairs([("hub", f"leaf{i}") for i in range(6)])
COMPLETE = of_pairs([(a, b) for a in "abcdef" for b in "abcdef" if a < b])
STUCK = {
    "one edge": of_pairs([("a", "b")]),
    "two edges that share a node": of_pairs([("a", "b"), ("b", "c")]),
    "triangle": of_pairs([("a", "b"), ("b", "c"), ("a", "c")]),
    "star": STAR,
    "complete": COMPLETE,
    "directed star": of_pairs([("hub", f"leaf{i}") for i in range(6)], directed=True),
    "one neighbour": Neighbours.from_edges([0], [1], 0.5, 2, 2),
    "everybody hears everybody": Neighbours.from_edges(
        *np.nonzero(~np.eye(5, dtype=bool)), 1.0, 5, 5
    ),
    "everybody hears one": Neighbours.from_edges(np.arange(1, 6), np.zeros(5), 1.0, 6, 6),
}


@pytest.mark.parametrize("name", STUCK)
def test_what_cannot_be_rewired_stays(name):
    graph = STUCK[name]
    for seed in range(5):
        assert same(rewired(graph, seed), graph)
        assert random(graph, seed).edges == graph.edges
    if name in ("triangle", "complete", "everybody hears everybody"):
        assert arrows(random(graph, 0)) == arrows(graph)


def test_two_edges_can_only_swap():
    graph = of_pairs([("a", "b"), ("c", "d")])
    found = {
        tuple(map(tuple, rewired(graph, seed).to_frame()[["source", "target"]].to_numpy()))
        for seed in range(40)
    }
    assert found == {(("a", "b"), ("c", "d")), (("a", "c"), ("b", "d")), (("a", "d"), ("b", "c"))}


@pytest.mark.parametrize("make", [rewired, random, identity, empty])
def test_graphs_of_nothing_end(make):
    arguments = () if make in (identity, empty) else (0,)
    for graph in (
        network().on([]),
        network().on(["G00"]),
        Neighbours.empty(0, 0),
        Neighbours.empty(3, 3),
    ):
        made = make(graph, *arguments)
        assert type(made) is type(graph)
        assert made.edges == (
            1 if make is identity and isinstance(graph, GeneNetwork) and graph.genes else 0
        )


def test_rewiring_leaves_of_a_graph_what_chance_leaves():
    """The overlap with the original is that of the configuration model: an edge between degrees a
    and b stays with chance near a b / 2E."""
    graph = network(genes=2_000, edges=12_000)
    before = set(arrows(graph))
    kept = np.mean(
        [len(before & set(arrows(rewired(graph, seed)))) / graph.edges for seed in range(5)]
    )
    degree = graph.degree.astype(float)
    chance = np.minimum(degree[graph.source] * degree[graph.target] / degree.sum(), 1).mean()
    assert abs(kept - chance) < 0.01


def test_identity_is_each_alone():
    graph = GRAPHS["layer"]
    made = control("identity", graph, 0)
    here = [i for i in range(40) if i not in (3, 11)]
    assert (
        arrows(made) == [(i, i) for i in here] and (made.weight == 1).all()
    )  # an absent patient stays absent
    genes = control("identity", GRAPHS["directed"], 0)
    assert (
        arrows(genes) == [(i, i) for i in range(len(genes.genes))]
        and genes.about["control"] == "identity"
    )
    assert same(identity(genes), genes)
    with pytest.raises(InputError, match="25 receivers and 40 senders"):
        control("identity", GRAPHS["oblong layer"], 0)


def test_empty_keeps_the_nodes(graph):
    made = control("empty", graph, 0)
    assert made.edges == 0
    assert made.genes == graph.genes if isinstance(graph, GeneNetwork) else len(made) == len(graph)
    for make in (rewired, random):
        assert make(made, 0).edges == 0
    assert empty(made).edges == 0


def test_none_is_the_graph_itself_and_unknown_kinds_stop(graph):
    assert control("none", graph, 0) is graph
    with pytest.raises(InputError, match="did you mean 'rewired'"):
        control("rewire", graph, 0)


def test_a_control_says_what_it_is():
    made = control("rewired", GRAPHS["undirected"], 7)
    assert made.name == "made (rewired, seed 7)" and made.about["control"] == "rewired, seed 7"


def test_a_whole_interactome_is_rewired_in_seconds():
    big = network(genes=14_000, edges=300_000)
    start = time.perf_counter()
    made = rewired(big, 0)
    assert time.perf_counter() - start < 20
    np.testing.assert_array_equal(made.degree, big.degree)


def test_a_hundred_thousand_patients_get_their_control_in_seconds():
    count, each = 100_000, 10
    receivers = np.repeat(np.arange(count), each)
    ring = Neighbours.from_edges(
        receivers, (receivers + 1 + np.tile(np.arange(each), count)) % count, 1.0, count, count
    )
    start = time.perf_counter()
    made = random(ring, 0)
    assert time.perf_counter() - start < 10  # 0.2 s
    swapped = rewired(ring, 0, swaps=2)
    assert time.perf_counter() - start < 20  # 1 s
    for control_graph in (made, swapped):
        np.testing.assert_array_equal(control_graph.offsets, ring.offsets)
        keys = control_graph.receivers * count + control_graph.index
        assert (np.diff(keys) > 0).all() and (control_graph.receivers != control_graph.index).all()
    assert (np.bincount(swapped.index, minlength=count) == each).all()
