"""Neighbour search: against plain loops and scikit-learn, ties, the same alone and together, and
points that go wrong."""

import logging
import sys

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from graphfuse.errors import InputError
from graphfuse.graph.knn import bounded_candidates, pieces, search
from graphfuse.graph.knn.search import nearest
from graphfuse.graph.knn.similar_pairs import threshold, within

METRICS = ("cosine", "dot", "euclidean", "cityblock")


def made(n, d, seed=0, metric="euclidean"):
    points = np.random.default_rng(seed).normal(size=(n, d))
    return points / np.linalg.norm(points, axis=1, keepdims=True) if metric == "dot" else points


def clusters(n, d, seed=0, groups=40):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(groups, d))[rng.integers(groups, size=n)] + 0.3 * rng.normal(
        size=(n, d)
    )


def naive(queries, reference, metric):
    """All similarities `[q, n]`, as defined."""
    queries, reference = (
        p.toarray() if sparse.issparse(p) else np.asarray(p, float) for p in (queries, reference)
    )
    if metric == "euclidean":
        return np.round(-cdist(queries, reference), 12)
    if metric == "cityblock":
        return np.round(1 - np.abs(queries[:, None] - reference[None]).mean(2), 12)
    if metric == "cosine":
        one, other = (np.linalg.norm(p, axis=1, keepdims=True) for p in (queries, reference))
        queries, reference = (
            np.divide(p, s, out=np.zeros_like(p), where=s > 0)
            for p, s in ((queries, one), (reference, other))
        )
    return np.round((queries[:, None] * reference[None]).sum(2), 12)


def first(values, count, own=None):
    """Places of the greatest, ties by place, -1 where there are none."""
    values = values.copy()
    if own is not None:
        values[np.arange(len(own))[own >= 0], own[own >= 0]] = -np.inf
    out = np.full((len(values), count), -1)
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    out[:, : order.shape[1]] = np.where(np.take_along_axis(values, order, 1) > -np.inf, order, -1)
    return out


# -------------------------------------------------------------------------------------- the nearest


@pytest.mark.parametrize("stored", ["array", "sparse"])
@pytest.mark.parametrize("metric", METRICS)
def test_nearest_is_a_loop(metric, stored):
    reference, queries = made(300, 7, 0, metric), made(40, 7, 1, metric)
    if stored == "sparse":
        reference, queries = (
            sparse.csr_matrix(np.where(abs(p) > 0.3, p, 0)) for p in (reference, queries)
        )
    found = nearest(queries, reference, 6, metric)
    expected = naive(queries, reference, metric)
    np.testing.assert_array_equal(found.index, first(expected, 6))
    np.testing.assert_allclose(found.similarity, -np.sort(-expected, axis=1)[:, :6], atol=2e-12)
    assert found.method == "exact" and found.recall is None and "40 queries" in repr(found)
    own = np.arange(300)
    np.testing.assert_array_equal(
        nearest(reference, reference, 6, metric, own=own).index,
        first(naive(reference, reference, metric), 6, own),
    )


@pytest.mark.parametrize(
    ("metric", "d"), [("cosine", 3), ("euclidean", 64), ("euclidean", 200), ("cityblock", 5)]
)
def test_many_tiles_and_threads_miss_nothing(metric, d, monkeypatch):
    """More points than a tile holds: the cutoff rises on the way, by products in float32 far from
    the origin."""
    monkeypatch.setattr(bounded_candidates, "TILE", 1024)
    points = made(2500, d, 2) * np.random.default_rng(1).lognormal(size=(2500, 1)) + (
        0 if metric == "cosine" else 30
    )
    rows = np.arange(0, 2500, 29)
    own = np.full(2500, -1)
    own[rows] = rows
    found = nearest(points, points, 9, metric, own=own)
    shown = -cdist(points[rows], points, metric) / (d if metric == "cityblock" else 1)
    np.testing.assert_array_equal(found.index[rows], first(np.round(shown, 12), 9, rows))
    others = np.setdiff1d(np.arange(2500), rows)
    if metric != "cosine":
        np.testing.assert_array_equal(
            found.index[others, 0], others
        )  # nobody is nearer than oneself


def test_scikit_learn_agrees():
    points = clusters(2500, 12)
    reference = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(points)
    distance, index = reference.kneighbors()
    found = nearest(points, points, 10, "euclidean", own=np.arange(2500))
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(-found.similarity, distance, atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_ties_go_to_the_lowest_place(metric):
    points = np.random.default_rng(0).integers(0, 2, (400, 4)).astype(float)  # 16 different points
    if metric == "dot":
        points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1)
    own = np.arange(400)
    for stored in (points, sparse.csr_array(points)):
        found = nearest(stored, stored, 30, metric, own=own)
        np.testing.assert_array_equal(found.index, first(naive(points, points, metric), 30, own))


