"""Means of scores over folds, with their intervals and comparisons.

Errors come from draws of the tested patients (`patient_draws`), not from the spread of the folds:
five folds know their spread so badly that the widths of such intervals are mostly noise. Each is
widened by what other training sets would change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from graphfuse.evaluate.patient_draws import Drawn, PatientDraws
from graphfuse.schema import Comparison, Score
from graphfuse.statistics.multiple_testing import holm
from graphfuse.task.metric import Metric

FEWEST = 20  # patients of a group, or of a pattern of modalities, for it to have scores of its own
LEVEL = 0.05  # of the chance that any verdict of a report is wrong
POWER = 0.8  # of the chance that the smallest gain is shown where it is there
_ROUNDING = 1e-12  # below which draws do not vary


def standard_error(drawn: np.ndarray, draws: PatientDraws) -> float:
    """Of a score or a difference of scores over cohorts.

    Parameters
    ----------
    drawn : np.ndarray
        `[D]`, its value in every draw of patients; NaN where there is none.
    draws : PatientDraws
        By which they were drawn.

    Returns
    -------
    float
        NaN for fewer than two units to draw from, and where half of the draws have no value; 0
        where the value does not vary.
    """
    known = np.isfinite(drawn)
    if draws.units < 2 or known.mean() < 0.5:
        return float("nan")
    unbiased = np.sqrt(draws.units / (draws.units - 1))
    spread = float(drawn[known].std() * unbiased)
    return 0.0 if spread < _ROUNDING else spread * draws.widening


def smallest_error(metric: Metric, patients: int, draws: PatientDraws) -> float:
    """The standard error where no draw changes a score, as where all patients are predicted right.

    So many patients alike do not exclude that a few of the next are not: the error is that of a
    share after two successes and two failures more (Agresti and Coull), which for none of n wrong
    makes an interval of the size of the rule of three, 3 / n. NaN for metrics without bounds.

    Parameters
    ----------
    metric : Metric
    patients : int
        On whom the score's least certain part rests (`PatientDraws.fewest`).
    draws : PatientDraws

    References
    ----------
    Agresti & Coull 1998, Approximate is better than "exact" for interval estimation of binomial
    proportions, The American Statistician 52, doi:10.1080/00031305.1998.10480550.

    Examples
    --------
    >>> from graphfuse.evaluate.patient_draws import PatientDraws
    >>> from graphfuse.task.registry import metrics_of
    >>> draws = PatientDraws({}, {}, 100, 100, float("inf"), {})
    >>> round(smallest_error(metrics_of("class")["accuracy"], 100, draws), 4)
    0.0135
    """
    lowest, highest = metric.bounds
    span = highest - lowest
    if not np.isfinite(span):
        return float("nan")
    patients_more = patients + 4
    share = 2 / patients_more
    error = np.sqrt(share * (1 - share) / patients_more)
    return float(span * error * draws.widening)


def score_over_folds(
    by_fold: np.ndarray, drawn: np.ndarray, metric: Metric, patients: int, draws: PatientDraws
) -> Score:
    """The mean of a score over folds, with its SD and its 95 % interval.

    Parameters
    ----------
    by_fold : np.ndarray
        `[J]`, the score in each fold; NaN where there is none.
    drawn : np.ndarray
        `[1 + D]`, that of the patients as they are and of each draw; the first is the mean where
        the metric is `pooled`.
    metric : Metric
        At whose bounds the interval is cut.
    patients : int
        On whom the score's least certain part rests.
    draws : PatientDraws
    """
    known = by_fold[np.isfinite(by_fold)]
    mean = drawn[0] if metric.pooled else known.mean() if len(known) else np.nan
    if not np.isfinite(mean):
        return Score(mean=None, sd=None, ci95=(None, None), reason=_why_none(metric))
    sd = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    error = standard_error(drawn[1:], draws) or smallest_error(metric, patients, draws)
    ends = interval(float(mean), error, metric.bounds, draws)
    reason = _why_fewer(metric, len(by_fold) - len(known), len(by_fold))
    return Score(mean=float(mean), sd=sd, ci95=ends, reason=reason)


def _why_none(metric: Metric) -> str:
    """Why no fold has a score."""
    return f"no test fold has {metric.needs}" if metric.needs else "no test fold has a score"


def _why_fewer(metric: Metric, without: int, folds: int) -> str | None:
    """Why the mean is over fewer folds than there are; `None` where it is over all."""
    if not without:
        return None
    return f"{without} of {folds} test folds do not have {metric.needs or 'a score'}"


def interval(
    mean: float, error: float, bounds: tuple[float, float], draws: PatientDraws
) -> tuple[float | None, float | None]:
    """The 95 % interval of this mean and standard error; none where the error is not known."""
    if not np.isfinite(error):
        return None, None
    half = quantile(LEVEL, draws) * error
    lowest, highest = bounds
    return max(mean - half, lowest), min(mean + half, highest)


def quantile(level: float, draws: PatientDraws) -> float:
    """How many standard errors a difference must be from 0 to have a two-sided p below `level`:
    1.96 of many patients at 0.05, by Student's t more where few are drawn from."""
    return float(stats.t.isf(level / 2, draws.units - 1))


