"""Scores in groups of patients (site, sex, batch), and whether those of a group differ from those
of everyone else.

Intervals resample patients within the group and within the rest, and are widened by what other
training sets would change (`PatientDraws.widening`). A gap is called shown where its 95
% interval leaves out 0 *and* its permutation test, adjusted by Holm over the levels of the group
(Holm 1979), has p < 0.05: among twenty sites one interval leaves out 0 by chance, and a handful of
patients all called right leave a bootstrap with nothing to vary. There is no adjustment for the
number of metrics and groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.evaluate.bootstrap import CELLS, Interval, blocks, interval, stacked
from graphfuse.evaluate.fold_statistics import FEWEST
from graphfuse.evaluate.part_against_rest import Tested
from graphfuse.schema import GroupScore
from graphfuse.statistics.multiple_testing import holm
from graphfuse.task.metric import Metric
from graphfuse.task.task import Task

CASES = 5  # patients of a class, there and in the rest, for it to count in means over classes
SHOWN, NOT_SHOWN, NOT_SCORED = "gap shown", "no gap shown", "not scored"


def subgroups(
    predictions: pd.DataFrame,
    groups: Mapping[str, np.ndarray],
    patients: pd.Index,
    task: Task,
    metrics: Sequence[Metric],
    draws: int = 1000,
    seed: int = 0,
    widening: float = 1.0,
) -> list[GroupScore]:
    """Scores of every level of every group with at least `FEWEST` tested patients, there and in
    the rest.

    A score is the mean over repeats of the score within a repeat. Means over classes run over those
    with at least `CASES` patients there and in the rest, so that both sides answer the same
    question. Smaller levels are listed with no score.

    Parameters
    ----------
    predictions : pd.DataFrame
        As in `predictions.csv`.
    groups : mapping of str to np.ndarray
        The levels of each group as text `[N]`, in the order of `patients`.
    patients : pd.Index
        The ids of all N patients of the cohort.
    task : Task
        Of the outcome predicted.
    metrics : sequence of Metric
        Those in which groups are scored.
    draws : int
        Of the bootstrap, and of the permutation test.
    seed : int
    widening : float
        Of intervals (`PatientDraws.widening`); 1 where the model is given.
    """
    tested = Tested.of(predictions, task, metrics)
    rows = patients.get_indexer(tested.patients)
    scores = []
    for number, (name, levels) in enumerate(groups.items()):
        rng = np.random.default_rng([seed, number])
        levels_of_tested = np.asarray(levels, dtype=str)[rows]
        scores += _group(name, levels_of_tested, tested, draws, rng, widening)
    return scores


@dataclass(frozen=True, eq=False)
class _Level:
    """A level that is scored.

    Attributes
    ----------
    code : int
        Its place among the levels of the group.
    patients : int
        How many it has.
    fewer : int
        How many the smaller of it and the rest has.
    levels : np.ndarray
        The levels of the outcome over which its means run.
    real : dict of str to np.ndarray
        Metric → `[2]`, score and gap.
    drawn : dict of str to np.ndarray
        Metric → `[D, 2]`, score and gap of resampled patients.
    widening : float
        By how much more they vary than their draws.
    """

    code: int
    patients: int
    fewer: int
    levels: np.ndarray
    real: dict[str, np.ndarray]
    drawn: dict[str, np.ndarray]
    widening: float

    def intervals(self, metric: Metric) -> tuple[Interval, Interval]:
        """The intervals of the score and of the gap. The gap has none where all patients there are
        alike, since what is left would be the spread of the rest alone."""
        score, gap = self.real[metric.name]
        drawn = self.drawn[metric.name]
        of_score = interval(drawn[:, 0], score, self.patients, metric.bounds, self.widening)
        if None in of_score:
            return of_score, (None, None)
        return of_score, interval(drawn[:, 1], gap, self.fewer, widening=self.widening)

    def suspects(self, metrics: Sequence[Metric]) -> list[Metric]:
        """Those of these metrics in which the interval of the gap leaves out 0."""
        suspects = []
        for metric in metrics:
            if not np.isfinite(self.real[metric.name]).all():
                continue
            _, (low, high) = self.intervals(metric)
            if low is not None and (low > 0 or high < 0):
                suspects.append(metric)
        return suspects

    def not_smaller(self, metric: str, gaps: np.ndarray) -> int:
        """How many of these gaps `[D]` are as large as the level's own; those without a score
        are."""
        real_gap = np.abs(self.real[metric][1])
        smaller = np.abs(gaps) < real_gap - 1e-12
        return int((~smaller).sum())


def _group(
    name: str,
    levels: np.ndarray,
    tested: Tested,
    draws: int,
    rng: np.random.Generator,
    widening: float,
) -> list[GroupScore]:
    """The scores of all levels of one group, in the order of their names."""
    names, codes = np.unique(levels, return_inverse=True)
    counts = np.bincount(codes)
    smaller_side = np.minimum(counts, len(codes) - counts)
    large = [int(code) for code in np.flatnonzero(smaller_side >= FEWEST)]
    scored = _bootstrapped(large, codes, tested, draws, rng, widening)
    p_values = _permuted(scored, codes, tested, draws, rng)
    by_code = {level.code: level for level in scored}
    scores = []
    for code, word in enumerate(names):
        for metric in tested.metrics:
            about = {
                "group": name,
                "level": str(word),
                "patients": int(counts[code]),
                "metric": metric.name,
            }
            p = p_values[metric.name].get(code, 1.0)
            scores.append(_row(about, by_code.get(code), metric, p))
    return scores


def _row(about: dict, level: _Level | None, metric: Metric, p: float) -> GroupScore:
    """A level's score in one metric; blank where it has none."""
    if level is None or not np.isfinite(level.real[metric.name]).all():
        return GroupScore(
            **about,
            score=None,
            ci95=(None, None),
            gap=None,
            gap_ci95=(None, None),
            verdict=NOT_SCORED,
        )
    score, gap = level.real[metric.name]
    of_score, of_gap = level.intervals(metric)
    return GroupScore(
        **about,
        score=score,
        ci95=of_score,
        gap=gap,
        gap_ci95=of_gap,
        verdict=SHOWN if p < 0.05 else NOT_SHOWN,
    )


