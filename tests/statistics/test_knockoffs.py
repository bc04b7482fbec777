"""Gaussian knockoffs: second moments, exchangeability, and Ledoit-Wolf from the smaller side."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf_shrinkage

from graphfuse.statistics.knockoffs import GaussianKnockoffs, ledoit_wolf


def correlated(rows, columns, rng, correlation=0.5, block=10):
    """Blocks of columns that are correlated like a chain: r, r², r³ and so on."""
    noise = rng.normal(size=(rows, columns))
    table = noise.copy()
    for column in range(columns):
        if column % block:
            fresh = np.sqrt(1 - correlation**2) * noise[:, column]
            table[:, column] = correlation * table[:, column - 1] + fresh
    return table


@pytest.mark.parametrize("shape", [(30, 200), (200, 30), (50, 50), (12, 3)])
def test_ledoit_wolf_is_that_of_scikit_learn(shape):
    table = correlated(*shape, np.random.default_rng(0), block=5)
    table = (table - table.mean(0)) * np.linspace(0.5, 3, shape[1])
    shrinkage, average = ledoit_wolf(table)
    assert shrinkage == pytest.approx(ledoit_wolf_shrinkage(table, assume_centered=True), rel=1e-10)
    assert average == pytest.approx(table.var(0).mean())


@pytest.mark.parametrize("shape", [(20, 60), (200, 12)], ids=["wide", "long"])
def test_the_distribution_is_that_of_the_formula(shape):
    """Against matrices written out: mean X - X Σ⁻¹ s and covariance 2 s I - s² Σ⁻¹."""
    rng = np.random.default_rng(1)
    table = correlated(*shape, rng) * 3 + 1
    sampler = GaussianKnockoffs.fit(table)
    standard = (table - table.mean(0)) / table.std(0)
    shrinkage = ledoit_wolf_shrinkage(standard, assume_centered=True)
    sample = standard.T @ standard / len(table)
    sigma = (1 - shrinkage) * sample + shrinkage * np.eye(shape[1])
    smallest = np.linalg.eigvalsh(sigma)[0]
    s = sampler.distance
    assert s == pytest.approx(min(1, 2 * smallest), rel=1e-5)
    inverse = np.linalg.inv(sigma)
    mean = standard - s * standard @ inverse
    covariance = 2 * s * np.eye(shape[1]) - s**2 * inverse
    draws = np.stack([sampler.sample(table[:2], rng) for _ in range(4000)])
    draws = (draws - table.mean(0)) / table.std(0)
    assert draws.mean(0) == pytest.approx(mean[:2], abs=0.1)
    for row in (0, 1):
        found = np.cov(draws[:, row], rowvar=False, bias=True)
        assert np.abs(found - covariance).max() < 0.12 * covariance.max()


def test_columns_and_knockoffs_may_be_exchanged_in_second_moments():
    """In fresh rows of the same distribution, with many rows to estimate it from: cov(X̃) = cov(X),
    and cov(X, X̃) differs from it on the diagonal alone, by s."""
    rng = np.random.default_rng(2)
    sampler = GaussianKnockoffs.fit(correlated(20_000, 12, rng, 0.6, 4))
    fresh = correlated(40_000, 12, rng, 0.6, 4)
    made = sampler.sample(fresh, rng)
    both = np.corrcoef(np.hstack([fresh, made]), rowvar=False)
    real, knock, across = both[:12, :12], both[12:, 12:], both[:12, 12:]
    assert np.abs(knock - real).max() < 0.03
    difference = real - across
    assert np.diag(difference) == pytest.approx(np.full(12, sampler.distance), abs=0.03)
    assert np.abs(difference - np.diag(np.diag(difference))).max() < 0.03


def test_the_same_generator_gives_the_same_knockoffs_and_no_row_depends_on_others():
    rng = np.random.default_rng(3)
    table = correlated(40, 100, rng)
    sampler = GaussianKnockoffs.fit(table)
    one, other = (sampler.sample(table, np.random.default_rng(0)) for _ in range(2))
    assert (one == other).all()
    changed = table.copy()
    changed[5:] = 9.0
    again = sampler.sample(changed, np.random.default_rng(0))
    assert np.allclose(one[:5], again[:5])


def test_a_constant_column_is_its_own_knockoff_and_changes_no_other():
    table = correlated(50, 8, np.random.default_rng(4))
    table[:, 7] = 7.0
    made = GaussianKnockoffs.fit(table).sample(table, np.random.default_rng(0))
    assert (made[:, 7] == 7).all()
    without = GaussianKnockoffs.fit(table[:, :7]).sample(table[:, :7], np.random.default_rng(0))
    assert made[:, :7] == pytest.approx(without)
    with pytest.raises(ValueError, match="all columns are constant"):
        GaussianKnockoffs.fit(np.ones((5, 2)))


@pytest.mark.parametrize("bad", [np.full((3, 2), np.nan), np.ones(4), np.ones((1, 3))])
def test_what_is_no_table_of_numbers_is_refused(bad):
    with pytest.raises(ValueError, match="expected finite numbers"):
        GaussianKnockoffs.fit(bad)


def test_another_number_of_columns_is_refused():
    sampler = GaussianKnockoffs.fit(np.random.default_rng(0).normal(size=(20, 4)))
    with pytest.raises(ValueError, match=r"expected 4 columns \(got 3\)"):
        sampler.sample(np.ones((2, 3)), np.random.default_rng(0))
