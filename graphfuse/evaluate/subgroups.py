"""Scores in groups of patients (site, sex, batch), and whether a group fares differently from
everyone else.

Intervals resample patients within the group and within the rest. A gap is called shown where its 95
% interval leaves out 0 *and* its permutation test, adjusted by Holm over the levels of the group
(Holm 1979), has p < 0.05: among twenty sites one interval leaves out 0 by luck, and a handful of
patients all called right leave a bootstrap with nothing to vary. Metrics and groups are not
adjusted for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.evaluate.bootstrap import CELLS, Interval, blocks, interval, stacked, weighted_scores
from graphfuse.evaluate.metrics import FEWEST
from graphfuse.schema import GroupScore
from graphfuse.task.metric import Metric
from graphfuse.task.outcome import Target
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
) -> list[GroupScore]:
    """These metrics for every level of every group with at least `FEWEST` tested patients, there
    and in the rest.

    `predictions`: as in `predictions.csv`, of an outcome with this `task`; `groups`: name → text
    `[N]`, in the order of `patients`. A score is the mean over repeats of the score within a
    repeat. Means over classes run over those with at least `CASES` patients there and in the rest,
    so that both sides answer the same question. Smaller levels are listed with no score.
    """
    tested, found = Tested.of(predictions, task, metrics), []
    rows = patients.get_indexer(tested.patients)
    for number, (name, levels) in enumerate(groups.items()):
        rng = np.random.default_rng([seed, number])
        found += _group(name, np.asarray(levels, dtype=str)[rows], tested, draws, rng)
    return found


@dataclass(frozen=True, eq=False)
class Tested:
    """Every tested patient once: `values` `[N]`, what is known of them; `categories` int `[N]`, the
    levels over which means over levels run; `repeats`: outputs `[N, O]` and who was tested, bool
    `[N]`, each. `metrics`: those in which they are scored."""

    patients: pd.Index
    values: np.ndarray
    categories: np.ndarray
    repeats: list[tuple[np.ndarray, np.ndarray]]
    metrics: tuple[Metric, ...]

    @classmethod
    def of(cls, predictions: pd.DataFrame, task: Task, metrics: Sequence[Metric]) -> Tested:
        """From the columns of `predictions.csv`."""
        said = predictions[predictions["truth"].notna()]
        output, truth = task.read_table(said)
        known = task.known(truth)
        said, output, truth = said[known], output[known], truth[known]
        patients = pd.Index(sorted(said["patient"].unique()), name="patient")
        place, repeat = patients.get_indexer(said["patient"]), said["repeat"].to_numpy()
        values = np.zeros(len(patients), truth.dtype)
        values[place] = truth
        repeats = []
        for number in np.unique(repeat):
            mine = repeat == number
            outputs = np.zeros((len(patients), output.shape[1]))  # of who is not tested: weighs 0
            outputs[place[mine]] = output[mine]
            repeats.append((outputs, np.isin(np.arange(len(patients)), place[mine])))
        categories, _ = task.categories(Target(values, np.ones(len(values), bool)))
        return cls(patients, values, categories, repeats, tuple(metrics))

    def gaps(
        self,
        weights: np.ndarray,
        inside: np.ndarray,
        levels: np.ndarray,
        metrics: Sequence[Metric] | None = None,
    ) -> dict[str, np.ndarray]:
        """Metric (default: each of them) → `[D, 2]` for weights `[D, N]`: the score of the patients
        inside (bool `[N]`, or `[D, N]` where it changes from draw to draw), and that less the score
        of the rest; means over levels of the outcome over these `levels`."""
        wanted = self.metrics if metrics is None else metrics
        restricted = [metric.over(levels) for metric in wanted]
        there, rest = (self._scores(weights, side, restricted) for side in (inside, ~inside))
        return {name: np.stack([there[name], there[name] - rest[name]], axis=1) for name in there}

    def _scores(self, weights, side, metrics: Sequence[Metric]) -> dict[str, np.ndarray]:
        rows = side if side.ndim == 1 else np.ones(len(self.values), bool)
        weights = weights[:, rows] if side.ndim == 1 else weights * side
        found = [
            weighted_scores(weights * was[rows], self.values[rows], output[rows], metrics)
            for output, was in self.repeats
        ]
        return {name: np.mean([each[name] for each in found], axis=0) for name in found[0]}


@dataclass(frozen=True, eq=False)
class _Level:
    """A level that is scored: its code, how many patients it and the smaller of it and the rest
    have, the levels of the outcome over which its means run, metric → `[2]` score and gap, and
    `[D, 2]` of them resampled."""

    code: int
    patients: int
    fewer: int
    levels: np.ndarray
    real: dict[str, np.ndarray]
    drawn: dict[str, np.ndarray]

    def intervals(self, metric: Metric) -> tuple[Interval, Interval]:
        """Of the score and of the gap; none of the gap where all patients there are alike, since
        what is left would be the spread of the rest alone."""
        (score, gap), drawn = self.real[metric.name], self.drawn[metric.name]
        own = interval(drawn[:, 0], score, self.patients, metric.bounds)
        return own, (None, None) if None in own else interval(drawn[:, 1], gap, self.fewer)

    def suspects(self, metrics: Sequence[Metric]) -> list[Metric]:
        """Those of these metrics in which the interval of the gap leaves out 0."""
        found = []
        for metric in metrics:
            if not np.isfinite(self.real[metric.name]).all():
                continue
            low, high = self.intervals(metric)[1]
            if low is not None and (low > 0 or high < 0):
                found.append(metric)
        return found


def _group(
    name: str, levels: np.ndarray, tested: Tested, draws: int, rng: np.random.Generator
) -> list[GroupScore]:
    names, codes = np.unique(levels, return_inverse=True)
    counts = np.bincount(codes)
    large = [
        code for code in range(len(names)) if min(counts[code], len(codes) - counts[code]) >= FEWEST
    ]
    scored = {level.code: level for level in _bootstrapped(large, codes, tested, draws, rng)}
    chance = _permuted(list(scored.values()), codes, tested, draws, rng)
    found = []
    for code, word in enumerate(names):
        for metric in tested.metrics:
            about = {
                "group": name,
                "level": str(word),
                "patients": int(counts[code]),
                "metric": metric.name,
            }
            p = chance[metric.name].get(code, 1.0)
            found.append(_row(about, scored.get(code), metric, p))
    return found


def _row(about: dict, level: _Level | None, metric: Metric, p: float) -> GroupScore:
    if level is None or not np.isfinite(level.real[metric.name]).all():
        return GroupScore(
            **about,
            score=None,
            ci95=(None, None),
            gap=None,
            gap_ci95=(None, None),
            verdict=NOT_SCORED,
        )
    (score, gap), (own, ends) = level.real[metric.name], level.intervals(metric)
    return GroupScore(
        **about,
        score=score,
        ci95=own,
        gap=gap,
        gap_ci95=ends,
        verdict=SHOWN if p < 0.05 else NOT_SHOWN,
    )


def _bootstrapped(
    large: Sequence[int], codes: np.ndarray, tested: Tested, draws: int, rng: np.random.Generator
) -> list[_Level]:
    levels = {code: _levels(tested.categories, codes == code) for code in large}
    parts = {code: [] for code in large}
    for weights in blocks(codes, draws, rng) if large else ():
        for code in large:
            parts[code].append(tested.gaps(weights, codes == code, levels[code]))
    one, found = np.ones((1, len(codes))), []
    for code in large:
        inside = codes == code
        real = {metric: each[0] for metric, each in tested.gaps(one, inside, levels[code]).items()}
        sizes = int(inside.sum()), int(min(inside.sum(), (~inside).sum()))
        found.append(_Level(code, *sizes, levels[code], real, stacked(parts[code])))
    return found


def _levels(categories: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Categories with enough patients on both sides; none where there are fewer than two."""
    most = categories.max(initial=-1) + 1
    sides = (categories[inside], categories[~inside])
    both = [np.bincount(side[side >= 0], minlength=most) for side in sides]
    enough = np.flatnonzero(np.minimum(*both) >= CASES)
    return enough if len(enough) > 1 else enough[:0]


