"""What is drawn of a large graph: who, which lines, and that nobody is favoured for standing
first."""

import numpy as np

from graphfuse.graph.export.page.sample import leading_genes, pairs, sample, whole_and_parts
from graphfuse.graph.neighbour_lists import Neighbours


def ring(count, neighbours=4, seed=0):
    """Everyone hears those around them in a shuffled ring; weights fall with distance."""
    order = np.random.default_rng(seed).permutation(count)
    steps = np.r_[-(neighbours // 2) : 0, 1 : neighbours // 2 + 1]
    heard = order[(np.arange(count)[:, None] + steps) % count]
    weight = np.tile(1 / np.abs(steps), count)
    return Neighbours.from_edges(np.repeat(order, neighbours), heard.ravel(), weight, count, count)


def test_all_are_drawn_where_they_are_few():
    rows, by_chance = sample({"a": ring(30)}, np.zeros(30), 30, 0)
    assert rows.tolist() == list(range(30)) and by_chance == 30


def test_a_sample_keeps_classes_in_proportion_and_takes_neighbours_along():
    strata = np.repeat([0, 1, 2, -1], [6000, 3000, 4, 996])
    lists = {"a": ring(10_000)}
    rows, by_chance = sample(lists, strata, 800, seed=1)
    assert len(rows) == len(np.unique(rows)) == 800 and 100 <= by_chance < 200
    assert (np.diff(rows) > 0).all()
    assert np.isin([9000, 9001, 9002, 9003], rows).sum() >= 3  # a rare class is there
    share = np.bincount(strata[rows] + 1, minlength=4) / 800
    assert abs(share[1] - 0.6) < 0.08 and abs(share[2] - 0.3) < 0.08
    assert abs(rows.mean() - 5000) < 400  # not those who come first
    assert len(pairs(lists["a"], rows, 10**6, 0).a) > 600  # joined, not scattered
    again, _ = sample(lists, strata, 800, seed=1)
    other, _ = sample(lists, strata, 800, seed=2)
    assert np.array_equal(rows, again) and not np.array_equal(rows, other)


def test_without_edges_all_of_the_sample_is_by_chance():
    rows, by_chance = sample({"a": Neighbours.empty(1000, 1000)}, np.zeros(1000), 80, 0)
    assert len(rows) == by_chance == 80 and len(sample({}, np.zeros(1000), 80, 0)[0]) == 80


def test_pairs_say_who_hears_whom():
    lists = Neighbours.from_edges([0, 1, 2, 4, 3], [1, 0, 0, 2, 3], 1.0, 5, 5)
    found = pairs(lists, np.array([0, 1, 2, 4]), 10, 0)
    assert list(zip(found.a, found.b, found.way, strict=True)) == [(0, 1, 3), (0, 2, 2), (2, 3, 2)]
    assert found.left_out == 0


def test_the_strongest_pairs_stay_and_ties_go_by_chance():
    lists = ring(400)
    found = pairs(lists, np.arange(400), 400, 0)
    assert len(found.a) == 400 and found.left_out == 400
    kept = {(a, b) for a, b in zip(found.a, found.b, strict=True)}
    strong = {
        tuple(sorted(e))
        for e, w in zip(zip(lists.receivers, lists.index, strict=True), lists.weight, strict=True)
        if w == 1
    }
    assert kept == strong
    even = Neighbours(lists.offsets, lists.index, np.ones(lists.edges), 400)
    assert (
        abs(
            pairs(even, np.arange(400), 200, 0).a.mean()
            - pairs(even, np.arange(400), 10**6, 0).a.mean()
        )
        < 25
    )


def test_places_by_every_layer():
    layers = {"a": ring(60), "b": ring(60, seed=1), "none": Neighbours.empty(60, 60)}
    found = whole_and_parts(layers, np.arange(60), 8)
    assert set(found) == {"", "a", "b"} and all(
        p.shape == (60, 2) and np.isfinite(p).all() for p in found.values()
    )
    assert set(whole_and_parts({"a": layers["a"]}, np.arange(60), 8)) == {""}
    assert set(whole_and_parts({}, np.arange(60), 8)) == {""}
    assert set(whole_and_parts(layers, np.arange(60), 1)) == {"", "a"}


def test_leading_genes_have_the_most_edges(built):
    chosen, lines = leading_genes(built.network, 2)
    assert [built.network.genes[g] for g in chosen] == ["A", "B"]
    assert list(zip(lines.a, lines.b, strict=True)) == [(0, 1)] and lines.left_out == 0
    chosen, lines = leading_genes(built.network, 10, each=1)  # A's strongest is D, B's is C
    assert list(zip(lines.a, lines.b, strict=True)) == [(0, 3), (1, 2)] and lines.left_out == 1
