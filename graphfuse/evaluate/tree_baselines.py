"""Trees beside the net: a random forest and gradient boosting on the fold's 500 columns with the
highest ANOVA F.

Scaled columns of all modalities stand side by side, those of a modality that a patient lacks as
NaN, which trees send down a branch of their own. Both are tuned inside the training patients and
use one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from threadpoolctl import threadpool_limits

from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.stratified_folds import assign_folds
from graphfuse.learn.views import Views
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task

TOP = 500  # columns; on tens of thousands the two would cost more than the net
TREES, TRIED = 150, 50  # of the forest, and those by which its settings are judged
SPLITS = tuple(
    product(("sqrt", 0.2), (1, 5))
)  # columns tried at a split, and patients in a leaf at least
LEAVES = (3, 8)  # of each of boosting's trees
STAGES = 100  # trees per class at most, by which time the held-out loss has turned upwards
INNER = 3


def forest(fold: PreparedFold, views: Views) -> np.ndarray:
    """Random forest (doi:10.1023/A:1010933404324): its output `[q, O]` for patients with these
    views.

    Columns per split and patients per leaf are those of lowest out-of-bag loss.
    """
    task, target = fold.task, _taught(fold)
    columns = Columns.fit(fold, target)
    x, known = columns.of(fold.views)[target.known], target.take(target.known)
    taught = task.for_trees(known)
    tried = [_unfitted_forest(task, *split, fold.seed).fit(x, taught) for split in SPLITS]
    losses = [task.trees_loss(task.out_of_bag(model), known) for model in tried]
    best = tried[int(np.argmin(losses))]
    best.set_params(n_estimators=TREES, warm_start=True, oob_score=False)
    best.fit(x, taught)  # the trees it lacks
    output = task.trees_output(best, columns.of(views))
    return task.bounded(output, min(losses) / len(known.values))


def boosting(fold: PreparedFold, views: Views) -> np.ndarray:
    """Gradient boosting of histogram trees (LightGBM's, NeurIPS 2017): its output `[q, O]` for
    patients with these views.

    Leaves per tree and the number of trees are those of lowest loss in inner folds, each with
    columns chosen anew: by columns that have seen the held-out labels, more trees would always look
    better.
    """
    task, target = fold.task, _taught(fold)
    if task.lacks_spread(target):  # nothing to boost
        return np.tile(task.null_output(target), (len(views.present), 1))
    columns = Columns.fit(fold, target)
    x, known = columns.of(fold.views)[target.known], target.take(target.known)
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
        found = {
            m: _relevance(fold.task, own, target.hide(~fold.views.has[m]))
            for m, own in fold.views.own.items()
        }
        pipelines = {m: fold.preparation.pipelines[m] for m in found}
        names = np.concatenate(
            [[f"{m}:{p.columns[c]}" for c in p.owners] for m, p in pipelines.items()]
        )
        values = np.concatenate(list(found.values()))
        top = np.zeros(len(values), bool)
        top[np.lexsort((names, -values))[:TOP]] = True
        top &= values >= 0
        edges = np.cumsum([len(each) for each in found.values()])[:-1]
        return cls(
            {m: np.flatnonzero(mine) for m, mine in zip(found, np.split(top, edges), strict=True)}
        )

    def of(self, views: Views) -> np.ndarray:
        """float64 `[N, ≤ TOP]`, NaN where a patient lacks the modality."""
        return np.hstack(
            [
                np.where(views.has[m][:, None], views.own[m][:, c], np.nan)
                for m, c in self.chosen.items()
            ]
        )


def _relevance(task: Task, own: np.ndarray, target: Target) -> np.ndarray:
    """Of a modality's columns; -1 where no one has it and is known."""
    if not target.known.any():
        return np.full(own.shape[1], -1.0)
    return task.relevance(own, target)


def _taught(fold: PreparedFold) -> Target:
    """The target, known of the training patients who have a modality."""
    return fold.target.hide(~fold.views.present.any(1))


def _curves(fold: PreparedFold, target: Target) -> np.ndarray:
    """Sum over the held-out patients of the loss after each tree `[LEAVES, STAGES]`."""
    task, known = fold.task, target.known
    inner = np.full(len(known), -1)
    groups = None if fold.groups is None else fold.groups[known]
    inner[known] = assign_folds(task.strata(target)[known], INNER, fold.seed, groups)
    curves = np.zeros((len(LEAVES), STAGES))
    for k in range(INNER):
        held = inner == k
        inside = target.hide(held)
        shown = inside.known
        if not held.any() or task.lacks_spread(inside):
            continue
        x = Columns.fit(fold, inside).of(fold.views)
        for curve, leaves in zip(curves, LEAVES, strict=True):
            model = _unfitted_boosting(task, leaves, STAGES, fold.seed)
            model.fit(x[shown], task.for_trees(target.take(shown)))
            stages = task.staged_output(model, x[held])
            curve += task.trees_loss(stages, target.take(held))
    return curves


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
