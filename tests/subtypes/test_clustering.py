"""Spectral and Leiden clusters of graphs whose clusters are known."""

import sys

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import adjusted_rand_score

from graphfuse.errors import InputError
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.subtypes import clustering


def blocks(sizes=(30, 24, 18), inside=0.5, outside=0.02, seed=0):
    """A planted partition: symmetric 0/1 graph and its true labels, patients shuffled."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    chance = np.where(truth[:, None] == truth[None], inside, outside)
    upper = np.triu(rng.random(chance.shape) < chance, 1)
    return csr_matrix((upper | upper.T).astype(float)), truth


def test_the_graph_is_symmetric_without_diagonal_or_negative_weights():
    lists = Neighbours.from_edges([0, 0, 1, 2], [1, 0, 2, 1], [2.0, 1.0, -1.0, 4.0], 3, 3)
    assert clustering.symmetric(lists).toarray().tolist() == [[0, 1, 0], [1, 0, 2], [0, 2, 0]]


def test_the_spectrum_is_that_of_the_normalised_laplacian():
    graph, _ = blocks()
    values, vectors = clustering.spectrum(graph, 6)
    root = 1 / np.sqrt(np.asarray(graph.sum(1)).ravel())
    laplacian = np.eye(len(root)) - root[:, None] * graph.toarray() * root[None]
    assert values == pytest.approx(np.linalg.eigvalsh(laplacian)[:6], abs=1e-9)
    assert laplacian @ vectors == pytest.approx(vectors * values, abs=1e-8)


def test_the_sparse_and_the_dense_way_agree(monkeypatch):
    graph, truth = blocks((80, 70, 60))
    dense = clustering.spectrum(graph, 4)
    monkeypatch.setattr(clustering, "DENSE", 10)
    sparse = clustering.spectrum(graph, 4)
    assert sparse[0] == pytest.approx(dense[0], abs=1e-9)
    assert sparse[1][:, :3] == pytest.approx(dense[1][:, :3], abs=1e-6)
    assert (clustering.spectral(graph, [3])[3] == clustering.spectral(graph, [3])[3]).all()


@pytest.mark.parametrize("dense", [1200, 5])
def test_components_are_found_exactly(monkeypatch, dense):
    monkeypatch.setattr(clustering, "DENSE", dense)
    graph, truth = blocks((30, 24, 18), outside=0)
    values, _ = clustering.spectrum(graph, 5)
    assert values[:3] == pytest.approx(0, abs=1e-9) and values[3] > 0.05
    assert adjusted_rand_score(truth, clustering.spectral(graph, [3])[3]) == 1
    assert clustering.eigengap(graph, 6)[0] == 3


def test_clusters_are_found_numbered_by_size_and_follow_their_patients():
    graph, truth = blocks()
    labels = clustering.spectral(graph, [2, 3, 4])[3]
    assert adjusted_rand_score(truth, labels) == 1
    assert np.bincount(labels).tolist() == [30, 24, 18]
    turn = np.random.default_rng(3).permutation(len(labels))
    assert (clustering.spectral(graph[turn][:, turn], [3])[3] == labels[turn]).all()


def test_patients_without_edges_have_no_cluster():
    graph, truth = blocks((20, 16))
    wider = csr_matrix(
        (graph.data, graph.indices, np.concatenate([graph.indptr, [graph.indptr[-1]] * 2])),
        (38, 38),
    )
    labels = clustering.spectral(wider, [2])[2]
    assert labels[-2:].tolist() == [-1, -1] and adjusted_rand_score(truth, labels[:-2]) == 1
    assert clustering.spectral(csr_matrix((5, 5)), [2]) == {}
    assert np.isnan(clustering.cohesion(wider, labels)[-2:]).all()


def test_more_clusters_than_patients_are_left_out():
    graph, _ = blocks((3, 2), inside=1)
    assert max(clustering.spectral(graph, range(2, 9))) <= 5


def test_a_cloud_has_no_gap_after_two_or_more():
    graph, _ = blocks((90,), inside=0.3)
    assert clustering.eigengap(graph, 8)[0] == 1


def test_ordered_numbers_by_size_then_by_first_patient():
    assert clustering.ordered(np.array([5, 2, 2, -1, 7, 5, 9])).tolist() == [0, 1, 1, -1, 2, 0, 3]
    assert clustering.ordered(np.array([-1, -1])).tolist() == [-1, -1]


def test_cohesion_is_the_silhouette_of_similarities():
    graph, truth = blocks((8, 7, 6), inside=0.8, outside=0.2)
    dense, found = graph.toarray(), clustering.cohesion(graph, truth)
    for i in range(len(truth)):
        means = []
        for c in range(3):
            others = [j for j in range(len(truth)) if truth[j] == c and j != i]
            means.append(dense[i, others].mean())
        a, b = means[truth[i]], max(m for c, m in enumerate(means) if c != truth[i])
        assert found[i] == pytest.approx((a - b) / max(a, b) if max(a, b) else 0)
    assert (clustering.cohesion(graph, np.zeros(len(truth), int)) == 0).all()


class TestLeiden:
    def setup_method(self):
        pytest.importorskip("graspologic_native")

    def test_finds_blocks_and_repeats_itself(self):
        graph, truth = blocks()
        labels = clustering.leiden(graph, 1.0, seed=4)
        assert adjusted_rand_score(truth, labels) == 1
        assert (labels == clustering.leiden(graph, 1.0, seed=4)).all()

    def test_a_resolution_is_found_for_a_number_of_clusters(self):
        graph, truth = blocks()
        settings = clustering.settings_for("leiden", graph, [2, 3, 40], 0)
        assert 3 in settings and 40 not in settings
        assert (
            adjusted_rand_score(truth, clustering.partitions("leiden", graph, settings, 0)[3]) == 1
        )

    def test_a_given_resolution_says_how_many(self):
        graph, _ = blocks()
        assert clustering.settings_for("leiden", graph, [2], 0, resolution=1.0) == {3: 1.0}

    def test_patients_without_edges_have_no_cluster(self):
        assert clustering.leiden(csr_matrix((4, 4)), 1.0).tolist() == [-1] * 4


def test_leiden_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "graspologic_native", None)
    with pytest.raises(InputError, match=r"pip install 'graphfuse\[cluster\]'"):
        clustering.leiden(blocks()[0], 1.0)
