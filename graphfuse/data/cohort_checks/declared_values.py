"""The scale that values look like, and contradictions to the scale that a manifest declares."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.cohort_checks.unmeasurable_numbers import measurable
from graphfuse.data.modality import Modality
from graphfuse.errors import examples

_SAMPLE = 2_000_000  # cells that are used
LOG_TOP = 45.0  # log2 of the largest mass-spectrometry intensities
_LOG_END = 100.0  # no logarithm of a measurement is larger, or smaller than its negative
_M_END = 50.0  # nor is an M-value
_Z_END = 1000.0  # nor is a z-score, by the mean and spread of any patients
_ENOUGH = 30  # values that are not all on one side by chance; one new patient may have fewer
_UNLIKE = {
    "log": ("beta", "binary", "counts"),
    "m-value": (),
    "beta": ("binary",),
}  # declared → scales that values without negative ones may look like instead


def sniff_values(frame: pd.DataFrame) -> str:
    """The scale that the values of a frame `[N, F]` look like: counts | log | beta | m-value |
    z-score | binary | mixed."""
    values = matrix(frame)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return "mixed"
    low, high = finite.min(), finite.max()
    if (finite % 1 == 0).all():
        if low < 0:
            return "mixed"
        return "binary" if high <= 1 else "counts"
    if low >= 0 and high <= 1:
        return "mixed" if _stretched(values) else "beta"
    if _standardised(values):
        return "z-score"
    if high > LOG_TOP or low < -LOG_TOP:
        return "mixed"
    has_values = np.isfinite(values).any(axis=0)
    means = np.nanmean(values[:, has_values], axis=0)
    are_spread = np.nanstd(means) > 0.8
    has_both_signs = 0.2 < (finite < 0).mean() < 0.95
    is_m_value = are_spread and has_both_signs and max(-low, high) <= 12
    return "m-value" if is_m_value else "log"


def conflicts(modality: Modality) -> list[str]:
    """Contradictions between the values and their declared scale; empty where there are none."""
    if modality.kind == "ehr" or modality.values not in _RULES:
        return []
    values = _finite(modality.table)
    contradiction = _RULES[modality.values](values) if values.size else ""
    if not contradiction:
        return []
    declared, looks = modality.values, sniff_values(modality.table)
    return [f'declared values = "{declared}", but {contradiction}; the data look like "{looks}"']


def unlike_declared(modality: Modality) -> str:
    """A notice where values do not contradict their declared scale and yet look like another one;
    '' where they do not."""
    declared = modality.values
    values = _finite(modality.table)
    if values.size == 0:
        return ""
    is_broken = values % 1 != 0
    if declared == "counts" and is_broken.any():
        return f"counts, but {_share(is_broken)} are no whole numbers"
    if declared not in _UNLIKE or values.size < _ENOUGH or values.min() < 0:
        return ""
    if declared == "m-value":
        return 'declared values = "m-value", but no value is negative: are they logarithms?'
    looks = sniff_values(modality.table)
    if looks not in _UNLIKE[declared]:
        return ""
    return f'declared values = "{declared}", but the data look like "{looks}": which is right?'


def scaled_over_cohort(frame: pd.DataFrame) -> str:
    """A notice for a table whose columns were scaled together with test patients; '' for any
    other."""
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
    numbers that cannot be measurements."""
    frame = frame.select_dtypes("number")
    step = max(1, -(-frame.size // _SAMPLE))
    return measurable(frame.iloc[:, ::step].to_numpy(dtype=float))


def _finite(frame: pd.DataFrame) -> np.ndarray:
    """All finite numbers of the numeric columns, as one array."""
    values = frame.select_dtypes("number").to_numpy(dtype=float)
    return values[np.isfinite(values)]


def columns_with_values(values: np.ndarray) -> np.ndarray:
    """The columns of `[N, F]` with two numbers or more."""
    if not values.size:
        return values.reshape(0, 0)
    count = np.isfinite(values).sum(axis=0)
    return values[:, count > 1]


def _standardised(values: np.ndarray) -> bool:
    """Whether nearly every column has mean 0 and standard deviation 1."""
    values = columns_with_values(values)
    if values.shape[1] < 2 or len(values) < 10:
        return False
    means, spreads = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    is_standard = (np.abs(means) < 0.05) & (np.abs(spreads - 1) < 0.08)
    return bool(is_standard.mean() > 0.9)


def _stretched(values: np.ndarray) -> bool:
    """Whether nearly every column's smallest value is 0 and its largest 1, with others between, as
    after min-max scaling."""
    values = columns_with_values(values)
    if values.shape[1] < 2 or len(values) < 10:
        return False
    starts_at_0 = np.abs(np.nanmin(values, axis=0)) < 1e-9
    ends_at_1 = np.abs(np.nanmax(values, axis=0) - 1) < 1e-9
    ends = starts_at_0 & ends_at_1
    between = ((values > 0) & (values < 1)).any(axis=0)
    return bool((ends & between).mean() > 0.9)


def _share(bad: np.ndarray) -> str:
    """How many values are bad, of how many."""
    return f"{int(bad.sum()):,} of {bad.size:,} values"


def _against_counts(seen: np.ndarray) -> str:
    """Why values are no counts; '' where they may be, as in the functions below."""
    negative = seen < 0
    broken = seen % 1 != 0
    if negative.any():
        return f"{_share(negative)} are negative"
    if broken.mean() > 1e-3:
        return (
            f"{_share(broken)} are no whole numbers (estimated counts, as RSEM's or kallisto's, "
            'are "mixed")'
        )
    return ""


def _against_log(seen: np.ndarray) -> str:
    """Why values are no logarithms."""
    low, high = seen.min(), seen.max()
    if high > _LOG_END:
        return f"the largest value is {high:,.6g}; logarithms stay far below 100"
    if low < -_LOG_END:
        return f"the smallest value is {low:,.6g}; logarithms stay far above -100"
    if (seen % 1 == 0).all() and low >= 0 and high > 30:
        return f"all values are whole numbers from {low:.0f} to {high:.0f}"
    return ""


def _against_beta(seen: np.ndarray) -> str:
    """Why values are no beta values of methylation."""
    below, above = seen < -1e-6, seen > 1 + 1e-6
    outside = below | above
    if not outside.any():
        return ""
    return (
        f"{_share(outside)} lie outside 0 to 1 (from {seen.min():.4g} to {seen.max():.4g}: "
        f"{below.sum():,} below, {(~outside).sum():,} within, {above.sum():,} above)"
    )


def _against_m_value(seen: np.ndarray) -> str:
    """Why values are no M-values of methylation."""
    largest = np.abs(seen).max()
    if seen.size >= _ENOUGH and seen.min() >= 0 and seen.max() <= 1:
        return "all values lie between 0 and 1"
    if largest > _M_END:
        return f"values reach {largest:,.6g}; M-values stay below 50"
    return ""


def _against_z(seen: np.ndarray) -> str:
    """Why values are no z-scores."""
    low, high, largest = seen.min(), seen.max(), np.abs(seen).max()
    if largest > _Z_END:
        return f"values reach {largest:,.6g}; z-scores stay far below 1,000"
    if seen.size >= _ENOUGH and low >= 0 and high > 0:
        return f"no value is negative (from {low:.4g} to {high:.4g})"
    return ""


def _against_binary(seen: np.ndarray) -> str:
    """Why values are not binary."""
    other = (seen != 0) & (seen != 1)
    if not other.any():
        return ""
    shown = examples(np.unique(seen[other])[:3])
    return f"{_share(other)} are neither 0 nor 1 (such as {shown})"


_RULES = {
    "counts": _against_counts,
    "log": _against_log,
    "beta": _against_beta,
    "m-value": _against_m_value,
    "z-score": _against_z,
    "binary": _against_binary,
}
