"""Layers of similar patients: against scikit-learn and plain loops, and new patients alone,
together and shuffled."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.neighbors import NearestNeighbors

from graphfuse.graph.layers.factory import fit_layer, layer_specs
from graphfuse.graph.layers.points import LATENT
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.schema import PatientSection

SIMILARITIES = ("cosine", "euclidean", "correlation", "gower")
KINDS = [(s, space) for s in SIMILARITIES for space in ("raw", "latent")]


def made(rows, columns=60, absent=(), seed=0):
    """Standardised-looking columns with a few common factors, absent rows zero."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 5)) @ rng.normal(size=(5, columns)) + rng.normal(
        size=(rows, columns)
    )
    present = ~np.isin(np.arange(rows), absent)
    values[~present] = 0
    return values, present


class Alone:
    """A layer of one modality, asked with plain arrays."""

    def __init__(self, values, present, seed=0, **section):
        section = PatientSection(**section)
        spec = layer_specs(section, ["rna"])["rna"]
        self.layer = fit_layer(
            "rna",
            spec,
            {"rna": values},
            {"rna": present},
            names(len(values)),
            section.control,
            seed,
        )
        self.lists = self.layer.lists

    def extend(self, values, present):
        return self.layer.extend({"rna": values}, {"rna": present}, names(len(values)))


layer = Alone


def names(count):
    return pd.Index([f"P{i:04d}" for i in range(count)])


def lists(found: Neighbours):
    return [
        found.index[found.offsets[i] : found.offsets[i + 1]].tolist() for i in range(len(found))
    ]


def sets(found):
    return [set(each) for each in lists(found)]


# --------------------------------------------------------------------------------------- references


@pytest.mark.parametrize("similarity", ["cosine", "euclidean", "correlation"])
def test_neighbours_are_those_of_scikit_learn(similarity):
    values, present = made(70, absent=(4, 33))
    fitted = layer(values, present, similarity=similarity, space="raw", neighbours=6)
    there = np.flatnonzero(present)
    reference = NearestNeighbors(n_neighbors=6, metric=similarity, algorithm="brute").fit(
        values[there]
    )
    own = sets(fitted.lists())
    for row, near in zip(there, reference.kneighbors(return_distance=False), strict=True):
        assert own[row] == set(there[near])
    fresh, _ = made(15, seed=9)
    for row, near in zip(
        sets(fitted.extend(fresh, np.ones(15, bool))),
        reference.kneighbors(fresh, return_distance=False),
        strict=True,
    ):
        assert row == set(there[near])


def test_gower_is_a_loop():
    rng = np.random.default_rng(4)
    values = np.column_stack(
        [rng.normal(size=(25, 3)), rng.integers(0, 2, (25, 3)), np.zeros(25)]
    ).astype(float)
    present = np.arange(25) != 7
    values[7] = 0
    fitted = layer(values, present, similarity="gower", neighbours=4)
    fresh = rng.normal(size=(6, 7))
    spread = [max(values[present, c]) - min(values[present, c]) for c in range(7)]

    def likeness(a, b):
        return 1 - sum(abs(a[c] - b[c]) / spread[c] for c in range(7) if spread[c] > 0) / 7

    def loop(query, but=None):
        near = [
            (-round(likeness(query, values[j]), 12), j)
            for j in range(25)
            if present[j] and j != but
        ]
        return [j for _, j in sorted(near)[:4]]

    expected = [sorted(loop(values[i], i)) if present[i] else [] for i in range(25)]
    assert lists(fitted.lists()) == expected
    assert lists(fitted.extend(fresh, np.ones(6, bool))) == [sorted(loop(q)) for q in fresh]


def test_latent_neighbours_are_those_in_the_subspace():
    values, present = made(80, 100, absent=(2,))
    there = np.flatnonzero(present)
    points = (
        values
        @ TruncatedSVD(LATENT, algorithm="arpack", random_state=0).fit(values[there]).components_.T
    )
    near = (
        NearestNeighbors(n_neighbors=5, metric="cosine", algorithm="brute")
        .fit(points[there])
        .kneighbors(return_distance=False)
    )
    own = sets(layer(values, present, space="latent", neighbours=5).lists())
    assert [own[i] for i in there] == [set(there[n]) for n in near] and own[2] == set()


def test_few_columns_are_taken_as_they_are():
    values, present = made(40, LATENT)
    assert layer(values, present, space="latent").layer.reference.spaces[0].components is None
    assert lists(layer(values, present, space="latent").lists()) == lists(
        layer(values, present, space="raw").lists()
    )


