"""Attributions over folds: signs first, absolute values after, each patient by unseeing models."""

from __future__ import annotations

import numpy as np
import pytest

from graphfuse.explain.attributions_over_folds import (
    AttributionsOverFolds,
    FoldColumns,
    slope_noise,
)
from graphfuse.explain.model_inputs import grouping

N, G, K = 60, 5, 2


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(N, G))


def linear(values: np.ndarray, slope: np.ndarray) -> FoldColumns:
    """A linear fold's attributions: slopes `[K, G]` times values."""
    return FoldColumns(values, values * slope[:, None], None)


def over(folds, items=None) -> AttributionsOverFolds:
    """Folds with their test patients' rows, added."""
    added = AttributionsOverFolds(N, items or {"inputs": grouping(np.arange(G), G)})
    for fold, rows in folds:
        added.add(fold, rows)
    return added


def halves(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> list:
    """Two linear folds of half of the patients each."""
    rows = np.array_split(np.arange(N), 2)
    return [(linear(values[r], s), r) for r, s in zip(rows, (first, second), strict=True)]


def test_slopes_of_linear_folds_are_averaged_with_their_signs(values):
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, K, G))
    second[:, 2] = -first[:, 2]  # learned by chance: the next fold says the opposite
    scores = over(halves(values, first, second)).scores()["inputs"]
    size = np.abs(values).mean(0)
    np.testing.assert_allclose(scores.mean, np.abs(first + second) / 2 * size, atol=1e-12)
    assert scores.mean[:, 2] == pytest.approx(0) and scores.by_fold[:, :, 2].min() > 0
    first_size = np.abs(values[: N // 2]).mean(0)
    np.testing.assert_allclose(scores.by_fold[0], np.abs(first) * first_size, atol=1e-12)


def test_an_items_attribution_is_the_sum_over_its_inputs_in_each_patient(values):
    slope = np.random.default_rng(2).normal(size=(K, G))
    items = {"genes": grouping(np.array([0, 0, 1, -1, 1]), 2)}
    scores = over(halves(values, slope, slope), items).scores()["genes"]
    for gene, inputs in enumerate(([0, 1], [2, 4])):
        summed = values[:, inputs] @ slope[:, inputs].T  # [N, K]
        np.testing.assert_allclose(scores.mean[:, gene], np.abs(summed).mean(0), atol=1e-6)


def test_an_input_that_some_models_lack_counts_as_0_in_their_patients(values):
    slope = np.ones((K, G))
    folds = halves(values, slope, slope)
    lacking = values[N // 2 :].copy()
    lacking[:, 1] = 0
    folds[1] = (linear(lacking, slope), folds[1][1])
    scores = over(folds).scores()["inputs"]
    size = np.abs(values).mean(0)
    size[1] = np.abs(values[: N // 2, 1]).sum() / N
    np.testing.assert_allclose(scores.mean, np.stack([size] * K), atol=1e-12)


def test_what_is_not_linear_stays_the_patients_own_and_is_averaged_over_repeats(values):
    """An interaction has no slope: its attribution is kept, and cancels where repeats disagree."""
    partner = np.sign(values[:, [1]])
    together = np.zeros((K, N, G))
    together[:, :, 0] = values[:, 0] * partner[:, 0]
    rows = np.arange(N)
    fold = FoldColumns(values, together, None)
    alike = over([(fold, rows), (fold, rows)]).scores()["inputs"].mean
    np.testing.assert_allclose(alike[:, 0], np.abs(values[:, 0]).mean(), rtol=1e-5)
    opposite = FoldColumns(values, -together, None)
    assert over([(fold, rows), (opposite, rows)]).scores()["inputs"].mean.max() < 1e-6


def test_patients_who_were_never_tested_do_not_count(values):
    slope = np.random.default_rng(3).normal(size=(K, G))
    rows = np.arange(10)
    scores = over([(linear(values[rows], slope), rows)]).scores()["inputs"]
    np.testing.assert_allclose(scores.mean, np.abs(slope) * np.abs(values[rows]).mean(0))


def test_seeds_are_averaged_with_their_signs(values):
    slope = np.random.default_rng(4).normal(size=(K, G))
    mean = FoldColumns.mean([linear(values, slope), linear(values, -slope)])
    assert np.abs(mean.attributions).max() == 0 and mean.through_network is None


def test_noise_is_the_variance_between_folds():
    rng = np.random.default_rng(5)
    truth = np.r_[np.full(100, 3.0), np.zeros(100)]
    drawn = truth + 0.5 * rng.normal(size=(8, 1, 200))
    assert slope_noise(drawn) == pytest.approx(0.25, rel=0.15)
    assert slope_noise(7 * drawn) == pytest.approx(49 * slope_noise(drawn))


def test_a_modality_that_one_model_of_five_uses_is_not_free_of_noise():
    """Its mean slopes are at most 1/sqrt(5) of its unit on average, however many inputs it has."""
    slopes = np.zeros((5, 1, 2000))
    slopes[2] = np.random.default_rng(8).normal(size=2000)
    in_units = slopes.mean(0) / np.sqrt(slope_noise(slopes))
    assert np.sqrt((in_units**2).mean()) == pytest.approx(5**-0.5)


def test_noise_of_one_input_is_its_variance_and_of_one_fold_unknown():
    slopes = np.random.default_rng(6).normal(size=(5, 1, 1))
    assert slope_noise(slopes) == pytest.approx(slopes.var(ddof=1))
    assert slope_noise(slopes[:1]) == 1 == slope_noise(np.zeros((3, 2, 4)))
    assert slope_noise(np.ones((3, 1, 4))) == pytest.approx(1e-6)


def test_units_do_not_depend_on_how_much_models_shrink_a_modality(values):
    rng = np.random.default_rng(7)
    group = np.array([0, 0, 0, 1, 1])
    by_fold = rng.normal(size=(2, K, G)) + 2
    shrunk = by_fold * np.where(group == 1, 0.01, 1.0)
    scores = []
    for slopes in (by_fold, shrunk):
        added = over(halves(values, *slopes))
        unit = np.sqrt(added.noise(group))
        scores.append(added.scores()["inputs"].in_units(unit).mean)
    np.testing.assert_allclose(*scores)
