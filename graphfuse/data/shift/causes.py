"""Likely causes of a shifted table: the common conversion that would undo the shift."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphfuse.data.shift.detect import Shift, ShiftReference

SAMPLE = 200  # patients who are enough to recognise a cause
_LN2 = float(np.log(2))

# What the new values are, if the function turns them into training values.
_CONVERSIONS: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("plain numbers, where the model has log2(x + 1)", lambda x: np.log2(x + 1)),
    ("plain numbers, where the model has log2(x)", np.log2),
    ("plain numbers, where the model has ln(x + 1)", np.log1p),
    ("natural logarithms, where the model has logarithms to base 2", lambda x: x / _LN2),
    ("logarithms to base 2, where the model has natural ones", lambda x: x * _LN2),
    ("logarithms to base 10, where the model has base 2", lambda x: x * np.log2(10)),
    ("logarithms to base 2, where the model has base 10", lambda x: x / np.log2(10)),
    ("logarithms to base 2, where the model has plain numbers", lambda x: 2.0**x - 1),
    ("natural logarithms, where the model has plain numbers", np.expm1),
    ("1 larger than in training, as by adding 1 before or after a logarithm", lambda x: x - 1),
    ("1 smaller than in training, as by adding 1 before or after a logarithm", lambda x: x + 1),
    ("beta values, where the model has M-values", lambda x: np.log2(x / (1 - x))),
    ("M-values, where the model has beta values", lambda x: 1 / (1 + 2.0**-x)),
    ("in a unit a thousand times smaller than the model's", lambda x: x / 1e3),
    ("in a unit a thousand times larger than the model's", lambda x: x * 1e3),
    ("in a unit a million times smaller than the model's", lambda x: x / 1e6),
    ("in a unit a million times larger than the model's", lambda x: x * 1e6),
)


def likely_cause(
    reference: ShiftReference,
    values: np.ndarray,
    shown: np.ndarray,
    medians: np.ndarray | None,
    standardise: Callable[[np.ndarray], np.ndarray],
) -> str:
    """The likely cause of a shift, in words that follow 'they look like'.

    Parameters
    ----------
    reference : ShiftReference
        Of the training patients.
    values : array `[N, G]`
        The new patients' numbers as read, NaN where missing.
    shown : array of int `[F]`
        The number that each of the model's columns comes from.
    medians : array `[G]`, or None
        Training medians of these numbers; where they are not known, exchanged columns are not
        recognised.
    standardise : callable
        From such numbers to the model's columns `[N, F]`.

    Returns
    -------
    str
        Without a full stop; "another platform, unit or normalisation" where nothing fits.
    """
    is_measured = ~np.isnan(values[:, shown]).all(axis=1)
    values = values[is_measured][:SAMPLE]
    columns = values[:, shown]
    if _is_standardised(columns):
        return "columns standardised to mean 0 and standard deviation 1 (z-scores)"
    if medians is not None and _is_exchanged(columns, medians[shown]):
        return "the right numbers under the wrong column names"
    converted = _conversion(reference, values, shown, standardise)
    return converted or "another platform, unit or normalisation"


def _is_standardised(values: np.ndarray) -> bool:
    """Whether nearly every column has mean 0 and standard deviation 1, or is constant."""
    if len(values) < 5:
        return False
    means, spreads = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    is_standard = (np.abs(means) < 0.05) & (np.abs(spreads - 1) < 0.2)
    is_constant = spreads == 0
    return bool(np.mean(is_standard | is_constant) > 0.9)


def _conversion(
    reference: ShiftReference,
    values: np.ndarray,
    shown: np.ndarray,
    standardise: Callable[[np.ndarray], np.ndarray],
) -> str | None:
    """The conversion after which the batch compares best, if it then compares well."""
    best, least = None, np.inf
    missing = np.isnan(values[:, shown]).mean()
    for words, convert in _CONVERSIONS:
        with np.errstate(all="ignore"):
            converted = convert(values)
            converted = np.where(np.isfinite(converted), converted, np.nan)
            lost = np.isnan(converted[:, shown]).mean() - missing
            shift = reference.compare(standardise(converted)) if lost < 0.2 else None
        if shift is None or shift.warned:
            continue
        distance = abs(shift.residual) + shift.displacement
        if distance < least:
            best, least = words, distance
    return best


def _is_exchanged(values: np.ndarray, medians: np.ndarray) -> bool:
    """Whether the columns' medians are those of training, in another order."""
    has_values = ~np.isnan(values).all(axis=0)
    if has_values.sum() < 10:
        return False
    new = np.nanmedian(values[:, has_values], axis=0)
    training = medians[has_values]
    if not (np.ptp(new) and np.ptp(training)):
        return False
    difference = np.median(np.abs(np.sort(new) - np.sort(training)))
    is_same_set = difference < 0.2 * np.std(training)
    r_as_named = np.corrcoef(new, training)[0, 1]
    return bool(is_same_set and r_as_named < 0.3)


def in_figures(shift: Shift) -> str:
    """The two statistics of a shift, in words."""
    ratio = np.exp(min(shift.residual, 700.0))
    return (
        f"median residual {ratio:,.3g} times that of training patients, columns' medians off by "
        f"{shift.displacement:,.3g} training standard deviations"
    )
