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
    """The result of a log-rank test of equal survival.

    Attributes
    ----------
    statistic : float
        Chi-squared distributed with `df` degrees of freedom where survival is equal.
    df : int
        Number of groups − 1.
    p : float
        p-value; NaN, as `statistic` is, where the test does not exist: for a single group, or
        without any event.
    observed : tuple of float
        Events in each group.
    expected : tuple of float
        Events expected in each group if survival were equal.
    """

    statistic: float
    df: int
    p: float
    observed: tuple[float, ...]
    expected: tuple[float, ...]


def log_rank(time: np.ndarray, event: np.ndarray, group: np.ndarray) -> LogRank:
    """The k-sample log-rank test, with the hypergeometric variance where events are tied.

    Parameters
    ----------
    time : np.ndarray
        float `[N]`: follow-up time of each patient, in any unit.
    event : np.ndarray
        bool `[N]`: whether follow-up ended by the event; otherwise it was censored.
    group : np.ndarray
        `[N]`: group of each patient, as any sortable labels.

    Returns
    -------
    LogRank
        Its `observed` and `expected` are in the order of the sorted groups.

    References
    ----------
    Mantel 1966; Peto and Peto 1972, doi:10.2307/2344317.

    Examples
    --------
    >>> time = np.array([1.0, 2.0, 3.0, 7.0, 8.0, 9.0])
    >>> test = log_rank(time, np.ones(6, bool), np.array(list("aaabbb")))
    >>> test.df, round(test.p, 3)
    (1, 0.025)
    """
    groups, code = np.unique(group, return_inverse=True)
    moments, dead, risk = _counts(time, event, code, len(groups))
    at_risk, events = risk.sum(1), dead.sum(1)  # [moments], of all groups
    share = risk / np.maximum(at_risk, 1)[:, None]  # [moments, groups]
    observed = dead.sum(0)  # [groups]
    expected = (events[:, None] * share).sum(0)
    df = len(groups) - 1
    statistic = p = float("nan")
    if df > 0 and len(moments) > 0:
        covariance = _covariance(share, events, at_risk)
        statistic = _chi_squared(observed - expected, covariance, df)
        p = float(chi2.sf(statistic, df))
    return LogRank(statistic, df, p, tuple(observed.tolist()), tuple(expected.tolist()))


def _chi_squared(excess: np.ndarray, covariance: np.ndarray, df: int) -> float:
    """The statistic of events in excess of those expected; the last group follows from the rest."""
    inverse = np.linalg.pinv(covariance[:df, :df], hermitian=True)
    independent = excess[:df]
    return float(independent @ inverse @ independent)


def _covariance(share: np.ndarray, events: np.ndarray, at_risk: np.ndarray) -> np.ndarray:
    """Hypergeometric covariance of the groups' events, `[groups, groups]`."""
    survivors = at_risk - events
    variance = events * survivors / np.maximum(at_risk - 1, 1)
    weighted = variance[:, None] * share  # [moments, groups]
    return np.diag(weighted.sum(0)) - weighted.T @ share


def _counts(
    time: np.ndarray, event: np.ndarray, code: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times at which any event happens, and the events and patients at risk `[moments, groups]`."""
    moments, moment_of = np.unique(time[event], return_inverse=True)
    dead = np.zeros((len(moments), groups))
    np.add.at(dead, (moment_of, code[event]), 1)
    risk = np.zeros((len(moments), groups))
    for g in range(groups):
        own = np.sort(time[code == g])
        risk[:, g] = len(own) - np.searchsorted(own, moments, side="left")
    return moments, dead, risk


def kaplan_meier(time: np.ndarray, event: np.ndarray, level: float = 0.95) -> pd.DataFrame:
    """The Kaplan-Meier survival curve.

    The interval is pointwise, on the log(−log) scale with Greenwood's variance.

    Parameters
    ----------
    time : np.ndarray
        float `[N]`: follow-up time of each patient, in any unit.
    event : np.ndarray
        bool `[N]`: whether follow-up ended by the event; otherwise it was censored.
    level : float
        Coverage of the interval.

    Returns
    -------
    pd.DataFrame
        One row per distinct time, after a row of survival 1 at time 0; columns as in
        `CURVE_COLUMNS`. The interval is missing where survival is 0 or 1.

    References
    ----------
    Kaplan and Meier 1958.

    Examples
    --------
    >>> curve = kaplan_meier(np.array([2.0, 3.0, 5.0, 7.0]), np.array([True, False, True, False]))
    >>> curve["survival"].tolist()
    [1.0, 0.75, 0.75, 0.375, 0.375]
    """
    moments, moment_of = np.unique(time, return_inverse=True)
    events = np.bincount(moment_of, event, minlength=len(moments))
    leaving = np.bincount(moment_of, minlength=len(moments))
    left_before = np.concatenate([[0], np.cumsum(leaving)[:-1]])
    risk = len(time) - left_before
    survival = np.cumprod(1 - events / risk)
    low, high = _greenwood_interval(survival, events, risk, level)
    censored = leaving - events
    rows = np.column_stack([moments, risk, events, censored, survival, low, high])
    if moments[:1] != 0:
        start = [0.0, len(time), 0, 0, 1.0, np.nan, np.nan]
        rows = np.vstack([start, rows[moments > 0]])
    table = pd.DataFrame(rows, columns=list(CURVE_COLUMNS))
    return table.astype({"at_risk": int, "events": int, "censored": int})


def _greenwood_interval(
    survival: np.ndarray, events: np.ndarray, risk: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound of survival at each time; NaN where survival is 0 or 1."""
    z = norm.ppf(0.5 + level / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = events / (risk * (risk - events))
        error = np.sqrt(np.cumsum(terms))
        width = z * error / np.abs(np.log(survival))
        low = survival ** np.exp(width)
        high = survival ** np.exp(-width)
    is_undefined = (survival <= 0) | (survival >= 1)
    low[is_undefined] = high[is_undefined] = np.nan
    return low, high


def median_survival(curve: pd.DataFrame) -> tuple[float, float, float]:
    """Median survival and its 95 % interval, read off a Kaplan-Meier curve.

    Parameters
    ----------
    curve : pd.DataFrame
        As `kaplan_meier` gives it.

    Returns
    -------
    tuple of float
        The first times at which survival, and the lower and upper bound of its interval, are ½ or
        less, in the curve's unit of time; infinite where the curve does not get there.

    References
    ----------
    Brookmeyer and Crowley 1982.
    """
    bounds = (curve["survival"], curve["survival_lo"], curve["survival_hi"])
    time = curve["time"].to_numpy()
    return tuple(_first_half(time, bound.to_numpy()) for bound in bounds)


def _first_half(time: np.ndarray, survival: np.ndarray) -> float:
    """The first time at which survival is ½ or less, infinite where there is none."""
    reached = np.flatnonzero(survival <= 0.5)
    return float(time[reached[0]]) if len(reached) else float("inf")
