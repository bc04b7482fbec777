"""Attention: it sums to 1, its in-degree is taken out, and nets without it are refused."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from graphfuse.errors import InputError
from graphfuse.explain.attention_weights import attention_to_patients, attention_to_sets
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods.attention import RECIPES
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe


@pytest.fixture(scope="module")
def net(small) -> FoldNet:
    """Attention over all training patients within a radius, so that degrees differ."""
    recipe = Recipe.model_validate(
        {
            "name": "attentive",
            "patient": {"rule": "radius", "radius": 0.95, "gate": 1.0},
            "net": {"propagate": "attention", "width": 8, "start": "none"},
            "train": {"epochs": 10, "stop": "last", "seeds": 1, "learning_rate": 1e-2},
        }
    )
    fitted = FusionModel(recipe, device="cpu").fit(small.cohort).fitted_
    return FoldNet(fitted, 0, small.cohort.take(range(25)))


def test_attention_is_that_of_the_net_and_sums_to_one(net):
    """A naive softmax by hand, edge by edge, of one head after another."""
    edges = net.inputs.lists[0]
    part = net.module.double().propagate[0]
    own = net.module.states(net.inputs)[:, 0, 0].detach()
    senders = net.fitted.states[0].double()[:, 0, 0, 0]
    query = part.query(own).detach().numpy().reshape(len(own), part.heads, -1)
    key = part.key(senders).detach().numpy().reshape(len(senders), part.heads, -1)
    expected = np.zeros(len(edges.index))
    for head in range(part.heads):
        for receiver in range(len(own)):
            mine = np.flatnonzero(edges.receiver.numpy() == receiver)
            product = key[edges.index.numpy()[mine], head] @ query[receiver, head]
            score = 10 * np.tanh(product / (10 * np.sqrt(key.shape[2])))
            raised = edges.weight.numpy()[mine] * np.exp(score)
            expected[mine] += raised / raised.sum() / part.heads
    name = next(iter(net.columns))
    np.testing.assert_allclose(attention_to_patients(net, name, 0), expected, atol=1e-9)


def test_in_degree_is_taken_out(net, small):
    table = ranking_method("attention").patient_edges(net.fitted, net.cohort, small.cohort.patients)
    by_receiver = table.groupby(["layer", "target"])
    np.testing.assert_allclose(by_receiver["attention"].sum(), 1, atol=1e-9)
    np.testing.assert_allclose(by_receiver["score"].mean(), 1, atol=1e-9)
    np.testing.assert_array_equal(by_receiver["in_degree"].first(), by_receiver.size())
    assert by_receiver.size().nunique() > 3  # raw attention would rank by degree
    raw = np.corrcoef(table["attention"], 1 / table["in_degree"])[0, 1]
    corrected = np.corrcoef(table["score"], 1 / table["in_degree"])[0, 1]
    assert abs(corrected) < 0.1 < 0.5 < raw


def test_a_warning_is_given_once_for_a_ranking(net, caplog):
    method = ranking_method("attention")
    with caplog.at_level(logging.WARNING):
        first, second = method.attribute(net), method.attribute(net)
    assert caplog.text.count("raw attention is mostly 1 / degree") == 1
    np.testing.assert_array_equal(first.columns["rna"], second.columns["rna"])


def test_attention_to_gene_sets_is_one_where_all_count_alike(small, tmp_path):
    genes = [f"G{number:04d}" for number in range(1, 25)]
    sets = {f"set{i}": genes[4 * i : 4 * i + 8] for i in range(5)}
    lines = [name + "\t\t" + "\t".join(inside) for name, inside in sets.items()]
    (tmp_path / "sets.gmt").write_text("\n".join(lines) + "\n")
    recipe = Recipe.named("pathway-tokens").model_dump(exclude_unset=True)
    recipe["pathways"] |= {"sets": str(tmp_path / "sets.gmt"), "least": 3}
    recipe["train"] = {"epochs": 3, "stop": "last", "seeds": 1}
    model = FusionModel(Recipe.model_validate(recipe), device="cpu").fit(small.cohort)
    net = FoldNet(model.fitted_, 0, small.cohort)
    module = net.module
    module.fuse.query.data.zero_()
    module.fuse.offset.data.zero_()
    np.testing.assert_allclose(attention_to_sets(net), 1, atol=1e-9)
    module.fuse.offset.data[:, -1] = 1.0  # gene sets are the last channel
    assert (attention_to_sets(net) > 1.2).all()
    found = ranking_method("attention").attribute(net).sets
    assert list(found.index) == list(sets) and (found.to_numpy() > 1.2).all()


def test_nets_without_attention_are_refused_and_recipes_named(shaken):
    with pytest.raises(InputError, match=r"propagate = 'mean'.*moadln and pathway-tokens"):
        ranking_method("attention").attribute(shaken)


def test_the_recipes_named_are_those_that_have_it():
    for name in RECIPES:
        net = Recipe.named(name).net
        assert net.propagate == "attention" or net.fuse == "attention_pool"
