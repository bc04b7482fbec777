"""Tree baselines: a random forest and gradient boosting on the 500 columns of a fold with the
highest ANOVA F.

The scaled columns of all modalities are put side by side, with NaN where a patient lacks the
modality, which trees send down a branch of their own. Both are tuned inside the training patients
and use one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from threadpoolctl import threadpool_limits

from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.standardised_columns import Views
from graphfuse.learn.stratified_folds import assign_folds
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task

TOP = 500  # columns; on tens of thousands the two would cost more than the net
TREES, TRIED = 150, 50  # of the forest, and those by which its settings are judged
SPLITS = tuple(product(("sqrt", 0.2), (1, 5)))  # columns tried at a split, fewest patients a leaf
LEAVES = (3, 8)  # of each of boosting's trees
STAGES = 100  # trees per class at most, by which time the held-out loss has turned upwards
INNER = 3


def forest(fold: PreparedFold, views: Views) -> np.ndarray:
    """Random forest (doi:10.1023/A:1010933404324): its output `[q, O]` for patients with these
    views.

    Columns per split and patients per leaf are those of lowest out-of-bag loss.
    """
    task = fold.task
    target = _known_target(fold)
    columns = _columns(fold)
    x = columns.of(fold.views)[target.known]
    known = target.take(target.known)
    y = task.for_trees(known)
    tried = [_unfitted_forest(task, *split, fold.seed).fit(x, y) for split in SPLITS]
    losses = [task.trees_loss(task.out_of_bag(model), known) for model in tried]
    best = tried[int(np.argmin(losses))]
    best.set_params(n_estimators=TREES, warm_start=True, oob_score=False)
    best.fit(x, y)  # the trees it lacks
    output = task.trees_output(best, columns.of(views))
    return task.bounded(output, min(losses) / len(known.values))


def boosting(fold: PreparedFold, views: Views) -> np.ndarray:
    """Gradient boosting of histogram trees (LightGBM's, NeurIPS 2017): its output `[q, O]` for
    patients with these views.

    Leaves per tree and the number of trees are those of lowest loss in inner folds, each with
    columns chosen anew: by columns that have seen the validation labels, more trees would always
    look better.
    """
    task = fold.task
    target = _known_target(fold)
    if task.lacks_spread(target):  # nothing to boost
        return np.tile(task.null_output(target), (len(views.present), 1))
    columns = _columns(fold)
    x = columns.of(fold.views)[target.known]
    known = target.take(target.known)
    with threadpool_limits(1, user_api="openmp"):
        curves = _curves(fold, target)
        leaves, stage = np.unravel_index(curves.argmin(), curves.shape)
        model = _unfitted_boosting(task, LEAVES[leaves], int(stage) + 1, fold.seed)
        model.fit(x, task.for_trees(known))
        output = task.trees_output(model, columns.of(views))
    return task.bounded(output, curves.min() / len(known.values))


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns trees are shown: modality → which of its columns, in the order of names."""

    chosen: dict[str, np.ndarray]

    @classmethod
    def fit(cls, fold: PreparedFold, target: Target) -> Columns:
        """The `TOP` columns most relevant for the `target` `[n]` of the training patients who have
        the modality, ties by `modality:column`; all of them where they are fewer."""
        relevance, names = {}, []
        for m, own in fold.views.own.items():
            has = fold.views.has[m]
            relevance[m] = _relevance(fold.task, own, target.hide(~has))
            pipeline = fold.preparation.pipelines[m]
            names.append([f"{m}:{pipeline.columns[c]}" for c in pipeline.owners])
        values = np.concatenate(list(relevance.values()))  # [columns of all modalities]
        order = np.lexsort((np.concatenate(names), -values))
        top = np.zeros(len(values), bool)
        top[order[:TOP]] = True
        top &= values >= 0
        sizes = [len(each) for each in relevance.values()]
        parts = zip(relevance, np.split(top, np.cumsum(sizes)[:-1]), strict=True)
        return cls({m: np.flatnonzero(part) for m, part in parts})

    def of(self, views: Views) -> np.ndarray:
        """float64 `[N, ≤ TOP]`, NaN where a patient lacks the modality."""
        parts = []
        for m, chosen in self.chosen.items():
            has = views.has[m][:, None]
            columns = views.own[m][:, chosen]
            parts.append(np.where(has, columns, np.nan))
        return np.hstack(parts)


def _columns(fold: PreparedFold) -> Columns:
    """The columns that both kinds of trees are shown of the fold, chosen once."""
    key = ("columns of trees", tuple(fold.views.own))
    return fold.results.tables.get(key, lambda: Columns.fit(fold, _known_target(fold)))


def _relevance(task: Task, own: np.ndarray, target: Target) -> np.ndarray:
    """Of a modality's columns; -1 where no one has it and is known."""
    if not target.known.any():
        return np.full(own.shape[1], -1.0)
    return task.relevance(own, target)


def _known_target(fold: PreparedFold) -> Target:
    """The target, known of the training patients who have a modality."""
    has_any = fold.views.present.any(1)
    return fold.target.hide(~has_any)


def _curves(fold: PreparedFold, target: Target) -> np.ndarray:
    """Sum over the validation patients of the loss after each tree `[LEAVES, STAGES]`."""
    task, known = fold.task, target.known
    inner = np.full(len(known), -1)
    groups = None if fold.groups is None else fold.groups[known]
    strata = task.strata(target)[known]
    inner[known] = assign_folds(strata, INNER, fold.seed, groups)
    curves = np.zeros((len(LEAVES), STAGES))
    for number in range(INNER):
        validation = inner == number
        if validation.any() and not task.lacks_spread(target.hide(validation)):
            _add_losses(curves, fold, target, validation)
    return curves


def _add_losses(
    curves: np.ndarray, fold: PreparedFold, target: Target, validation: np.ndarray
) -> None:
    """Adds the losses of one inner fold's validation patients (bool `[n]`) to the curves."""
    task = fold.task
    training = target.hide(validation)
    x = Columns.fit(fold, training).of(fold.views)
    y = task.for_trees(target.take(training.known))
    truth = target.take(validation)
    for curve, leaves in zip(curves, LEAVES, strict=True):
        model = _unfitted_boosting(task, leaves, STAGES, fold.seed)
        model.fit(x[training.known], y)
        stages = task.staged_output(model, x[validation])
        curve += task.trees_loss(stages, truth)


def _unfitted_forest(task: Task, features: str | float, least: int, seed: int):
    return task.forest(
        n_estimators=TRIED,
        max_features=features,
        min_samples_leaf=least,
        oob_score=True,
        random_state=seed,
        n_jobs=1,
    )


def _unfitted_boosting(task: Task, leaves: int, stages: int, seed: int):
    """Coarse bins and a tenth of the columns at each split: as good on hundreds of patients, and
    several times cheaper."""
    return task.boosting(
        max_iter=stages, max_leaf_nodes=leaves, min_samples_leaf=5, max_bins=32, max_features=0.1,
        early_stopping=False,
        random_state=seed,
    )  # fmt: skip
