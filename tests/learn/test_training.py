"""Both passes: settings chosen on inner folds, chunks that change nothing, training to the last
epoch."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import log_loss

from graphfuse.learn import fold_data
from graphfuse.learn.bank.fold_nets import initial_net
from graphfuse.learn.bank.training import Trained, first_pass, second_pass, train
from graphfuse.learn.bank.validated_choice import Choice, calibration
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.schema import Recipe
from graphfuse.task.classes import Classes

CLOSE = 1e-9
TEMPERATURES = Classes.calibrations


def recipe_of(**train) -> Recipe:
    options = {"epochs": 12, "seeds": 2, "learning_rate": 1e-2}
    return Recipe.model_validate(
        {
            "name": "quick",
            "patient": {"neighbours": 4},
            "net": {"width": 6, "fuse": "gated"},
            "train": options | train,
        }
    )


@pytest.fixture(scope="module")
def folds(small) -> list[fold_data.FoldData]:
    found = []
    for rows in (np.arange(70), np.arange(15, 80), np.arange(5, 75)):
        cohort = small.cohort.take(rows)
        cross = PreparedFold.fit(cohort, cohort.outcome(), recipe_of(), None, 0)
        found.append(fold_data.fold_data(cross, tuple(cohort.modalities), recipe_of()))
    return found


def trained(folds, **options) -> list[Trained]:
    return train(folds, recipe_of(**options), 0, "cpu", torch.float64)


def gap(one: Trained, other: Trained) -> float:
    assert len(one.nets) == len(other.nets)
    pairs = zip(one.nets, other.nets, strict=True)
    return max(
        (v - b.state_dict()[n]).abs().max().item()
        for a, b in pairs
        for n, v in a.state_dict().items()
    )


# ------------------------------------------------------------------------------------------- choice


def test_the_lowest_point_of_all_settings_is_chosen():
    curves = torch.tensor([[0.9, 0.9, 0.9], [0.5, 0.8, 0.7], [0.6, 0.3, torch.inf]])
    choice = Choice.lowest(curves)
    assert (choice.setting, choice.epochs, choice.loss) == (1, 2, pytest.approx(0.3))
    assert choice.curve == [0.9, 0.8, 0.3]


def test_ties_go_to_the_first_setting_and_its_first_epoch():
    assert (Choice.lowest(torch.tensor([[0.5, 0.5], [0.49999, 0.49998], [0.9, 0.4]])).setting) == 1
    tied = Choice.lowest(torch.tensor([[0.5, 0.5], [0.49999, 0.49997], [0.9, 0.8]]))
    assert (tied.setting, tied.epochs) == (0, 0)  # they differ by less than 1e-4


def test_settings_that_diverge_are_not_chosen():
    choice = Choice.lowest(torch.tensor([[0.5, 0.5], [torch.inf, 0.45]]))
    assert (choice.setting, choice.epochs) == (1, 1)


@pytest.mark.parametrize("over", [0.6, 1.0, 1.7])
def test_the_temperature_undoes_overconfidence(over):
    """Labels drawn from softmax(z), logits given as over · z."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4000, 3)) * 2
    codes = (softmax(z, 1).cumsum(1) < rng.random((4000, 1))).sum(1)
    losses = [log_loss(codes, softmax(over * z / t, 1), labels=[0, 1, 2]) for t in TEMPERATURES]
    found = calibration(np.array(losses), np.array(4000), TEMPERATURES)
    assert found == pytest.approx(over, rel=0.1)


def test_a_few_patients_hardly_move_the_temperature():
    losses = np.where(np.asarray(TEMPERATURES) == 2, 0.50, 0.52)
    assert calibration(losses, np.array(10), TEMPERATURES) == 1
    assert calibration(losses, np.array(1000), TEMPERATURES) == 2


# ------------------------------------------------------------------------------- a grid as replicas


