"""The tested patients of a run as arrays, and how a part of them scores against the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.evaluate.bootstrap import weighted_scores
from graphfuse.task.metric import Metric
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task


@dataclass(frozen=True, eq=False)
class Tested:
    """Every tested patient once.

    Attributes
    ----------
    patients : pd.Index
        Their ids, sorted.
    values : np.ndarray
        `[N]`, the known outcomes.
    categories : np.ndarray
        int `[N]`, the levels over which means over levels run.
    repeats : list of tuple
        For each repeat the outputs `[N, O]`, and bool `[N]`, who was tested in it.
    metrics : tuple of Metric
        Those in which they are scored.
    """

    patients: pd.Index
    values: np.ndarray
    categories: np.ndarray
    repeats: list[tuple[np.ndarray, np.ndarray]]
    metrics: tuple[Metric, ...]

    @classmethod
    def of(cls, predictions: pd.DataFrame, task: Task, metrics: Sequence[Metric]) -> Tested:
        """From the columns of `predictions.csv`."""
        rows = predictions[predictions["truth"].notna()]
        output, truth = task.read_table(rows)
        known = task.known(truth)
        rows, truth = rows[known], truth[known]
        output = output[known]
        patients = pd.Index(sorted(rows["patient"].unique()), name="patient")
        place = patients.get_indexer(rows["patient"])  # of each row's patient
        values = np.zeros(len(patients), truth.dtype)
        values[place] = truth
        everyone = Target(values, np.ones(len(values), bool))
        categories, _ = task.categories(everyone)
        repeats = _by_repeat(output, place, rows["repeat"].to_numpy(), len(patients))
        return cls(patients, values, categories, repeats, tuple(metrics))

    def gaps(
        self,
        weights: np.ndarray,
        inside: np.ndarray,
        levels: np.ndarray,
        metrics: Sequence[Metric] | None = None,
    ) -> dict[str, np.ndarray]:
        """The score of some patients, and that less the score of the rest, in every draw.

        Parameters
        ----------
        weights : np.ndarray
            `[D, N]`, of each patient in each draw.
        inside : np.ndarray
            bool `[N]`: who they are; `[D, N]` where it changes from draw to draw.
        levels : np.ndarray
            int `[L]`: the levels of the outcome over which means over levels run.
        metrics : sequence of Metric or None
            Default: all of them.

        Returns
        -------
        dict of str to np.ndarray
            `[D, 2]` for each metric: score and gap.
        """
        wanted = self.metrics if metrics is None else metrics
        restricted = [metric.over(levels) for metric in wanted]
        there = self._scores(weights, inside, restricted)
        rest = self._scores(weights, ~inside, restricted)
        gaps = {}
        for name, score in there.items():
            gaps[name] = np.stack([score, score - rest[name]], axis=1)
        return gaps

    def _scores(
        self, weights: np.ndarray, side: np.ndarray, metrics: Sequence[Metric]
    ) -> dict[str, np.ndarray]:
        """Metric → `[D]`: mean over repeats of the scores of the patients on one `side`."""
        if side.ndim == 1:
            rows = side
            weights = weights[:, side]
        else:
            rows = np.ones(len(self.values), bool)
            weights = weights * side
        by_repeat = []
        for output, was_tested in self.repeats:
            own = weights * was_tested[rows]
            by_repeat.append(weighted_scores(own, self.values[rows], output[rows], metrics))
        return {name: np.mean([each[name] for each in by_repeat], axis=0) for name in by_repeat[0]}


def _by_repeat(
    output: np.ndarray, place: np.ndarray, repeat: np.ndarray, patients: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each repeat the outputs `[N, O]` of all patients, and bool `[N]`, who was tested in it;
    `place` `[R]`: which patient each row is of."""
    repeats = []
    for number in np.unique(repeat):
        mine = repeat == number
        outputs = np.zeros((patients, output.shape[1]))  # of who is not tested: weighs 0
        outputs[place[mine]] = output[mine]
        was_tested = np.isin(np.arange(patients), place[mine])
        repeats.append((outputs, was_tested))
    return repeats
