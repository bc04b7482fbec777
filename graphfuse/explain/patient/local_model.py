"""LIME: a linear model of what a net says around one patient.

Columns are masked at random, which sets them to the training mean; a ridge regression on which are
kept, weighted towards the patient, says what keeping each adds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge

from graphfuse.explain.patient.patient_model import PatientModel

DRAWS = 1000  # masked profiles
MOST = 50  # columns that are masked
WIDTH = 0.25  # of the kernel, in cosine distance
PENALTY = 1e-3
SEED = 0


@dataclass(frozen=True, eq=False)
class LocalModel:
    """A linear model around a patient.

    Attributes
    ----------
    features : list of str
        The columns that were masked.
    coefficients : numpy.ndarray
        What keeping each adds to the logit of a direction, or to the number.
    fit : float
        The weighted share of the variance (R²) that the linear model explains; low where the net is
        not linear around the patient.
    """

    features: list[str]
    coefficients: np.ndarray
    fit: float


def local_model(model: PatientModel, features: list[str], direction: int) -> LocalModel:
    """Fit a linear model around a patient.

    Parameters
    ----------
    model : PatientModel
        Of the patient.
    features : list of str
        The columns to mask; all others stay as they are.
    direction : int
        What is explained.

    Returns
    -------
    LocalModel

    References
    ----------
    Ribeiro, Singh, Guestrin: "Why should I trust you?" Explaining the predictions of any classifier
    (arXiv 1602.04938).
    """
    source = np.random.default_rng(SEED)
    kept = _masks(source, len(features))  # [DRAWS, features]
    place = dict(zip(features, range(len(features)), strict=True))
    of_inputs = model.inputs["feature"].map(place).fillna(-1).to_numpy(int)
    is_masked = of_inputs >= 0
    profiles = np.repeat(model.values[None], len(kept), axis=0)
    profiles[:, is_masked] *= kept[:, of_inputs[is_masked]]
    said = model.at(profiles).logits[:, direction]
    distance = 1 - np.sqrt(kept.mean(axis=1))  # cosine, to the patient as it is
    weight = np.exp(-((distance / WIDTH) ** 2))
    ridge = Ridge(alpha=PENALTY).fit(kept, said, sample_weight=weight)
    fit = ridge.score(kept, said, sample_weight=weight) if np.ptp(said) > 0 else 1.0
    return LocalModel(features, ridge.coef_, float(fit))


def _masks(source: np.random.Generator, features: int) -> np.ndarray:
    """Which columns each draw keeps, 1 or 0 `[DRAWS, features]`: any number is as likely; the first
    keeps all."""
    order = source.random((DRAWS, features)).argsort(axis=1)
    masked = source.integers(0, features + 1, size=(DRAWS, 1))
    masked[0] = 0
    return (order >= masked).astype(float)
