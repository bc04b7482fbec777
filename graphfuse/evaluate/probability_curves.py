"""Whether stated probabilities can be acted on: reliability bins and decision curves, from held-out
predictions."""

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
    """Equal bins of the called class's probability with 95 % Wilson intervals at the patients of
    one repeat (repeats add no patients); bins of fewer than `FEWEST` patients are left out.
    `predictions`: as in `predictions.csv`."""
    chances = [f"p_{name}" for name in classes if f"p_{name}" in predictions]
    if not chances or predictions.empty:
        return []
    confidence = predictions[chances].max(axis=1).to_numpy(float)
    right = (predictions["call"] == predictions["truth"]).to_numpy(float)
    slot = np.minimum(np.nan_to_num(confidence * bins).astype(int), bins - 1)
    repeats = max(predictions["repeat"].nunique(), 1)
    found = []
    for each in range(bins):
        inside = (slot == each) & np.isfinite(confidence)
        patients = inside.sum() / repeats
        if patients >= FEWEST:
            share = float(right[inside].mean())
            found.append(
                Bin(
                    float(confidence[inside].mean()), share, *wilson(share, patients), inside.mean()
                )
            )
    return found


def wilson(share: float, patients: float) -> tuple[float, float]:
    """The 95 % score interval of a share of so many patients (Wilson 1927)."""
    z = 1.959964
    middle, scale = share + z**2 / (2 * patients), 1 + z**2 / patients
    half = z * math.sqrt(share * (1 - share) / patients + z**2 / (4 * patients**2))
    return (middle - half) / scale, (middle + half) / scale


def net_benefit(
    case: np.ndarray, chance: np.ndarray, thresholds: np.ndarray = THRESHOLDS
) -> np.ndarray:
    """What each patient adds to the net benefit at each threshold, `[N, T]`: 1 for a case who is
    treated, -t / (1 - t) for another who is; the mean over patients is the net benefit (Vickers &
    Elkin 2006, doi:10.1177/0272989X06295361).

    case bool `[N]`, chance `[N]`; treated is who has a chance of at least t.
    """
    thresholds = np.asarray(thresholds, float)
    treated = chance[:, None] >= thresholds
    return treated * np.where(case[:, None], 1.0, -thresholds / (1 - thresholds))


def decision_curve(
    predictions: pd.DataFrame,
    positive: str,
    thresholds: np.ndarray = THRESHOLDS,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Net benefit of acting on the probability of class `positive`, against treating all and
    treating none (which is 0).

    Columns: `threshold`; `all`; `model`, `model_lo`, `model_hi`; `gain`: the model less the better
    of all and none, and `gain_lo`, the lower of its lower ends against either. The mean over
    repeats; 95 % intervals by resampling patients, each threshold by itself (NaN where there is
    none). `predictions`: as in `predictions.csv`.
    """
    own = _by_patient(predictions, positive, thresholds)
    own = {"model": own["model"], "over_all": own["model"] - own["all"], "all": own["all"]}
    score = {name: each.mean(0) for name, each in own.items()}
    drawn = {"model": [], "over_all": []}
    for weights in blocks(np.zeros(len(own["all"]), int), draws, np.random.default_rng(seed)):
        for name, parts in drawn.items():
            parts.append(weights @ own[name] / weights.sum(1, keepdims=True))
    low, high = {}, {}
    for name, parts in drawn.items():
        columns = zip(np.concatenate(parts).T, score[name], strict=True)
        low[name], high[name] = np.array(
            [interval(values, at, len(own["all"])) for values, at in columns], float
        ).T
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "all": score["all"],
            "model": score["model"],
            "model_lo": low["model"],
            "model_hi": high["model"],
            "gain": np.minimum(score["model"], score["over_all"]),
            "gain_lo": np.minimum(low["model"], low["over_all"]),
        }
    )


def useful(curve: pd.DataFrame) -> list[tuple[float, float]]:
    """Spans of thresholds at which the model is shown to do better than treating all and better
    than treating none: both intervals leave out 0."""
    shown = (curve["gain_lo"] > 0).to_numpy()
    edges = np.flatnonzero(np.diff(np.pad(shown.astype(int), 1)))
    moments = curve["threshold"].to_numpy()
    return [
        (float(moments[a]), float(moments[b - 1]))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


def _by_patient(
    predictions: pd.DataFrame, positive: str, thresholds: np.ndarray
) -> dict[str, np.ndarray]:
    """`model` and `all` `[N, T]`: what each patient adds, the mean over the repeats in which the
    patient was tested."""
    case = (predictions["truth"] == positive).to_numpy()
    chance = predictions[f"p_{positive}"].to_numpy(float)
    who = predictions["patient"].to_numpy()
    found = {
        "model": net_benefit(case, chance, thresholds),
        "all": net_benefit(case, np.ones(len(case)), thresholds),
    }
    return {
        name: pd.DataFrame(each).groupby(who, sort=True).mean().to_numpy()
        for name, each in found.items()
    }
