"""Integrated gradients: completeness, the closed form, signs, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphfuse.errors import GraphfuseError
from graphfuse.explain.attributions_over_folds import slopes
from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods import integrated_gradients
from graphfuse.explain.methods.integrated_gradients import (
    IntegratedGradients,
    path_averaged,
    path_gradients,
)
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe


def recipe(fuse="gated") -> Recipe:
    return Recipe.model_validate(
        {
            "name": "quick",
            "patient": {"neighbours": 4},
            "net": {"encode": {"default": "table", "gene": "network"}, "width": 6, "fuse": fuse},
            "train": {"epochs": 5, "seeds": 1},
        }
    )


@pytest.fixture(scope="module")
def model(small, network) -> FusionModel:
    return FusionModel(recipe(), device="cpu", network=network).fit(small.cohort)


def shaken(model, strength=0.5) -> FusionModel:
    generator = torch.Generator().manual_seed(1)
    for parameter in model.fitted_.nets[0].parameters():
        parameter.data = parameter.data + strength * torch.randn(
            parameter.shape, generator=generator
        ).to(parameter.dtype)
    return model


@pytest.mark.parametrize("fuse", ["gated", "concat", "late"])
def test_attributions_add_up_to_the_change_of_the_logits(small, network, fuse):
    fitted = shaken(
        FusionModel(recipe(fuse), device="cpu", network=network).fit(small.cohort)
    ).fitted_
    net = FoldNet(fitted, 0, small.cohort.take(range(12)))
    found = IntegratedGradients().attribute(net)
    assert found.error <= 0.01
    attributed = sum(found.columns[name].sum(2) for name in net.columns)  # [K, N]
    baseline = {name: np.zeros_like(own) for name, own in net.columns.items()}
    change = net.logits(net.columns) - net.logits(baseline)
    assert np.abs(attributed.T - change).sum() <= 0.011 * np.abs(change).sum()


def test_the_closed_form_is_the_gradient(small, network):
    cohort = small.cohort
    fitted = FusionModel(recipe(), device="cpu", network=network).fit(cohort).fitted_
    for head in fitted.nets[0].head:
        head.out.weight.data.zero_()
        head.out.bias.data.zero_()
    net = FoldNet(fitted, 0, cohort.take(range(9)))
    closed = path_averaged(net)
    assert closed.error == 0
    stepped = path_gradients(net.forward, 1)
    for m, name in enumerate(net.columns):
        gradient = stepped[m].numpy()
        own = gradient if gradient.ndim == 3 else gradient[:, :, 0]
        present = net.views.present[:, m]
        np.testing.assert_allclose(
            own[:, present], np.broadcast_to(closed.own[name], own.shape)[:, present], atol=1e-9
        )
        if name in closed.x_smoothed:
            x_smoothed = gradient[:, present, 1]
            np.testing.assert_allclose(
                x_smoothed,
                np.broadcast_to(closed.x_smoothed[name], gradient[:, :, 1].shape)[:, present],
                atol=1e-9,
            )


def test_slopes_say_which_class_a_high_value_speaks_for(small, model):
    net = FoldNet(model.fitted_, 0, small.cohort)
    attribution = IntegratedGradients().attribute(net).columns["rna"]
    slope, _ = slopes(net.columns["rna"], attribution)
    table = small.cohort.modalities["rna"].table
    codes = small.cohort.outcome().values
    for feature in (f for f in small.features if f.startswith("rna:")):
        column = table.columns.get_loc(feature.removeprefix("rna:"))
        higher = table.iloc[codes == 1, column].mean() > table.iloc[codes == 0, column].mean()
        assert (slope[1, column] > 0) == higher == (slope[0, column] < 0)


def test_labels_are_not_read(small, model):
    from dataclasses import replace

    blind = replace(small.cohort, outcomes={})
    nets = [FoldNet(model.fitted_, 0, cohort) for cohort in (small.cohort, blind)]
    first, second = (IntegratedGradients().attribute(net).columns["rna"] for net in nets)
    assert np.array_equal(first, second)
    assert np.array_equal(nets[0].weight, nets[1].weight)


def test_a_head_of_ones_own_is_explained(small, network, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\nfrom graphfuse.nn.slots import Head\n\n\nclass Plain(Head):\n"
        "    def __init__(self, dim, classes):\n        super().__init__()\n        "
        "self.last = nn.Linear(dim, classes)\n"
        "        nn.init.zeros_(self.last.weight)\n        nn.init.zeros_(self.last.bias)\n\n"
        "    def forward(self, z):\n        return self.last(z)\n"
    )
    mine = recipe().model_copy(
        update={"net": recipe().net.model_copy(update={"head": f"{tmp_path / 'mine.py'}:Plain"})}
    )
    model = FusionModel(mine, device="cpu", network=network).fit(small.cohort)
    found = IntegratedGradients().attribute(FoldNet(model.fitted_, 0, small.cohort))
    assert np.isfinite(found.columns["rna"]).all()


def test_a_path_that_never_adds_up_is_told_or_refused(shaken, monkeypatch, caplog):
    monkeypatch.setattr(integrated_gradients, "STEPS", (1, 2))
    monkeypatch.setattr(integrated_gradients, "completeness_error", lambda *_: 0.03)
    assert path_averaged(shaken).error == 0.03
    assert "miss 3.0 % of the logits' change after 2 steps" in caplog.text
    monkeypatch.setattr(integrated_gradients, "completeness_error", lambda *_: 0.2)
    with pytest.raises(GraphfuseError, match="miss 20.0% of the logits' change.*fewer epochs"):
        path_averaged(shaken)