def two_sided(size: float, error: float, draws: PatientDraws) -> float:
    """The p-value of a difference of this size and standard error; NaN where that is unknown."""
    return float(2 * stats.t.sf(abs(size) / error, draws.units - 1))


@dataclass(frozen=True)
class Difference:
    """What model `a` scores more than `b` in a metric, with its standard error: 0 where the models
    do the same for every patient."""

    a: str
    b: str
    metric: Metric
    size: float
    error: float

    @classmethod
    def between(cls, a: str, b: str, metric: Metric, draws: PatientDraws) -> Difference | None:
        """Of two models in the repeats that both were tested in; `None` where one has no score, or
        the difference no standard error."""
        first, second = draws.paired(a, b)
        drawn = first[metric.name] - second[metric.name]  # [1 + D]
        if not np.isfinite(drawn[0]):
            return None
        error = standard_error(drawn[1:], draws)
        if error == 0 and not _is_same(first, second):
            fewest = min(draws.fewest[a][metric.name], draws.fewest[b][metric.name])
            error = smallest_error(metric, fewest, draws)
        if not np.isfinite(error):
            return None
        return cls(a, b, metric, float(drawn[0]), error)

    def p_value(self, draws: PatientDraws) -> float:
        """Two-sided; 1 of models that do the same."""
        return two_sided(self.size, self.error, draws) if self.error else 1.0


def _is_same(first: Drawn, second: Drawn) -> bool:
    """Whether two models score the same in all metrics and draws: that is, predict the same."""
    return all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)


def judged(differences: Sequence[Difference], draws: PatientDraws) -> list[Comparison]:
    """The comparisons of a report, their p-values adjusted by Holm for how many they are.

    "better" and "worse" stand where the adjusted p is below 0.05, so that a report of models that
    are all alike makes a false claim at most once in twenty. Intervals are each for itself.
    `detectable` is the smallest difference that would have been shown with a chance of 80 %, were
    it the clearest of all: 2.8 standard errors for one comparison, 3.8 for twenty.

    Parameters
    ----------
    differences : sequence of Difference
        All of the report.
    draws : PatientDraws
        From which they are.
    """
    p_values = [difference.p_value(draws) for difference in differences]
    adjusted = holm(p_values)
    comparisons = []
    for difference, p, corrected in zip(differences, p_values, adjusted, strict=True):
        half = quantile(LEVEL, draws) * difference.error
        clear = quantile(LEVEL / len(differences), draws) + stats.norm.ppf(POWER)
        verdict = "no difference shown"
        if corrected < LEVEL:
            verdict = "better" if difference.metric.is_better(difference.size) else "worse"
        comparison = Comparison(
            a=difference.a,
            b=difference.b,
            metric=difference.metric.name,
            difference=difference.size,
            ci95=(difference.size - half, difference.size + half),
            p=p,
            p_adjusted=corrected,
            detectable=float(clear * difference.error) or None,
            verdict=verdict,
        )
        comparisons.append(comparison)
    return comparisons
