"""Gradient × input: the closed form of a linear model, and finite differences of any other."""

from __future__ import annotations

import numpy as np
import pytest

from graphfuse.explain.methods.gradient_x_input import GradientXInput
from graphfuse.explain.methods.integrated_gradients import IntegratedGradients


def test_of_a_linear_model_it_is_integrated_gradients(linear):
    ours = GradientXInput().attribute(linear)
    theirs = IntegratedGradients().attribute(linear)
    for name in linear.columns:
        np.testing.assert_allclose(ours.columns[name], theirs.columns[name], atol=1e-12)
    np.testing.assert_allclose(ours.edges, theirs.edges, atol=1e-12)
    assert np.abs(ours.edges).max() > 1e-3 and ours.error is None


def test_of_a_net_with_interactions_it_is_the_slope_at_the_patient(shaken):
    found = GradientXInput().attribute(shaken)
    step = 1e-6
    for name, column in (("rna", 3), ("meth", 7)):
        up, down = (shaken.columns[name].copy() for _ in range(2))
        up[:, column] += step
        down[:, column] -= step
        rise = shaken.logits(shaken.columns | {name: up})
        rise -= shaken.logits(shaken.columns | {name: down})
        slope = rise.T / (2 * step)  # [K, N]
        expected = slope * shaken.columns[name][:, column]
        has = shaken.views.has[name]
        np.testing.assert_allclose(found.columns[name][:, has, column], expected[:, has], atol=1e-5)


def test_it_need_not_add_up_where_integrated_gradients_do(shaken):
    """What keeps the two apart is the net's curvature."""
    ours = GradientXInput().attribute(shaken)
    theirs = IntegratedGradients().attribute(shaken)
    baseline = {name: np.zeros_like(own) for name, own in shaken.columns.items()}
    change = shaken.logits(shaken.columns) - shaken.logits(baseline)

    def missed(found):
        summed = sum(columns.sum(2) for columns in found.columns.values())
        return np.abs(summed.T - change).sum() / np.abs(change).sum()

    assert missed(theirs) < 0.02 < missed(ours)


def test_what_speaks_for_one_of_two_classes_speaks_against_the_other(shaken):
    found = GradientXInput().attribute(shaken).columns["rna"]
    assert found.shape == (2, 12, 40) and np.isfinite(found).all()
    assert found[0] + found[1] == pytest.approx(0, abs=1e-9)  # two classes, opposite
