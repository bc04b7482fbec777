"""Classes: who may train, and what is said where there are too few."""

import numpy as np
import pytest
import torch

from graphfuse.errors import InputError
from graphfuse.task.classes import Classes
from graphfuse.task.outcome import Target

NAMES = ("Basal", "Her2", "Claudin")
CODES = np.repeat([0, 1, 2, -1], [30, 20, 7, 3])


def target(codes) -> Target:
    return Target(codes, codes >= 0)


@pytest.mark.parametrize(
    ("codes", "folds", "said"),
    [
        (CODES, 8, "8 folds: every class needs at least 8 labelled patients; Claudin has 7. Take"),
        (np.zeros(20, int), 5, "at least 2 classes; all are Basal"),
        (np.full(20, -1), 5, "at least 2 classes; nobody has a label"),
        (np.repeat([0, 2], 10), 11, "at least 11 labelled patients; Basal has 10, Claudin has 10"),
    ],
)
def test_too_few_for_the_folds(codes, folds, said):
    with pytest.raises(InputError, match=said) as caught:
        Classes(NAMES).require(target(codes), folds, f"--cv: {folds} folds")
    assert "Her2 has" not in str(caught.value)


def test_a_class_without_any_patient_is_no_obstacle():
    Classes(NAMES).require(target(np.repeat([0, 2], 10)), 5, "--cv: 5 folds")


def test_one_class_teaches_nothing_and_untrained_classes_are_named():
    task = Classes(NAMES)
    assert "one class only" in task.lacks_spread(target(np.array([1, 1, -1])))
    assert task.lacks_spread(target(np.array([1, 0, -1]))) == ""
    assert task.untrained(target(np.array([0, 1])), target(np.array([2, 1]))) == ["Claudin"]


@pytest.fixture
def learned():
    """A task, a target with some unknown, and linear predictors `[n, K]`."""
    rng = np.random.default_rng(5)
    codes = rng.integers(-1, 3, 40)
    return Classes(NAMES), target(codes), 2 * rng.normal(size=(40, 3))


def test_the_gradient_is_that_of_the_loss(learned):
    task, known, predictor = learned
    coded = task.coded(known)
    _, gradient = task.loss(predictor, coded)
    step = 1e-6
    for row, k in ((0, 0), (7, 2), (39, 1)):
        more, less = predictor.copy(), predictor.copy()
        more[row, k] += step
        less[row, k] -= step
        slope = (task.loss(more, coded)[0] - task.loss(less, coded)[0]) / (2 * step)
        assert slope == pytest.approx(gradient[row, k] * coded[row].sum(), abs=1e-7)
    known_rows = known.known
    residual = task.residual(predictor.T[:, None].copy(), coded.T[:, None])[:, 0].T
    np.testing.assert_allclose(residual[known_rows], gradient[known_rows], atol=1e-14)


def test_linear_models_and_nets_learn_by_one_loss(learned):
    task, known, predictor = learned
    tensors = Target(torch.from_numpy(known.values), torch.from_numpy(known.known))
    each = task.net_loss(torch.from_numpy(predictor), tensors)
    assert torch.isfinite(each).all() and each.shape == (40,)
    mean = task.mean_loss(predictor[None], known)
    assert each[tensors.known].mean().item() == pytest.approx(mean.item(), rel=1e-12)
    total, _ = task.loss(predictor, task.coded(known))
    assert total == pytest.approx(mean.item() * known.known.sum(), rel=1e-12)


def test_calibrated_losses_are_those_of_divided_logits_under_vmap_too(learned):
    task, known, predictor = learned
    tensors = Target(torch.from_numpy(known.values), torch.from_numpy(known.known))
    given, by = torch.from_numpy(predictor), torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    found = task.calibrated_loss(given, tensors, by)
    for c, divisor in enumerate(by):
        torch.testing.assert_close(found[c], task.net_loss(given / divisor, tensors))
    several = torch.stack([given, given + 1])
    together = torch.func.vmap(lambda each: task.net_loss(each, tensors))(several)
    torch.testing.assert_close(together[1], task.net_loss(given + 1, tensors))
    assert task.calibrations[len(task.calibrations) // 2] == 1


def test_outputs_are_probabilities_and_nothing_known_gives_the_shares(learned):
    task, known, predictor = learned
    np.testing.assert_allclose(task.output(predictor).sum(1), 1)
    np.testing.assert_allclose(task.output(predictor, 1e6), 1 / 3, atol=1e-4)
    counts = np.bincount(known.values[known.known])
    np.testing.assert_allclose(task.null_output(known), counts / counts.sum())


def test_a_contrast_is_linear_and_the_same_of_arrays_and_tensors(learned):
    task, _, predictor = learned
    found = task.contrast(predictor)
    np.testing.assert_allclose(found, predictor - predictor.mean(1)[:, None])
    np.testing.assert_array_equal(task.contrast(torch.from_numpy(predictor)).numpy(), found)
    np.testing.assert_allclose(task.contrast(3 * predictor + 5), 3 * found, atol=1e-12)
    stacked = task.contrast(np.stack([predictor, 2 * predictor]))
    np.testing.assert_allclose(stacked, np.stack([found, 2 * found]), atol=1e-12)


def test_each_class_is_a_direction_and_of_two_the_second_gives_the_sign(learned):
    task, _, predictor = learned
    output = task.output(predictor)
    assert task.ranked_apart == task.directions == task.names
    assert (task.direction_called(output) == output.argmax(1)).all()
    assert task.sign_of is None and Classes(("case", "control")).sign_of == 1
