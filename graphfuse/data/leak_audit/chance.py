"""How well one column alone separates a class from the rest, and how likely that is by chance."""

from __future__ import annotations

from functools import lru_cache
from math import comb, log, sqrt

import numpy as np
import pandas as pd

HANDFUL = 5  # patients with a value, in the class and in the rest
_COUNTED = 100_000  # steps up to which partitions are counted exactly


def aurocs(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """AUROC of each column for each class against the rest, ties counted half.

    Parameters
    ----------
    values : float array `[N, F]`
        NaN where a value is missing.
    labels : int array `[N]`
        Each patient's class.
    classes : int
        The number of classes, K.

    Returns
    -------
    float array `[K, F]`
        NaN where fewer than 5 patients of the class, or of the rest, have a value.
    """
    known = ~np.isnan(values)
    ranks = pd.DataFrame(values).rank().to_numpy()
    ranks = np.where(known, ranks, 0.0)
    member = (labels[:, None] == np.arange(classes)).T.astype(float)  # [classes, N]
    inside = member @ known
    outside = known.sum(axis=0) - inside
    enough = (inside >= HANDFUL) & (outside >= HANDFUL)
    pairs = np.where(enough, inside * outside, np.nan)
    mann_whitney_u = member @ ranks - inside * (inside + 1) / 2
    return mann_whitney_u / pairs


@lru_cache(maxsize=4096)
def log_chance(u: int, a: int, b: int) -> float:
    """ln P(U ≤ u) of the Mann-Whitney U where the column is independent of the label.

    Exact, by counting partitions, where that is quick; else by the normal approximation, which is
    too large in these tails (Mann & Whitney 1947).

    Parameters
    ----------
    u : int
        The value of U.
    a, b : int
        The numbers of patients in the class and in the rest.

    Returns
    -------
    float
        At most 0.
    """
    a, b = sorted((a, b))
    if a * (u + 1) <= _COUNTED:
        log_orders = log(_orders_up_to(u, a, b)) - log(comb(a + b, a))
        return min(0.0, log_orders)
    from scipy.special import log_ndtr

    mean = a * b / 2
    variance = a * b * (a + b + 1) / 12
    return float(log_ndtr((u + 0.5 - mean) / sqrt(variance)))


def _orders_up_to(u: int, a: int, b: int) -> int:
    """The number of orders of `a` and `b` patients in which U is at most `u`.

    `ways[t]` is the number of ways to write t as a sum of at most `a` parts, none above `b`: the
    coefficients of the Gaussian binomial.
    """
    ways = [1] + [0] * u
    for i in range(1, a + 1):
        for t in range(u, b + i - 1, -1):
            ways[t] -= ways[t - b - i]
        for t in range(i, u + 1):
            ways[t] += ways[t - i]
    return sum(ways)


def log_p(score: np.ndarray, member: np.ndarray) -> float:
    """ln of the chance of so high a score of the members.

    Ties are counted against them, which makes it larger.

    Parameters
    ----------
    score : float array `[N]`
        One score for each patient, none missing.
    member : bool array `[N]`
        Whether a patient is of the class.

    Returns
    -------
    float
        At most 0.
    """
    rest = np.sort(score[~member])
    below = np.searchsorted(rest, score[member], side="left")
    lost = len(rest) - below  # of the rest, those who score as high or higher
    return log_chance(int(lost.sum()), int(member.sum()), len(rest))


def level_shares(levels: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, float]:
    """The share of the class in each patient's level.

    Parameters
    ----------
    levels : float array `[N]`
        The level of a column of words, numbered; NaN where unknown.
    member : bool array `[N]`
        Whether a patient is of the class.

    Returns
    -------
    share : float array `[N]`
        NaN for levels with one patient, which carry no information.
    log_ways : float
        ln of the number of ways to split the levels in two.
    """
    known = ~np.isnan(levels)
    _, level, sizes = np.unique(levels[known], return_inverse=True, return_counts=True)
    members = np.bincount(level, weights=member[known])
    share_of_level = members / np.maximum(sizes, 1)
    is_shared = sizes > 1
    share = np.full(len(levels), np.nan)
    share[known] = np.where(is_shared[level], share_of_level[level], np.nan)
    return share, int(is_shared.sum()) * log(2)
