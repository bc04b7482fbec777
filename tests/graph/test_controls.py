"""Control graphs: what they keep, what they change, and that a seed is a graph."""

import time

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.graph.controls import KINDS, control, empty, random, rewired
from graphfuse.graph.neighbours import Neighbours
from graphfuse.graph.network import GeneNetwork


def network(genes=60, edges=300, directed=False, seed=0):
    rng = np.random.default_rng(seed)
    names = np.array([f"G{i:02d}" for i in range(genes)])
    heavy = rng.dirichlet(np.full(genes, 0.5), 1)[0] * 0.5 + 0.5 / genes
    pairs = rng.choice(genes, (edges, 2), p=heavy)
    frame = pd.DataFrame({"source": names[pairs[:, 0]], "target": names[pairs[:, 1]], "score": rng.random(edges) + 0.1})
    return GeneNetwork.from_frame(frame, "made", directed=directed)


def layer(receivers=40, senders=40, neighbours=5, seed=0):
    rng = np.random.default_rng([seed, 99])
    rows = [i for i in range(receivers) if i not in (3, 11)]  # two patients without the modality
    pool = [j for j in range(senders) if j not in (3, 11)]
    chosen = [rng.choice([j for j in pool if j != i], neighbours, replace=False) for i in rows]
    flat = np.repeat(rows, neighbours)
    return Neighbours.from_edges(flat, np.concatenate(chosen), rng.random(len(flat)) + 0.1, receivers, senders)


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_is_a_graph_and_the_input_is_left_alone(graph, kind):
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
    ends = (lambda g: (g.receivers, g.index)) if isinstance(graph, Neighbours) else (lambda g: (g.source, g.target))
    if isinstance(graph, GeneNetwork) and not graph.directed:
        np.testing.assert_array_equal(made.degree, graph.degree)
    else:
        for now, before in zip(ends(made), ends(graph), strict=True):
            np.testing.assert_array_equal(np.bincount(now, minlength=60), np.bincount(before, minlength=60))
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


def test_what_cannot_be_rewired_stays():
    triangle = GeneNetwork.from_frame(pd.DataFrame({"source": list("abc"), "target": list("bca")}))
    assert same(rewired(triangle, 0), triangle)
    assert random(triangle, 0).edges == 3


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
    big = network(genes=14_000, edges=110_000)
    start = time.perf_counter()
    made = rewired(big, 0)
    assert time.perf_counter() - start < 20
    np.testing.assert_array_equal(made.degree, big.degree)
