"""Association of every column of a table with classes or with a number, by ranks.

Values may be missing (NaN): each column is judged on the rows that have a value. Columns are ranked
a block at a time, so that memory stays small for wide tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2, rankdata
from scipy.stats import t as student

BLOCK = 2_000  # columns ranked together
BISECTIONS = 60  # of an interval's bounds, which halve the error each time


class OneVsRest(NamedTuple):
    """Each of K classes against all other rows, for F columns; NaN where it cannot be computed.

    Attributes
    ----------
    auroc : numpy.ndarray
        `[K, F]`: the chance that a row of the class has the higher value.
    effect : numpy.ndarray
        `[K, F]`: mean of the class less mean of the rest, in pooled standard deviations.
    difference : numpy.ndarray
        `[K, F]`: the same in the column's own unit.
    p : numpy.ndarray
        `[K, F]`: of the rank-sum test of the class against the rest.
    positives, negatives : numpy.ndarray
        `[K, F]`: rows of the class, and of the rest, that have a value.
    p_any : numpy.ndarray
        `[F]`: of the Kruskal-Wallis test of all classes.
    """

    auroc: np.ndarray
    effect: np.ndarray
    difference: np.ndarray
    p: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    p_any: np.ndarray


class RankCorrelation(NamedTuple):
    """Of F columns with a number; NaN where it cannot be computed.

    Attributes
    ----------
    rho : numpy.ndarray
        `[F]`: Spearman's correlation.
    slope : numpy.ndarray
        `[F]`: of the least-squares line of the number on the column in standard deviations.
    p : numpy.ndarray
        `[F]`: that rho is 0.
    rows : numpy.ndarray
        `[F]`: rows that have a value.
    """

    rho: np.ndarray
    slope: np.ndarray
    p: np.ndarray
    rows: np.ndarray


def one_vs_rest(values: np.ndarray, labels: np.ndarray, classes: int) -> OneVsRest:
    """Compare each class with all other rows, column by column.

    Parameters
    ----------
    values : numpy.ndarray
        float `[N, F]`, NaN where missing.
    labels : numpy.ndarray
        int `[N]`, from 0 to `classes` - 1.
    classes : int
        The number K of classes.

    Returns
    -------
    OneVsRest

    References
    ----------
    Kruskal, Wallis: Use of ranks in one-criterion variance analysis (JASA 47, 1952).

    Examples
    --------
    >>> values = np.array([[1.0], [2.0], [3.0], [4.0], [np.nan]])
    >>> compared = one_vs_rest(values, np.array([0, 0, 1, 1, 1]), 2)
    >>> compared.auroc.tolist()
    [[0.0], [1.0]]
    """
    member = np.eye(classes)[labels].T  # [K, N]
    blocks = [_compare(block, member) for block in _blocks(values)]
    columns = zip(*blocks, strict=True)
    return OneVsRest(*(np.concatenate(each, axis=-1) for each in columns))


def rank_correlation(values: np.ndarray, number: np.ndarray) -> RankCorrelation:
    """Correlate each column with a number.

    Parameters
    ----------
    values : numpy.ndarray
        float `[N, F]`, NaN where missing.
    number : numpy.ndarray
        float `[N]`.

    Returns
    -------
    RankCorrelation

    Examples
    --------
    >>> values = np.array([[1.0], [2.0], [4.0], [3.0], [np.nan]])
    >>> rank_correlation(values, np.array([1.0, 2.0, 3.0, 4.0, 0.0])).rho.round(2).tolist()
    [0.8]
    """
    blocks = [_correlate(block, number) for block in _blocks(values)]
    columns = zip(*blocks, strict=True)
    return RankCorrelation(*(np.concatenate(each) for each in columns))


def auroc_interval(
    auroc: np.ndarray, positives: np.ndarray, negatives: np.ndarray, z: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of an AUROC: all values that a z test would not reject.

    They lie within 0 and 1, and are apart even where the classes are perfectly separated.

    Parameters
    ----------
    auroc, positives, negatives : numpy.ndarray
        The AUROC, and the rows of the class and of the rest, of one shape.
    z : float
        The normal quantile, such as 1.96 for 95 %.

    Returns
    -------
    low, high : numpy.ndarray
        Of the same shape.

    References
    ----------
    Newcombe: Confidence intervals for an effect size measure based on the Mann-Whitney statistic,
    part 2, method 5 (Statistics in Medicine 25, 2006, doi:10.1002/sim.2324).

    Examples
    --------
    >>> low, high = auroc_interval(np.array([1.0]), np.array([20]), np.array([20]), 1.96)
    >>> low.round(2).tolist(), high.tolist()
    ([0.9], [1.0])
    """
    bounds = []
    for end in (0.0, 1.0):
        inside, outside = np.array(auroc, float), np.full(np.shape(auroc), end)
        for _ in range(BISECTIONS):
            middle = (inside + outside) / 2
            error = np.sqrt(_auroc_variance(middle, positives, negatives))
            is_inside = np.abs(auroc - middle) <= z * error
            inside = np.where(is_inside, middle, inside)
            outside = np.where(is_inside, outside, middle)
        bounds.append(inside)
    return bounds[0], bounds[1]


