"""Edge gradients and edge integrated gradients: finite differences, completeness, closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from graphfuse.errors import GraphfuseError
from graphfuse.explain.edge_gradients import Arriving
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods import edge_integrated_gradients
from graphfuse.explain.methods.edge_integrated_gradients import integrated
from graphfuse.explain.patient_edges import patient_edges
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe


@pytest.fixture(scope="module")
def training(small):
    return small.cohort.patients


def test_of_a_linear_model_all_ways_agree(small, linear, training):
    """Edges are what they add: as gradients, along the path, and through the linear model."""
    expected = ranking_method("integrated-gradients").attribute(linear).edges
    by_linear_model = patient_edges(linear.fitted, linear.cohort, training)
    assert by_linear_model["score"].abs().max() > 1e-3
    for name in ("edge-gradients", "edge-integrated-gradients"):
        method = ranking_method(name)
        found = method.attribute(linear)
        np.testing.assert_allclose(found.edges, expected, atol=1e-9)
        table = method.patient_edges(linear.fitted, linear.cohort, training)
        assert table[["layer", "source", "target"]].equals(
            by_linear_model[["layer", "source", "target"]]
        )
        np.testing.assert_allclose(table["score"], by_linear_model["score"], atol=1e-9)


def changed(net: FoldNet, place: int, edge: int, factor: float) -> np.ndarray:
    """The outputs with one edge's weight changed, and the mean of neighbours' predictors with
    it."""
    lists = list(net.inputs.lists)
    weight = lists[place].weight.clone()
    weight[edge] *= factor
    lists[place] = lists[place]._replace(weight=weight)
    inputs = net.inputs._replace(lists=tuple(lists))
    outputs = net.fitted.run(net.number, inputs)
    return net.fitted.task.contrast(outputs).detach().numpy()


def test_an_edge_between_patients_has_the_slope_of_the_output_on_its_weight(shaken):
    gradients = Arriving(shaken).at_patients()
    step = 1e-6
    for place, edge in ((0, 5), (1, 2)):
        receiver = int(shaken.inputs.lists[place].receiver[edge])
        weight = float(shaken.inputs.lists[place].weight[edge])
        rise = changed(shaken, place, edge, 1 + step) - changed(shaken, place, edge, 1 - step)
        slope = rise[receiver] / (2 * step)
        np.testing.assert_allclose(gradients.weights[place][:, edge] * weight, slope, atol=1e-5)
        assert not np.delete(rise, receiver, axis=0).any()  # nobody else is moved


def test_attributions_of_all_edges_sum_to_what_the_graphs_change(small, shaken, training):
    method = ranking_method("edge-integrated-gradients")
    gradients = integrated(shaken)
    assert gradients.error <= 0.01
    arriving = Arriving(shaken)
    with torch.no_grad():
        nothing = [torch.zeros_like(each) for each in arriving.leaves]
        change = arriving.outputs(arriving.leaves) - arriving.outputs(nothing)
    table = method.patient_edges(shaken.fitted, shaken.cohort, training)
    by_patient = (
        table.groupby("target")["score"].sum().reindex(shaken.cohort.patients, fill_value=0)
    )
    through_genes = 0
    for name, gradient in gradients.x_smoothed.items():
        through_genes = through_genes + (gradient * shaken.views.x_smoothed[name]).sum(2)
    called = shaken.fitted.task.direction_called(shaken.fitted.output(shaken.views))
    rows = np.arange(len(called))
    whole = by_patient.to_numpy() + through_genes[called, rows]
    expected = change.numpy()[rows, called]
    assert np.abs(whole - expected).sum() <= 0.02 * np.abs(expected).sum()
    weighted = np.einsum("kn,nk->k", through_genes, shaken.weight)
    np.testing.assert_allclose(method.attribute(shaken).edges.sum(1), weighted, atol=1e-9)


def test_without_a_gene_network_there_are_no_gene_edges(shaken):
    bare = replace(shaken, network=None)
    for name in ("edge-gradients", "edge-integrated-gradients"):
        assert ranking_method(name).attribute(bare).edges is None


def test_links_of_a_signalling_graph_are_ranked(small, network):
    recipe = Recipe.named("signalling").model_dump(exclude_unset=True)
    recipe["train"] = {"epochs": 6, "stop": "last", "seeds": 1, "learning_rate": 3e-2}
    recipe = Recipe.model_validate(recipe)
    model = FusionModel(recipe, device="cpu", network=network).fit(small.cohort)
    net = FoldNet(model.fitted_, 0, small.cohort.take(range(15)), network)
    arriving = Arriving(net).averaged(64)
    assert arriving.error < 0.02
    by_gradients = ranking_method("edge-gradients").attribute(net)
    by_path = ranking_method("edge-integrated-gradients").attribute(net)
    for found in (by_gradients, by_path):
        assert len(found.links) and np.isfinite(found.links.to_numpy()).all()
    assert np.abs(by_path.links.to_numpy()).max() > 0


def test_attention_has_no_path_and_that_is_said(small, monkeypatch):
    few = edge_integrated_gradients.STEPS[:2]  # those that suffice where there is a path
    monkeypatch.setattr(edge_integrated_gradients, "STEPS", few)
    net = FoldNet(attentive(small), 0, small.cohort.take(range(15)))
    with pytest.raises(GraphfuseError, match="as in attention.*take edge-gradients"):
        integrated(net)
    assert np.isfinite(Arriving(net).at_patients().weights[0]).all()


def attentive(small):
    recipe = Recipe.model_validate(
        {
            "name": "attentive",
            "patient": {"neighbours": 5, "gate": 1.0},
            "net": {"propagate": "attention", "width": 8, "start": "none"},
            "train": {"epochs": 1, "stop": "last", "seeds": 1, "learning_rate": 1e-2},
        }
    )
    return FusionModel(recipe, device="cpu").fit(small.cohort).fitted_
