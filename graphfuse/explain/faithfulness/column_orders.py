"""Orders of columns that a ranking is compared with, and how many of the first are looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

RANKED, RANDOM, DEGREE = "ranked", "random", "degree"
SHARES = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75)  # of the columns


def degree_order(degree: pd.Series, seed: int = 0) -> np.ndarray | None:
    """Columns from the highest degree in the gene network to the lowest.

    Parameters
    ----------
    degree : pandas.Series
        Of each column's gene; NaN where it is in no network.
    seed : int
        Columns with the same degree are in random order, those without one last.

    Returns
    -------
    numpy.ndarray or None
        int `[columns]`; `None` where no column has a degree.

    Examples
    --------
    >>> degree_order(pd.Series([1.0, float("nan"), 5.0])).tolist()
    [2, 0, 1]
    """
    values = degree.to_numpy(float)
    if np.isnan(values).all():
        return None
    chance = np.random.default_rng(seed).random(len(values))
    return np.lexsort((chance, -np.nan_to_num(values, nan=-1.0)))


def random_orders(columns: int, draws: int, seed: int = 0) -> list[np.ndarray]:
    """So many random orders of the columns."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(columns) for _ in range(draws)]


def counts_of(columns: int, shares: Sequence[float] = SHARES) -> list[int]:
    """How many columns these shares are, rounded up; fewer than all of them.

    Examples
    --------
    >>> counts_of(1000, (0.01, 0.5)), counts_of(3, (0.01, 0.02, 0.5))
    ([10, 500], [1, 2])
    """
    counts = {int(np.ceil(share * columns - 1e-9)) for share in shares}
    return sorted(count for count in counts if 0 < count < columns)
