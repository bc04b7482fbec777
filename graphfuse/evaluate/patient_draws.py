"""Scores of several models under the same draws of the tested patients.

What is drawn, with replacement, is a patient, or a group where folds keep groups whole: those of
one family or site are alike. All that a patient was tested in goes into a draw together, so that
repeats, which add no patients, do not narrow an interval. Models that are scored under the same
draws are compared patient by patient.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from graphfuse.evaluate.bootstrap import blocks, stacked
from graphfuse.task.metric import Metric, MetricSet

DRAWS = 1000
_FEWEST_DRAWS = 200
_CELLS = 5_000_000  # draws × patients, which make draws of many patients fewer

Drawn = dict[str, np.ndarray]  # metric → [1 + D]: of the patients as they are, then of each draw


class TestPart(NamedTuple):
    """The patients on whom a model is scored in one fold.

    Attributes
    ----------
    patients : np.ndarray
        int `[q]`, which they are.
    y : np.ndarray
        `[q]`, their known outcomes.
    output : np.ndarray
        `[q, O]`, of the model.
    """

    patients: np.ndarray
    y: np.ndarray
    output: np.ndarray


@dataclass(frozen=True, eq=False)
class PatientDraws:
    """Scores of models, each of the patients as they are and under D draws of them.

    Attributes
    ----------
    scores : mapping of str to mapping
        Model → metric → `[1 + D]`: means over folds, the first of the patients as they are.
    fewest : mapping of str to mapping
        Model → metric → how many patients its least certain part rests on: all tested, or, in a
        mean over levels of the outcome, those of the rarest level.
    units : int
        How many patients, or groups of patients, there are to draw from.
    tested, trained : float
        How many patients are tested in any fold, and on how many a model trains on average; where
        no training varies, `trained` is infinite.
    on_folds_of : mapping of str to mapping
        For a model that was not tested in all repeats: the scores of the other models in those
        that it was tested in.
    """

    scores: Mapping[str, Drawn]
    fewest: Mapping[str, Mapping[str, int]]
    units: int
    tested: float
    trained: float
    on_folds_of: Mapping[str, Mapping[str, Drawn]]

    @property
    def widening(self) -> float:
        """By how much more a score varies over cohorts than over draws of the tested patients.

        It is √(1 + tested / trained): √(1 + K / (K - 1)) for K folds, however often repeated, and
        √(1 + n_test / n_train) for one held-out part. Models that share training patients err
        alike. Nadeau and Bengio put the variance of a mean over J folds at (1/J + n_test /
        n_train) · sd², with sd² that of the score of one fold. From patients, sd² is tested /
        n_test times the squared standard error, and the first of their terms is the squared
        standard error itself.

        References
        ----------
        Nadeau & Bengio 2003, Inference for the generalization error, Machine Learning 52,
        doi:10.1023/A:1024068626366.
        """
        return float(np.sqrt(1 + self.tested / self.trained))

    def paired(self, a: str, b: str) -> tuple[Drawn, Drawn]:
        """The scores of two models in the repeats that both were tested in."""
        first = self.on_folds_of.get(b, self.scores)[a]
        second = self.on_folds_of.get(a, self.scores)[b]
        return first, second


def drawn_scores(
    parts: Mapping[str, Sequence[TestPart]],
    units: np.ndarray,
    metrics: MetricSet,
    trained: float = np.inf,
    draws: int = DRAWS,
    seed: int = 0,
) -> PatientDraws:
    """The scores of models in one repeat: the mean over a model's `parts` of the score in each.

    A `pooled` metric is scored once, on the patients of all parts. Parts without a score, as where
    all of their patients are of one class, are left out of a mean.

    Parameters
    ----------
    parts : mapping of str to sequence of TestPart
        Of each model, the folds of one repeat.
    units : np.ndarray
        int `[N]`: the unit, counted from 0, with which each patient is drawn; -1 for those who are
        never drawn.
    metrics : MetricSet
    trained : float
        On how many patients a model trains on average; infinite where the model is given.
    draws : int
        How many; of tens of thousands of patients fewer are made, down to 200.
    seed : int
        Of the draws; the same units and seed give the same draws.
    """
    blocks_of = {name: [] for name in parts}
    for number, weights in enumerate(_weights(units, draws, seed)):
        for name, own in parts.items():
            blocks_of[name].append(_scored(weights, own, metrics, [seed, number]))
    scores = {name: stacked(found) for name, found in blocks_of.items()}
    fewest = {name: _fewest(own, metrics) for name, own in parts.items()}
    count = int(units.max(initial=-1)) + 1
    tested = int((units >= 0).sum())
    return PatientDraws(scores, fewest, count, tested, trained, {})


def _fewest(parts: Sequence[TestPart], metrics: MetricSet) -> dict[str, int]:
    """Metric → how many patients its least certain part rests on."""
    y = np.concatenate([part.y for part in parts])
    fewest = dict.fromkeys(metrics.names, len(y))
    for metric in metrics:
        if metric.by_level:
            _, counts = np.unique(y, return_counts=True)
            fewest[metric.name] = int(counts.min(initial=len(y)))
    return fewest


def _weights(units: np.ndarray, draws: int, seed: int) -> Iterator[np.ndarray]:
    """How often each patient counts, a block of draws at a time: float64 `[N, block]`; in the
    first block, every patient once."""
    is_drawn = (units >= 0)[:, None]
    yield is_drawn.astype(float)
    count = int(units.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    affordable = _CELLS // max(len(units), 1)
    made = min(draws, max(affordable, _FEWEST_DRAWS))
    for drawn in blocks(np.zeros(count, int), made, rng):
        yield np.where(is_drawn, drawn.T[units], 0.0)


def _scored(
    weights: np.ndarray, parts: Sequence[TestPart], metrics: MetricSet, seed: Sequence[int]
) -> Drawn:
    """Metric → `[block]`: the scores of one model under some weights `[N, block]`. `seed`: that of
    the draws and the number of the block, of which the first is of the patients as they are."""
    of_parts = [metric for metric in metrics if not metric.pooled]
    by_part = []
    for number, part in enumerate(parts):
        by_part.append(_scored_in(part, weights, of_parts, len(parts), [*seed, number]))
    whole = TestPart(*map(np.concatenate, zip(*parts, strict=True)))
    of_all = [metric for metric in metrics if metric.pooled]
    pooled = _scored_in(whole, weights, of_all, 1, [*seed, 0])
    scores = {}
    for name in metrics.names:
        in_parts = [found[name] for found in by_part if name in found]
        scores[name] = mean_of_known(in_parts or [pooled[name]])
    return scores


def _scored_in(
    part: TestPart,
    weights: np.ndarray,
    metrics: Sequence[Metric],
    parts: int,
    seed: Sequence[int],
) -> Drawn:
    """The scores `[block]` on the patients of one of so many `parts`; NaN where none of them is
    drawn."""
    own = weights[part.patients]  # [q, block]: running sums over patients go through whole rows
    somebody = own.any(axis=0)
    scores = {}
    for metric in metrics:
        y, output, counted = part.y, part.output, own
        if metric.unseen is not None and seed[-2] > 0:
            rng = np.random.default_rng(seed)
            y, output, counted = _with_unseen(metric, part, own, parts, rng)
        scores[metric.name] = np.full(len(somebody), np.nan)
        drawn = counted if somebody.all() else counted[:, somebody]
        scores[metric.name][somebody] = metric.score(y, output, drawn.T)
    return scores


def _with_unseen(
    metric: Metric, part: TestPart, weights: np.ndarray, parts: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The outcomes, outputs and weights `[q, block]` of a part's patients, with those of whom there
    may be none: drawn alike for all models, and as often in all `parts` together as the metric has
    them."""
    y, output, count = metric.unseen(part.output.shape[1])
    drawn = rng.poisson(count / parts, (weights.shape[1], len(y)))
    known_y = np.concatenate([part.y, y])
    known_output = np.concatenate([part.output, output])
    return known_y, known_output, np.vstack([weights, drawn.T])


