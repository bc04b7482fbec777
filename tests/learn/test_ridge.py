"""The ladder's ridge regression against scikit-learn's, and its kernel form against explicit
columns."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as reference_loss

from graphfuse.learn.linear.ridge import (
    PENALTIES,
    coordinates,
    coordinates_of_columns,
)
from graphfuse.task.outcome import Target
from graphfuse.task.registry import kind_of
from tests.learn.ridge_path import fit_ridge
from tests.outcomes import learned

CS = (0.01, 0.3, 10.0, 1000.0)
TIGHT = {"tolerance": 1e-9, "steps": 40_000}


def made(patients=60, columns=25, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, patients)
    return rng.normal(size=(patients, columns)) + 0.8 * rng.normal(size=(classes, columns))[
        codes
    ], codes


def centred(logits):
    """Softmax does not see a shift of all logits."""
    return logits - logits.mean(-1, keepdims=True)


@pytest.mark.parametrize("columns", [25, 150])
def test_four_classes_are_those_of_scikit_learn(columns):
    x, codes = made(columns=columns)
    fresh, _ = made(20, columns, seed=1)
    path = fit_ridge(x @ x.T, *learned(codes, 4), CS, **TIGHT)
    size = np.sqrt((x**2).sum(1).mean())  # the kernel is scaled to a mean diagonal of 1
    for level, c in enumerate(CS):
        reference = LogisticRegression(C=c, tol=1e-10, max_iter=100_000).fit(x / size, codes)
        np.testing.assert_allclose(
            centred(path.logits(fresh @ x.T)[level]),
            centred(reference.decision_function(fresh / size)),
            atol=1e-3,
        )


def test_two_classes_are_those_of_scikit_learn():
    """Two rows of weights w, -w cost 2‖w‖², one row 2w costs 4‖w‖²: our C is half of the binary
    model's."""
    x, codes = made(classes=2)
    fresh, _ = made(20, seed=1)
    path = fit_ridge(x @ x.T, *learned(codes, 2), CS, **TIGHT)
    size = np.sqrt((x**2).sum(1).mean())
    for level, c in enumerate(CS):
        reference = LogisticRegression(C=2 * c, tol=1e-10, max_iter=100_000).fit(x / size, codes)
        logits = path.logits(fresh @ x.T)[level]
        np.testing.assert_allclose(
            logits[:, 1] - logits[:, 0], reference.decision_function(fresh / size), atol=1e-3
        )


def test_the_usual_tolerance_is_close_enough_to_the_optimum():
    x, codes = made(columns=80)
    usual, tight = (
        fit_ridge(x @ x.T, *learned(codes, 4), PENALTIES, **given) for given in ({}, TIGHT)
    )
    p = [
        np.exp(log) / np.exp(log).sum(-1, keepdims=True)
        for log in (usual.logits(x @ x.T), tight.logits(x @ x.T))
    ]
    assert np.abs(p[0] - p[1])[: PENALTIES.index(10.0)].max() < 0.01
    assert np.abs(p[0] - p[1]).max() < 0.03


def test_alpha_holds_the_weights_of_the_columns():
    """kernel(new, train) @ alpha = new @ W with W = Xᵀ alpha, and W is stationary: gradient of loss
    plus penalty is 0."""
    x, codes = made()
    path = fit_ridge(x @ x.T, *learned(codes, 4), (0.5,), **TIGHT)
    weights = x.T @ path.alpha[0]
    logits = x @ weights + path.intercept[0]
    np.testing.assert_allclose(path.logits(x @ x.T)[0], logits, rtol=1e-9, atol=1e-9)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    residual = p - np.eye(4)[codes]
    size = (x**2).sum(1).mean()
    np.testing.assert_allclose(
        x.T @ residual / np.sqrt(size) + np.sqrt(size) * weights / 0.5, 0, atol=1e-6
    )
    np.testing.assert_allclose(residual.sum(0), 0, atol=1e-6)  # the intercept is not penalised