def _permuted(
    levels: list[_Level], codes: np.ndarray, tested: Tested, draws: int, rng: np.random.Generator
) -> dict[str, dict[int, float]]:
    """metric → level → p adjusted by Holm, by handing the levels round among the patients.

    Only where an interval leaves out 0, since nothing else can be shown: all others stand last in
    Holm's order, which can but raise a p.
    """
    suspects = {level.code: level.suspects(tested.metrics) for level in levels}
    beyond = {code: {metric.name: 1 for metric in suspects[code]} for code in suspects}
    size = max(1, CELLS // len(codes))
    for start in range(0, draws if any(suspects.values()) else 0, size):
        block = min(size, draws - start)
        dealt = rng.permuted(np.tile(codes, (block, 1)), axis=1)
        for level in levels:
            if not (metrics := suspects[level.code]):
                continue
            found = tested.gaps(np.ones(dealt.shape), dealt == level.code, level.levels, metrics)
            for name, gaps in found.items():
                # no score: not smaller
                smaller = np.abs(gaps[:, 1]) < np.abs(level.real[name][1]) - 1e-12
                beyond[level.code][name] += int((~smaller).sum())
    comparisons = (
        1 if len(np.unique(codes)) == 2 else len(levels)
    )  # of two levels, one is the other's rest
    return {
        metric.name: _holm(
            {
                code: found[metric.name] / (draws + 1)
                for code, found in beyond.items()
                if metric.name in found
            },
            comparisons,
        )
        for metric in tested.metrics
    }


def _holm(chance: dict[int, float], comparisons: int) -> dict[int, float]:
    """p adjusted step by step, the smallest first."""
    found, least = {}, 0.0
    for step, code in enumerate(sorted(chance, key=chance.get)):
        least = max(least, min(1.0, chance[code] * max(comparisons - step, 1)))
        found[code] = least
    return found
