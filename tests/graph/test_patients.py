"""Patient layers: against scikit-learn and plain loops, and new patients alone, together and shuffled."""

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.neighbors import NearestNeighbors

from graphfuse.errors import InputError
from graphfuse.graph.neighbours import Neighbours
from graphfuse.graph.patients import LATENT, PatientLayer, principal_components
from graphfuse.schema import PatientSection

SIMILARITIES = ("cosine", "euclidean", "correlation", "gower")
KINDS = [(s, space) for s in SIMILARITIES for space in ("raw", "latent")]


def made(rows, columns=60, absent=(), seed=0):
    """Standardised-looking columns with a few common factors, absent rows zero."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 5)) @ rng.normal(size=(5, columns)) + rng.normal(size=(rows, columns))
    present = ~np.isin(np.arange(rows), absent)
    values[~present] = 0
    return values, present


def layer(values, present, seed=0, **section):
    return PatientLayer.fit("rna", values, present, PatientSection(**section), seed)


def lists(found: Neighbours):
    return [found.index[found.offsets[i] : found.offsets[i + 1]].tolist() for i in range(len(found))]


def sets(found):
    return [set(each) for each in lists(found)]


# ---------------------------------------------------------------------------------------------- references


@pytest.mark.parametrize("similarity", ["cosine", "euclidean", "correlation"])
def test_neighbours_are_those_of_scikit_learn(similarity):
    values, present = made(70, absent=(4, 33))
    fitted = layer(values, present, similarity=similarity, space="raw", neighbours=6)
    there = np.flatnonzero(present)
    reference = NearestNeighbors(n_neighbors=6, metric=similarity, algorithm="brute").fit(values[there])
    own = sets(fitted.lists())
    for row, near in zip(there, reference.kneighbors(return_distance=False), strict=True):
        assert own[row] == set(there[near])
    fresh, _ = made(15, seed=9)
    for row, near in zip(
        sets(fitted.extend(fresh, np.ones(15, bool))), reference.kneighbors(fresh, return_distance=False), strict=True
    ):
        assert row == set(there[near])


def test_gower_is_a_loop():
    rng = np.random.default_rng(4)
    values = np.column_stack([rng.normal(size=(25, 3)), rng.integers(0, 2, (25, 3)), np.zeros(25)]).astype(float)
    present = np.arange(25) != 7
    values[7] = 0
    fitted = layer(values, present, similarity="gower", neighbours=4)
    fresh = rng.normal(size=(6, 7))
    spread = [max(values[present, c]) - min(values[present, c]) for c in range(7)]

    def likeness(a, b):
        return 1 - sum(abs(a[c] - b[c]) / spread[c] for c in range(7) if spread[c] > 0) / 7

    def loop(query, but=None):
        near = [(-round(likeness(query, values[j]), 12), j) for j in range(25) if present[j] and j != but]
        return [j for _, j in sorted(near)[:4]]

    expected = [sorted(loop(values[i], i)) if present[i] else [] for i in range(25)]
    assert lists(fitted.lists()) == expected
    assert lists(fitted.extend(fresh, np.ones(6, bool))) == [sorted(loop(q)) for q in fresh]


@pytest.mark.parametrize("shape", [(200, 60), (50, 90), (60, 60)])
def test_latent_space_is_the_leading_singular_subspace(shape):
    values, _ = made(*shape)
    found = principal_components(values, LATENT)
    reference = TruncatedSVD(LATENT, algorithm="arpack", random_state=0).fit(values).components_.T
    assert found.shape == (shape[1], LATENT)
    np.testing.assert_allclose(found.T @ found, np.eye(LATENT), atol=1e-9)
    np.testing.assert_allclose(found @ found.T, reference @ reference.T, atol=1e-6)
    strength = np.linalg.norm(values @ found, axis=0)
    np.testing.assert_allclose(strength, np.linalg.svd(values, compute_uv=False)[:LATENT], rtol=1e-8)


def test_latent_neighbours_are_those_in_the_subspace():
    values, present = made(80, 100, absent=(2,))
    there = np.flatnonzero(present)
    points = values @ TruncatedSVD(LATENT, algorithm="arpack", random_state=0).fit(values[there]).components_.T
    near = (
        NearestNeighbors(n_neighbors=5, metric="cosine", algorithm="brute")
        .fit(points[there])
        .kneighbors(return_distance=False)
    )
    own = sets(layer(values, present, space="latent", neighbours=5).lists())
    assert [own[i] for i in there] == [set(there[n]) for n in near] and own[2] == set()


def test_few_columns_are_taken_as_they_are():
    values, present = made(40, LATENT)
    assert layer(values, present, space="latent").components is None
    assert lists(layer(values, present, space="latent").lists()) == lists(layer(values, present, space="raw").lists())


def test_components_of_nobody_are_refused():
    with pytest.raises(InputError, match="needs training patients"):
        principal_components(np.zeros((0, 50)), 10)


def test_rank_deficient_tables_have_fewer_components():
    values = np.repeat(np.random.default_rng(0).normal(size=(4, 100)), 10, axis=0)
    found = principal_components(values, LATENT)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(values @ found @ found.T, values, atol=1e-8)


# --------------------------------------------------------------------------------------------- who hears whom


@pytest.mark.parametrize(("similarity", "space"), KINDS)
def test_nobody_hears_itself_and_the_absent_are_silent_and_deaf(similarity, space):
    values, present = made(50, absent=(0, 9, 49))
    fitted = layer(values, present, similarity=similarity, space=space, neighbours=8)
    found = fitted.lists()
    assert len(found) == found.senders == 50
    assert not (found.receivers == found.index).any()
    assert found.degree.tolist() == [8 if p else 0 for p in present]
    assert present[found.index].all()
    assert not [i for i, each in enumerate(lists(found)) if len(set(each)) < len(each)]
    fresh, there = made(12, absent=(5,), seed=3)
    new = fitted.extend(fresh, there)
    assert (len(new), new.senders) == (12, 50)
    assert new.degree.tolist() == [8 if p else 0 for p in there] and present[new.index].all()


@pytest.mark.parametrize(("similarity", "space"), KINDS)
def test_what_lies_behind_the_mask_changes_nothing(similarity, space):
    values, present = made(50, absent=(3, 20))
    fresh, there = made(10, absent=(1,), seed=5)
    fitted = layer(values, present, similarity=similarity, space=space)
    before = lists(fitted.lists()), lists(fitted.extend(fresh, there))
    values[~present], fresh[~there] = 99.0, -5.0
    fitted = layer(values, present, similarity=similarity, space=space)
    assert (lists(fitted.lists()), lists(fitted.extend(fresh, there))) == before


@pytest.mark.parametrize(("similarity", "space"), KINDS)
@pytest.mark.parametrize("control", ["none", "rewired", "random", "empty"])
def test_a_new_patient_alone_is_as_in_a_batch_and_shuffled(similarity, space, control):
    base, _ = made(60, 80)
    values = np.concatenate([base, base[:20] * 1.0])  # twins: ties everywhere
    fitted = layer(values, np.ones(80, bool), seed=3, similarity=similarity, space=space, control=control, neighbours=7)
    fresh = np.concatenate([base[:10], made(15, 80, seed=8)[0], base[:1] * 0])
    there = np.arange(26) != 13
    together = lists(fitted.extend(fresh, there))
    alone = [lists(fitted.extend(fresh[i : i + 1], there[i : i + 1]))[0] for i in range(26)]
    order = np.random.default_rng(1).permutation(26)
    shuffled = lists(fitted.extend(fresh[order], there[order]))
    assert together == alone
    assert shuffled == [together[i] for i in order]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 300.0])
@pytest.mark.parametrize(("similarity", "space"), [k for k in KINDS if k[0] != "gower"])
def test_wide_tables_of_any_size_are_searched_alike_alone_and_together(similarity, space, scale):
    base = np.random.default_rng(0).normal(size=(40, 1500)) * scale
    fitted = layer(np.concatenate([base, base[::-1]]), np.ones(80, bool), similarity=similarity, space=space, neighbours=5)
    there = np.ones(40, bool)
    assert lists(fitted.extend(base, there)) == [lists(fitted.extend(row[None], there[:1]))[0] for row in base]


def test_new_patients_leave_the_layer_as_it_was():
    values, present = made(50)
    fitted = layer(values, present)
    before, kept = lists(fitted.lists()), fitted.reference.copy()
    fitted.extend(*made(30, seed=2))
    assert lists(fitted.lists()) == before and np.array_equal(fitted.reference, kept)


def test_a_training_patient_asked_as_new_finds_itself_first():
    values, present = made(40)
    fitted = layer(values, present, neighbours=1)
    assert lists(fitted.extend(values, present)) == [[i] for i in range(40)]


@pytest.mark.parametrize(("similarity", "space"), KINDS)
def test_ties_go_to_the_first_by_id(similarity, space):
    """Every patient stands five times; the three nearest are the first three of its copies, less itself."""
    base = np.random.default_rng(6).normal(size=(9, 70))
    values = np.tile(base, (5, 1))
    found = lists(layer(values, np.ones(45, bool), similarity=similarity, space=space, neighbours=3).lists())
    for i, each in enumerate(found):
        copies = [j for j in range(i % 9, 45, 9) if j != i]
        assert each == copies[:3]
    fresh = lists(
        layer(values, np.ones(45, bool), similarity=similarity, space=space, neighbours=3).extend(base, np.ones(9, bool))
    )
    assert fresh == [[i, i + 9, i + 18] for i in range(9)]


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_more_neighbours_than_patients(similarity):
    values, present = made(6, absent=(2,))
    fitted = layer(values, present, similarity=similarity, neighbours=10)
    everyone = {0, 1, 3, 4, 5}
    assert sets(fitted.lists()) == [everyone - {i} if i != 2 else set() for i in range(6)]
    assert sets(fitted.extend(*made(2, seed=1))) == [everyone] * 2


def test_one_patient_and_none():
    values, present = made(3, absent=(0, 2))
    fitted = layer(values, present, space="raw")
    assert fitted.lists().edges == 0 and lists(fitted.extend(*made(1, seed=1))) == [[1]]
    values, present = made(3, absent=(0, 1, 2))
    nobody = layer(values, present, space="raw", similarity="cosine")
    assert nobody.lists().edges == 0 and nobody.extend(*made(2, seed=1)).edges == 0
    assert len(nobody.extend(np.zeros((0, 60)), np.zeros(0, bool))) == 0


@pytest.mark.parametrize(("similarity", "space"), KINDS)
def test_rows_of_zeros_are_finite(similarity, space):
    values, present = made(30)
    values[[1, 8]] = 0  # present, with nothing but zeros
    fitted = layer(values, present, similarity=similarity, space=space, neighbours=4)
    assert np.isfinite(fitted.reference).all()
    with np.errstate(all="raise"):
        found = fitted.extend(np.zeros((2, 60)), np.ones(2, bool))
    assert found.degree.tolist() == [4, 4] and fitted.lists().degree.tolist() == [4] * 30


# --------------------------------------------------------------------------------------------------- controls


def test_an_empty_layer_has_no_edge():
    values, present = made(40)
    fitted = layer(values, present, control="empty")
    assert fitted.lists().edges == fitted.extend(*made(5, seed=1)).edges == 0
    assert len(fitted.extend(*made(5, seed=1))) == 5


@pytest.mark.parametrize("control", ["rewired", "random"])
def test_controls_keep_counts_and_lose_the_neighbours(control):
    values, present = made(80, absent=(11,))
    real, fake = layer(values, present), layer(values, present, control=control, seed=1)
    kept, now = real.lists(), fake.lists()
    assert now.degree.tolist() == kept.degree.tolist() and present[now.index].all()
    assert not (now.receivers == now.index).any()
    if control == "rewired":
        assert np.bincount(now.index, minlength=80).tolist() == np.bincount(kept.index, minlength=80).tolist()
    fresh, there = made(30, seed=1)
    new, old = fake.extend(fresh, there), real.extend(fresh, there)
    assert new.degree.tolist() == old.degree.tolist() and present[new.index].all()
    for a, b in ((now, kept), (new, old)):
        shared = sum(len(x & y) for x, y in zip(sets(a), sets(b), strict=True)) / b.edges
        assert shared < 0.4
    again, other = layer(values, present, control=control, seed=1), layer(values, present, control=control, seed=2)
    assert lists(again.lists()) == lists(now) and lists(again.extend(fresh, there)) == lists(new)
    assert lists(other.lists()) != lists(now) and lists(other.extend(fresh, there)) != lists(new)


def test_chance_senders_of_new_patients_are_even():
    values, present = made(20)
    fitted = layer(values, present, control="random", neighbours=5)
    fresh, there = made(2000, seed=1)
    counts = np.bincount(fitted.extend(fresh, there).index, minlength=20)
    assert np.abs(counts - 500).max() < 6 * np.sqrt(500)
