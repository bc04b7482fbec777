"""Patients compared across several modalities, against a loop over pairs."""

import numpy as np
import pytest

from graphfuse.graph.layers.index import Reference

SIMILARITIES = ("cosine", "euclidean", "correlation", "gower")
OF = ("rna", "meth", "mirna")
WIDTH = {"rna": 9, "meth": 4, "mirna": 2}


def made(rows, seed=0, lack=0.0, size=(1.0, 20.0, 0.1)):
    rng = np.random.default_rng(seed)
    core = rng.normal(size=(rows, 2))
    tables = {
        m: s * (core @ rng.normal(size=(2, w)) + rng.normal(size=(rows, w)))
        for (m, w), s in zip(WIDTH.items(), size, strict=True)
    }
    present = {m: rng.random(rows) >= lack for m in OF}
    for m in OF:
        tables[m][~present[m]] = 0
    return tables, present


def loop(ours, has, theirs, had, similarity):
    """Similarities `[q, n]`, NaN where no modality is shared; scales and ranges from `theirs`, the
    training patients."""
    out = np.full((len(has["rna"]), len(had["rna"])), np.nan)
    variance = {m: theirs[m][had[m]].var(0).sum() for m in OF}
    spread = {m: np.ptp(theirs[m][had[m]], axis=0) for m in OF}
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            shared = [m for m in OF if has[m][i] and had[m][j]]
            if not shared:
                continue
            if similarity == "gower":
                out[i, j] = np.mean(
                    [1 - (np.abs(ours[m][i] - theirs[m][j]) / spread[m]).mean() for m in shared]
                )
                continue
            a, b = (
                np.concatenate([t[m][r] / np.sqrt(variance[m]) for m in shared])
                for t, r in ((ours, i), (theirs, j))
            )
            if similarity == "euclidean":
                out[i, j] = -np.sqrt(((a - b) ** 2).sum() * len(OF) / len(shared))
                continue
            if similarity == "correlation":
                a, b = a - a.mean(), b - b.mean()
            out[i, j] = a @ b / np.sqrt((a @ a) * (b @ b))
    return out


def dense(pairs, shape):
    found = np.full(shape, np.nan)
    found[pairs.receiver, pairs.sender] = pairs.similarity
    return found


@pytest.fixture(params=[0.0, 0.4], ids=["all there", "some lack some"])
def data(request):
    return made(45, lack=request.param), made(12, seed=1, lack=request.param)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_several_modalities_are_compared_on_those_that_both_have(data, similarity):
    (tables, present), (fresh, there) = data
    reference = Reference.fit(OF, tables, present, similarity, "raw")
    own = loop(tables, present, tables, present, similarity)
    np.fill_diagonal(own, np.nan)
    new = loop(fresh, there, tables, present, similarity)
    placed = reference.place(fresh, there, 12)
    np.testing.assert_allclose(
        dense(reference.within(None, -1e9), own.shape),
        own,
        atol=1e-6 if similarity == "euclidean" else 1e-9,
    )
    np.testing.assert_allclose(
        dense(reference.within(placed, -1e9), new.shape),
        new,
        atol=1e-6 if similarity == "euclidean" else 1e-9,
    )
    for queries, whole in ((None, own), (placed, new)):
        found = reference.nearest(queries, 5)
        for i, row in enumerate(whole):
            best = np.sort(row[~np.isnan(row)])[::-1][:5]
            np.testing.assert_allclose(
                np.sort(found.similarity[found.receiver == i])[::-1], best, atol=1e-6
            )


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("degree", [0.5, 4, 1000])
def test_the_threshold_is_that_of_all_pairs(data, similarity, degree):
    (tables, present), _ = data
    reference = Reference.fit(OF, tables, present, similarity, "raw")
    own = loop(tables, present, tables, present, similarity)
    np.fill_diagonal(own, np.nan)
    every = np.sort(own[~np.isnan(own)])[::-1]
    wanted = min(round(degree * reference.members.sum()), len(every))
    assert reference.threshold(degree) == pytest.approx(every[wanted - 1], abs=1e-9)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_no_modality_drowns_the_others_by_its_unit_or_width(similarity):
    """A modality in other units, or with its columns many times over, changes nobody's
    neighbours."""
    tables, present = made(45)
    wider = {**tables, "meth": np.tile(tables["meth"], (1, 5)) * 7}
    if similarity == "correlation":  # every column counts in the mean, so only the unit is free
        wider["meth"] = tables["meth"] * 7
    one, other = (
        Reference.fit(OF, t, present, similarity, "raw").nearest(None, 5) for t in (tables, wider)
    )
    np.testing.assert_array_equal(one.sender, other.sender)


def test_patients_without_a_modality_in_common_are_no_pair():
    tables, _ = made(6)
    first = np.array([True, True, True, False, False, False])
    present = {"rna": first, "meth": ~first, "mirna": np.zeros(6, bool)}
    found = Reference.fit(OF, tables, present, "cosine", "raw").nearest(None, 5)
    assert {(i < 3, j < 3) for i, j in zip(found.receiver, found.sender, strict=True)} == {
        (True, True),
        (False, False),
    }
    nobody = {m: np.zeros(6, bool) for m in OF}
    assert not len(Reference.fit(OF, tables, nobody, "cosine", "raw").nearest(None, 5).receiver)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_a_joined_patient_finds_the_same_alone_and_together(similarity):
    tables, present = made(60, lack=0.3)
    fresh, there = made(15, seed=2, lack=0.3)
    reference = Reference.fit(OF, tables, present, similarity, "latent")
    together = reference.nearest(reference.place(fresh, there, 15), 4)
    for i in range(0, 15, 3):
        one = (
            {m: v[i : i + 1] for m, v in fresh.items()},
            {m: v[i : i + 1] for m, v in there.items()},
        )
        alone = reference.nearest(reference.place(*one, 1), 4)
        assert sorted(alone.sender) == sorted(together.sender[together.receiver == i])


def test_distances_are_those_of_the_pairs():
    tables, present = made(20)
    for similarity in SIMILARITIES:
        reference = Reference.fit(("rna",), tables, present, similarity, "raw")
        pairs = reference.within(None, -1e9)
        found = reference.distances()[pairs.receiver, pairs.sender]
        np.testing.assert_allclose(found, reference.distance_of(pairs.similarity), atol=1e-6)
