"""What values look like, and where that contradicts what a manifest declares."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.modality import Modality
from graphfuse.errors import examples

_SAMPLE = 2_000_000  # cells looked at
_SENTINELS = (-9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0)
_LOG_TOP = 45.0  # log2 of the largest mass-spectrometry intensities
_SMALL_COUNTS = 30  # copies, stages, mutations of a gene: counts up to here need no logarithm
_SKEWED = 1.0  # skewness of a column with a long tail to the right


def sniff_values(frame: pd.DataFrame) -> str:
    """counts | log | beta | m-value | z-score | binary | mixed: the kind of values `[N, F]` the
    frame looks to hold."""
    values = _matrix(frame)
    seen = values[np.isfinite(values)]
    if seen.size == 0:
        return "mixed"
    low, high, whole = seen.min(), seen.max(), bool((seen % 1 == 0).all())
    if whole:
        return "mixed" if low < 0 else "binary" if high <= 1 else "counts"
    if low >= 0 and high <= 1:
        return "mixed" if _stretched(values) else "beta"
    if _standardised(values):
        return "z-score"
    if high > _LOG_TOP or low < -_LOG_TOP:
        return "mixed"
    means = np.nanmean(values, axis=0)
    two_signed = np.nanstd(means) > 0.8 and 0.2 < (seen < 0).mean() < 0.95 and max(-low, high) <= 12
    return "m-value" if two_signed else "log"


def conflicts(modality: Modality) -> list[str]:
    """Each way in which the values cannot be what they are declared to be; empty when they can."""
    if modality.kind == "ehr" or modality.values not in _RULES:
        return []
    values = _matrix(modality.table)
    seen = values[np.isfinite(values)]
    said = _RULES[modality.values](seen) if seen.size else ""
    if not said:
        return []
    looks = sniff_values(modality.table)
    return [f'declared values = "{modality.values}", but {said}; the data look like "{looks}"']


def doubts(modality: Modality) -> list[str]:
    """What is suspicious without being wrong: cohort-wide scaling, codes for missing, text that
    hardly repeats."""
    if modality.kind == "ehr":
        found = [said for column in modality.columns if (said := _sentinel(modality.table[column]))]
        return found + [
            said for column in modality.columns if (said := _unrepeated(modality.table[column]))
        ]
    values = _matrix(modality.table)
    found = []
    if _standardised(values):
        found.append(
            "values look z-scored over the whole cohort: test patients took part in that "
            "scaling, scores may be optimistic"
        )
    elif _stretched(values):
        found.append(
            "every column spans exactly 0 to 1: scaled over the whole cohort, test patients "
            "included"
        )
    return found


def looks_raw(frame: pd.DataFrame) -> bool:
    """Whether a table `[N, F]` holds counts or intensities that should be logarithms: none is
    negative, and most columns have a few so large that they decide what the column says."""
    values = _matrix(frame)
    seen = values[np.isfinite(values)]
    if seen.size == 0 or seen.min() < 0:
        return False
    whole = bool((seen % 1 == 0).all())
    return seen.max() > (_SMALL_COUNTS if whole else _LOG_TOP) and _skewed(values)


def untransformed(modality: Modality) -> list[str]:
    """A notice for an omics table that looks raw."""
    if modality.kind != "omics" or not looks_raw(modality.table):
        return []
    seen = _matrix(modality.table)
    return [
        f"values look like raw counts or intensities (from {np.nanmin(seen):,.6g} to "
        f"{np.nanmax(seen):,.6g}, skewed in most columns), and a few large ones decide what a "
        'column says: transform = "log1p" takes logarithms ("cpm-log": of counts per million), '
        '"none" keeps the values as they are'
    ]


# ---------------------------------------------------------------------------------- what values are


def _matrix(frame: pd.DataFrame) -> np.ndarray:
    """Float values `[N, F]` of the numeric columns, evenly thinned where there are many."""
    frame = frame.select_dtypes("number")
    step = max(1, -(-frame.size // _SAMPLE))
    return frame.iloc[:, ::step].to_numpy(dtype=float)


def _columns_with_values(values: np.ndarray) -> np.ndarray:
    return values[:, np.isfinite(values).sum(axis=0) > 1] if values.size else values.reshape(0, 0)


def _standardised(values: np.ndarray) -> bool:
    """Nearly every column has mean 0 and standard deviation 1."""
    values = _columns_with_values(values)
    if values.shape[1] < 2 or len(values) < 10:
        return False
    means, spreads = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    return bool(((np.abs(means) < 0.05) & (np.abs(spreads - 1) < 0.08)).mean() > 0.9)


def _stretched(values: np.ndarray) -> bool:
    """Nearly every column's smallest value is 0 and its largest 1, with others between: min-max
    scaled."""
    values = _columns_with_values(values)
    if values.shape[1] < 2 or len(values) < 10:
        return False
    ends = (np.abs(np.nanmin(values, axis=0)) < 1e-9) & (
        np.abs(np.nanmax(values, axis=0) - 1) < 1e-9
    )
    between = ((values > 0) & (values < 1)).any(axis=0)
    return bool((ends & between).mean() > 0.9)


def _skewed(values: np.ndarray) -> bool:
    """Most columns have a long tail to the right, and the logarithm shortens it."""
    values = _columns_with_values(values)
    values = values[:, np.nanstd(values, axis=0) > 0]
    if values.shape[1] == 0:
        return False
    skewness = np.nanmedian(_skewness(values))
    left = np.nanmedian(np.abs(_skewness(np.log1p(values))))
    return bool(skewness > _SKEWED and left < skewness)


def _skewness(values: np.ndarray) -> np.ndarray:
    """The third standardised moment of every column."""
    centred = values - np.nanmean(values, axis=0)
    return np.nanmean(centred**3, axis=0) / np.nanstd(values, axis=0) ** 3


def _share(bad: np.ndarray) -> str:
    return f"{int(bad.sum()):,} of {bad.size:,} values"


def _against_counts(seen: np.ndarray) -> str:
    negative, broken = seen < 0, seen % 1 != 0
    if negative.any():
        return f"{_share(negative)} are negative"
    return f"{_share(broken)} are no whole numbers" if broken.mean() > 1e-3 else ""


def _against_log(seen: np.ndarray) -> str:
    if seen.max() > 100:
        return f"the largest value is {seen.max():,.6g}; logarithms stay far below 100"
    counts = (seen % 1 == 0).all() and seen.min() >= 0 and seen.max() > 30
    return (
        f"all values are whole numbers from {seen.min():.0f} to {seen.max():.0f}" if counts else ""
    )


def _against_beta(seen: np.ndarray) -> str:
    outside = (seen < -1e-6) | (seen > 1 + 1e-6)
    return (
        f"{_share(outside)} lie outside 0 to 1 (from {seen.min():.4g} to {seen.max():.4g})"
        if outside.any()
        else ""
    )


def _against_m_value(seen: np.ndarray) -> str:
    if seen.min() >= 0 and seen.max() <= 1:
        return "all values lie between 0 and 1"
    return (
        f"values reach {np.abs(seen).max():.4g}; M-values stay below 50"
        if np.abs(seen).max() > 50
        else ""
    )


def _against_z(seen: np.ndarray) -> str:
    return (
        f"no value is negative (from {seen.min():.4g} to {seen.max():.4g})"
        if seen.min() >= 0 and seen.max() > 0
        else ""
    )


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


def _sentinel(column: pd.Series) -> str:
    """A number that stands far from all others again and again, as a code for missing would."""
    if not pd.api.types.is_numeric_dtype(column):
        return ""
    known = column.dropna().to_numpy(dtype=float)
    for code in _SENTINELS:
        spike = known == code
        rest = known[~spike]
        if spike.sum() < 3 or len(rest) < 3:
            continue
        gap = np.abs(rest - code).min()
        if gap > 0.5 * np.ptp(rest) or (code < 0 and rest.min() >= 0):
            return (
                f"{column.name!r} is {code:.0f} for {int(spike.sum())} patients, far from all "
                "others: a code for missing?"
            )
    return ""


def _unrepeated(column: pd.Series) -> str:
    """Text whose values hardly repeat is a name, a date or free text, not a category."""
    if pd.api.types.is_numeric_dtype(column):
        return ""
    known = column.dropna()
    distinct = known.nunique()
    many = distinct > 20 and distinct > 0.5 * len(known)
    return (
        (
            f"{column.name!r} has {distinct} different texts for {len(known)} patients: is it a "
            "category?"
        )
        if many
        else ""
    )
