"""Which columns of a table have an effect on an outcome, given all others: q by knockoffs."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso

from graphfuse.statistics.knockoff_filter import knockoff_q
from graphfuse.statistics.knockoffs import GaussianKnockoffs

DRAWS = 10
# Share of √(2 log(2p) / n), the largest correlation of as many columns of noise, at which the lasso
# is fitted: of .15, .3 and .6 the one with the highest power in simulated cohorts.
_PENALTY = 0.3
_PAIRS = 2  # pairs of a column and its knockoff that enter the lasso, for each row
_TOLERANCE = 1e-3


def selection_q(
    table: np.ndarray,
    outcome: np.ndarray,
    rng: np.random.Generator,
    draws: int = DRAWS,
    level: float = 0.1,
) -> np.ndarray:
    """The false-discovery rate at which each column would be selected.

    A column is a false discovery where the outcome does not depend on it given all other columns.
    Columns that say nearly the same cannot be told apart, and then none of them is selected: ask
    for their means, or for other values that stand for a group. Lists may be short or empty, which
    means that too little is known at this number of rows.

    Parameters
    ----------
    table : numpy.ndarray
        Numbers `[n, p]`, NaN where missing. A missing value is taken for the mean of its column,
        in the knockoff too.
    outcome : numpy.ndarray
        float `[n]`, or `[n, K]`: a number, or the classes as columns of 0 and 1.
    rng : numpy.random.Generator
        Of the knockoffs, and of their order in the lasso.
    draws : int
        How many times knockoffs are drawn. More are more stable, and cost as much each.
    level : float
        The rate aimed at, as in `knockoff_q`.

    Returns
    -------
    numpy.ndarray
        float `[p]`, from 0 to 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = rng.normal(size=(300, 60))
    >>> outcome = table[:, :25].sum(1) + rng.normal(size=300)
    >>> q = selection_q(table, outcome, rng, draws=3)
    >>> int((q[:25] <= 0.1).sum()), int((q[25:] <= 0.1).sum())
    (25, 0)
    """
    missing = np.isnan(table)
    known = (~missing).sum(0)
    mean = np.nansum(table, axis=0) / np.maximum(known, 1)  # [p]
    filled = np.where(missing, mean, table)
    sampler = GaussianKnockoffs.fit(filled)
    statistics = []
    for _ in range(draws):
        knockoffs = sampler.sample(filled, rng)
        knockoffs = np.where(missing, filled, knockoffs)
        statistics.append(lasso_difference(filled, knockoffs, outcome, rng))
    return knockoff_q(np.array(statistics), level)


def lasso_difference(
    table: np.ndarray, knockoffs: np.ndarray, outcome: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """W: how much larger the coefficient of a column is than that of its knockoff.

    Both enter one lasso for each column of the outcome, whose sizes are added up. Where there are
    more than two pairs for each row, those of which neither is much correlated with the outcome
    stay out; this looks at both alike, so that they may still be exchanged.

    Parameters
    ----------
    table, knockoffs : numpy.ndarray
        float `[n, p]`.
    outcome : numpy.ndarray
        float `[n]` or `[n, K]`.
    rng : numpy.random.Generator
        Decides which of a column and its knockoff is first in the lasso.

    Returns
    -------
    numpy.ndarray
        float `[p]`, 0 for pairs that stay out.
    """
    real, made = _standardised(table), _standardised(knockoffs)
    targets = _standardised(np.reshape(outcome, (len(table), -1)))  # [n, K]
    strength = np.maximum(_strongest(real, targets), _strongest(made, targets))
    pairs = np.argsort(-strength, kind="stable")[: _PAIRS * len(table)]
    is_first = rng.random(len(pairs)) < 0.5  # by lot: what a solver sees first it may prefer
    one = np.where(is_first, real[:, pairs], made[:, pairs])
    other = np.where(is_first, made[:, pairs], real[:, pairs])
    chance = np.sqrt(2 * np.log(2 * table.shape[1]) / len(table))
    size = _coefficients(np.hstack([one, other]), targets, _PENALTY * chance)
    apart = size[: len(pairs)] - size[len(pairs) :]
    difference = np.zeros(table.shape[1])
    difference[pairs] = np.where(is_first, apart, -apart)
    return difference


def _coefficients(columns: np.ndarray, targets: np.ndarray, penalty: float) -> np.ndarray:
    """Sizes of the coefficients of columns `[n, F]` in lassos, added up over targets, `[F]`."""
    lasso = Lasso(penalty, fit_intercept=False, tol=_TOLERANCE)
    size = np.zeros(columns.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the order is drawn by lot
        for target in targets.T:
            size += np.abs(lasso.fit(columns, target).coef_)
    return size


def _standardised(table: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and variance 1; those that are constant are 0."""
    centred = table - table.mean(0)
    spread = centred.std(0)
    return centred / np.where(spread > 0, spread, 1.0)


def _strongest(table: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The largest size of each column's correlation with a column of the outcome `[p]`."""
    return np.abs(table.T @ targets).max(1) / len(table)
