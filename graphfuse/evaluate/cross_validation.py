"""Cross-validation of the net, its baselines and graph controls, and a final model on everyone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cross_validation_results import Replica, Study
from graphfuse.evaluate.folds import splits
from graphfuse.evaluate.leakage.watched_cohort import spied
from graphfuse.evaluate.repeat_fits import Fits
from graphfuse.evaluate.resume.dependencies import NOTHING_BESIDE, Beside
from graphfuse.evaluate.resume.finished_parts import Finished
from graphfuse.evaluate.skipped_models import leave_out_linear
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
    """Runs the folds of a folds table, one bank per repeat for each net; the `final` model is
    fitted in the first repeat's.

    `keeps`: a group of the cohort that inner folds must not part either. `finished`: the parts that
    are there already. A fold in which nobody has a label is called and not scored. An
    access log (`evaluate.leakage.access_log`) watches every fit and every scoring: raises
    `LeakError` where one reads a held-out patient.
    """
    found, finished = Study(outcome, cohort.present), finished or Finished()
    found.refuse_patterns_of_one_name()
    outcomes = {**cohort.outcomes, outcome.name: outcome}
    watched, spy = spied(replace(cohort.ordered(), outcomes=outcomes))
    everyone = np.arange(len(cohort))
    todo = [
        s if len(s.tested) else s._replace(tested=np.setdiff1d(everyone, s.train))
        for s in splits(folds, outcome.known)
    ]
    most = max(len(split.train) for split in todo)
    has_kernels = allows_kernels(most)
    if not has_kernels:
        leave_out_linear(found, most)
    fits = Fits(found, watched, spy, recipe, network, seed, device, keeps, finished, has_kernels)
    repeats = sorted({split.repeat for split in todo})
    with progress("training", fits.parts(todo, beside)) as step:
        fits = replace(fits, step=step)
        for repeat in repeats:
            mine = [split for split in todo if split.repeat == repeat]
            with_final = final and repeat == repeats[0]
            models = fits.repeat(mine, beside, with_final)
            found.replicas += [
                Replica(*split, model) for split, model in zip(mine, models, strict=False)
            ]
            if with_final:
                found.model = models[-1].compared_with(watched)
    found.checks = [spy.told()]
    if finished.reused:
        found.checks.append(f"{finished.told()}, fitted under the same watch before")
    return found