def test_ties_among_unequal_points_go_to_the_lowest_place():
    points = (
        np.random.default_rng(0).integers(0, 2, (3000, 14)).astype(float)
    )  # distances take 15 values
    found = nearest(points[:200], points, 25, "cityblock")
    np.testing.assert_array_equal(found.index, first(naive(points[:200], points, "cityblock"), 25))
    found = nearest(points[:200], points, 25, "euclidean")
    np.testing.assert_array_equal(found.index, first(naive(points[:200], points, "euclidean"), 25))


def test_too_many_candidates_are_taken_in_pieces(monkeypatch):
    monkeypatch.setattr(sys.modules[search.nearest_candidates.__module__], "MOST_CANDIDATES", 500)
    points = np.random.default_rng(0).integers(0, 2, (900, 12)).astype(float)
    found = nearest(points, points, 5, "euclidean", own=np.arange(900))
    np.testing.assert_array_equal(
        found.index, first(naive(points, points, "euclidean"), 5, np.arange(900))
    )


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("metric", METRICS)
def test_a_query_finds_the_same_alone_together_and_shuffled(metric, exact):
    d = 33
    reference, queries = clusters(2500, d), clusters(300, d, 5)
    if metric == "dot":
        reference, queries = (
            p / np.linalg.norm(p, axis=1, keepdims=True) for p in (reference, queries)
        )
    together = nearest(queries, reference, 8, metric, exact=exact)
    assert (together.recall is None) == exact
    order = np.random.default_rng(0).permutation(300)
    shuffled = nearest(queries[order], reference, 8, metric, exact=exact)
    np.testing.assert_array_equal(shuffled.index, together.index[order])
    np.testing.assert_array_equal(shuffled.similarity, together.similarity[order])
    for i in (0, 7, 299):
        alone = nearest(queries[i : i + 1], reference, 8, metric, exact=exact)
        np.testing.assert_array_equal(alone.index[0], together.index[i])
        np.testing.assert_array_equal(alone.similarity[0], together.similarity[i])
        assert alone.recall == together.recall and alone.method == together.method


def test_two_searches_give_the_same():
    points, own = clusters(3000, 20), np.arange(3000)
    one, two = (
        nearest(points, points.copy(), 7, "euclidean", own=own, exact=False, seed=3)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.index, two.index)
    assert one.recall == two.recall


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", ["clusters", "plain"])
def test_the_stated_recall_is_the_recall(kind, metric):
    points = clusters(5000, 24) if kind == "clusters" else made(5000, 24)
    points[:40] = 0  # zero rows, for the dot product too
    points = (
        points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
        if metric == "dot"
        else points
    )
    own = np.arange(5000)
    found, true = (
        nearest(points, points, 10, metric, own=own, exact=exact) for exact in (False, True)
    )
    recall = (found.similarity >= true.similarity[:, -1:]).mean()
    assert recall >= 0.95 and (found.index != own[:, None]).all()
    assert (np.diff(found.similarity, axis=1) <= 0).all()
    if kind == "plain" and found.recall is None:
        assert found.method == "exact"  # more than half of the cells would be needed
    else:
        assert found.method == "cells of a k-means" and abs(found.recall - recall) < 0.03


def test_a_query_whose_cells_hold_too_few_is_searched_exactly():
    """Cells of 30 points and 60 wanted; the clusters are far apart."""
    points = clusters(900, 3, groups=30) * [[100, 100, 100]]
    points = np.vstack([points, made(20, 3) * 1e4])
    found = nearest(points, points, 60, "euclidean", own=np.arange(920), exact=False)
    assert (found.index >= 0).all()


def test_size_decides_and_never_the_number_of_queries(monkeypatch):
    monkeypatch.setattr(search, "LARGE", 2000)
    points = clusters(2001, 8)
    assert nearest(points, points, 5, own=np.arange(2001)).recall is not None
    assert nearest(points, points, 5).recall is None
    assert nearest(points[:3], points, 5).recall is None
    assert nearest(points[:2000], points[:2000], 5, own=np.arange(2000)).recall is None
    stored = sparse.csr_array(points)
    assert nearest(stored, stored, 5, own=np.arange(2001)).method == "exact"


def test_a_long_search_says_so_and_names_the_cure(caplog, monkeypatch):
    clock = iter(range(0, 10_000_000, 1000))
    monkeypatch.setattr(search.time, "monotonic", lambda: next(clock))
    with caplog.at_level(logging.WARNING):
        assert list(search._timed(range(100), 100)) == list(range(100))
    assert len(caplog.records) == 1 and "more minutes" in caplog.text


