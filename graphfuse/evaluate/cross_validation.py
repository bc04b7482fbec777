"""Cross-validation of the net, its baselines and graph controls, and a final model on everyone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cross_validation_results import Replica, Study
from graphfuse.evaluate.folds import Split, splits
from graphfuse.evaluate.leakage.watched_cohort import spied
from graphfuse.evaluate.resume.dependencies import NOTHING_BESIDE, Beside
from graphfuse.evaluate.resume.finished_parts import Finished
from graphfuse.evaluate.skipped_models import leave_out_linear
from graphfuse.evaluate.study_fits import Fits
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.linear.kernels import allows_kernels
from graphfuse.learn.progress import progress
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Outcome


def study(
    cohort: Cohort,
    outcome: Outcome,
    recipe: Recipe,
    network: GeneNetwork | None,
    folds: pd.DataFrame,
    seed: int,
    device: str,
    *,
    beside: Beside = NOTHING_BESIDE,
    keeps: str | None = None,
    final: bool = True,
    finished: Finished | None = None,
) -> Study:
    """Cross-validates the recipe's net and its baselines, one bank per repeat for each net.

    An access log (`evaluate.leakage.access_log`) watches every fit and every scoring. A fold in
    which nobody has a label is predicted and not scored.

    Parameters
    ----------
    cohort : Cohort
        N patients.
    outcome : Outcome
        Of the same patients.
    recipe : Recipe
    network : GeneNetwork or None
    folds : pd.DataFrame
        A folds table (`evaluate.folds`).
    seed : int
        Of everything drawn by chance.
    device : str
        On which nets train.
    beside : Beside
        What is trained beside the net and its baselines.
    keeps : str or None
        A group of the cohort that inner folds must not part either, and whose patients are drawn
        together when scores are resampled.
    final : bool
        Whether a model is fitted on everyone too, in the bank of the first repeat.
    finished : Finished or None
        The parts that are there already.

    Raises
    ------
    LeakError
        Where a fit or a scoring reads a held-out patient.
    """
    groups = None if keeps is None else pd.Series(cohort.groups[keeps], dtype=object)
    result = Study(outcome, cohort.present, groups=groups)
    result.refuse_patterns_of_one_name()
    finished = finished or Finished()
    outcomes = {**cohort.outcomes, outcome.name: outcome}
    watched, spy = spied(replace(cohort.ordered(), outcomes=outcomes))
    todo = _splits(folds, outcome)
    largest = max(len(split.train) for split in todo)
    has_kernels = allows_kernels(largest)
    if not has_kernels:
        leave_out_linear(result, largest)
    fits = Fits(result, watched, spy, recipe, network, seed, device, keeps, finished, has_kernels)
    with progress("training", fits.parts(todo, beside)) as step:
        _fit_repeats(replace(fits, step=step), todo, beside, final)
    result.checks = [spy.summary()]
    if finished.reused:
        result.checks.append(f"{finished.summary()}, fitted under the same watch before")
    return result


def _splits(folds: pd.DataFrame, outcome: Outcome) -> list[Split]:
    """The splits of a folds table; where nobody tested has a label, everyone who does not train is
    tested."""
    everyone = np.arange(len(outcome.known))
    todo = []
    for split in splits(folds, outcome.known):
        if not len(split.tested):
            split = split._replace(tested=np.setdiff1d(everyone, split.train))
        todo.append(split)
    return todo


def _fit_repeats(fits: Fits, todo: list[Split], beside: Beside, final: bool) -> None:
    """Fits the folds of every repeat and, if `final`, a model on everyone in the first."""
    repeats = sorted({split.repeat for split in todo})
    for repeat in repeats:
        mine = [split for split in todo if split.repeat == repeat]
        with_final = final and repeat == repeats[0]
        models = fits.repeat(mine, beside, with_final)
        for split, model in zip(mine, models, strict=False):
            fits.study.replicas.append(Replica(*split, model))
        if with_final:
            fits.study.model = models[-1].compared_with(fits.cohort)
