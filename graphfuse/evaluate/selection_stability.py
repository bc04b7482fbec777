"""Stability of feature selections: how far they agree from fold to fold."""

from __future__ import annotations

import numpy as np
from scipy import stats

from graphfuse.errors import InputError


def nogueira(selected: np.ndarray, level: float = 0.95) -> tuple[float, tuple[float, float]]:
    """Stability of several selections among the same features, and its interval.

    1 - mean_f s²_f / (k̄/d · (1 - k̄/d)), with s²_f the unbiased variance of feature f's being
    chosen and k̄ the mean number chosen: 1 where all selections are one, 0 on average where they
    are drawn by chance, whatever their sizes. The interval is the asymptotic one, cut at 1. It
    takes the selections for independent draws; those of folds share training patients, so it says
    how far these agree, not how far those from new patients would. Features that say the same pull
    the index down: either may be chosen for the other.

    Parameters
    ----------
    selected : np.ndarray
        bool `[M, d]`: which of d features each of M selections holds.
    level : float
        Of the interval.

    Returns
    -------
    tuple
        The index, and the ends of its interval; NaN where every feature is chosen always, or none
        ever.

    Raises
    ------
    InputError
        For fewer than two selections.

    References
    ----------
    Nogueira, Sechidis & Brown 2018, On the Stability of Feature Selection Algorithms, JMLR
    18(174): definition 4 and corollary 9.
    """
    chosen = np.asarray(selected, dtype=float)
    if chosen.ndim != 2 or len(chosen) < 2:
        raise InputError(
            "stability: expected at least two selections as rows over all features (got "
            f"shape {chosen.shape})"
        )
    _, features = chosen.shape
    frequency = chosen.mean(0)  # [d]: how often each feature is chosen
    own = chosen.mean(1)  # [M]: which share of the features each selection holds
    share = own.mean()
    chance = share * (1 - share)
    if chance <= 0:
        return float("nan"), (float("nan"), float("nan"))
    value = 1 - chosen.var(0, ddof=1).mean() / chance
    together = chosen @ frequency / features  # [M]
    expected = 2 * share * own - own - share + 1  # [M]
    influence = (together - own * share + value / 2 * expected) / chance  # [M]
    half = _half_width(influence, level)
    low, high = value - half, min(value + half, 1.0)
    return float(value), (float(low), float(high))


def _half_width(influence: np.ndarray, level: float) -> float:
    """Half of the width of the interval, from the influence of each selection `[M]`."""
    spread = ((influence - influence.mean()) ** 2).sum()
    quantile = stats.norm.ppf((1 + level) / 2)
    return quantile * 2 / len(influence) * np.sqrt(spread)
