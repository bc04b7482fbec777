"""Residuals of inputs: what of each cannot be known from the inputs that correlate with it."""

from __future__ import annotations

import numpy as np

LEAST = 0.3  # |r| from which an input is known in part from another
MOST = 10  # inputs from which one is predicted
PATIENTS_PER_INPUT = 10  # so that a regression does not fit by chance
CHUNK = 500  # inputs whose correlations with all others are held at once


def residuals(values: np.ndarray, has: np.ndarray) -> np.ndarray:
    """Return the residuals of inputs in linear regressions on those that correlate with them.

    Each is regressed, among the patients who have it, on the inputs that correlate most with it,
    with |r| of at least .3: at most ten, and one for ten patients.

    Parameters
    ----------
    values : numpy.ndarray
        The inputs `[N, G]` of all modalities, side by side.
    has : numpy.ndarray
        bool `[N, G]`: whether a patient has the input's modality.

    Returns
    -------
    numpy.ndarray
        `[N, G]`, with mean 0 among those who have an input; 0 for the others.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0] * 5)
    >>> noise = np.tile([1.0, -1.0, -1.0, 1.0], 5)
    >>> left = residuals(np.column_stack([x, 2 * x, noise]), np.ones((20, 3), dtype=bool))
    >>> np.abs(left).max(axis=0).round(9).tolist()  # a copy leaves nothing
    [0.0, 0.0, 1.0]
    """
    centred = _centred(values, has)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    left = np.zeros_like(centred)
    for start in range(0, values.shape[1], CHUNK):
        chunk = range(start, min(start + CHUNK, values.shape[1]))
        correlation = np.abs(unit[:, chunk].T @ unit)  # [chunk, G]
        for place, row in zip(chunk, correlation, strict=True):
            own = has[:, place]
            row[place] = 0.0
            known_by = _strongest(row, int(own.sum()))
            left[own, place] = _residual(values[own, place], values[np.ix_(own, known_by)])
    return left


def _centred(values: np.ndarray, has: np.ndarray) -> np.ndarray:
    """The inputs less their means among those who have them, 0 for the others."""
    mean = np.where(has, values, 0.0).sum(axis=0) / np.maximum(has.sum(axis=0), 1)
    return np.where(has, values - mean, 0.0)


def _strongest(correlation: np.ndarray, patients: int) -> np.ndarray:
    """The inputs of the largest correlations, as many as so many patients allow."""
    most = min(MOST, patients // PATIENTS_PER_INPUT)
    order = np.argsort(-correlation, kind="stable")[:most]
    return order[correlation[order] >= LEAST]


def _residual(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Residuals of the linear regression of `[n]` on `[n, inputs]` and a constant."""
    if not len(values):
        return values
    constant = np.ones((len(values), 1))
    design = np.hstack([constant, others])
    coefficients, *_ = np.linalg.lstsq(design, values, rcond=None)
    return values - design @ coefficients
