"""From tables to tensors: which encoder, which layer, who is present."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.errors import WARNED, InputError
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.linear.kernels import mean_operator
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.patient_layers import tensor_lists
from graphfuse.learn.preparation import Preparation
from graphfuse.learn.signals.net_channels import encoders_of
from graphfuse.nn.edge_lists import aggregate
from graphfuse.schema import Recipe


def recipe(**sections) -> Recipe:
    return Recipe.model_validate({"name": "quick", "patient": {"neighbours": 4}, **sections})


@pytest.mark.parametrize(
    ("encode", "expected"),
    [
        ("table", {"rna": "table", "meth": "table"}),
        ({"default": "table", "gene": "network"}, {"rna": "network", "meth": "network"}),
        ({"default": "network", "rna": "table"}, {"rna": "table", "meth": "network"}),
        ({"meth": "network"}, {"rna": "table", "meth": "network"}),
    ],
    ids=str,
)
def test_encoders_go_by_name_then_entity_then_default(small, network, encode, expected):
    assert encoders_of(recipe(net={"encode": encode}), small.cohort, network) == expected


def test_without_a_network_its_encoder_is_a_table(small, network):
    asked = recipe(net={"encode": "network"})
    assert set(encoders_of(asked, small.cohort, None).values()) == {"table"}
    assert set(encoders_of(asked, small.cohort, network.on(["nobody"])).values()) == {"table"}


def test_unknown_names_are_refused_with_the_nearest(small, network):
    with pytest.raises(InputError, match=r"encode names 'rnaa' \(did you mean 'rna'\?\)"):
        encoders_of(recipe(net={"encode": {"rnaa": "table"}}), small.cohort, network)


@pytest.mark.parametrize(
    ("encode", "said"),
    [({"concepts": "table"}, "'table' sees columns, but 'concepts' shows planes"),
     ({"rna": "walk"}, "'walk' sees planes, but 'rna' shows columns"),
     ({"signalling": "signalling"}, "encode names 'signalling'")],
    ids=["table for planes", "planes for a table", "a graph the recipe lacks"],
)  # fmt: skip
def test_an_encoder_must_see_what_its_channel_shows(small, network, encode, said):
    with pytest.raises(InputError, match=said):
        encoders_of(recipe(net={"encode": encode}, concepts={}), small.cohort, network)


def layers(small, **sections):
    preparation, _ = Preparation.fit(
        small.cohort, small.cohort.outcome().learned, recipe(**sections), None
    )
    return preparation


def test_layers_follow_the_recipe(small):
    assert layers(small).layers_of == {"rna": ["rna"], "meth": ["meth"]}
    assert layers(small, patient={"layers": ["meth"]}).layers_of == {"rna": [], "meth": ["meth"]}
    assert layers(small, patient={"layers": ["shared", "rna"]}).layers_of == {
        "rna": ["shared", "rna"],
        "meth": ["shared"],
    }
    assert not layers(small, net={"propagate": "none"}).layers
    assert not layers(small, patient={"control": "empty"}).layers
    with pytest.raises(InputError, match="layers names 'mrna'"):
        layers(small, patient={"layers": ["mrna"]})


def test_modalities_have_equally_many_lists_and_absent_patients_are_in_none(small):
    preparation = layers(small, patient={"layers": ["shared", "rna"]})
    absent = np.flatnonzero(~preparation.present[:, 1])
    lists = preparation.lists()
    assert {m: len(found) for m, found in lists.items()} == {"rna": 2, "meth": 2} and lists["meth"][
        1
    ].edges == 0
    shared = lists["meth"][0]
    assert (
        len(absent) and not shared.degree[absent].any() and not np.isin(shared.index, absent).any()
    )
    assert lists["rna"][0].degree[absent].all()


def test_identity_lets_everyone_hear_themselves_alone(small):
    preparation = layers(small, patient={"control": "identity"})
    views = preparation.views(small.cohort.take([3, 5, 8]))
    for found in (preparation.lists(), preparation.lists(views)):
        for lists in (found["rna"][0], found["meth"][0]):
            assert np.array_equal(lists.index, lists.receivers)


def test_presence_counts_fitted_columns_only(small):
    cohort = small.cohort
    preparation, _ = Preparation.fit(cohort, cohort.outcome().learned, recipe(), None)
    table = cohort.modalities["meth"].table.iloc[:3] * np.nan
    other = Cohort.from_frames({"rna": cohort.modalities["rna"].table.iloc[:3]})
    meth = replace(cohort.modalities["meth"], table=table.assign(stranger=1.0), symbols=())
    views = preparation.views(replace(other, modalities=other.modalities | {"meth": meth}))
    assert views.present.tolist() == [[True, False]] * 3
    assert not views.own["meth"].any()


def test_modalities_that_do_not_match_are_named_in_order_with_the_nearest(small, caplog):
    cohort = small.cohort
    preparation, _ = Preparation.fit(cohort, cohort.outcome().learned, recipe(), None)
    other = replace(
        cohort, modalities={"RNA": cohort.modalities["rna"], "protein": cohort.modalities["meth"]}
    )
    assert preparation.unused(cohort) == []
    assert preparation.unused(other) == [
        (
            "modality 'RNA' is not used: the model was trained on none of that name (did you "
            "mean 'rna'?)"
        ),
        (
            "modality 'protein' is not used: the model was trained on none of that name (known: "
            "meth, rna)"
        ),
    ]
    caplog.clear()
    assert not preparation.views(other).present.any()
    said = [record.getMessage() for record in caplog.records]
    assert [line.split()[1] for line in said] == ["'meth'", "'rna'"]
    assert all(
        line.endswith("by the others (the model does not know the cohort's 'RNA', 'protein')")
        for line in said
    )


def test_who_has_what_is_told_by_name(small):
    cohort = small.cohort
    preparation, views = Preparation.fit(cohort, cohort.outcome().learned, recipe(), None)
    has = preparation.has(cohort.without("rna"))
    assert list(has.columns) == ["rna", "meth"] and not has["rna"].any()
    assert np.array_equal(has["meth"], views.present[:, 1]) and has.index.equals(cohort.patients)


@pytest.mark.parametrize("kind", ["constant", "nobody", "one patient"])
def test_a_modality_without_variation_counts_as_without_columns(small, caplog, kind):
    meth = small.cohort.modalities["meth"]
    if kind == "constant":
        table = meth.table * 0 + 3.5
    elif kind == "nobody":
        table = meth.table * np.nan
    else:
        table = meth.table.copy()
        table.iloc[np.arange(len(table)) != 4] = np.nan
    blank = replace(meth, table=table)
    cohort = replace(small.cohort, modalities=small.cohort.modalities | {"meth": blank})
    WARNED.clear()
    preparation, views = Preparation.fit(cohort, cohort.outcome().learned, recipe(), None)
    assert preparation.varying("meth") == 0 < preparation.varying("rna")
    assert not views.own["meth"].any() and np.isfinite(views.own["rna"]).all()
    told = [line for line in caplog.messages if "counts as without columns" in line]
    assert len(told) == 1 and told[0].startswith("modality 'meth'")
    Preparation.fit(cohort, cohort.outcome().learned, recipe(), None)
    assert sum("counts as without columns" in line for line in caplog.messages) == 1


def test_lists_and_operators_take_the_same_mean():
    import torch

    lists = Neighbours.from_edges([0, 0, 2], [1, 2, 0], [1.0, 3.0, 2.0], receivers=4, senders=3)
    values = np.random.default_rng(0).normal(size=(3, 2))
    expected = np.stack([(values[1] + 3 * values[2]) / 4, [0, 0], values[0], [0, 0]])
    np.testing.assert_allclose(mean_operator(lists) @ values, expected)
    np.testing.assert_allclose(aggregate(torch.from_numpy(values), tensor_lists(lists)), expected)


# ----------------------------------------------------------------------------------- prepared folds

JOINED = Recipe.model_validate(
    {"name": "joined", "patient": {"layers": "snf", "neighbours": 4}, "net": {"encode": "table"}}
)


def prepared(cohort, recipe, network=None):
    return PreparedFold.fit(cohort, cohort.outcome(), recipe, network, 0)


def test_a_fold_for_some_modalities_has_layers_of_these_alone():
    cohort = planted(60, {"rna": 24, "meth": 16}, seed=1).cohort
    fold = prepared(cohort, JOINED)
    restricted = fold.restricted(("rna",))
    alone = prepared(cohort.without("meth"), JOINED.without("meth"))
    for mine, theirs in zip(
        restricted.preparation.lists()["rna"], alone.preparation.lists()["rna"], strict=True
    ):
        np.testing.assert_array_equal(mine.index, theirs.index)
        np.testing.assert_array_equal(mine.weight, theirs.weight)
    assert list(restricted.views.own) == ["rna"]
    assert fold.restricted(("rna", "meth")) is fold


def test_a_fold_takes_no_encoder_that_looks_further_along_the_network():
    cohort = planted(40, {"rna": 12}, seed=1).cohort
    genes = [gene for gene in cohort.modalities["rna"].symbols if gene]
    pairs = pd.DataFrame({"source": genes[:-1], "target": genes[1:], "score": 1.0})
    network = GeneNetwork.from_frame(pairs, "chain")

    def recipe(encode):
        return Recipe.model_validate({"name": encode, "net": {"encode": {"gene": encode}}})

    fold = prepared(cohort, recipe("network"), network)
    assert fold.with_net(recipe("network")).preparation.encoders == fold.preparation.encoders
    with pytest.raises(InputError, match="looks otherwise along the gene network"):
        fold.with_net(recipe("network_deep"))
