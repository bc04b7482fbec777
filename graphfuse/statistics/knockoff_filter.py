"""Error control by knockoffs: thresholds, e-values over several draws, and q by item."""

from __future__ import annotations

import math

import numpy as np


def shortest_list(level: float, draws: int = 1) -> tuple[int, int]:
    """How many items a list must have at least, whatever the data.

    With V knockoffs among as many selected items, at least (1 + V) / items are taken to be false,
    which is never below 1 / items.

    Parameters
    ----------
    level : float
        The false-discovery rate of the list.
    draws : int
        How many times knockoffs are drawn.

    Returns
    -------
    listed : int
        Items of the shortest list.
    apart : int
        Items that must be stronger than their knockoffs in a single draw; of several draws, each
        takes its threshold at half the rate, as in `knockoff_q`, and a list may be as short as
        `listed` only where draws share no other items.

    Examples
    --------
    >>> shortest_list(0.1), shortest_list(0.1, draws=10)
    ((10, 10), (10, 20))
    """
    return _at_least(level), _at_least(_level_of_draw(level, draws))


def _at_least(level: float) -> int:
    """The smallest whole number that is 1 / level or more, but for rounding."""
    return math.ceil(round(1 / level, 9))


def _level_of_draw(level: float, draws: int) -> float:
    """The rate at which the threshold of a single draw is taken."""
    return level if draws == 1 else level / 2


def knockoff_threshold(statistics: np.ndarray, level: float) -> float:
    """The knockoff+ threshold.

    Selecting the items whose statistic is at least the threshold bounds the false-discovery rate.
    Nothing can be selected where fewer than 1 / level items are strong enough.

    Parameters
    ----------
    statistics : numpy.ndarray
        float `[items]`: W, positive where the item is stronger than its knockoff, and as likely
        positive as negative, independently, for items without an effect.
    level : float
        The bound, between 0 and 1.

    Returns
    -------
    float
        Infinite where nothing can be selected.

    References
    ----------
    Barber, Candès: Controlling the false discovery rate via knockoffs (Annals of Statistics 43,
    2015), equation 1.9.

    Examples
    --------
    >>> knockoff_threshold(np.array([5.0, 4.0, 3.0, -2.0, 1.0]), 0.4)
    3.0
    >>> knockoff_threshold(np.array([5.0, 4.0, 3.0, -2.0, 1.0]), 0.2)
    inf
    """
    sizes = np.abs(statistics)
    candidates = np.unique(sizes[sizes > 0])  # ascending
    positive, negative = np.sort(statistics), np.sort(-statistics)
    selected = len(statistics) - np.searchsorted(positive, candidates, side="left")
    false = len(statistics) - np.searchsorted(negative, candidates, side="left")
    estimate = (1 + false) / np.maximum(selected, 1)
    passing = candidates[estimate <= level]
    return float(passing[0]) if len(passing) else float("inf")


def knockoff_e_values(statistics: np.ndarray, level: float) -> np.ndarray:
    """E-values of items, the mean over several draws of knockoffs.

    One draw gives lists that change with the draw. A mean of e-values is an e-value, so the lists
    of `e_value_q` may be made from as many draws as one likes, and become stable.

    Parameters
    ----------
    statistics : numpy.ndarray
        float `[draws, items]`, W as in `knockoff_threshold`.
    level : float
        At which the threshold of each draw is taken. Half of the false-discovery rate aimed at is
        recommended; the rate is bounded at any.

    Returns
    -------
    numpy.ndarray
        float `[items]`, at least 0. The sum over items without an effect is at most the number of
        all items, on average.

    References
    ----------
    Ren, Barber: Derandomised knockoffs: leveraging e-values for false discovery rate control
    (JRSS B 86, 2024; arXiv 2205.15461, 2022), equation 8.

    Examples
    --------
    >>> knockoff_e_values(np.array([[5.0, 4.0, 3.0, -2.0, 1.0]]), 0.4).tolist()
    [5.0, 5.0, 5.0, 0.0, 0.0]
    """
    statistics = np.atleast_2d(np.asarray(statistics, float))
    draws, items = statistics.shape
    total = np.zeros(items)
    for own in statistics:
        threshold = knockoff_threshold(own, level)
        false = (own <= -threshold).sum()
        total += items * (own >= threshold) / (1 + false)
    return total / draws


def e_value_q(e_values: np.ndarray) -> np.ndarray:
    """The smallest false-discovery rate at which each item is selected, by e-BH.

    Parameters
    ----------
    e_values : numpy.ndarray
        float `[items]`, at least 0, of any dependence.

    Returns
    -------
    numpy.ndarray
        float `[items]`, from 0 to 1: the items with q ≤ α have a false-discovery rate of at most
        α. An item whose e-value is 0 has 1.

    References
    ----------
    Wang, Ramdas: False discovery rate control with e-values (JRSS B 84, 2022).

    Examples
    --------
    >>> e_value_q(np.array([5.0, 5.0, 0.0, 1.0])).tolist()
    [0.4, 0.4, 1.0, 1.0]
    """
    e_values = np.asarray(e_values, float)
    items = len(e_values)
    order = np.argsort(-e_values, kind="stable")
    sizes = e_values[order] * np.arange(1, items + 1)
    steps = items / np.maximum(sizes, items)  # at most 1
    smallest = np.minimum.accumulate(steps[::-1])
    q = np.empty(items)
    q[order] = smallest[::-1]
    return q


def knockoff_q(statistics: np.ndarray, level: float = 0.1) -> np.ndarray:
    """The q of each item, from one draw of knockoffs or several.

    Parameters
    ----------
    statistics : numpy.ndarray
        float `[draws, items]`, W as in `knockoff_threshold`.
    level : float
        The false-discovery rate aimed at; q bounds the rate at others, too. With several draws each
        takes its threshold at half of it, so that nothing is selected where fewer than 2 / level
        items stand out.

    Returns
    -------
    numpy.ndarray
        float `[items]`, 1 for items that no level selects.

    Examples
    --------
    >>> strong, noise = np.full((3, 40), 2.0), np.tile([1.0, -1.0], (3, 30))
    >>> q = knockoff_q(np.hstack([strong, noise]))
    >>> float(q[:40].max()), float(q[40:].min())
    (0.025, 1.0)
    """
    statistics = np.atleast_2d(np.asarray(statistics, float))
    own = _level_of_draw(level, len(statistics))
    return e_value_q(knockoff_e_values(statistics, own))
