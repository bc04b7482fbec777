"""How far feature selections agree from fold to fold."""

from __future__ import annotations

import numpy as np
from scipy import stats

from graphfuse.errors import InputError


def nogueira(selected: np.ndarray, level: float = 0.95) -> tuple[float, tuple[float, float]]:
    """Stability of M selections among d features, bool `[M, d]`, and its interval.

    1 - mean_f s²_f / (k̄/d · (1 - k̄/d)), with s²_f the unbiased variance of feature f's being
    chosen and k̄ the mean number chosen: 1 where all selections are one, 0 on average where they
    are drawn by chance, whatever their sizes (Nogueira, Sechidis and Brown 2018, *On the Stability
    of Feature Selection Algorithms*, JMLR 18(174), definition 4). The interval is their asymptotic
    one (corollary 9), cut at 1. It takes the M selections for independent draws; those of folds
    share training patients, so it says how far these agree, not how far those from new patients
    would. Features that say the same pull the index down: either may be chosen for the other. NaN
    where every feature is chosen always, or none ever. Raises `InputError` for fewer than two
    selections.
    """
    chosen = np.asarray(selected, dtype=float)
    if chosen.ndim != 2 or len(chosen) < 2:
        raise InputError(
            "stability: expected at least two selections as rows over all features (got "
            f"shape {chosen.shape})"
        )
    count, features = chosen.shape
    often, own = (
        chosen.mean(0),
        chosen.mean(1),
    )  # how often each feature, which share of the features each selection
    share = own.mean()
    chance = share * (1 - share)
    if chance <= 0:
        return float("nan"), (float("nan"), float("nan"))
    value = 1 - chosen.var(0, ddof=1).mean() / chance
    each = (
        chosen @ often / features - own * share + value / 2 * (2 * share * own - own - share + 1)
    ) / chance
    half = stats.norm.ppf((1 + level) / 2) * 2 / count * np.sqrt(((each - each.mean()) ** 2).sum())
    return float(value), (float(value - half), float(min(value + half, 1.0)))
