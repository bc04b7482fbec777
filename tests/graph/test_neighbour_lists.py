"""Ragged neighbour lists against plain loops."""

import numpy as np
import pytest

from graphfuse.graph.neighbour_lists import Neighbours, strongest


@pytest.fixture
def lists():
    """12 receivers, 9 senders, some receivers without any."""
    rng = np.random.default_rng(3)
    dense = rng.normal(size=(12, 9)) * (rng.random((12, 9)) < 0.4)
    dense[[2, 7]] = 0
    receiver, sender = np.nonzero(dense)
    shuffled = rng.permutation(len(receiver))
    receiver, sender = receiver[shuffled], sender[shuffled]
    return dense, Neighbours.from_edges(receiver, sender, dense[receiver, sender], 12, 9)


def dense_of(lists):
    """The weights as a matrix, by a loop."""
    dense = np.zeros((len(lists), lists.senders))
    for i in range(len(lists)):
        for e in range(lists.offsets[i], lists.offsets[i + 1]):
            dense[i, lists.index[e]] += lists.weight[e]
    return dense


def test_from_edges_holds_every_edge_in_any_order(lists):
    dense, made = lists
    np.testing.assert_array_equal(dense_of(made), dense)
    assert made.edges == np.count_nonzero(dense)
    assert (made.offsets.dtype, made.index.dtype, made.weight.dtype) == (
        np.int64,
        np.int64,
        np.float64,
    )
    np.testing.assert_array_equal(made.degree, (dense != 0).sum(1))
    np.testing.assert_array_equal(made.receivers, np.nonzero(dense)[0])
    np.testing.assert_array_equal(
        made.index, np.nonzero(dense)[1]
    )  # sorted by receiver, then sender


def test_edges_of_no_weight_are_dropped():
    made = Neighbours.from_edges([0, 0, 1, 1], [0, 1, 0, 1], [1.0, 0.0, np.nan, np.inf], 2, 2)
    assert (made.edges, made.index.tolist(), made.degree.tolist()) == (1, [0], [1, 0])


def test_one_weight_for_all_edges():
    assert Neighbours.from_edges([0, 1], [1, 0], 1.0, 2, 2).weight.tolist() == [1.0, 1.0]


def test_take_is_the_rows_of_the_matrix(lists):
    dense, made = lists
    for rows in ([], [5], [7], [3, 3, 0], list(range(12))[::-1]):
        taken = made.take(np.array(rows, np.int64))
        assert len(taken) == len(rows) and taken.senders == 9
        np.testing.assert_array_equal(dense_of(taken), dense[rows])


def test_mean_weights_sum_to_one_where_anything_is_heard(lists):
    dense, made = lists
    expected = [
        dense[i, j] / np.abs(dense[i]).sum() for i in range(12) for j in range(9) if dense[i, j]
    ]
    np.testing.assert_allclose(made.mean_weights(), expected, rtol=1e-14)


def test_empty_lists_have_no_edges():
    made = Neighbours.empty(4, 3)
    assert (len(made), made.senders, made.edges, made.degree.tolist()) == (4, 3, 0, [0] * 4)
    assert made.mean_weights().shape == (0,) and made.take(np.array([1, 2])).edges == 0
    assert repr(made) == "Neighbours(4 receivers, 3 senders, 0 edges)"


def test_identity_is_a_diagonal():
    np.testing.assert_array_equal(
        dense_of(Neighbours.identity(np.array([True, False, True]))), np.diag([1.0, 0, 1])
    )
    assert Neighbours.identity(np.zeros(0, bool)).edges == 0


def test_among_keeps_rows_and_columns_where_they_are(lists):
    dense, made = lists
    receivers, senders = np.arange(12) % 3 != 0, np.arange(9) > 2
    kept = made.among(receivers, senders)
    np.testing.assert_array_equal(dense_of(kept), dense * receivers[:, None] * senders[None])
    assert len(kept) == 12 and kept.senders == 9 and kept.offsets.dtype == np.int64
    assert made.among(np.zeros(12, bool), senders).edges == 0


def test_transposed_and_symmetric_are_those_of_the_matrix(lists):
    dense, made = lists
    np.testing.assert_array_equal(dense_of(made.transposed()), dense.T)
    square = np.abs(dense[:9])
    both = Neighbours.from_edges(*np.nonzero(square), square[square > 0], 9, 9).symmetric()
    np.testing.assert_array_equal(dense_of(both), np.maximum(square, square.T))


def test_union_holds_every_edge_once_with_its_greatest_weight(lists):
    rng = np.random.default_rng(5)
    matrices = [rng.random((12, 9)) * (rng.random((12, 9)) < 0.3) for _ in range(3)]
    parts = [Neighbours.from_edges(*np.nonzero(m), m[m > 0], 12, 9) for m in matrices]
    np.testing.assert_array_equal(dense_of(Neighbours.union(parts)), np.maximum.reduce(matrices))
    assert Neighbours.union([Neighbours.empty(3, 2)] * 2).edges == 0


def test_take_is_quick_for_a_million_rows():
    made = Neighbours.from_edges(
        np.repeat(np.arange(1000), 5), np.tile(np.arange(5), 1000), 1.0, 1000, 5
    )
    rows = np.random.default_rng(0).integers(0, 1000, 1_000_000)
    taken = made.take(rows)
    assert (
        taken.edges == 5_000_000
        and (taken.degree == 5).all()
        and taken.index[-5:].tolist() == [0, 1, 2, 3, 4]
    )


def test_the_strongest_are_those_of_a_sort_for_each_receiver():
    rng = np.random.default_rng(2)
    receiver, sender = rng.integers(0, 6, 80), rng.integers(0, 30, 80)
    value = rng.integers(0, 4, 80) / 2  # ties everywhere
    chosen = strongest(receiver, sender, value, 3)
    found = [(receiver[e], -value[e], sender[e]) for e in chosen]
    expected = []
    for i in range(6):
        expected += sorted((i, -value[e], sender[e]) for e in range(80) if receiver[e] == i)[:3]
    assert found == expected
    assert not len(strongest(receiver[:0], sender[:0], value[:0], 3))
