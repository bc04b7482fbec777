"""Whether predicted numbers agree with what was observed, from held-out predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from graphfuse.evaluate.probability_curves import FEWEST, wilson

GROUPS = 5  # of patients, from those with the lowest predictions to those with the highest


@dataclass(frozen=True)
class Observed:
    """Patients whose predictions lie together: the mean predicted, the mean observed with a 95 %
    interval (`None` where all are alike), and how many they are."""

    predicted: float
    mean: float
    low: float | None
    high: float | None
    patients: int


@dataclass(frozen=True)
class Agreement:
    """Predictions of N patients against what was observed.

    Attributes
    ----------
    groups : list of Observed
        By prediction, lowest first; each of at least `FEWEST` patients.
    patients : int
        N.
    covered : float
        The share of patients whose bounds held the truth, with its interval.
    slope : float or None
        Of what was observed on what was predicted, with its interval; 1 where differences are as
        large as predicted. `None` where all predictions are the same.
    """

    groups: list[Observed]
    patients: int
    covered: float
    covered_ends: tuple[float, float]
    slope: float | None
    slope_ends: tuple[float, float] | None


def agreement(patients: np.ndarray, output: np.ndarray, truth: np.ndarray) -> Agreement | None:
    """How held-out predictions agree with the truth; every patient counts once.

    Parameters
    ----------
    patients : np.ndarray
        `[R]`, who each row is of; a patient has one for every repeat.
    output : np.ndarray
        float64 `[R, 3]`: the value predicted, and its bounds.
    truth : np.ndarray
        float64 `[R]`.

    Returns
    -------
    Agreement or None
        Of the means over a patient's rows; `None` where fewer than `FEWEST` patients are there.
    """
    predicted, low, high = output.T
    covered = (low <= truth) & (truth <= high)
    rows = pd.DataFrame({"predicted": predicted, "observed": truth, "covered": covered})
    mean = rows.astype(float).groupby(np.asarray(patients)).mean()
    if len(mean) < FEWEST:
        return None
    share = float(mean["covered"].mean())
    share_ends = wilson(share, len(mean))
    slope, slope_ends = _slope(mean["predicted"].to_numpy(), mean["observed"].to_numpy())
    return Agreement(_groups(mean), len(mean), share, share_ends, slope, slope_ends)


def _groups(mean: pd.DataFrame) -> list[Observed]:
    """Fifths, or fewer groups where these would be too small; equal predictions stay together."""
    count = min(GROUPS, len(mean) // FEWEST)
    number = pd.qcut(mean["predicted"].rank(method="min"), count, labels=False, duplicates="drop")
    parts: list[pd.DataFrame] = []
    for _, part in mean.groupby(number.fillna(0)):
        if parts and min(len(part), len(parts[-1])) < FEWEST:
            parts[-1] = pd.concat([parts[-1], part])
        else:
            parts.append(part)
    return [_observed(part) for part in parts]


def _observed(part: pd.DataFrame) -> Observed:
    """One group of patients as it is shown."""
    observed = part["observed"].to_numpy()
    size = len(observed)
    mean = float(observed.mean())
    error = float(observed.std(ddof=1) / np.sqrt(size))
    low, high = _interval(mean, error, size - 1) or (None, None)
    predicted = float(part["predicted"].mean())
    return Observed(predicted, mean, low, high, size)


def _slope(
    predicted: np.ndarray, observed: np.ndarray
) -> tuple[float | None, tuple[float, float] | None]:
    """The slope of a least-squares line, with an interval that holds too where errors are larger
    for some patients (HC3: MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7)."""
    x = predicted - predicted.mean()
    spread, size = x @ x, len(x)
    rounding = 1e-12 * np.abs(predicted).max()
    if size < 3 or spread <= rounding**2 * size:
        return None, None
    slope = float(x @ observed / spread)
    residual = observed - observed.mean() - slope * x
    one_less_leverage = np.maximum(1 - 1 / size - x**2 / spread, 1e-12)
    left_out = residual / one_less_leverage
    error = np.sqrt((x**2) @ left_out**2) / spread
    return slope, _interval(slope, error, size - 2)


def _interval(middle: float, error: float, freedom: int) -> tuple[float, float] | None:
    """The 95 % interval by Student's t; `None` without any error."""
    half = stats.t.ppf(0.975, freedom) * error
    if not half > 0:
        return None
    return float(middle - half), float(middle + half)
