"""Survival of groups of patients: Kaplan-Meier curves, median survival and the k-sample log-rank
test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

CURVE_COLUMNS = ("time", "at_risk", "events", "censored", "survival", "survival_lo", "survival_hi")


@dataclass(frozen=True)
class LogRank:
    """The log-rank test of equal survival: `statistic` ~ chi-squared with `df` = groups − 1;
    `observed` and `expected` events per group. `p` is NaN where the test does not exist (one group,
    or no event)."""

    statistic: float
    df: int
    p: float
    observed: tuple[float, ...]
    expected: tuple[float, ...]


def log_rank(time: np.ndarray, event: np.ndarray, group: np.ndarray) -> LogRank:
    """The k-sample log-rank test (Mantel 1966; Peto and Peto 1972, doi:10.2307/2344317).

    `time` float `[N]`, `event` bool `[N]`, `group` `[N]` any labels. Tied events count with the
    hypergeometric variance.
    """
    names, code = np.unique(group, return_inverse=True)
    moments, of = np.unique(time[event], return_inverse=True)
    dead, risk = np.zeros((len(moments), len(names))), np.zeros((len(moments), len(names)))
    np.add.at(dead, (of, code[event]), 1)
    for g in range(len(names)):
        risk[:, g] = (code == g).sum() - np.searchsorted(
            np.sort(time[code == g]), moments, side="left"
        )
    total, events = risk.sum(1), dead.sum(1)
    share = risk / np.maximum(total, 1)[:, None]
    expected = (events[:, None] * share).sum(0)
    spread = events * (total - events) / np.maximum(total - 1, 1)
    covariance = np.diag((spread[:, None] * share).sum(0)) - (spread[:, None] * share).T @ share
    observed, df = dead.sum(0), len(names) - 1
    gap = (observed - expected)[:df]
    exists = df > 0 and len(moments) > 0
    statistic = (
        float(gap @ np.linalg.pinv(covariance[:df, :df], hermitian=True) @ gap)
        if exists
        else float("nan")
    )
    p = float(chi2.sf(statistic, df)) if exists else float("nan")
    return LogRank(statistic, df, p, tuple(observed.tolist()), tuple(expected.tolist()))


def kaplan_meier(time: np.ndarray, event: np.ndarray, level: float = 0.95) -> pd.DataFrame:
    """The product-limit curve at every distinct time (Kaplan and Meier 1958), from survival 1 at
    time 0.

    Columns as in `CURVE_COLUMNS`; the interval is pointwise, on the log(−log) scale with
    Greenwood's variance, and missing where survival is 0 or 1.
    """
    moments, of = np.unique(time, return_inverse=True)
    events = np.bincount(of, event, minlength=len(moments))
    leaving = np.bincount(of, minlength=len(moments))
    risk = len(time) - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    survival = np.cumprod(1 - events / risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(events / (risk * (risk - events)))
        width = norm.ppf(0.5 + level / 2) * np.sqrt(greenwood) / np.abs(np.log(survival))
        low, high = survival ** np.exp(width), survival ** np.exp(-width)
    inner = (survival > 0) & (survival < 1)
    bounds = np.where(inner, low, np.nan), np.where(inner, high, np.nan)
    rows = np.column_stack([moments, risk, events, leaving - events, survival, *bounds])
    start = [0.0, len(time), 0, 0, 1.0, np.nan, np.nan]
    table = pd.DataFrame(
        np.vstack([start, rows[moments > 0]]) if moments[:1] != 0 else rows,
        columns=list(CURVE_COLUMNS),
    )
    return table.astype({"at_risk": int, "events": int, "censored": int})


def median_survival(curve: pd.DataFrame) -> tuple[float, float, float]:
    """The first time at which survival is ½ or less, and its 95 % interval (Brookmeyer and Crowley
    1982): where the bounds of the curve cross ½. Infinite where the curve does not get there."""
    bounds = (curve["survival"], curve["survival_lo"], curve["survival_hi"])
    return tuple(_crossing(curve["time"].to_numpy(), bound.to_numpy()) for bound in bounds)


def at_risk(time: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """int: how many patients are followed up to each moment or beyond."""
    return len(time) - np.searchsorted(np.sort(time), moments, side="left")


def _crossing(time: np.ndarray, survival: np.ndarray) -> float:
    reached = np.flatnonzero(survival <= 0.5)
    return float(time[reached[0]]) if len(reached) else float("inf")