# ----------------------------------------------------------------------------------- who hears whom


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
    fitted = layer(
        values,
        np.ones(80, bool),
        seed=3,
        similarity=similarity,
        space=space,
        control=control,
        neighbours=7,
    )
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
    fitted = layer(
        np.concatenate([base, base[::-1]]),
        np.ones(80, bool),
        similarity=similarity,
        space=space,
        neighbours=5,
    )
    there = np.ones(40, bool)
    assert lists(fitted.extend(base, there)) == [
        lists(fitted.extend(row[None], there[:1]))[0] for row in base
    ]


def test_new_patients_leave_the_layer_as_it_was():
    values, present = made(50)
    fitted = layer(values, present)
    before, kept = lists(fitted.lists()), fitted.layer.reference.placed.blocks[0].copy()
    fitted.extend(*made(30, seed=2))
    assert lists(fitted.lists()) == before and np.array_equal(
        fitted.layer.reference.placed.blocks[0], kept
    )


def test_a_training_patient_asked_as_new_finds_itself_first():
    values, present = made(40)
    fitted = layer(values, present, neighbours=1)
    assert lists(fitted.extend(values, present)) == [[i] for i in range(40)]


@pytest.mark.parametrize(("similarity", "space"), KINDS)
def test_ties_go_to_the_first_by_id(similarity, space):
    """Every patient stands five times; the three nearest are the first three of its copies, less
    itself."""
    base = np.random.default_rng(6).normal(size=(9, 70))
    values = np.tile(base, (5, 1))
    found = lists(
        layer(values, np.ones(45, bool), similarity=similarity, space=space, neighbours=3).lists()
    )
    for i, each in enumerate(found):
        copies = [j for j in range(i % 9, 45, 9) if j != i]
        assert each == copies[:3]
    fresh = lists(
        layer(values, np.ones(45, bool), similarity=similarity, space=space, neighbours=3).extend(
            base, np.ones(9, bool)
        )
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
    assert np.isfinite(fitted.layer.reference.placed.blocks[0]).all()
    with np.errstate(all="raise"):
        found = fitted.extend(np.zeros((2, 60)), np.ones(2, bool))
    assert found.degree.tolist() == [4, 4] and fitted.lists().degree.tolist() == [4] * 30


# ----------------------------------------------------------------------------------------- controls


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
        assert (
            np.bincount(now.index, minlength=80).tolist()
            == np.bincount(kept.index, minlength=80).tolist()
        )
    fresh, there = made(30, seed=1)
    new, old = fake.extend(fresh, there), real.extend(fresh, there)
    assert new.degree.tolist() == old.degree.tolist() and present[new.index].all()
    for a, b in ((now, kept), (new, old)):
        shared = sum(len(x & y) for x, y in zip(sets(a), sets(b), strict=True)) / b.edges
        assert shared < 0.4
    again, other = (
        layer(values, present, control=control, seed=1),
        layer(values, present, control=control, seed=2),
    )
    assert lists(again.lists()) == lists(now) and lists(again.extend(fresh, there)) == lists(new)
    assert lists(other.lists()) != lists(now) and lists(other.extend(fresh, there)) != lists(new)


def test_chance_senders_of_new_patients_are_even():
    values, present = made(20)
    fitted = layer(values, present, control="random", neighbours=5)
    fresh, there = made(2000, seed=1)
    counts = np.bincount(fitted.extend(fresh, there).index, minlength=20)
    assert np.abs(counts - 500).max() < 6 * np.sqrt(500)


# -------------------------------------------------------------------------------- rules and weights

RULES = [("nearest", None), ("mutual", None), ("mean-degree", None), ("radius", 0.9)]
EACH = [(rule, radius, s) for rule, radius in RULES for s in SIMILARITIES]


def matrix(found: Neighbours):
    """The weights, dense."""
    dense = np.zeros((len(found), found.senders))
    dense[found.receivers, found.index] = found.weight
    return dense


def likeness(queries, reference, training, similarity):
    """Similarities `[q, n]` by loops; minus the distance for Euclidean."""
    spread = np.ptp(training, axis=0)

    def one(a, b):
        if similarity == "correlation":
            a, b = a - a.mean(), b - b.mean()
        if similarity in ("cosine", "correlation"):
            return a @ b / np.sqrt((a @ a) * (b @ b)) if a.any() and b.any() else 0.0
        return (
            -np.sqrt(((a - b) ** 2).sum())
            if similarity == "euclidean"
            else 1 - (np.abs(a - b) / spread).mean()
        )

    return np.array([[one(a, b) for b in reference] for a in queries])


def without_diagonal(matrix):
    matrix = matrix.copy()
    np.fill_diagonal(matrix, -np.inf)
    return matrix


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_mutual_neighbours_count_each_other(similarity):
    values, present = made(40, 12)
    fresh, there = made(8, 12, seed=3)
    k = 6
    own = without_diagonal(likeness(values, values, values, similarity))
    near = np.argsort(-own, axis=1)[:, :k]
    among = np.zeros((40, 40), bool)
    among[np.arange(40)[:, None], near] = True
    fitted = layer(values, present, similarity=similarity, space="raw", neighbours=k, rule="mutual")
    np.testing.assert_array_equal(matrix(fitted.lists()) > 0, among & among.T)
    new, kth = likeness(fresh, values, values, similarity), np.sort(own, axis=1)[:, -k]
    close = np.zeros_like(new, bool)
    close[np.arange(8)[:, None], np.argsort(-new, axis=1)[:, :k]] = True
    np.testing.assert_array_equal(
        matrix(fitted.extend(fresh, there)) > 0, close & (new > kth[None])
    )


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_the_threshold_gives_the_mean_degree_on_training_patients_only(similarity):
    values, present = made(50, 12, absent=(3, 17))
    fitted = layer(
        values, present, similarity=similarity, space="raw", neighbours=5, rule="mean-degree"
    )
    found = fitted.lists()
    assert found.edges == 5 * 48 and found.degree[[3, 17]].tolist() == [0, 0]
    dense = matrix(found)
    np.testing.assert_array_equal(dense, dense.T)
    fresh, there = made(30, 12, seed=4)
    new = likeness(fresh, values, values[present], similarity)
    cut = fitted.layer.threshold
    np.testing.assert_array_equal(matrix(fitted.extend(fresh, there)) > 0, (new >= cut) & present)


@pytest.mark.parametrize(
    ("similarity", "radius"),
    [("cosine", 0.7), ("correlation", 0.6), ("gower", 0.2), ("euclidean", 8.0)],
)
def test_all_within_the_radius_are_heard(similarity, radius):
    values, present = made(40, 12)
    fresh, there = made(8, 12, seed=3)
    fitted = layer(
        values, present, similarity=similarity, space="raw", rule="radius", radius=radius
    )
    least = -radius if similarity == "euclidean" else 1 - radius
    own = without_diagonal(likeness(values, values, values, similarity)) >= least
    assert 0 < own.sum() < 1500
    np.testing.assert_array_equal(matrix(fitted.lists()) > 0, own)
    np.testing.assert_array_equal(
        matrix(fitted.extend(fresh, there)) > 0,
        likeness(fresh, values, values, similarity) >= least,
    )


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_weights_are_the_similarity_made_positive(similarity):
    values, present = made(30, 12)
    fresh, there = made(6, 12, seed=3)
    fitted = layer(
        values, present, similarity=similarity, space="raw", neighbours=9, weight="similarity"
    )
    own = without_diagonal(likeness(values, values, values, similarity))
    scale = (-np.sort(own, axis=1)[:, -9]).mean()

    def weight(s):
        return np.exp(-((s / scale) ** 2)) if similarity == "euclidean" else np.maximum(s, 0)

    for found, expected in (
        (fitted.lists(), own),
        (fitted.extend(fresh, there), likeness(fresh, values, values, similarity)),
    ):
        close = np.zeros_like(expected)
        np.put_along_axis(close, np.argsort(-expected, axis=1)[:, :9], 1.0, 1)
        np.testing.assert_allclose(
            matrix(found), np.where(close > 0, weight(expected), 0), atol=1e-11
        )
        assert (found.weight > 0).all()


@pytest.mark.parametrize("weight", ["one", "similarity"])
@pytest.mark.parametrize(("rule", "radius", "similarity"), EACH)
def test_bad_graphs_have_a_defined_result(rule, radius, similarity, weight):
    """More neighbours than patients, nothing but zeros, the same patient many times, one patient,
    nobody."""
    settings = {
        "similarity": similarity,
        "rule": rule,
        "radius": radius,
        "weight": weight,
        "space": "raw",
        "neighbours": 10,
    }
    cases = {
        "few": made(4, 6)[0],
        "zeros": np.zeros((14, 6)),
        "same": np.tile(made(1, 6)[0], (14, 1)),
        "some zero": np.vstack([made(12, 6)[0], np.zeros((2, 6))]),
        "one": made(1, 6)[0],
        "nobody": np.zeros((0, 6)),
        "absent": made(5, 6)[0],
    }
    fresh = np.vstack(
        [np.zeros((1, 6)), np.full((1, 6), 0.1), made(3, 6, seed=5)[0], 1e6 * made(1, 6)[0]]
    )
    for case, values in cases.items():
        present = np.full(len(values), case != "absent")
        with np.errstate(invalid="raise", divide="raise"):
            fitted = layer(values, present, **settings)
            found = [fitted.lists(), fitted.extend(fresh, np.ones(6, bool))]
        for each in found:
            assert np.isfinite(each.weight).all() and (each.weight > 0).all(), case
            assert present[each.index].all(), case
        assert not (found[0].receivers == found[0].index).any(), case
        np.testing.assert_array_equal(found[0].degree[~present], 0)
        if case == "nobody":
            assert len(found[0]) == 0 and found[1].edges == 0


def test_what_zero_rows_hear():
    """Cosine of a zero row is 0 to all: its nearest are the first ones by id, and weigh nothing
    where weight = similarity."""
    values, present = made(20, 6)
    values[4] = 0
    assert lists(layer(values, present, space="raw", neighbours=3).lists())[4] == [0, 1, 2]
    for settings in (
        {"weight": "similarity"},
        {"rule": "radius", "radius": 0.9},
        {"rule": "mutual"},
    ):
        found = lists(layer(values, present, space="raw", neighbours=3, **settings).lists())
        assert found[4] == [] and not [each for each in found if 4 in each]


@pytest.mark.parametrize("rule", ["nearest", "mean-degree"])
def test_identical_patients_hear_one_another_at_full_weight(rule):
    values = np.repeat(made(4, 6)[0], 3, axis=0)
    for similarity in SIMILARITIES:
        found = layer(
            values,
            np.ones(12, bool),
            similarity=similarity,
            space="raw",
            neighbours=2,
            rule=rule,
            weight="similarity",
        ).lists()
        assert sets(found) == [set(range(i // 3 * 3, i // 3 * 3 + 3)) - {i} for i in range(12)]
        np.testing.assert_allclose(found.weight, 1, atol=1e-6)


@pytest.mark.parametrize("weight", ["one", "similarity"])
@pytest.mark.parametrize(("rule", "radius", "similarity"), EACH)
def test_every_rule_is_alike_alone_together_and_shuffled(rule, radius, similarity, weight):
    base, _ = made(40, 50)
    values, fresh = (
        np.concatenate([base, base[:10]]),
        np.concatenate([base[:5], made(12, 50, seed=8)[0]]),
    )
    fitted = layer(
        values,
        np.ones(50, bool),
        similarity=similarity,
        rule=rule,
        radius=radius,
        weight=weight,
        neighbours=4,
    )
    there = np.arange(17) != 6
    together = fitted.extend(fresh, there)
    order = np.random.default_rng(1).permutation(17)
    shuffled = fitted.extend(fresh[order], there[order])
    for i in range(17):
        alone = fitted.extend(fresh[i : i + 1], there[i : i + 1])
        for other in (together.take([i]), shuffled.take(np.flatnonzero(order == i))):
            np.testing.assert_array_equal(alone.index, other.index)
            np.testing.assert_allclose(alone.weight, other.weight, rtol=1e-9)


@pytest.mark.parametrize(("rule", "radius", "similarity"), EACH)
def test_new_patients_change_no_fitted_number(rule, radius, similarity):
    values, present = made(40, 50, absent=(2,))
    fitted = layer(
        values,
        present,
        similarity=similarity,
        rule=rule,
        radius=radius,
        weight="similarity",
        neighbours=4,
    )
    before, about = fitted.layer.state()
    before = {key: value.copy() for key, value in before.items()}
    fitted.extend(made(20, 50, seed=1)[0] * 1e3, np.ones(20, bool))
    arrays, again = fitted.layer.state()
    assert again == about and set(arrays) == set(before)
    for key, value in before.items():
        np.testing.assert_array_equal(arrays[key], value)


def test_a_layer_says_what_it_is():
    values, present = made(30, 12, absent=(1,))
    about = layer(values, present, rule="mean-degree", neighbours=4).layer.about
    assert about["patients"] == 29 and about["edges"] == 4 * 29 and about["mean_degree"] == 4
    assert about["search"] == {"method": "exact", "recall": None} and -1 < about["threshold"] < 1
    assert (
        layer(values, present, similarity="euclidean", weight="similarity").layer.about["bandwidth"]
        > 0
    )