def test_the_scale_of_the_columns_does_not_matter():
    x, codes = made()
    a, b = (
        fit_ridge(k * k * (x @ x.T), *learned(codes, 4), CS, **TIGHT).logits(k * k * (x @ x.T))
        for k in (1, 1000.0)
    )
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_unlabelled_patients_take_no_part():
    x, codes = made(70)
    some = np.where(np.arange(70) % 5 == 0, -1, codes)
    wild = x.copy()
    wild[some < 0] *= 50
    labelled = some >= 0
    expected = fit_ridge(x[labelled] @ x[labelled].T, *learned(some[labelled], 4), CS)
    for table in (x, wild):
        found = fit_ridge(table @ table.T, *learned(some, 4), CS)
        assert not found.alpha[:, ~labelled].any()
        np.testing.assert_allclose(found.alpha[:, labelled], expected.alpha, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.intercept, expected.intercept, rtol=1e-9, atol=1e-12)


def test_one_penalty_of_a_path():
    x, codes = made()
    path = fit_ridge(x @ x.T, *learned(codes, 4), CS)
    cut = path.at(2)
    assert cut.inverse_penalties == (10.0,)
    np.testing.assert_array_equal(cut.logits(x @ x.T)[0], path.logits(x @ x.T)[2])


def test_a_modality_without_values_predicts_the_shares():
    codes = np.array([0] * 6 + [1] * 3 + [2])
    path = fit_ridge(np.zeros((10, 10)), *learned(codes, 3), CS, **TIGHT)
    logits = path.logits(np.zeros((2, 10)))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(p, np.broadcast_to([0.6, 0.3, 0.1], p.shape), atol=1e-4)


@pytest.mark.parametrize("shape", [(20, 50), (50, 20)])
def test_coordinates_are_the_columns_turned(shape):
    x = np.random.default_rng(0).normal(size=shape)
    z, basis = coordinates(x @ x.T)
    np.testing.assert_allclose(z @ z.T, x @ x.T, atol=1e-9)
    np.testing.assert_allclose((x @ x.T) @ basis, z, atol=1e-9)
    turn = x.T @ basis
    np.testing.assert_allclose(turn.T @ turn, np.eye(20), atol=1e-8)
    np.testing.assert_allclose(x @ turn, z, atol=1e-9)


def test_log_loss_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    logits, codes = rng.normal(size=(3, 40, 4)), rng.integers(-1, 4, 40)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    known = codes >= 0
    expected = [reference_loss(codes[known], each[known], labels=range(4)) for each in p]
    target, task = learned(codes, 4)
    np.testing.assert_allclose(task.mean_loss(logits, target), expected, rtol=1e-10)


def test_coordinates_are_the_same_from_either_side_of_a_table():
    """A column that repeats others and one of zeros add no coordinate."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(60, 9)) @ np.diag(np.arange(1.0, 10))
    table = np.column_stack([table, table[:, 0] - table[:, 1], np.zeros(60)])
    placed, into = coordinates(table @ table.T)
    own, basis = coordinates_of_columns(table)
    assert own.shape == (60, 9)
    np.testing.assert_allclose(own, placed, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(basis, table.T @ into, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(basis.T @ basis, np.eye(9), atol=1e-12)


@pytest.mark.parametrize("shift", [0.0, 3.0], ids=["centred", "not centred"])
def test_the_path_of_a_number_is_that_of_its_equations(shift):
    """On columns that are not centred, the intercept lies across the kernel's coordinates."""
    rng, patients = np.random.default_rng(0), 70
    x = rng.normal(size=(patients, 200)) + shift * rng.normal(size=200)
    y = x[:, :5].sum(1) + rng.normal(size=patients)
    y = (y - y.mean()) / y.std()
    kernel = x @ x.T
    target = Target(y, np.ones(patients, bool))
    found = fit_ridge(kernel, target, kind_of("number").named(()))
    scaled, ones = kernel / (np.trace(kernel) / patients), np.ones((patients, 1))
    for level, penalty in enumerate(PENALTIES):
        equations = np.block(
            [[scaled + np.eye(patients) / penalty, ones], [ones.T, np.zeros((1, 1))]]
        )
        *alpha, intercept = np.linalg.solve(equations, np.r_[y, 0])
        expected = scaled @ np.array(alpha) + intercept
        assert found.logits(kernel)[level, :, 0] == pytest.approx(expected, abs=0.02)
