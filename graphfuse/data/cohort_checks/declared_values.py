"""What values look like, and where that contradicts what a manifest declares."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.cohort_checks.magnitude import measurable
from graphfuse.data.modality import Modality
from graphfuse.errors import examples

_SAMPLE = 2_000_000  # cells looked at
LOG_TOP = 45.0  # log2 of the largest mass-spectrometry intensities
_LOG_END = 100.0  # no logarithm of a measurement is larger, or smaller than its negative
_M_END = 50.0  # nor is an M-value
_Z_END = 1000.0  # nor is a z-score, whoever's mean and spread it was taken with
_ENOUGH = 30  # values that are all on one side by no chance; one new patient may have fewer
_UNLIKE = {
    "log": ("beta", "binary", "counts"),
    "m-value": (),
    "beta": ("binary",),
}  # declared → what never negative values look like, if not that


def sniff_values(frame: pd.DataFrame) -> str:
    """counts | log | beta | m-value | z-score | binary | mixed: the kind of values `[N, F]` the
    frame looks to hold."""
    values = matrix(frame)
    seen = values[np.isfinite(values)]
    if seen.size == 0:
        return "mixed"
    low, high = seen.min(), seen.max()
    whole = bool((seen % 1 == 0).all())
    if whole:
        return "mixed" if low < 0 else "binary" if high <= 1 else "counts"
    if low >= 0 and high <= 1:
        return "mixed" if _stretched(values) else "beta"
    if _standardised(values):
        return "z-score"
    if high > LOG_TOP or low < -LOG_TOP:
        return "mixed"
    means = np.nanmean(values[:, np.isfinite(values).any(axis=0)], axis=0)
    two_signed = np.nanstd(means) > 0.8 and 0.2 < (seen < 0).mean() < 0.95 and max(-low, high) <= 12
    return "m-value" if two_signed else "log"


def conflicts(modality: Modality) -> list[str]:
    """Each way in which the values cannot be what they are declared to be; empty when they can."""
    if modality.kind == "ehr" or modality.values not in _RULES:
        return []
    seen = _finite(modality.table)
    said = _RULES[modality.values](seen) if seen.size else ""
    if not said:
        return []
    looks = sniff_values(modality.table)
    return [f'declared values = "{modality.values}", but {said}; the data look like "{looks}"']


def unlike_declared(modality: Modality) -> str:
    """What to say where values can be what they are declared to be and yet look like another kind;
    '' where they do not."""
    declared = modality.values
    seen = _finite(modality.table)
    if seen.size == 0:
        return ""
    if declared == "counts" and (seen % 1 != 0).any():
        return f"counts, but {_share(seen % 1 != 0)} are no whole numbers"
    if declared not in _UNLIKE or seen.size < _ENOUGH or seen.min() < 0:
        return ""
    if declared == "m-value":
        return 'declared values = "m-value", but no value is negative: are they logarithms?'
    looks = sniff_values(modality.table)
    if looks not in _UNLIKE[declared]:
        return ""
    return f'declared values = "{declared}", but the data look like "{looks}": which is right?'


def scaled_over_cohort(frame: pd.DataFrame) -> str:
    """What to say of a table whose columns were scaled with test patients among the others; '' for
    any other."""
    values = matrix(frame)
    if _standardised(values):
        return (
            "values look z-scored over the whole cohort: test patients took part in that "
            "scaling, scores may be optimistic"
        )
    if _stretched(values):
        return (
            "every column spans exactly 0 to 1: scaled over the whole cohort, test patients "
            "included"
        )
    return ""


# ---------------------------------------------------------------------------------- what values are


def matrix(frame: pd.DataFrame) -> np.ndarray:
    """Float values `[N, F]` of the numeric columns, evenly thinned where there are many; NaN for
    numbers that no measurement is."""
    frame = frame.select_dtypes("number")
    step = max(1, -(-frame.size // _SAMPLE))
    return measurable(frame.iloc[:, ::step].to_numpy(dtype=float))


def _finite(frame: pd.DataFrame) -> np.ndarray:
    """Every number of the numeric columns, in one row."""
    values = frame.select_dtypes("number").to_numpy(dtype=float)
    return values[np.isfinite(values)]


def columns_with_values(values: np.ndarray) -> np.ndarray:
    """The columns of `[N, F]` with two numbers or more."""
    return values[:, np.isfinite(values).sum(axis=0) > 1] if values.size else values.reshape(0, 0)


def _standardised(values: np.ndarray) -> bool:
    """Nearly every column has mean 0 and standard deviation 1."""
    values = columns_with_values(values)
    if values.shape[1] < 2 or len(values) < 10:
        return False
    means, spreads = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    is_standard = (np.abs(means) < 0.05) & (np.abs(spreads - 1) < 0.08)
    return bool(is_standard.mean() > 0.9)


def _stretched(values: np.ndarray) -> bool:
    """Nearly every column's smallest value is 0 and its largest 1, with others between: min-max
    scaled."""
    values = columns_with_values(values)
    if values.shape[1] < 2 or len(values) < 10:
        return False
    starts_at_0 = np.abs(np.nanmin(values, axis=0)) < 1e-9
    ends_at_1 = np.abs(np.nanmax(values, axis=0) - 1) < 1e-9
    ends = starts_at_0 & ends_at_1
    between = ((values > 0) & (values < 1)).any(axis=0)
    return bool((ends & between).mean() > 0.9)


def _share(bad: np.ndarray) -> str:
    return f"{int(bad.sum()):,} of {bad.size:,} values"


def _against_counts(seen: np.ndarray) -> str:
    negative, broken = seen < 0, seen % 1 != 0
    if negative.any():
        return f"{_share(negative)} are negative"
    if broken.mean() > 1e-3:
        return (
            f"{_share(broken)} are no whole numbers (estimated counts, as RSEM's or kallisto's, "
            'are "mixed")'
        )
    return ""


def _against_log(seen: np.ndarray) -> str:
    if seen.max() > _LOG_END:
        return f"the largest value is {seen.max():,.6g}; logarithms stay far below 100"
    if seen.min() < -_LOG_END:
        return f"the smallest value is {seen.min():,.6g}; logarithms stay far above -100"
    if (seen % 1 == 0).all() and seen.min() >= 0 and seen.max() > 30:
        return f"all values are whole numbers from {seen.min():.0f} to {seen.max():.0f}"
    return ""


def _against_beta(seen: np.ndarray) -> str:
    below, above = seen < -1e-6, seen > 1 + 1e-6
    outside = below | above
    if not outside.any():
        return ""
    return (
        f"{_share(outside)} lie outside 0 to 1 (from {seen.min():.4g} to {seen.max():.4g}: "
        f"{below.sum():,} below, {(~outside).sum():,} within, {above.sum():,} above)"
    )


def _against_m_value(seen: np.ndarray) -> str:
    if seen.size >= _ENOUGH and seen.min() >= 0 and seen.max() <= 1:
        return "all values lie between 0 and 1"
    if np.abs(seen).max() > _M_END:
        return f"values reach {np.abs(seen).max():,.6g}; M-values stay below 50"
    return ""


def _against_z(seen: np.ndarray) -> str:
    if np.abs(seen).max() > _Z_END:
        return f"values reach {np.abs(seen).max():,.6g}; z-scores stay far below 1,000"
    if seen.size >= _ENOUGH and seen.min() >= 0 and seen.max() > 0:
        return f"no value is negative (from {seen.min():.4g} to {seen.max():.4g})"
    return ""


def _against_binary(seen: np.ndarray) -> str:
    other = (seen != 0) & (seen != 1)
    return (
        f"{_share(other)} are neither 0 nor 1 (such as {examples(np.unique(seen[other])[:3])})"
        if other.any()
        else ""
    )


_RULES = {
    "counts": _against_counts,
    "log": _against_log,
    "beta": _against_beta,
    "m-value": _against_m_value,
    "z-score": _against_z,
    "binary": _against_binary,
}