@pytest.mark.parametrize("metric", ["dot", "euclidean"])
def test_the_gpu_search_misses_nothing(metric):
    """The same program on the CPU device: sure candidates hold all true neighbours, near ties are
    handed back."""
    points = clusters(1500, 10)
    points[:200] = points[200]  # more equal points than spare candidates
    quick = search.scores_of(points, metric)
    true, seen, ties = first(naive(points, points, metric), 6), [], set()
    for some, row, place in search.gpu_candidates(quick, points, 6, "cpu"):
        seen += some.tolist()
        if row is None:
            ties |= set(some.tolist())
        else:
            pairs = set(zip(some[row].tolist(), place.tolist()))
            assert all((r, t) in pairs for r in some.tolist() for t in true[r].tolist())
    assert sorted(seen) == list(range(1500))
    assert len(ties) < 1000 and (metric == "dot" or ties >= set(range(201)))
    index, _ = search._on_gpu(points, points, metric, 6, quick, "cpu")
    np.testing.assert_array_equal(index, true)


@pytest.mark.gpu
def test_a_gpu_finds_what_the_cpu_finds():
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    points, own = clusters(20_000, 40), np.arange(20_000)
    for metric in ("cosine", "euclidean"):
        there, here = (
            nearest(points, points, 15, metric, own=own, device=device)
            for device in ("cuda", "cpu")
        )
        np.testing.assert_array_equal(there.index, here.index)
        np.testing.assert_array_equal(there.similarity, here.similarity)
        assert there.method == "exact (cuda)" and there.recall is None


# --------------------------------------------------------------------------------------- odd points


@pytest.mark.parametrize("metric", METRICS)
def test_zero_rows_equal_points_and_few_of_them(metric):
    points = np.vstack([np.zeros((3, 4)), np.ones((3, 4)) / 2, np.eye(4)])
    own = np.arange(10)
    for stored in (points, sparse.csr_array(points)):
        found = nearest(stored, stored, 20, metric, own=own)
        np.testing.assert_array_equal(found.index, first(naive(points, points, metric), 20, own))
        assert (found.index[:, 9:] == -1).all() and np.isneginf(found.similarity[:, 9:]).all()
        assert not np.isnan(found.similarity).any() and np.isfinite(found.similarity[:, :9]).all()
    if metric == "cosine":
        assert (nearest(points, points, 9, metric, own=own).similarity[:3] == 0).all()


def test_many_equal_points_are_quick_and_in_order():
    points = np.zeros((20_000, 5))
    points[::2] = 1
    found = nearest(points, points, 4, "euclidean", own=np.arange(20_000))
    assert found.index[:4].tolist() == [[2, 4, 6, 8], [3, 5, 7, 9], [0, 4, 6, 8], [1, 5, 7, 9]]
    assert found.index[-1].tolist() == [1, 3, 5, 7] and (found.similarity == 0).all()


@pytest.mark.parametrize("size", [1e-7, 1e90])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_tiny_and_huge_numbers(metric, size):
    points = made(200, 6) * size
    found = nearest(points, points, 5, metric, own=np.arange(200))
    near = (
        -cdist(points / size, points / size, metric)
        if metric == "cosine"
        else -cdist(points, points)
    )
    np.testing.assert_array_equal(found.index, first(np.round(near, 12), 5, np.arange(200)))


def test_outliers_and_points_far_from_the_origin():
    points = made(400, 5) + 1e6
    points[7] = 1e12
    queries = np.vstack([points[:5], np.full((1, 5), -1e30)])
    np.testing.assert_array_equal(
        nearest(queries, points, 4, "euclidean").index,
        first(naive(queries, points, "euclidean"), 4),
    )


def test_nobody_to_ask_and_nobody_to_find():
    none, some = np.zeros((0, 3)), made(4, 3)
    for metric in METRICS:
        assert nearest(none, some, 2, metric).index.shape == (0, 2)
        assert (nearest(some, none, 2, metric).index == -1).all()
        assert nearest(none, none, 2, metric, own=np.zeros(0, int)).index.shape == (0, 2)
        assert (nearest(some[:1], some[:1], 2, metric, own=np.array([0])).index == -1).all()
        assert [len(part) for part in within(none, some, 0.0, metric)] == [0, 0, 0]
        assert [len(part) for part in within(some, none, 0.0, metric)] == [0, 0, 0]
        assert threshold(none, 3, metric) == threshold(some[:1], 3, metric) == -np.inf
    assert (nearest(some[:, :0], some[:, :0], 2, "euclidean").index == [0, 1]).all()


def test_own_is_only_left_out_where_there_is_one():
    points = made(30, 3)
    own = np.where(np.arange(30) % 2, np.arange(30), -1)
    found = nearest(points, points, 3, "euclidean", own=own)
    np.testing.assert_array_equal(found.index, first(naive(points, points, "euclidean"), 3, own))


