"""Places: those who are joined stand together, nobody covers another, same links same places."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from graphfuse.graph.export.page.layout import nearest_links, place, spectral, symmetric


def cliques(sizes, bridge=True):
    """Cliques in a row, each with one link to the next."""
    which = np.repeat(np.arange(len(sizes)), sizes)
    links = (which[:, None] == which[None]).astype(float)
    ends = np.cumsum(sizes)[:-1]
    if bridge:
        links[ends - 1, ends] = 1
    return symmetric(sparse.csr_matrix(links)), which


def ratio(places, which):
    """Mean distance within groups over that between them."""
    far, same = cdist(places, places), which[:, None] == which[None]
    return far[same & ~np.eye(len(which), dtype=bool)].mean() / far[~same].mean()


def test_symmetric_joins_either_way_once_and_nobody_to_itself():
    made = symmetric(sparse.csr_matrix(np.array([[5.0, 2, 0], [3, 0, 0], [0, 0, 1]])))
    np.testing.assert_array_equal(made.toarray(), [[0, 1, 0], [1, 0, 0], [0, 0, 0]])


def test_the_smoothest_vector_parts_two_cliques():
    links, which = cliques([20, 20])
    first = spectral(links, 3)[:, 0]
    assert len(set(np.sign(first[which == 0]))) == 1 and np.sign(first[0]) != np.sign(first[-1])


def test_spectral_agrees_with_dense_eigenvectors():
    rng = np.random.default_rng(0)
    links = nearest_links(rng.normal(size=(60, 2)) * [3, 1], 6)
    dense = links.toarray()
    root = np.sqrt(dense.sum(1))
    vectors = np.linalg.eigh(dense / root[:, None] / root[None])[1][:, -2] / root
    found = spectral(links, 4, rounds=12)[:, 0]
    assert abs(np.corrcoef(found, vectors)[0, 1]) > 0.999


@pytest.mark.parametrize("start", [False, True], ids=["from itself", "from a start"])
def test_those_who_are_joined_stand_together(start):
    links, which = cliques([30, 40, 20])
    begin = np.random.default_rng(1).normal(size=(90, 2)) * 0.1 if start else None
    places = place(links, begin)
    assert ratio(places, which) < 0.4
    nearest = cdist(places, places) + np.eye(90) * 9
    assert (which[nearest.argmin(1)] == which).mean() > 0.95
    assert nearest.min() > 0.3 / np.sqrt(90)  # nobody covers another
    assert np.abs(places).max() <= 1


def test_same_links_same_places():
    links, _ = cliques([15, 15])
    np.testing.assert_array_equal(place(links), place(links))


def test_loose_nodes_stand_around_the_rest():
    links, _ = cliques([20, 20])
    wide = sparse.lil_matrix((50, 50))
    wide[:40, :40] = links
    places = place(wide.tocsr())
    radius = np.linalg.norm(places, axis=1)
    assert radius[40:].min() > radius[:40].max()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_nodes_have_places(count):
    for links in (
        sparse.csr_matrix((count, count)),
        symmetric(sparse.csr_matrix(np.ones((count, count)))),
    ):
        places = place(links)
        assert places.shape == (count, 2) and np.isfinite(places).all()
        assert len(np.unique(places.round(6), axis=0)) == count