def _bootstrapped(
    large: Sequence[int],
    codes: np.ndarray,
    tested: Tested,
    draws: int,
    rng: np.random.Generator,
    widening: float,
) -> list[_Level]:
    """Scores and gaps of these levels, of the patients as they are and resampled."""
    if not large:
        return []
    levels = {code: _levels(tested.categories, codes == code) for code in large}
    parts = {code: [] for code in large}
    for weights in blocks(codes, draws, rng):
        for code in large:
            parts[code].append(tested.gaps(weights, codes == code, levels[code]))
    drawn = {code: stacked(parts[code]) for code in large}
    return [_level(code, codes, tested, levels[code], drawn[code], widening) for code in large]


def _level(
    code: int,
    codes: np.ndarray,
    tested: Tested,
    levels: np.ndarray,
    drawn: dict[str, np.ndarray],
    widening: float,
) -> _Level:
    """A level with its scores and gaps of the patients as they are; `drawn`: of those resampled."""
    inside = codes == code
    once = np.ones((1, len(codes)))
    gaps = tested.gaps(once, inside, levels)
    real = {metric: each[0] for metric, each in gaps.items()}
    patients = int(inside.sum())
    fewer = min(patients, len(codes) - patients)
    return _Level(code, patients, fewer, levels, real, drawn, widening)


def _levels(categories: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Categories with enough patients on both sides; none where there are fewer than two."""
    count = categories.max(initial=-1) + 1
    known = categories >= 0
    there = np.bincount(categories[inside & known], minlength=count)
    rest = np.bincount(categories[~inside & known], minlength=count)
    enough = np.flatnonzero(np.minimum(there, rest) >= CASES)
    return enough if len(enough) > 1 else enough[:0]


def _permuted(
    levels: list[_Level], codes: np.ndarray, tested: Tested, draws: int, rng: np.random.Generator
) -> dict[str, dict[int, float]]:
    """Metric → level → p adjusted by Holm, by permuting the levels among the patients.

    Only where an interval leaves out 0, since nothing else can be shown: all others come last in
    Holm's order, which can but raise a p.
    """
    suspects = {level.code: level.suspects(tested.metrics) for level in levels}
    beyond = _permuted_beyond(levels, suspects, codes, tested, draws, rng)
    is_pair = len(np.unique(codes)) == 2  # of two levels, one is the other's rest
    comparisons = 1 if is_pair else len(levels)
    adjusted = {}
    for metric in tested.metrics:
        p_values = {}
        for code, counts in beyond.items():
            if metric.name in counts:
                p_values[code] = counts[metric.name] / (draws + 1)
        corrected = holm(list(p_values.values()), comparisons)
        adjusted[metric.name] = dict(zip(p_values, corrected, strict=True))
    return adjusted


def _permuted_beyond(
    levels: list[_Level],
    suspects: Mapping[int, list[Metric]],
    codes: np.ndarray,
    tested: Tested,
    draws: int,
    rng: np.random.Generator,
) -> dict[int, dict[str, int]]:
    """Level → metric → in how many permutations the gap is as large as the real one, which counts
    as one of them."""
    beyond = {}
    for code, metrics in suspects.items():
        beyond[code] = {metric.name: 1 for metric in metrics}
    permuted = [level for level in levels if suspects[level.code]]
    if not permuted:
        return beyond
    size = max(1, CELLS // len(codes))
    for start in range(0, draws, size):
        block = min(size, draws - start)
        dealt = rng.permuted(np.tile(codes, (block, 1)), axis=1)  # [block, N]
        once = np.ones(dealt.shape)
        for level in permuted:
            inside = dealt == level.code
            gaps = tested.gaps(once, inside, level.levels, suspects[level.code])
            for name, each in gaps.items():
                beyond[level.code][name] += level.not_smaller(name, each[:, 1])
    return beyond
