"""Similarity network fusion against loops written from the paper, and on planted clusters."""

import math

import numpy as np
import pytest
from sklearn.cluster import spectral_clustering
from sklearn.metrics import adjusted_rand_score

from graphfuse.errors import InputError
from graphfuse.graph.layers.snf import affinity, fuse, near_distance


def distances(points):
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))


def made(n, layers, seed=0):
    rng = np.random.default_rng(seed)
    return [distances(rng.normal(size=(n, 4))) / 2.5 for _ in range(layers)]


# ------------------------------------------------------------------------------------- by the paper


def loop_affinity(d, k, mu):
    n = len(d)
    near = [sum(sorted(d[i][j] for j in range(n) if j != i)[:k]) / min(k, n - 1) for i in range(n)]
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            eps = (near[i] + near[j] + d[i][j]) / 3
            out[i, j] = math.exp(-(d[i][j] ** 2) / (mu * eps))
    return out


def loop_status(w, who):
    p = {}
    for i in who:
        total = sum(w[i, j] for j in who if j != i)
        for j in who:
            p[i, j] = 0.5 if i == j else w[i, j] / (2 * total) if total else 0.0
    return p


def loop_local(w, who, k):
    s = {}
    for i in who:
        others = sorted((j for j in who if j != i), key=lambda j: (-w[i, j], j))
        chosen = [i, *others[:k]]
        total = sum(w[i, j] for j in chosen)
        for j in who:
            s[i, j] = w[i, j] / total if j in chosen else 0.0
    return s


def loop_fuse(weights, present, k, rounds):
    n, count = present.shape
    who = [[i for i in range(n) if present[i, m]] for m in range(count)]
    p = [loop_status(w, who[m]) for m, w in enumerate(weights)]
    s = [loop_local(w, who[m], k) for m, w in enumerate(weights)]
    for _ in range(rounds):
        after = []
        for m in range(count):
            heard = {}
            for i in who[m]:
                for j in who[m]:
                    others = [o for o in range(count) if o != m and (i, j) in p[o]]
                    mean = [p[o][i, j] * len(who[o]) for o in others] or [p[m][i, j] * len(who[m])]
                    heard[i, j] = sum(mean) / len(mean) / len(who[m])
            new = np.zeros((n, n))
            for i in who[m]:
                for j in who[m]:
                    for a in who[m]:
                        for b in who[m]:
                            new[i, j] += s[m][i, a] * heard[a, b] * s[m][j, b]
            after.append(loop_status(new, who[m]))
        p = after
    fused = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            both = [m for m in range(count) if (i, j) in p[m]]
            if both:
                fused[i, j] = sum(p[m][i, j] * len(who[m]) for m in both) / len(both) / n
    return (fused + fused.T) / 2


@pytest.mark.parametrize("k", [3, 20])
def test_affinities_are_those_of_the_formula(k):
    (d,) = made(14, 1)
    np.testing.assert_allclose(affinity(d, k, 0.5), loop_affinity(d, k, 0.5), atol=1e-12)
    np.testing.assert_allclose(affinity(d, k, 0.3), loop_affinity(d, k, 0.3), atol=1e-12)


@pytest.mark.parametrize(("layers", "rounds"), [(1, 2), (2, 3), (3, 4)])
@pytest.mark.parametrize("lack", [0.0, 0.35], ids=["all there", "some lack some"])
def test_fusion_is_that_of_loops(layers, rounds, lack):
    rng = np.random.default_rng(layers)
    present = rng.random((11, layers)) >= lack
    weights = [loop_affinity(d, 4, 0.5) for d in made(11, layers)]
    found = fuse(weights, present, 4, rounds)
    np.testing.assert_allclose(found, loop_fuse(weights, present, 4, rounds), atol=1e-9)
    np.testing.assert_array_equal(found, found.T)
    if not lack:
        np.testing.assert_array_equal(fuse(weights, None, 4, rounds), found)


def test_what_stands_behind_the_mask_changes_nothing():
    present = np.random.default_rng(3).random((20, 2)) > 0.3
    weights = [affinity(d) for d in made(20, 2)]
    before = fuse(weights, present, 5)
    for w, has in zip(weights, present.T, strict=True):
        w[~has], w[:, ~has] = 1e6, np.nan
    np.testing.assert_array_equal(fuse(weights, present, 5), before)


# ----------------------------------------------------------------------------------- what it is for


def test_identical_layers_fuse_to_that_layer_and_keep_its_order():
    """Copies say no more than one; patients on a line keep their nearest beside them."""
    (d,) = made(30, 1)
    np.testing.assert_allclose(
        fuse([affinity(d)] * 3, None, 5), fuse([affinity(d)], None, 5), atol=1e-12
    )
    line = distances(np.arange(30.0)[:, None]) / 10
    fused = fuse([affinity(line, 6)] * 2, None, 6)
    for i in range(8, 22):
        for side in (fused[i, i - 6 : i][::-1], fused[i, i + 1 : i + 7]):
            assert (np.diff(side) < 0).all()


TRUTH = np.repeat(np.arange(4), 25)


def half(rng, corner):
    """100 patients in 10 dimensions; `corner` of each of the four clusters: two of them share
    one."""
    centres = np.zeros((3, 10))
    centres[1, 0] = centres[2, 1] = 6
    return distances(centres[corner][TRUTH] + rng.normal(size=(100, 10)))


def agreement(weights):
    weights = weights.copy()
    np.fill_diagonal(weights, 0)
    return adjusted_rand_score(TRUTH, spectral_clustering(weights, n_clusters=4, random_state=0))


def test_two_layers_that_each_separate_half_of_the_clusters_separate_all_together():
    rng = np.random.default_rng(0)
    layers = [half(rng, [0, 1, 2, 2]), half(rng, [2, 2, 0, 1])]
    weights = [affinity(d / near_distance(d).mean()) for d in layers]
    assert all(agreement(w) < 0.7 for w in weights)
    assert all(agreement(fuse([w])) < 0.7 for w in weights)
    assert agreement(fuse(weights)) > 0.9


def test_lacking_a_modality_is_no_likeness():
    """Without structure, patients with all modalities are as near to those with one as to each
    other."""
    present = np.ones((60, 2), bool)
    present[15:, 1] = False
    fused = fuse([affinity(d) for d in made(60, 2, seed=4)], present) * 60
    np.fill_diagonal(fused, np.nan)
    inside, across = np.nanmean(fused[:15, :15]), np.nanmean(fused[:15, 15:])
    assert 0.5 < inside / across < 2


# --------------------------------------------------------------------------------------- bad graphs


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_patients_and_none(n):
    with np.errstate(all="raise", under="ignore"):
        found = fuse([affinity(d) for d in made(n, 2)])
    assert found.shape == (n, n) and np.isfinite(found).all()
    np.testing.assert_allclose(np.diag(found), 0.5)
    nobody = fuse([np.ones((n, n))] * 2, np.zeros((n, 2), bool))
    assert not nobody.any()


def test_identical_patients_and_strangers_are_finite():
    same = affinity(np.zeros((5, 5)))
    np.testing.assert_array_equal(same, 1)
    far = distances(np.array([0.0, 0.1, 0.2, 1e5])[:, None])
    with np.errstate(all="raise", under="ignore"):
        for weights in (same, affinity(far)):
            assert np.isfinite(fuse([weights, weights])).all()
    assert near_distance(np.zeros((1, 1))).tolist() == [0.0]


def test_fusing_nothing_is_refused():
    with pytest.raises(InputError, match="at least one modality"):
        fuse([])
