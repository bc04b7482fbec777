"""Baseline models that a graph net is compared with: on the same folds, each tuned inside the
training patients."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.tree_baselines import boosting, forest
from graphfuse.learn.linear.crossfit import ridge
from graphfuse.learn.linear.kernel_sets import kernel_sets
from graphfuse.learn.linear.kernels import slope_of
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.standardised_columns import Views
from graphfuse.schema.run_model_name import GROUP, SINGLE, ModelId


@dataclass(frozen=True, eq=False)
class Baseline:
    """A baseline's outputs `[q, O]`, such as probabilities, for the test patients of a fold, and
    the seconds that its fit took."""

    output: np.ndarray
    seconds: float


def fit_baselines(
    fold: PreparedFold, cohort: Cohort, views: Views, has_kernels: bool = True
) -> dict[str, Baseline]:
    """Fits all baselines of a fold and gives their outputs for its test patients.

    The task's `baseline`: what is predicted of a patient of whom nothing is known.
    `single:<modality>`: ridge on one modality; `single`: the one with the lowest inner loss.
    `clinical`: ridge on all EHR modalities. `early`: ridge on all modalities side by side. `late`:
    the mean of the singles' outputs over the modalities a patient has. `forest`, `boosting`: trees
    on all modalities side by side (`tree_baselines`). A patient with none of a model's modalities
    gets the output of the task's `baseline`.

    Parameters
    ----------
    fold : PreparedFold
        The training patients.
    cohort : Cohort
        The test patients, q of them.
    views : Views
        Of the test patients.
    has_kernels : bool
        Whether there are kernels among the training patients; without, ridge regressions are left
        out.

    Returns
    -------
    dict of str to Baseline
        By the model's name.
    """
    null_output = np.tile(fold.null_output, (len(views.present), 1))
    baselines = {fold.task.baseline: Baseline(null_output, 0.0)}
    if has_kernels:
        baselines |= _ridges(fold.without_graphs(), cohort, views)
    baselines["forest"] = _trees(fold, forest, views)
    baselines["boosting"] = _trees(fold, boosting, views)
    return baselines


def _ridges(fold: PreparedFold, cohort: Cohort, views: Views) -> dict[str, Baseline]:
    """The baselines that are ridge regressions, of a fold without graphs."""
    names = tuple(cohort.modalities)
    baselines = {}
    kernels = kernel_sets(fold, names)  # kept while all of them are fitted
    ehr = tuple(m for m in names if cohort.modalities[m].kind == "ehr")
    if ehr:
        baselines["clinical"] = _ridge(fold, ehr, views)
    singles = [_ridge(fold, (m,), views) for m in names]
    for m, single in zip(names, singles, strict=True):
        baselines[str(ModelId(SINGLE, (m,)))] = single
    losses = [ridge(fold, (m,)).loss for m in names]
    best = singles[int(np.argmin(losses))]
    seconds = sum(single.seconds for single in singles)
    baselines["single"] = Baseline(best.output, seconds)
    baselines["early"] = _ridge(fold, names, views)
    del kernels
    late = _late([single.output for single in singles], views, fold.null_output)
    baselines["late"] = Baseline(late, seconds)
    return baselines


def _late(outputs: Sequence[np.ndarray], views: Views, null_output: np.ndarray) -> np.ndarray:
    """The mean `[q, O]` of the modalities' outputs over those that a patient has."""
    stacked = np.stack(outputs, 1)  # [q, M, O]
    counts = views.present.sum(1, keepdims=True)
    weight = views.present / np.maximum(counts, 1)  # [q, M]
    late = (stacked * weight[..., None]).sum(1)
    late[counts[:, 0] == 0] = null_output
    return late


def by_group(fold: PreparedFold, cohort: Cohort) -> dict[str, Baseline]:
    """`group:<name>`: what the group alone predicts of each test patient.

    That is the output of the task's baseline (the classes' shares) fitted on the training patients
    of the same site, batch or cancer type, with that of all of them counting as one patient more.
    A net that scores no better may have learned the group.
    """
    overall = fold.null_output
    baselines = {}
    for name in cohort.groups:
        by_level = _null_outputs(fold, fold.cohort.groups[name])
        output = np.stack([by_level.get(level, overall) for level in cohort.groups[name]])
        baselines[str(ModelId(GROUP, (name,)))] = Baseline(output, 0.0)
    return baselines


def _null_outputs(fold: PreparedFold, groups: np.ndarray) -> dict[str, np.ndarray]:
    """Level of a group → `[O]`, what is predicted of its patients by their group alone."""
    outputs = {}
    for level in set(groups[fold.target.known]):
        own = fold.target.hide(groups != level)
        count = own.known.sum()
        total = count * fold.task.null_output(own) + fold.null_output
        outputs[level] = total / (count + 1)
    return outputs


def _ridge(fold: PreparedFold, modalities: tuple[str, ...], views: Views) -> Baseline:
    """Ridge on these modalities; a patient with none of them gets the baseline's output."""
    fit = ridge(fold, modalities)
    parts = [_logits(fold, views, m, fit.coefficients[m]) for m in modalities]
    logits = sum(parts) + fit.bias
    output = fold.task.output(logits, fold.task.calibration_at(fit.loss))
    columns = [list(views.own).index(m) for m in modalities]
    has_any = views.present[:, columns].any(1)
    output[~has_any] = fold.null_output
    return Baseline(output, fit.seconds)


def _logits(
    fold: PreparedFold, views: Views, modality: str, coefficients: Sequence[np.ndarray]
) -> np.ndarray:
    """What a modality adds to the predictor `[q, K]`."""
    return views.own[modality] @ slope_of(fold.views, modality, *coefficients)


def _trees(
    fold: PreparedFold, grown: Callable[[PreparedFold, Views], np.ndarray], views: Views
) -> Baseline:
    """Trees on all modalities; a patient with none of them gets the baseline's output."""
    began = time.perf_counter()
    output = grown(fold, views)
    output[~views.present.any(1)] = fold.null_output
    return Baseline(output, time.perf_counter() - began)
