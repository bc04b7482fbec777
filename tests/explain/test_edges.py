"""Edges: contributions against a naive loop, and what patients' neighbours add."""

from __future__ import annotations

import numpy as np
import pytest

from graphfuse.explain.edges import gene_edges
from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods.integrated_gradients import path_averaged
from graphfuse.explain.patient_edges import patient_edges
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe

RECIPE = Recipe.model_validate(
    {
        "name": "quick",
        "patient": {"neighbours": 4},
        "net": {"encode": {"default": "table", "gene": "network"}, "width": 6},
        "train": {"epochs": 4, "seeds": 1},
    }
)


@pytest.fixture(scope="module")
def model(small, network) -> FusionModel:
    return FusionModel(RECIPE, device="cpu", network=network).fit(small.cohort)


def test_edges_equal_the_loop_over_column_pairs(small, network, model):
    fitted, cohort = model.fitted_, small.cohort
    net = FoldNet(fitted, 0, cohort, network)
    gradients = path_averaged(net)
    symbols = {m: list(cohort.modalities[m].symbols) for m in cohort.modalities}
    carried = gene_edges(net, gradients)
    frame = network.to_frame()
    expected = np.zeros_like(carried)
    for name in gradients.x_smoothed:
        operator = fitted.preparation.smoothing[name].toarray()
        x, gradient = net.columns[name], gradients.x_smoothed[name]
        for e, (a, b) in enumerate(zip(frame["source"], frame["target"], strict=True)):
            for i, left in enumerate(symbols[name]):
                for j, right in enumerate(symbols[name]):
                    if {left, right} == {a, b} and left != right:
                        for k in range(len(carried)):
                            g = np.broadcast_to(gradient[k], x.shape)[:, i]
                            expected[k, e] += (
                                net.weight[:, k] * g * operator[i, j] * x[:, j]
                            ).sum()
    np.testing.assert_allclose(carried, expected, atol=1e-10)


def test_the_edges_together_are_what_the_network_adds(small, network, model):
    fitted, cohort = model.fitted_, small.cohort
    net = FoldNet(fitted, 0, cohort, network)
    gradients = path_averaged(net)
    whole = gene_edges(net, gradients).sum(1)
    through = np.zeros(2)
    for name, gradient in gradients.x_smoothed.items():
        x_smoothed = net.views.x_smoothed[name]
        through += [(net.weight[:, k] @ (x_smoothed * gradient[k])).sum() for k in range(2)]
    np.testing.assert_allclose(whole, through, atol=1e-10)


def test_patient_edges_come_from_training_patients_and_scale_with_the_gate(small, model):
    new = small.cohort.take(range(6))
    edges = patient_edges(model.fitted_, new, small.cohort.patients)
    assert set(edges["target"]) <= set(new.patients)
    assert (edges.groupby(["layer", "target"]).size() <= 4).all()
    absent = new.patients[~new.present["meth"].to_numpy()]
    assert not edges[edges["layer"] == "meth"]["target"].isin(absent).any()
    for net in model.fitted_.nets:
        net.patient_gate.data.mul_(2)
    doubled = patient_edges(model.fitted_, new, small.cohort.patients)
    same = (doubled["target"] == edges["target"]).all()
    assert same and np.allclose(doubled["score"], 2 * edges["score"])
    for net in model.fitted_.nets:
        net.patient_gate.data.div_(2)
