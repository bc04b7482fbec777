"""Integrated gradients: completeness, the closed form, signs, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphfuse.explain.attribute import _Path, attribute, slopes
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


def parts(fitted, cohort):
    views = fitted.preparation.views(cohort)
    return views, fitted.inputs(views)


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
    cohort = small.cohort.take(range(12))
    views, inputs = parts(fitted, cohort)
    found = slopes(fitted, 0, inputs, views)
    assert found.error <= 0.01
    given = 0
    for name in views.own:
        given = given + (found.columns(fitted, name) * views.own[name]).sum(2)
    path = _Path(fitted, 0, inputs, views)
    with torch.no_grad():
        change = path.logits(path.columns) - path.logits(
            [torch.zeros_like(x) for x in path.columns]
        )
    assert np.abs(given.T - change.numpy()).sum() <= 0.011 * np.abs(change.numpy()).sum()


def test_the_closed_form_is_the_gradient(small, network):
    cohort = small.cohort
    fitted = FusionModel(recipe(), device="cpu", network=network).fit(cohort).fitted_
    for head in fitted.nets[0].head:
        head.out.weight.data.zero_()
        head.out.bias.data.zero_()
    views, inputs = parts(fitted, cohort.take(range(9)))
    closed = slopes(fitted, 0, inputs, views)
    assert closed.error == 0
    stepped = _Path(fitted, 0, inputs, views).gradients(1)
    for m, name in enumerate(views.own):
        gradient = stepped[m].numpy()
        own = gradient if gradient.ndim == 3 else gradient[:, :, 0]
        present = views.present[:, m]
        np.testing.assert_allclose(
            own[:, present], np.broadcast_to(closed.own[name], own.shape)[:, present], atol=1e-9
        )
        if name in closed.hop:
            hop = gradient[:, present, 1]
            np.testing.assert_allclose(
                hop,
                np.broadcast_to(closed.hop[name], gradient[:, :, 1].shape)[:, present],
                atol=1e-9,
            )


def test_signs_say_which_class_a_high_value_speaks_for(small, model):
    found = attribute(model.fitted_, 0, small.cohort)
    table = small.cohort.modalities["rna"].table
    codes = small.cohort.outcome().values
    for feature in (f for f in small.features if f.startswith("rna:")):
        column = table.columns.get_loc(feature.removeprefix("rna:"))
        higher = table.iloc[codes == 1, column].mean() > table.iloc[codes == 0, column].mean()
        assert (found.lean["rna"][1, column] > 0) == higher
        assert found.push["rna"][1, column] > 0


def test_labels_are_not_read(small, model):
    from dataclasses import replace

    blind = replace(small.cohort, outcomes={})
    first, second = (attribute(model.fitted_, 0, c).push["rna"] for c in (small.cohort, blind))
    assert np.array_equal(first, second)


def test_a_head_of_ones_own_is_explained(small, network, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\nfrom graphfuse.nn.parts import Head\n\n\nclass Plain(Head):\n"
        "    def __init__(self, dim, classes):\n        super().__init__()\n        "
        "self.last = nn.Linear(dim, classes)\n"
        "        nn.init.zeros_(self.last.weight)\n        nn.init.zeros_(self.last.bias)\n\n"
        "    def forward(self, z):\n        return self.last(z)\n"
    )
    mine = recipe().model_copy(
        update={"net": recipe().net.model_copy(update={"head": f"{tmp_path / 'mine.py'}:Plain"})}
    )
    model = FusionModel(mine, device="cpu", network=network).fit(small.cohort)
    assert np.isfinite(attribute(model.fitted_, 0, small.cohort).push["rna"]).all()