def correlation_interval(
    rho: np.ndarray, rows: np.ndarray, z: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of Spearman's correlation, by Fisher's transformation.

    Parameters
    ----------
    rho, rows : numpy.ndarray
        The correlation, and the number of rows, of one shape.
    z : float
        The normal quantile, such as 1.96 for 95 %.

    Returns
    -------
    low, high : numpy.ndarray
        Of the same shape; -1 and 1 where there are fewer than four rows.

    References
    ----------
    Bonett, Wright: Sample size requirements for estimating Pearson, Kendall and Spearman
    correlations (Psychometrika 65, 2000, doi:10.1007/BF02294183).

    Examples
    --------
    >>> low, high = correlation_interval(np.array([0.0]), np.array([103]), 1.96)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([-0.194], [0.194])
    """
    spare = np.maximum(np.asarray(rows, float) - 3, 0)
    error = np.full(np.shape(rho), np.inf)
    np.divide(np.sqrt(1 + np.square(rho) / 2), np.sqrt(spare), out=error, where=spare > 0)
    largest = 1 - 0.5 / np.maximum(np.asarray(rows, float), 1)  # keeps the interval of 1 apart
    centre = np.arctanh(np.clip(rho, -largest, largest))
    return np.tanh(centre - z * error), np.tanh(centre + z * error)


def _blocks(values: np.ndarray) -> Iterator[np.ndarray]:
    """The columns of a table, a block at a time."""
    for start in range(0, max(values.shape[1], 1), BLOCK):
        yield values[:, start : start + BLOCK]


def _ranked(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each column's ranks less their mean `[N, F]`, 0 where missing; and who has a value."""
    has_value = ~np.isnan(values)
    last = np.where(has_value, values, np.inf)
    ranks = rankdata(last, axis=0)
    middle = (has_value.sum(0) + 1) / 2
    return np.where(has_value, ranks - middle, 0.0), has_value


def _compare(values: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, ...]:
    """The fields of `OneVsRest` for some columns; `member` `[K, N]` of 0 and 1."""
    ranks, has_value = _ranked(values)
    rows = has_value.sum(0)  # [F]
    positives = member @ has_value
    negatives = rows - positives
    rank_sum = member @ ranks  # [K, F], of ranks less their mean
    pairs = positives * negatives
    auroc = 0.5 + _ratio(rank_sum, pairs)
    mean_square = _ratio((ranks**2).sum(0), rows - 1)  # [F]
    between = _ratio(rank_sum**2, positives)
    between_rest = _ratio(rank_sum**2, negatives)
    p = chi2.sf(_ratio(between + between_rest, mean_square), 1)
    present = (positives > 0).sum(0)
    kruskal = _ratio(np.nansum(between, axis=0), mean_square)
    p_any = chi2.sf(kruskal, np.maximum(present - 1, 1))
    p_any = np.where(present > 1, p_any, np.nan)
    differences = _differences(values, has_value, member, positives, negatives)
    return auroc, *differences, p, positives, negatives, p_any


def _differences(
    values: np.ndarray,
    has_value: np.ndarray,
    member: np.ndarray,
    positives: np.ndarray,
    negatives: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean differences of each class from the rest `[K, F]`, in pooled standard deviations and in
    the columns' own units."""
    centred = _centred(values, has_value)
    total = member @ centred  # [K, F]; the rest's is the same with the other sign
    square = (centred**2).sum(0)
    mean = _ratio(total, positives)
    mean_rest = _ratio(-total, negatives)
    within = square - total * (mean - mean_rest)
    variance = _ratio(within, positives + negatives - 2)
    is_flat = variance <= 1e-12 * _ratio(square, positives + negatives)
    deviation = np.where(is_flat, np.nan, np.sqrt(np.maximum(variance, 0)))
    difference = mean - mean_rest
    return difference / deviation, difference


def _centred(values: np.ndarray, has_value: np.ndarray) -> np.ndarray:
    """Values less their column's mean, 0 where missing."""
    filled = np.where(has_value, values, 0.0)
    mean = filled.sum(0) / np.maximum(has_value.sum(0), 1)
    return np.where(has_value, values - mean, 0.0)


def _correlate(values: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, ...]:
    """The fields of `RankCorrelation` for some columns."""
    ranks, has_value = _ranked(values)
    rows = has_value.sum(0)
    numbers = np.where(has_value, number[:, None], np.nan)
    number_ranks, _ = _ranked(numbers)
    product = (ranks * number_ranks).sum(0)
    size = np.sqrt((ranks**2).sum(0) * (number_ranks**2).sum(0))
    rho = np.clip(_ratio(product, size), -1, 1)
    freedom = np.maximum(rows - 2, 1)
    with np.errstate(divide="ignore"):
        statistic = np.abs(rho) * np.sqrt(freedom / (1 - rho**2))
    p = np.where(rows > 2, 2 * student.sf(statistic, freedom), np.nan)
    centred = _centred(values, has_value)
    covariance = (centred * _centred(numbers, has_value)).sum(0)
    deviation = np.sqrt((centred**2).sum(0) * rows)
    return rho, _ratio(covariance, deviation), p, rows


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """A quotient, NaN where the denominator is not above 0."""
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    nothing = np.full(shape, np.nan)
    return np.divide(numerator, denominator, out=nothing, where=np.asarray(denominator) > 0)


def _auroc_variance(auroc: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """The variance of an AUROC whose true value is `auroc`, with the mean of both group sizes in
    place of each (Newcombe's method 5)."""
    size = (positives + negatives) / 2 - 1
    shared = (1 - auroc) / (2 - auroc) + auroc / (1 + auroc)
    return auroc * (1 - auroc) * (1 + size * shared) / (positives * negatives)
