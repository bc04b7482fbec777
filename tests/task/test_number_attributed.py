"""How the attributions of a number are weighed and told."""

from __future__ import annotations

import numpy as np
import pytest

from graphfuse.task.number import Number

TASK = Number(location=40.0, scale=8.0)


@pytest.fixture
def predictor() -> np.ndarray:
    return np.random.default_rng(0).normal(0.3, 0.5, size=(50, 1))


def test_patients_count_by_how_far_they_are_from_the_mean_prediction(predictor):
    weight = TASK.patient_weights(predictor, 0.7)
    assert np.abs(weight).sum() == pytest.approx(1) and abs(weight.sum()) < 1e-12
    assert (np.sign(weight) == np.sign(predictor - predictor.mean())).all()
    np.testing.assert_allclose(TASK.patient_weights(3 * predictor - 5, 0.7), weight, atol=1e-12)


@pytest.mark.parametrize("predictor", [np.full((4, 1), 0.1 + 0.2), np.zeros((1, 1))])
def test_where_all_predictions_are_alike_all_patients_count_alike(predictor):
    np.testing.assert_allclose(TASK.patient_weights(predictor, 1.0), 1 / len(predictor))


def test_what_a_column_adds_is_how_far_it_moves_predictions_apart():
    """Of a linear model z = x b, the mean is b cov(x, z) over the mean distance: it does not
    depend on where x happens to lie, and columns without a part in z have none."""
    rng = np.random.default_rng(1)
    x, b = rng.normal(3, 1, size=(400, 3)), np.array([1.0, -0.5, 0.0])
    z = (x @ b)[:, None]
    means = TASK.patient_weights(z, 1.0)[:, 0] @ (x * b)
    spread = np.abs(z - z.mean()).mean()
    expected = [b[k] * np.cov(x[:, k], z[:, 0], bias=True)[0, 1] / spread for k in range(3)]
    np.testing.assert_allclose(means, expected, atol=1e-12)
    assert means[0] > means[1] > 0 == means[2]
    assert means.sum() == pytest.approx(z.var() / spread)


def test_there_is_one_direction_and_it_has_no_table_of_its_own(predictor):
    assert TASK.directions == ("value",) and TASK.ranked_apart == () and TASK.sign_of is None
    assert (TASK.contrast(predictor) == predictor).all()
    assert TASK.direction_called(TASK.output(predictor)).tolist() == [0] * 50
    assert "class" not in " ".join(TASK.attribution_words) and "logit" not in " ".join(
        TASK.attribution_words
    )
