"""Calibration bins and decision curves of predicted probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.evaluate.bootstrap import blocks, interval

THRESHOLDS = np.round(np.arange(0.01, 1.0, 0.01), 2)
FEWEST = 5  # patients of a bin for it to be shown


@dataclass(frozen=True)
class Bin:
    """Patients whose stated confidence lies together: its mean, the share called right with an
    interval, and what share of all patients they are."""

    confidence: float
    right: float
    low: float
    high: float
    share: float


def reliability(predictions: pd.DataFrame, classes: Sequence[str], bins: int = 10) -> list[Bin]:
    """Calibration bins: equal bins of the called class's probability, and the share called right.

    95 % Wilson intervals are at the patients of one repeat, since repeats add no patients.

    Parameters
    ----------
    predictions : pd.DataFrame
        As in `predictions.csv`.
    classes : sequence of str
        Their names.
    bins : int
        How many; those of fewer than `FEWEST` patients are left out.
    """
    columns = [f"p_{name}" for name in classes if f"p_{name}" in predictions]
    if not columns or predictions.empty:
        return []
    confidence = predictions[columns].max(axis=1).to_numpy(float)
    right = (predictions["call"] == predictions["truth"]).to_numpy(float)
    number = np.nan_to_num(confidence * bins).astype(int)
    number = np.minimum(number, bins - 1)
    repeats = max(predictions["repeat"].nunique(), 1)
    shown = []
    for each in range(bins):
        inside = (number == each) & np.isfinite(confidence)
        patients = inside.sum() / repeats
        if patients >= FEWEST:
            shown.append(_bin(confidence[inside], right[inside], patients, inside.mean()))
    return shown


def _bin(confidence: np.ndarray, right: np.ndarray, patients: float, share: float) -> Bin:
    """The bin of some rows of predictions, which are a `share` of all."""
    right_share = float(right.mean())
    low, high = wilson(right_share, patients)
    return Bin(float(confidence.mean()), right_share, low, high, share)


def wilson(share: float, patients: float) -> tuple[float, float]:
    """The 95 % score interval of a share of so many patients (Wilson 1927)."""
    z = 1.959964
    middle = share + z**2 / (2 * patients)
    scale = 1 + z**2 / patients
    variance = share * (1 - share) / patients + z**2 / (4 * patients**2)
    half = z * math.sqrt(variance)
    return (middle - half) / scale, (middle + half) / scale


def net_benefit(
    case: np.ndarray, chance: np.ndarray, thresholds: np.ndarray = THRESHOLDS
) -> np.ndarray:
    """What each patient adds to the net benefit at each threshold.

    1 for a case who is treated, -t / (1 - t) for another who is; the mean over patients is the net
    benefit.

    Parameters
    ----------
    case : np.ndarray
        bool `[N]`.
    chance : np.ndarray
        `[N]`, the predicted probability; treated is who has at least t.
    thresholds : np.ndarray
        `[T]`, the thresholds t.

    Returns
    -------
    np.ndarray
        float64 `[N, T]`.

    References
    ----------
    Vickers & Elkin 2006, doi:10.1177/0272989X06295361.
    """
    thresholds = np.asarray(thresholds, float)
    treated = chance[:, None] >= thresholds
    harm = -thresholds / (1 - thresholds)
    return treated * np.where(case[:, None], 1.0, harm)


def decision_curve(
    predictions: pd.DataFrame,
    positive: str,
    thresholds: np.ndarray = THRESHOLDS,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Net benefit of acting on the probability of a class, against treating all and treating none
    (which is 0).

    Parameters
    ----------
    predictions : pd.DataFrame
        As in `predictions.csv`.
    positive : str
        The class.
    thresholds : np.ndarray
        `[T]`.
    draws : int
        Resamples of the patients.
    seed : int

    Returns
    -------
    pd.DataFrame
        `threshold`; `all`; `model`, `model_lo`, `model_hi`; `gain`: the model less the better of
        all and none, and `gain_lo`, the lower of its lower ends against either. The mean over
        repeats; 95 % intervals by resampling patients, each threshold by itself (NaN where there is
        none).
    """
    own = _by_patient(predictions, positive, thresholds)
    of_all = own["all"].mean(0)
    model = own["model"]
    over_all = model - own["all"]
    low, high = _intervals(model, draws, seed)
    over_all_low, _ = _intervals(over_all, draws, seed)
    score = model.mean(0)
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "all": of_all,
            "model": score,
            "model_lo": low,
            "model_hi": high,
            "gain": np.minimum(score, over_all.mean(0)),
            "gain_lo": np.minimum(low, over_all_low),
        }
    )


def _intervals(benefit: np.ndarray, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper ends `[T]` of the mean of `benefit` `[N, T]` over patients."""
    patients = len(benefit)
    rng = np.random.default_rng(seed)
    parts = []
    for weights in blocks(np.zeros(patients, int), draws, rng):
        parts.append(weights @ benefit / weights.sum(1, keepdims=True))
    drawn = np.concatenate(parts)  # [draws, T]
    columns = zip(drawn.T, benefit.mean(0), strict=True)
    ends = [interval(values, score, patients) for values, score in columns]
    low, high = np.array(ends, float).T
    return low, high


def useful(curve: pd.DataFrame) -> list[tuple[float, float]]:
    """Spans of thresholds at which the model is shown to do better than treating all and better
    than treating none: both intervals leave out 0."""
    shown = (curve["gain_lo"] > 0).to_numpy()
    edges = np.flatnonzero(np.diff(np.pad(shown.astype(int), 1)))
    thresholds = curve["threshold"].to_numpy()
    first = thresholds[edges[::2]]
    last = thresholds[edges[1::2] - 1]
    return list(zip(first.tolist(), last.tolist(), strict=True))


def _by_patient(
    predictions: pd.DataFrame, positive: str, thresholds: np.ndarray
) -> dict[str, np.ndarray]:
    """`model` and `all` `[N, T]`: what each patient adds, the mean over the repeats in which the
    patient was tested."""
    case = (predictions["truth"] == positive).to_numpy()
    chance = predictions[f"p_{positive}"].to_numpy(float)
    patient = predictions["patient"].to_numpy()

    def mean_by_patient(benefit: np.ndarray) -> np.ndarray:
        return pd.DataFrame(benefit).groupby(patient, sort=True).mean().to_numpy()

    everyone = np.ones(len(case))
    return {
        "model": mean_by_patient(net_benefit(case, chance, thresholds)),
        "all": mean_by_patient(net_benefit(case, everyone, thresholds)),
    }
