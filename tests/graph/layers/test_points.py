"""Spaces of patients: components against scikit-learn, unit rows, equal variance."""

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD

from graphfuse.graph.layers.points import LATENT, Space, normalised, principal_components


def made(rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, 5)) @ rng.normal(size=(5, columns)) + rng.normal(
        size=(rows, columns)
    )


@pytest.mark.parametrize("shape", [(200, 60), (50, 90), (60, 60)])
def test_latent_space_is_the_leading_singular_subspace(shape):
    values = made(*shape)
    found = principal_components(values, LATENT)
    reference = TruncatedSVD(LATENT, algorithm="arpack", random_state=0).fit(values).components_.T
    assert found.shape == (shape[1], LATENT)
    np.testing.assert_allclose(found.T @ found, np.eye(LATENT), atol=1e-9)
    np.testing.assert_allclose(found @ found.T, reference @ reference.T, atol=1e-6)
    strength = np.linalg.norm(values @ found, axis=0)
    np.testing.assert_allclose(
        strength, np.linalg.svd(values, compute_uv=False)[:LATENT], rtol=1e-8
    )


@pytest.mark.parametrize("shape", [(0, 50), (20, 50), (60, 3)])
def test_components_of_nobody_or_of_nothing_are_one_column_of_zeros(shape):
    found = principal_components(np.zeros(shape), 10)
    assert found.shape == (shape[1], 1) and not found.any()


def test_rank_deficient_tables_have_fewer_components():
    values = np.repeat(np.random.default_rng(0).normal(size=(4, 100)), 10, axis=0)
    found = principal_components(values, LATENT)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(values @ found @ found.T, values, atol=1e-8)


@pytest.mark.parametrize("similarity", ["cosine", "correlation"])
def test_unit_rows_have_that_similarity_as_their_dot_product(similarity):
    values = made(20, 8)
    points = normalised(values, similarity)
    centred = values - values.mean(1, keepdims=True) if similarity == "correlation" else values
    for i, j in ((0, 1), (3, 17), (5, 5)):
        expected = (
            centred[i] @ centred[j] / np.sqrt((centred[i] @ centred[i]) * (centred[j] @ centred[j]))
        )
        assert points[i] @ points[j] == pytest.approx(expected, abs=1e-12)


def test_a_row_of_one_value_correlates_with_nobody():
    """0.1 × 60 less its mean leaves 1e-17s, which are no direction."""
    values = np.vstack(
        [np.full((1, 60), 0.1), np.full((1, 60), 0.3), np.zeros((1, 60)), made(1, 60)]
    )
    points = normalised(values, "correlation")
    assert not points[:3].any() and np.linalg.norm(points[3]) == pytest.approx(1)
    assert not normalised(values, "cosine")[2].any()


@pytest.mark.parametrize("space", ["raw", "latent"])
def test_joined_modalities_have_the_same_total_variance(space):
    present = np.arange(80) % 7 != 0
    for columns, size in ((5, 1.0), (200, 30.0)):
        values = made(80, columns) * size
        fitted = Space.fit(values, present, "cosine", space, joined=True)
        assert fitted.place(values[present]).var(axis=0).sum() == pytest.approx(1)
    flat = Space.fit(np.ones((80, 4)), present, "cosine", space, joined=True)
    assert not flat.place(np.ones((3, 4))).any()  # nothing to scale: it adds nothing


def test_gower_divides_by_the_range_of_training_patients():
    values = np.array([[0.0, 5.0, 2.0], [4.0, 5.0, 3.0], [100.0, -7.0, 9.0]])
    fitted = Space.fit(values, np.array([True, True, False]), "gower", "latent")
    np.testing.assert_allclose(fitted.place(values), [[0, 0, 2], [1, 0, 3], [25, 0, 9]])
