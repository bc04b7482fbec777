"""Ragged neighbour lists against plain loops."""

import numpy as np
import pytest

from graphfuse.graph.neighbours import Neighbours


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
    assert (made.offsets.dtype, made.index.dtype, made.weight.dtype) == (np.int64, np.int64, np.float64)
    np.testing.assert_array_equal(made.degree, (dense != 0).sum(1))
    np.testing.assert_array_equal(made.receivers, np.nonzero(dense)[0])
    np.testing.assert_array_equal(made.index, np.nonzero(dense)[1])  # sorted by receiver, then sender


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
    expected = [dense[i, j] / np.abs(dense[i]).sum() for i in range(12) for j in range(9) if dense[i, j]]
    np.testing.assert_allclose(made.mean_weights(), expected, rtol=1e-14)


def test_empty_lists_have_no_edges():
    made = Neighbours.empty(4, 3)
    assert (len(made), made.senders, made.edges, made.degree.tolist()) == (4, 3, 0, [0] * 4)
    assert made.mean_weights().shape == (0,) and made.take(np.array([1, 2])).edges == 0
    assert repr(made) == "Neighbours(4 receivers, 3 senders, 0 edges)"