def test_bad_input_is_refused_with_its_number():
    points = made(20, 3)
    bad = points.copy()
    bad[[3, 4, 9], [0, 1, 1]] = np.nan, np.inf, 1e200
    for stored in (bad, sparse.csr_array(bad)):
        with pytest.raises(InputError, match="reference points: 3 of 20 rows hold"):
            nearest(points, stored, 2)
        with pytest.raises(InputError, match="queries: 3 of 20 rows hold"):
            within(stored, points, 0.5)
    with pytest.raises(InputError, match=r"metric: 'cosin' is not known \(did you mean 'cosine'"):
        nearest(points, points, 2, "cosin")
    with pytest.raises(InputError, match="3 columns, the reference 2"):
        nearest(points, points[:, :2], 2)
    with pytest.raises(InputError, match="2-dimensional|dimensions"):
        nearest(points[0], points, 2)
    with pytest.raises(InputError, match="at least 1, got 0"):
        nearest(points, points, 0)
    with pytest.raises(InputError, match="mean degree"):
        threshold(points, 0)


# ------------------------------------------------------------------------ within, and the threshold


@pytest.mark.parametrize("stored", ["array", "sparse"])
@pytest.mark.parametrize("metric", METRICS)
def test_within_is_a_loop(metric, stored):
    points, queries = made(3000, 5, 0, metric), made(300, 5, 1, metric)
    points[10] = queries[4] = points[3]
    true = naive(queries, points, metric)
    least = np.sort(true, axis=None)[-2000]  # a similarity that occurs: the pair itself belongs
    given = (
        (sparse.csr_array(p) for p in (queries, points))
        if stored == "sparse"
        else (queries, points)
    )
    receiver, sender, similarity = within(*given, least, metric)
    expected = np.nonzero(true >= least)
    np.testing.assert_array_equal(np.stack([receiver, sender]), np.stack(expected))
    np.testing.assert_allclose(similarity, true[expected], atol=2e-12)
    own = np.arange(300)
    receiver, sender, _ = within(points[:300], points, least, metric, own=own)
    assert (receiver != sender).all() and (10, 3) in set(zip(receiver.tolist(), sender.tolist()))


def test_too_many_pairs_are_refused_with_the_cure(monkeypatch):
    monkeypatch.setattr(sys.modules[within.__module__], "MOST_PAIRS", 1000)
    with pytest.raises(
        InputError, match=r"more than 1,000 pairs are at least -1 similar; raise .*nearest"
    ):
        within(made(50, 3), made(50, 3), -1)


@pytest.mark.parametrize("degree", [1, 3.5, 20, 399, 1000])
@pytest.mark.parametrize("metric", METRICS)
def test_the_threshold_gives_the_mean_degree(metric, degree):
    points = made(400, 6, 0, metric)
    true = naive(points, points, metric)[~np.eye(400, dtype=bool)]
    found = threshold(points, degree, metric)
    wanted = min(round(degree * 400), true.size)
    assert found == pytest.approx(np.sort(true)[-wanted], abs=2e-12)
    pairs = len(within(points, points, found, metric, own=np.arange(400))[0])
    assert pairs in (wanted, wanted + 1)  # ordered pairs come in twos


def test_the_threshold_of_many_points_is_exact_up_to_its_limit_and_close_beyond(monkeypatch):
    points = clusters(1500, 8)
    exact = threshold(points, 10, "cosine")
    similar = np.sort(naive(points, points, "cosine")[~np.eye(1500, dtype=bool)])
    few = similar[-15]
    assert all(
        threshold(points, 0.01, "cosine", seed=seed) == pytest.approx(few, abs=2e-12)
        for seed in range(3)
    )
    assert exact == pytest.approx(similar[-15_000], abs=2e-12)
    assert (
        exact
        == threshold(points, 10, "cosine", seed=5)
        == threshold(sparse.csr_array(points), 10, "cosine")
    )
    monkeypatch.setattr(search, "LARGE", 1250)
    near = threshold(points, 10, "cosine")
    assert len(
        within(points, points, near, "cosine", own=np.arange(1500))[0]
    ) / 1500 == pytest.approx(10, rel=0.1)


def test_the_threshold_of_equal_points():
    points = np.ones((500, 3))
    assert threshold(points, 5, "cosine") == 1 and threshold(points, 5, "euclidean") == 0


def test_threads_give_pieces_of_work_in_order(monkeypatch):
    monkeypatch.setattr(pieces, "cpu_count", lambda: 2)
    monkeypatch.setattr(pieces, "threadpool_info", lambda: [{"user_api": "blas", "num_threads": 8}])
    numbers = list(range(50))
    for cells in (0, pieces.THREADS_FROM):
        squares = pieces.in_threads(lambda number: number**2, numbers, cells)
        assert list(squares) == [number**2 for number in numbers]
