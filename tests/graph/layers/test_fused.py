"""The fused layer: what it keeps of the fused matrix, and how new patients are attached."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.graph.layers import fused
from graphfuse.graph.layers.factory import fit_layer
from graphfuse.graph.layers.layer import Spec
from graphfuse.graph.layers.snf import affinity, fuse, near_distance

OF = ("rna", "meth")
SIMILARITIES = ("cosine", "euclidean", "correlation", "gower")


def made(n, seed=0, lack=0.0):
    """Four clusters, of which each modality tells two apart and takes the others for one."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, n)
    centres = np.random.default_rng(99).normal(size=(2, 3, 40)) * 2
    corner = np.array([[0, 1, 2, 2], [2, 2, 0, 1]])
    tables = {m: rng.normal(size=(n, 40)) + centres[i][corner[i][kind]] for i, m in enumerate(OF)}
    present = {m: rng.random(n) >= lack for m in OF}
    for m in OF:
        tables[m][~present[m]] = 0
    return kind, tables, present, pd.Index([f"P{i:03d}" for i in range(n)])


def fitted(data, control="none", **settings):
    _, tables, present, ids = data
    return fit_layer(
        "snf", Spec(OF, "snf", **{"neighbours": 6, **settings}), tables, present, ids, control, 1
    )


def rows(table, chosen):
    return {m: v[chosen] for m, v in table.items()}


def test_a_patient_hears_its_strongest_in_the_fused_matrix():
    _, tables, present, _ = data = made(50)
    weights = []
    for m in OF:
        d = np.sqrt(((tables[m][:, None] - tables[m][None]) ** 2).sum(-1))
        weights.append(affinity(d / near_distance(d).mean()))
    whole = fuse(weights)
    np.fill_diagonal(whole, 0)
    found = fitted(data, similarity="euclidean", space="raw", weight="similarity").lists()
    for i in range(50):
        own = slice(*found.offsets[i : i + 2])
        assert set(found.index[own]) == set(np.argsort(-whole[i])[:6])
        np.testing.assert_allclose(found.weight[own], whole[i, found.index[own]], rtol=1e-6)
    assert set(fitted(data, similarity="euclidean", space="raw").lists().weight) == {1.0}


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_neighbours_share_the_cluster_that_no_modality_shows_alone(similarity):
    kind, tables, present, ids = data = made(120, lack=0.1)
    other, fresh, there, new_ids = made(60, seed=1, lack=0.1)
    both, met = (np.all([has[m] for m in OF], axis=0) for has in (present, there))
    layer = fitted(data, similarity=similarity)
    own, new = layer.lists().among(both, both), layer.extend(fresh, there, new_ids).among(met, both)
    alone = fit_layer(
        "rna", Spec(("rna",), similarity=similarity, neighbours=6), tables, present, ids
    ).lists()
    assert (kind[alone.receivers] == kind[alone.index]).mean() < 0.85
    assert (kind[own.receivers] == kind[own.index]).mean() > 0.95
    assert (other[new.receivers] == kind[new.index]).mean() > 0.95


@pytest.mark.parametrize("control", ["none", "random"])
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_a_new_patient_alone_is_as_in_a_batch_and_shuffled(similarity, control):
    layer = fitted(made(60, lack=0.2), control, similarity=similarity, weight="similarity")
    _, tables, present, ids = made(20, seed=2, lack=0.2)
    together = layer.extend(tables, present, ids)
    order = np.random.default_rng(0).permutation(20)
    shuffled = layer.extend(rows(tables, order), rows(present, order), ids[order])
    np.testing.assert_array_equal(shuffled.index, together.take(order).index)
    for i in range(20):
        alone = layer.extend(
            rows(tables, slice(i, i + 1)), rows(present, slice(i, i + 1)), ids[i : i + 1]
        )
        np.testing.assert_array_equal(alone.index, together.take([i]).index)
        np.testing.assert_allclose(alone.weight, together.take([i]).weight, rtol=1e-9)


def test_new_patients_change_nothing_that_was_fitted():
    layer = fitted(made(40, lack=0.2), weight="similarity")
    before = {key: value.copy() for key, value in layer.state()[0].items()}
    _, tables, present, ids = made(15, seed=3)
    layer.extend(rows(tables, slice(None)), present, ids)
    layer.extend({m: v * 1e4 for m, v in tables.items()}, present, ids)
    assert all(np.array_equal(before[key], value) for key, value in layer.state()[0].items())


def test_a_training_patient_asked_as_new_hears_about_whom_it_heard():
    _, tables, present, ids = data = made(80)
    layer = fitted(data)
    own, new = layer.lists(), layer.extend(tables, present, ids)
    shared = [len(set(own.take([i]).index) & set(new.take([i]).index)) for i in range(80)]
    assert np.mean(shared) > 3.5  # of 6, one of which it now is itself


def test_absent_patients_are_silent_and_deaf_and_hidden_values_count_for_nothing():
    _, tables, present, ids = made(40, lack=0.4)
    nobody = ~(present["rna"] | present["meth"])
    assert nobody.any()
    layer = fitted((None, tables, present, ids))
    found, new = layer.lists(), layer.extend(tables, present, ids)
    for each in (found, new):
        assert (
            not each.degree[nobody].any()
            and not nobody[each.index].any()
            and each.degree[~nobody].all()
        )
    behind = {m: np.where(present[m][:, None], v, 77.0) for m, v in tables.items()}
    again = fitted((None, behind, present, ids))
    np.testing.assert_array_equal(again.lists().index, found.index)
    np.testing.assert_array_equal(again.extend(behind, present, ids).index, new.index)
    only = layer.extend({"rna": tables["rna"]}, {"rna": present["rna"]}, ids)
    assert (only.degree > 0).tolist() == present["rna"].tolist()


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_bad_graphs_have_a_defined_result(similarity, n):
    ids = pd.Index(list("abcde")[:n])
    _, fresh, there, _ = made(5, seed=1)
    for tables in (
        made(n)[1],
        {m: np.zeros((n, 40)) for m in OF},
        {m: np.ones((n, 40)) for m in OF},
    ):
        for has in (np.ones(n, bool), np.arange(n) == 0, np.zeros(n, bool)):
            present = {"rna": np.ones(n, bool), "meth": has}
            with np.errstate(all="raise", under="ignore"):
                layer = fitted(
                    (None, tables, present, ids),
                    similarity=similarity,
                    space="raw",
                    weight="similarity",
                )
                found, new = layer.lists(), layer.extend(fresh, there, ids.reindex(range(5))[0])
            assert np.isfinite(found.weight).all() and np.isfinite(new.weight).all()
            assert (
                found.degree.max(initial=0) <= n - 1 and not (found.receivers == found.index).any()
            )


def test_too_many_patients_are_refused_with_the_reason_and_the_cure(monkeypatch):
    monkeypatch.setattr(fused, "MOST", 30)
    with pytest.raises(
        InputError, match=r"8 bytes × 31² × 10 .* it stops at 30; .*layers = \"shared\""
    ):
        fitted(made(31))
    assert fitted(made(30)).lists().edges