def test_a_grid_chooses_what_its_settings_alone_would(folds):
    rates, decays = [1e-4, 3e-2, 1e-2], [0.0, 0.1]
    found = trained(folds, learning_rate=rates, weight_decay=decays)
    grid = [(rate, decay) for rate in rates for decay in decays]
    alone = [trained(folds, learning_rate=rate, weight_decay=decay) for rate, decay in grid]
    for f, each in enumerate(found):
        losses = [np.round(min(runs[f].curve), 4) for runs in alone]
        best = int(np.argmin(losses))
        assert each.setting == dict(zip(("learning_rate", "weight_decay"), grid[best], strict=True))
        assert (each.epochs, each.curve) == (alone[best][f].epochs, alone[best][f].curve)
        assert gap(each, alone[best][f]) <= CLOSE


def test_folds_may_choose_differently_and_say_what(folds):
    choices = first_pass(
        folds, recipe_of(learning_rate=[1e-3, 1e-2, 1e-1], epochs=20).train, 0, "cpu", torch.float64
    )
    assert all(len(choice.curve) > choice.epochs for choice in choices)
    assert any(choice.epochs for choice in choices)


def test_a_model_says_which_setting_it_chose_and_saves_it(small, tmp_path):
    recipe = recipe_of(learning_rate=[1e-3, 3e-2], epochs=15)
    model = FusionModel(recipe, device="cpu").fit(small.cohort)
    assert set(model.setting_) == {"learning_rate", "weight_decay"} and model.setting_[
        "learning_rate"
    ] in (1e-3, 3e-2)
    model.save(tmp_path)
    assert FusionModel.load(tmp_path).setting_ == model.setting_


# --------------------------------------------------------------------------------------- last epoch


def test_to_the_last_epoch_everybody_trains_and_nobody_is_held_out(folds):
    found = trained(folds, stop="last", epochs=5)
    assert [each.epochs for each in found] == [5, 5, 5] and not any(each.curve for each in found)
    other = [
        fold_data.FoldData(**{**vars(fold), "inner": np.roll(fold.inner, 1)}) for fold in folds
    ]
    assert all(
        gap(a, b) == 0 for a, b in zip(found, trained(other, stop="last", epochs=5), strict=True)
    )
    assert gap(found[0], trained(folds[:1], stop="last", epochs=5)[0]) <= CLOSE


def test_nothing_learned_is_the_start_and_one_net(folds):
    for stop in ("inner", "last"):
        found = trained(folds, stop=stop, epochs=0)[0]
        start = initial_net(folds[0], 0)
        assert found.epochs == 0 and len(found.nets) == 1
        assert torch.equal(found.nets[0].patient_gate.float(), start.patient_gate)


def test_a_fold_s_digits_do_not_depend_on_what_another_chose(folds):
    """To the last bit in float32, where sums over more folds may round otherwise."""
    section = recipe_of(epochs=9).train
    alike, apart = [Choice(0, 6, [])] * 3, [Choice(0, 6, []), Choice(0, 0, []), Choice(0, 9, [])]
    one, other = (second_pass(folds, choices, section, 0, "cpu") for choices in (alike, apart))
    assert gap(one[0], other[0]) == 0 and [each.epochs for each in other] == [6, 0, 9]
    assert len(other[1].nets) == 1 and gap(one[2], other[2]) > 0


# ------------------------------------------------------------------------------------------- chunks


IN_CHUNKS = {"learning_rate": [1e-2, 3e-2, 1e-3], "modality_dropout": 0.2, "epochs": 6}


@pytest.fixture(scope="module")
def whole(folds):
    return trained(folds, **IN_CHUNKS)


@pytest.mark.parametrize("memory_gb", [1e-9, 5e-4, 2e-3])
def test_chunks_change_nothing(folds, whole, memory_gb, caplog):
    caplog.set_level(logging.INFO)
    parts = trained(folds, memory_gb=memory_gb, **IN_CHUNKS)
    assert "banks" in caplog.text
    for a, b in zip(whole, parts, strict=True):
        assert (a.epochs, a.setting) == (b.epochs, b.setting)
        assert np.allclose(a.curve, b.curve, atol=1e-6)  # as rounded
        assert gap(a, b) <= CLOSE