def mean_of_known(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of arrays, entry by entry, over those that know it; NaN where none does."""
    table = np.stack(arrays)
    known = np.isfinite(table)
    total = np.where(known, table, 0.0).sum(0)
    count = known.sum(0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def over_repeats(repeats: Sequence[PatientDraws]) -> PatientDraws:
    """The means over several repeats, drawn with the same seed from the same patients."""
    names = dict.fromkeys(name for repeat in repeats for name in repeat.scores)
    scores = {name: _mean_over(repeats, name) for name in names}
    fewest: dict[str, Mapping[str, int]] = {}
    for repeat in reversed(repeats):
        fewest |= repeat.fewest
    on_folds_of = {}
    for name in names:
        mine = [repeat for repeat in repeats if name in repeat.scores]
        if len(mine) < len(repeats):
            on_folds_of[name] = _scores_in(mine, names)
    first = repeats[0]
    trained = float(np.mean([repeat.trained for repeat in repeats]))
    return PatientDraws(scores, fewest, first.units, first.tested, trained, on_folds_of)


def _scores_in(repeats: Sequence[PatientDraws], names: Collection[str]) -> dict[str, Drawn]:
    """The scores of the models that were tested in all of these repeats."""
    everywhere = [name for name in names if all(name in repeat.scores for repeat in repeats)]
    return {name: _mean_over(repeats, name) for name in everywhere}


def _mean_over(repeats: Sequence[PatientDraws], name: str) -> Drawn:
    """A model's scores, averaged over the repeats that it was tested in."""
    found = [repeat.scores[name] for repeat in repeats if name in repeat.scores]
    return {metric: mean_of_known([each[metric] for each in found]) for metric in found[0]}
