"""One patient's model, LIME and counterfactuals: closed forms of a linear model, and what a net
says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods.occlusion import Occlusion
from graphfuse.explain.patient.counterfactual import Counterfactuals, Range
from graphfuse.explain.patient.local_model import local_model
from graphfuse.explain.patient.patient_model import PatientModel
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe


def fitted(planted, network, epochs: int) -> Fitted:
    recipe = Recipe.model_validate(
        {
            "name": "quick",
            "patient": {"neighbours": 4},
            "net": {"encode": {"default": "table", "gene": "network"}, "width": 6},
            "train": {"epochs": epochs, "stop": "last", "seeds": 2, "learning_rate": 1e-2},
        }
    )
    return FusionModel(recipe, device="cpu", network=network).fit(planted.cohort).fitted_


@pytest.fixture(scope="module")
def linear(small, network) -> Fitted:
    return fitted(small, network, 0)


@pytest.fixture(scope="module")
def curved(small, network) -> Fitted:
    found = fitted(small, network, 3)
    generator = torch.Generator().manual_seed(1)
    for net in found.nets:
        for parameter in net.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data = parameter.data + 0.3 * noise.to(parameter.dtype)
    return found


def patient(model: Fitted, planted, row: int) -> PatientModel:
    return PatientModel(model, planted.cohort.take([row]))


def everywhere(model: PatientModel, far: float = 100.0) -> Range:
    count = len(model.values)
    return Range(np.full(count, -far), np.full(count, far), np.ones(count, dtype=bool))


@pytest.mark.parametrize("row", range(4))
def test_profiles_are_predicted_as_the_model_predicts_the_patient(small, curved, row):
    model = patient(curved, small, row)
    several = np.stack([model.values, np.zeros_like(model.values), model.values])
    said = model.at(several)
    views = curved.preparation.views(small.cohort.take([row]))
    np.testing.assert_allclose(
        said.output[[0, 2]], np.repeat(curved.output(views), 2, 0), atol=1e-9
    )
    net = FoldNet(curved, 0, small.cohort.take([row]))
    mean = [net.logits({m: np.zeros_like(x) for m, x in net.columns.items()})]
    other = FoldNet(curved, 1, small.cohort.take([row]))
    mean.append(other.logits({m: np.zeros_like(x) for m, x in other.columns.items()}))
    np.testing.assert_allclose(said.logits[[1]], np.mean(mean, axis=0), atol=1e-9)


def test_the_gradient_is_the_slope(small, curved):
    model = patient(curved, small, 1)
    gradient, step = model.gradient(), 1e-5
    for place in (0, 17, len(model.values) - 1):
        moved = np.stack([model.values, model.values])
        moved[0, place] += step
        moved[1, place] -= step
        up, down = model.at(moved).logits
        np.testing.assert_allclose((up - down) / (2 * step), gradient[:, place], atol=1e-6)


def test_lime_of_a_linear_model_is_slope_times_value(small, linear):
    model = patient(linear, small, 2)
    features = model.inputs["feature"].head(30).tolist()
    found = local_model(model, features, 1)
    expected = model.gradient()[1, :30] * model.values[:30]
    np.testing.assert_allclose(found.coefficients, expected, atol=1e-3)
    assert found.fit > 0.9999


def test_lime_of_a_net_is_near_what_it_loses_without_each_column(small, curved):
    model = patient(curved, small, 1)
    nets = [FoldNet(curved, number, small.cohort.take([1])) for number in range(2)]
    falls = [Occlusion().attribute(net).columns["rna"][1, 0] for net in nets]
    features = [f for f in model.inputs["feature"] if f.startswith("rna:")]
    found = local_model(model, features, 1)
    assert np.corrcoef(found.coefficients, np.mean(falls, axis=0))[0, 1] > 0.7
    assert 0.2 < found.fit < 0.9999


def test_the_smallest_move_of_a_linear_model_is_its_distance_from_the_border(small, linear):
    """|margin| / |slope|, against the slope."""
    for row in range(5):
        model = patient(linear, small, row)
        said = model.at(model.values[None])
        call = int(said.output[0].argmax())
        gradient = model.gradient()
        slope = gradient[call] - gradient[1 - call]
        margin = said.logits[0, call] - said.logits[0, 1 - call]
        move = Counterfactuals(model, slope, everywhere(model)).smallest()
        assert move.length == pytest.approx(margin / np.linalg.norm(slope), rel=1e-3)
        assert move.total == pytest.approx(np.abs(move.profile - model.values).sum())
        assert move.total > 2 * move.length, "a sum is no root of a sum of squares"
        assert move.call == 1 - call and move.output.argmax() == 1 - call
        np.testing.assert_allclose(move.output, 0.5, atol=1e-3)


def test_the_fewest_columns_are_those_that_can_do_most(small, linear):
    model = patient(linear, small, 0)
    said = model.at(model.values[None])
    call = int(said.output[0].argmax())
    gradient = model.gradient()
    slope = gradient[call] - gradient[1 - call]
    margin = float(said.logits[0, call] - said.logits[0, 1 - call])
    within = everywhere(model, 2.5)
    room = np.where(slope > 0, model.values + 2.5, 2.5 - model.values).clip(min=0)
    gains = np.sort(np.abs(slope) * room)[::-1]
    expected = int(np.searchsorted(np.cumsum(gains), margin)) + 1
    move = Counterfactuals(model, slope, within).fewest()
    assert len(move.inputs) == expected
    assert (
        np.abs(move.profile[move.inputs])
        <= np.maximum(2.5, np.abs(model.values[move.inputs])) + 1e-9
    ).all()


def test_no_column_leaves_its_range_and_none_flips_where_there_is_no_room(small, linear):
    model = patient(linear, small, 0)
    gradient = model.gradient()
    call = int(model.at(model.values[None]).output[0].argmax())
    slope = gradient[call] - gradient[1 - call]
    count = len(model.values)
    tight = Range(model.values - 1e-4, model.values + 1e-4, np.ones(count, dtype=bool))
    found = Counterfactuals(model, slope, tight)
    assert found.smallest() is None and found.fewest() is None
    nothing = Range(np.full(count, -9.0), np.full(count, 9.0), np.zeros(count, dtype=bool))
    assert Counterfactuals(model, slope, nothing).smallest() is None


def test_a_move_of_a_net_flips_the_call_and_less_of_it_does_not(small, curved):
    for row in range(4):
        model = patient(curved, small, row)
        said = model.at(model.values[None])
        call = int(said.output[0].argmax())
        gradient = model.gradient()
        slope = gradient[call] - gradient[1 - call]
        move = Counterfactuals(model, slope, everywhere(model, 4.0)).smallest()
        if move is None:
            continue
        less = model.values + 0.98 * (move.profile - model.values)
        calls = model.at(np.stack([move.profile, less])).output.argmax(1)
        assert calls.tolist() == [1 - call, call]


def test_a_column_outside_the_training_values_moves_back_and_never_farther_out(small, linear):
    model = patient(linear, small, 0)
    x = model.values
    gradient = model.gradient()
    call = int(model.at(x[None]).output[0].argmax())
    slope = gradient[call] - gradient[1 - call]
    near = np.ones(len(x), dtype=bool)
    assert Counterfactuals(model, slope, Range(x - 9, x + 9, near)).outside() == 0
    found = Counterfactuals(model, slope, Range(np.full(len(x), -9.0), x - 0.1, near))
    assert found.outside() == len(x)
    move = found.fewest()
    assert (move.profile <= x).all() and (slope[move.inputs] > 0).all()
