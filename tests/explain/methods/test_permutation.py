"""Conditional permutation: closed forms, and the copy that does not get the credit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import graphfuse as gf
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods import permutation
from graphfuse.explain.methods.gradient_x_input import gradients_at_patients
from graphfuse.explain.residuals import residuals
from graphfuse.schema import Recipe

PATIENTS, CORRELATION = 240, 0.95
LINEAR = Recipe.model_validate({"name": "linear", "train": {"epochs": 0, "seeds": 1}})


@pytest.fixture(scope="module")
def pair() -> FoldNet:
    """A causal column with a noisy copy, a causal one that is like no other, and noise."""
    source = np.random.default_rng(4)
    x = source.normal(size=(PATIENTS, 12))
    x[:, 1] = CORRELATION * x[:, 0] + np.sqrt(1 - CORRELATION**2) * x[:, 1]
    logit = 1.5 * x[:, 0] + 1.5 * x[:, 2]
    labels = source.random(PATIENTS) < 1 / (1 + np.exp(-logit))
    ids = [f"P{number}" for number in range(PATIENTS)]
    table = pd.DataFrame(x, ids, ["cause", "copy", "lone", *(f"noise{i}" for i in range(9))])
    outcome = pd.Series(np.where(labels, "case", "control"), ids)
    cohort = gf.Cohort.from_frames({"lab": table}, outcome)
    fitted = gf.FusionModel(LINEAR, device="cpu").fit(cohort).fitted_
    return FoldNet(fitted, 0, cohort)


def sizes(net: FoldNet, name: str) -> pd.Series:
    found = ranking_method(name).attribute(net).columns["lab"]
    return pd.Series(np.abs(found).mean((0, 1)), net.cohort.modalities["lab"].table.columns)


def test_of_a_linear_model_it_is_the_slope_times_the_residual(pair):
    found = ranking_method("permutation").attribute(pair).columns["lab"]
    x = pair.columns["lab"]
    slope = gradients_at_patients(pair).columns(pair.fitted, "lab")
    design = np.column_stack([np.ones(PATIENTS), x[:, 1]])
    fit, *_ = np.linalg.lstsq(design, x[:, 0], rcond=None)
    np.testing.assert_allclose(found[:, :, 0], slope[:, :, 0] * (x[:, 0] - design @ fit), atol=1e-9)


def test_a_noisy_copy_does_not_get_the_credit_of_its_original(pair):
    """The ridge gives the copy a share of the original's slope; conditioning takes most of it."""
    marginal, conditional = sizes(pair, "occlusion"), sizes(pair, "permutation")
    assert marginal["copy"] > 0.3 * marginal["lone"]
    kept = conditional / marginal
    assert kept["copy"] == pytest.approx(np.sqrt(1 - CORRELATION**2), abs=0.1)
    assert kept["lone"] > 0.95
    assert conditional["copy"] < 0.2 * conditional["lone"]
    assert conditional["cause"] > 1.5 * conditional["copy"]


def test_exact_copies_have_nothing_of_their_own(pair):
    table = pair.cohort.modalities["lab"].table.assign(copy=lambda t: 2 * t["cause"] + 1)
    outcome = pair.cohort.outcome()
    labels = pd.Series(np.asarray(outcome.classes)[outcome.values], table.index)
    cohort = gf.Cohort.from_frames({"lab": table}, labels)
    net = FoldNet(gf.FusionModel(LINEAR, device="cpu").fit(cohort).fitted_, 0, cohort)
    found = sizes(net, "permutation")
    assert found[["cause", "copy"]].max() < 1e-9 < 1e-2 < found["lone"]


def test_permutations_of_a_net_average_to_the_closed_form(pair, monkeypatch):
    """With many permutations, the evaluations of a linear net come to its closed form."""
    closed = ranking_method("permutation").attribute(pair).columns["lab"]
    monkeypatch.setattr(permutation, "is_linear", lambda net: False)
    monkeypatch.setattr(permutation, "DRAWS", 60)
    drawn = ranking_method("permutation").attribute(pair).columns["lab"]
    scale = np.abs(closed).mean((0, 1)) + 1e-3
    assert (np.abs(drawn - closed).mean((0, 1)) / scale).max() < 0.25


def test_a_net_with_interactions_gets_the_same_each_time(shaken):
    first, second = (ranking_method("permutation").attribute(shaken).columns for _ in range(2))
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
        assert not first[name][:, ~shaken.views.has[name]].any()  # nothing is said of the absent


def test_residuals_of_independent_columns_are_the_columns():
    source = np.random.default_rng(0)
    values = source.normal(size=(400, 6))
    left = residuals(values, np.ones(values.shape, dtype=bool))
    np.testing.assert_allclose(left, values - values.mean(0), atol=1e-12)


def test_residuals_look_only_at_those_who_have_the_column():
    source = np.random.default_rng(1)
    values = source.normal(size=(90, 2))
    values[:, 1] += 2 * values[:, 0]
    has = np.ones(values.shape, dtype=bool)
    has[60:, 1] = False
    shown = np.where(has, values, 0.0)
    left = residuals(shown, has)
    alone = residuals(values[:60], has[:60])
    np.testing.assert_allclose(left[:60, 1], alone[:, 1], atol=1e-12)
    assert not left[60:, 1].any()
