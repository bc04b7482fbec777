"""Which layers a recipe gives, and what every kind of layer promises."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import WARNED, InputError
from graphfuse.graph.layers.factory import fit_layer, layer_from_state, layer_specs
from graphfuse.graph.layers.layer import Spec
from graphfuse.schema import PatientSection

MODALITIES = ("rna", "meth", "mirna")


def specs(**section):
    return layer_specs(PatientSection(**section), MODALITIES)


# ---------------------------------------------------------------------------------- which there are


def test_each_modality_has_its_own_layer_and_tables_theirs():
    found = specs(
        neighbours=7,
        layer={"both": {"of": ["meth", "rna"], "neighbours": 3}, "kin": {"edges": "kin.csv"}},
    )
    assert list(found) == ["rna", "meth", "mirna", "both", "kin"]
    assert found["meth"] == Spec(("meth",), neighbours=7)
    assert found["both"] == Spec(("rna", "meth"), neighbours=3)  # in the order of the cohort
    assert found["kin"] == Spec(MODALITIES, edges="kin.csv", weight="similarity")


def test_one_layer_for_all():
    assert specs(layers="shared", similarity="gower") == {
        "shared": Spec(MODALITIES, similarity="gower")
    }
    assert specs(layers="snf") == {"snf": Spec(MODALITIES, "snf")}


def test_a_list_is_exactly_those_and_tables_change_their_settings(caplog):
    WARNED.clear()
    tables = {
        "rna": {"similarity": "euclidean"},
        "snf": {"of": ["rna", "meth"], "neighbours": 20},
        "idle": {},
    }
    found = specs(layers=["snf", "rna", "shared", "rna"], layer=tables)
    assert list(found) == ["snf", "rna", "shared"]
    assert found["rna"] == Spec(("rna",), similarity="euclidean")
    assert found["snf"] == Spec(("rna", "meth"), "snf", neighbours=20)
    assert "[patient.layer.idle] is not used" in caplog.text
    assert specs(layers=[]) == {}
    assert (
        specs(layers=["kin"], layer={"kin": {"edges": "e", "of": "rna", "weight": "one"}})[
            "kin"
        ].weight
        == "one"
    )


def test_what_is_not_said_is_as_in_the_section():
    section = {
        "similarity": "correlation",
        "space": "raw",
        "neighbours": 4,
        "rule": "radius",
        "radius": 0.3,
    }
    found = specs(**section, weight="similarity", layer={"mine": {"rule": "mutual", "radius": 0.9}})
    assert found["rna"] == Spec(("rna",), weight="similarity", **section)
    assert found["mine"] == Spec(
        MODALITIES, weight="similarity", **{**section, "rule": "mutual", "radius": 0.9}
    )


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"layers": ["rnaa"]}, r"layers names 'rnaa' \(did you mean 'rna'\?\)"),
        ({"layers": ["rna", "snff"]}, r"names 'snff' \(did you mean 'snf'\?\)"),
        (
            {"layer": {"mine": {"of": ["metth"]}}},
            r"\[patient.layer.mine\] of names 'metth' \(did you mean 'meth'\?\)",
        ),
        (
            {"layers": "snf", "rule": "mutual"},
            r"fused layers keep everyone's nearest \(got rule = 'mutual'\)",
        ),
        (
            {"layer": {"kin": {"edges": "e", "rule": "nearest"}}},
            r"has edges of its own: rule would change nothing",
        ),
        (
            {"layer": {"kin": {"edges": "e", "combine": "snf"}}},
            r"has edges of its own: combine would change nothing",
        ),
    ],
    ids=["layer", "fused", "of", "rule", "idle setting", "idle combine"],
)
def test_what_cannot_be_says_why(section, words):
    with pytest.raises(InputError, match=words):
        specs(**section)


def test_all_faults_at_once():
    with pytest.raises(InputError, match="2 things to correct"):
        specs(layers=["a", "mine"], layer={"mine": {"of": ["b"]}})


def test_faults_say_whose_they_are():
    with pytest.raises(InputError, match=r"^recipe 'mine': \[patient\] layers names 'rnaa'"):
        layer_specs(PatientSection(layers=["rnaa"]), MODALITIES, "recipe 'mine'")


@pytest.mark.parametrize(
    ("settings", "warned"),
    [({"neighbours": 30}, True), ({"neighbours": 29}, False), ({"neighbours": 500,
    "rule": "mutual"}, True),
     ({"combine": "snf", "neighbours": 31}, True), ({"rule": "radius", "radius": 0.5,
     "neighbours": 500}, False)],
    ids=["all there are", "all others", "mutual", "fused", "radius"],
)  # fmt: skip
def test_more_neighbours_than_there_are_is_said_once(settings, warned, caplog):
    WARNED.clear()
    tables = {m: np.random.default_rng(0).normal(size=(30, 4)) for m in ("rna", "meth")}
    present = {m: np.ones(30, bool) for m in tables}
    for name in ("one", "two"):
        fit_layer(
            name,
            Spec(("rna", "meth"), **settings),
            tables,
            present,
            pd.Index([f"P{i}" for i in range(30)]),
        )
    assert (
        len([m for m in caplog.messages if f"neighbours = {settings['neighbours']}: " in m])
        == warned
    )


# ------------------------------------------------------------------------- what every kind promises


def made(rows, seed=0, lack=0.2):
    rng = np.random.default_rng(seed)
    tables = {
        m: rng.normal(size=(rows, 3)) @ rng.normal(size=(3, w))
        for m, w in zip(MODALITIES, (50, 20, 8), strict=True)
    }
    present = {m: rng.random(rows) >= lack for m in MODALITIES}
    for m in MODALITIES:
        tables[m] = np.where(present[m][:, None], tables[m] + rng.normal(size=tables[m].shape), 0)
    return tables, present, pd.Index([f"{seed}{i:03d}" for i in range(rows)])


@pytest.fixture(scope="module")
def kin(tmp_path_factory):
    rng = np.random.default_rng(7)
    ids = np.concatenate([made(40)[2], made(12, 1)[2]])
    frame = pd.DataFrame(
        {"source": rng.choice(ids, 200), "target": rng.choice(ids, 200), "weight": rng.random(200)}
    )
    path = tmp_path_factory.mktemp("kin") / "kin.csv"
    frame.to_csv(path, index=False)
    return str(path)


KINDS = {
    "one": {"of": ("rna",)},
    "joined": {"of": MODALITIES, "weight": "similarity"},
    "mutual": {
        "of": ("rna", "meth"),
        "rule": "mutual",
        "similarity": "euclidean",
        "weight": "similarity",
    },
    "threshold": {"of": MODALITIES, "rule": "mean-degree", "similarity": "gower"},
    "radius": {"of": ("meth",), "rule": "radius", "radius": 0.8, "similarity": "correlation"},
    "fused": {"of": MODALITIES, "combine": "snf", "weight": "similarity"},
    "given": {"of": MODALITIES, "weight": "similarity"},
}


CONTROLS = ["none", "rewired", "random", "identity", "empty"]


@pytest.fixture(scope="module", params=KINDS)
def spec(request, kin):
    settings = {"neighbours": 5, **KINDS[request.param]}
    return Spec(**settings, edges=kin if request.param == "given" else None)


def fitted(spec, control="none", seed=3):
    return fit_layer("it", spec, *made(40), control, seed)


@pytest.fixture(scope="module")
def layers(spec):
    """The layer of a kind and its controls, fitted once for all that is asked of them."""
    return {control: fitted(spec, control) for control in CONTROLS}


def same(a, b):
    return all(
        np.array_equal(getattr(a, part), getattr(b, part))
        for part in ("offsets", "index", "weight")
    )


def picked(data, rows):
    tables, present, ids = data
    return (
        {m: v[rows] for m, v in tables.items()},
        {m: v[rows] for m, v in present.items()},
        ids[rows],
    )


@pytest.mark.parametrize("control", CONTROLS)
def test_saved_is_live(spec, layers, control):
    layer = layers[control]
    arrays, about = layer.state()
    arrays = {
        key: np.frombuffer(v.tobytes(), v.dtype).reshape(v.shape) for key, v in arrays.items()
    }
    again = layer_from_state(arrays, json.loads(json.dumps(about, allow_nan=False)))
    kept = replace(spec, edges=spec.edges and Path(spec.edges).name)  # no folder is saved
    assert (again.name, again.of, again.spec, again.about) == ("it", layer.of, kept, layer.about)
    assert same(again.lists(), layer.lists()) and same(
        again.extend(*made(12, 1)), layer.extend(*made(12, 1))
    )
    assert same(layer_from_state(*again.state()).lists(), layer.lists())


@pytest.mark.parametrize("control", CONTROLS)
def test_a_new_patient_alone_is_as_in_a_batch_and_shuffled(layers, control):
    layer, data = layers[control], made(12, 1)
    together = layer.extend(*data)
    order = np.random.default_rng(0).permutation(12)
    assert np.array_equal(layer.extend(*picked(data, order)).index, together.take(order).index)
    for i in range(0, 12, 3):
        alone = layer.extend(*picked(data, slice(i, i + 1)))
        assert np.array_equal(alone.index, together.take([i]).index)
        np.testing.assert_allclose(alone.weight, together.take([i]).weight, rtol=1e-9)
    assert len(layer.extend(*picked(data, slice(0, 0)))) == 0


def test_lists_stay_as_they_are_and_the_same_seed_gives_the_same(spec, layers):
    for control in ("rewired", "random"):
        layer = fitted(spec, control)
        before = layer.lists()
        layer.extend(*made(12, 1))
        assert same(layer.lists(), before) and same(layers[control].lists(), before)


def test_controls_keep_degrees_and_forget_neighbours(layers):
    real = layers["none"]
    for control in ("rewired", "random"):
        other = layers[control]
        assert np.array_equal(other.lists().degree, real.lists().degree)
        new, kept = other.extend(*made(12, 1)), real.extend(*made(12, 1))
        assert np.array_equal(new.degree, kept.degree) and not np.array_equal(new.index, kept.index)
        np.testing.assert_allclose(np.sort(new.weight), np.sort(kept.weight))
    empty = layers["empty"]
    assert empty.lists().edges == empty.extend(*made(12, 1)).edges == 0
    alone = layers["identity"].lists()
    assert np.array_equal(alone.receivers, alone.index) and alone.degree.max() == 1
    assert layers["identity"].extend(*made(12, 1)).edges == 0


def test_who_lacks_every_modality_has_no_edges(spec, layers):
    if spec.edges:
        # edges of one's own hold for everyone; the net takes those along which something goes
        return
    present = np.any([made(40)[1][m] for m in spec.of], axis=0)
    layer = layers["none"]
    found = layer.lists()
    assert not found.degree[~present].any() and present[found.index].all()
    tables, _, ids = made(12, 1)
    assert layer.extend({}, {}, ids).edges == 0
    assert layer.extend(tables, {m: np.zeros(12, bool) for m in tables}, ids).edges == 0


def test_a_fitted_layer_counts_what_it_has(layers):
    layer = layers["none"]
    assert layer.about["edges"] == layer.lists().edges > 0
    assert layer.about["mean_degree"] == layer.about["edges"] / layer.about["patients"]


def test_draws_of_joined_patients_differ_where_only_the_last_modality_does():
    """The first modality is absent for all: chance must not give everyone the same senders."""
    tables, present, ids = made(30, 1)
    tables["rna"], present["rna"] = np.zeros_like(tables["rna"]), np.zeros(30, bool)
    found = fitted(Spec(MODALITIES, neighbours=5), "random").extend(tables, present, ids)
    drawn = {tuple(found.take([i]).index) for i in np.flatnonzero(found.degree)}
    assert len(drawn) > 20


def test_unknown_kinds_and_layers_of_nothing_are_refused():
    with pytest.raises(InputError, match="kind 'dream'"):
        layer_from_state({}, {"kind": "dream"})
    with pytest.raises(InputError, match="no modality goes along it"):
        fit_layer("it", Spec(()), *made(5))


def test_nothing_is_said_of_an_ordinary_recipe(caplog):
    caplog.set_level(logging.INFO)
    specs()
    assert not caplog.text
