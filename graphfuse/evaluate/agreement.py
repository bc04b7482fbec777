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
    held = (output[:, 1] <= truth) & (truth <= output[:, 2])
    rows = pd.DataFrame({"predicted": output[:, 0], "observed": truth, "held": held})
    mean = rows.astype(float).groupby(np.asarray(patients)).mean()
    if len(mean) < FEWEST:
        return None
    covered = float(mean["held"].mean())
    slope, slope_ends = _slope(mean["predicted"].to_numpy(), mean["observed"].to_numpy())
    return Agreement(
        _groups(mean), len(mean), covered, wilson(covered, len(mean)), slope, slope_ends
    )


def _groups(mean: pd.DataFrame) -> list[Observed]:
    """Fifths, or fewer groups where these would be too small; equal predictions stay together."""
    count = min(GROUPS, len(mean) // FEWEST)
    number = pd.qcut(mean["predicted"].rank(method="min"), count, labels=False, duplicates="drop")
    parts: list[pd.DataFrame] = []
    for _, part in mean.groupby(number.fillna(0)):
        is_few = min(len(part), len(parts[-1]) if parts else FEWEST) < FEWEST
        if parts and is_few:
            parts[-1] = pd.concat([parts[-1], part])
        else:
            parts.append(part)
    return [_observed(part) for part in parts]


def _observed(part: pd.DataFrame) -> Observed:
    observed, size = part["observed"].to_numpy(), len(part)
    middle, error = float(observed.mean()), float(observed.std(ddof=1) / np.sqrt(size))
    ends = _interval(middle, error, size - 1) or (None, None)
    return Observed(float(part["predicted"].mean()), middle, *ends, size)


def _slope(
    predicted: np.ndarray, observed: np.ndarray
) -> tuple[float | None, tuple[float, float] | None]:
    """Of a least-squares line, with an interval that holds too where errors are larger for some
    patients (HC3: MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7)."""
    x = predicted - predicted.mean()
    spread, size = x @ x, len(x)
    if size < 3 or spread <= (1e-12 * np.abs(predicted).max()) ** 2 * size:
        return None, None
    slope = float(x @ observed / spread)
    residual = observed - observed.mean() - slope * x
    left_out = residual / np.maximum(1 - 1 / size - x**2 / spread, 1e-12)
    error = np.sqrt((x**2) @ left_out**2) / spread
    return slope, _interval(slope, error, size - 2)


def _interval(middle: float, error: float, freedom: int) -> tuple[float, float] | None:
    """The 95 % interval by Student's t; `None` without any error."""
    half = stats.t.ppf(0.975, freedom) * error
    return (float(middle - half), float(middle + half)) if half > 0 else None
