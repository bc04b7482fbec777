"""Baseline models that a graph net is compared with: on the same folds, each tuned inside the
training patients."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.tree_baselines import boosting, forest
from graphfuse.learn.linear.crossfit import ridge
from graphfuse.learn.linear.kernel_sets import kernel_sets
from graphfuse.learn.linear.kernels import slope_of
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.views import Views
from graphfuse.schema.model_id import GROUP, SINGLE, ModelId


@dataclass(frozen=True, eq=False)
class Baseline:
    """A baseline's outputs `[q, O]`, such as probabilities, for the test patients of a fold, and
    the seconds that its fit took."""

    output: np.ndarray
    seconds: float


def fit_baselines(
    fold: PreparedFold, cohort: Cohort, views: Views, has_kernels: bool = True
) -> dict[str, Baseline]:
    """Fits all baselines of a fold and gives their outputs for test patients with these views.
    Those that need kernels among the training patients are left out where there are none.

    The task's `baseline`: what is said of a patient of whom nothing is known. `single:<modality>`:
    ridge on one modality; `single`: the one with the lowest inner loss. `clinical`: ridge on all
    EHR modalities. early: ridge on all modalities side by side. late: the mean of the singles'
    outputs over the modalities a patient has. forest, boosting: trees on all modalities side by
    side (`tree_baselines`). A patient with none of a model's modalities gets the task's `baseline`.
    """
    baselines = {
        fold.task.baseline: Baseline(np.tile(fold.null_output, (len(views.present), 1)), 0.0)
    }
    if has_kernels:
        baselines |= _ridges(fold.without_graphs(), cohort, views)
    return baselines | {
        "forest": _trees(fold, forest, views),
        "boosting": _trees(fold, boosting, views),
    }


def _ridges(fold: PreparedFold, cohort: Cohort, views: Views) -> dict[str, Baseline]:
    """The baselines that are ridge regressions, of a fold without graphs."""
    names, baselines = tuple(cohort.modalities), {}
    held = kernel_sets(fold, names)  # kept while all of them are fitted
    ehr = tuple(m for m in names if cohort.modalities[m].kind == "ehr")
    if ehr:
        baselines["clinical"] = _ridge(fold, ehr, views)
    singles = {m: _ridge(fold, (m,), views) for m in names}
    baselines |= {str(ModelId(SINGLE, (m,))): baseline for m, baseline in singles.items()}
    best = min(names, key=lambda m: ridge(fold, (m,)).loss)
    every = sum(baseline.seconds for baseline in singles.values())
    baselines["single"] = Baseline(singles[best].output, every)
    baselines["early"] = _ridge(fold, names, views)
    del held
    stacked = np.stack([singles[m].output for m in names], 1)
    share = views.present / np.maximum(views.present.sum(1, keepdims=True), 1)
    late = (stacked * share[..., None]).sum(1)
    late[~views.present.any(1)] = fold.null_output
    return baselines | {"late": Baseline(late, every)}


def by_group(fold: PreparedFold, cohort: Cohort) -> dict[str, Baseline]:
    """`group:<name>`: what the group alone says of each test patient: what the baseline says (the
    classes' shares) of the training patients of the same site, batch or cancer type, with that of
    all of them counting as one patient more. A net that does no better has learned the group."""
    overall, found = fold.null_output, {}
    for name in cohort.groups:
        there, said = fold.cohort.groups[name], {}
        for group in set(there[fold.target.known]):
            own = fold.target.hide(there != group)
            count = own.known.sum()
            said[group] = (count * fold.task.null_output(own) + overall) / (count + 1)
        found[str(ModelId(GROUP, (name,)))] = Baseline(
            np.stack([said.get(group, overall) for group in cohort.groups[name]]), 0.0
        )
    return found


def _ridge(fold: PreparedFold, modalities: tuple[str, ...], views: Views) -> Baseline:
    """Ridge on these modalities; a patient with none of them gets what the baseline says."""
    fit = ridge(fold, modalities)
    logits = (
        sum(views.own[m] @ slope_of(fold.views, m, *fit.coefficients[m]) for m in modalities)
        + fit.bias
    )
    output = fold.task.output(logits, fold.task.calibration_at(fit.loss))
    columns = [list(views.own).index(m) for m in modalities]
    output[~views.present[:, columns].any(1)] = fold.null_output
    return Baseline(output, fit.seconds)


def _trees(
    fold: PreparedFold, grown: Callable[[PreparedFold, Views], np.ndarray], views: Views
) -> Baseline:
    """Trees on all modalities; a patient with none of them gets what the baseline says."""
    began = time.perf_counter()
    output = grown(fold, views)
    output[~views.present.any(1)] = fold.null_output
    return Baseline(output, time.perf_counter() - began)
