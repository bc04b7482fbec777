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
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from threadpoolctl import threadpool_limits

from graphfuse.learn.assemble import Views
from graphfuse.learn.linear.fold import PreparedFold
from graphfuse.learn.splits import dealt
from graphfuse.statistics.columns import anova_f

TOP = 500  # columns; on tens of thousands the two would cost more than the net
TREES, TRIED = 150, 50  # of the forest, and those by which its settings are judged
SPLITS = tuple(
    product(("sqrt", 0.2), (1, 5))
)  # columns tried at a split, and patients in a leaf at least
LEAVES = (3, 8)  # of each of boosting's trees
STAGES = 100  # trees per class at most, by which time the held-out loss has turned upwards
INNER = 3


def forest(fold: PreparedFold, views: Views) -> np.ndarray:
    """Random forest (doi:10.1023/A:1010933404324): probabilities `[q, K]` of patients with these
    views.

    Columns per split and patients per leaf are those of lowest out-of-bag log loss.
    """
    every = _codes(fold)
    columns = Columns.fit(fold, every)
    x, codes = columns.of(fold.views)[every >= 0], every[every >= 0]
    tried = [_unfitted_forest(*split, fold.seed).fit(x, codes) for split in SPLITS]

    def loss(model: RandomForestClassifier) -> float:
        return _loss(_placed(model, model.oob_decision_function_, fold.task.width), codes)

    best = min(tried, key=loss)
    best.set_params(n_estimators=TREES, warm_start=True, oob_score=False).fit(
        x, codes
    )  # the trees it lacks
    return _placed(best, best.predict_proba(columns.of(views)), fold.task.width)


def boosting(fold: PreparedFold, views: Views) -> np.ndarray:
    """Gradient boosting of histogram trees (LightGBM's, NeurIPS 2017): probabilities `[q, K]` of
    patients with these views.

    Leaves per tree and the number of trees are those of lowest log loss in inner folds, each with
    columns chosen anew: by columns that have seen the held-out labels, more trees would always look
    better.
    """
    codes = _codes(fold)
    seen = np.unique(codes[codes >= 0])
    if len(seen) < 2:
        return np.tile(np.eye(fold.task.width)[seen], (len(views.present), 1))  # nothing to boost
    columns = Columns.fit(fold, codes)
    with threadpool_limits(1, user_api="openmp"):
        curves = _curves(fold, codes)
        leaves, stage = np.unravel_index(curves.argmin(), curves.shape)
        model = _unfitted_boosting(LEAVES[leaves], int(stage) + 1, fold.seed)
        model.fit(columns.of(fold.views)[codes >= 0], codes[codes >= 0])
        return _placed(model, model.predict_proba(columns.of(views)), fold.task.width)


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns trees are shown: modality → which of its columns, in the order of names."""

    chosen: dict[str, np.ndarray]

    @classmethod
    def fit(cls, fold: PreparedFold, codes: np.ndarray) -> Columns:
        """The `TOP` columns by F over the training patients with a class in `codes` `[n]` who have
        the modality, ties by `modality:column`; all of them where they are fewer."""
        found = {
            m: _f(own, np.where(fold.views.has[m], codes, -1)) for m, own in fold.views.own.items()
        }
        pipelines = {m: fold.preparation.pipelines[m] for m in found}
        names = np.concatenate(
            [[f"{m}:{p.columns[c]}" for c in p.owners] for m, p in pipelines.items()]
        )
        values = np.concatenate(list(found.values()))
        top = np.zeros(len(values), bool)
        top[np.lexsort((names, -values))[:TOP]] = True
        top &= values >= 0
        edges = np.cumsum([len(f) for f in found.values()])[:-1]
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


def _f(own: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """ANOVA F of a modality's columns; 0 where each class has one patient, -1 where no one has it
    and a class."""
    known = codes[codes >= 0]
    if len(known) > len(set(known)):
        return anova_f(own, codes)
    return np.full(own.shape[1], 0.0 if len(known) else -1.0)


def _codes(fold: PreparedFold) -> np.ndarray:
    """int `[n]`: class codes of the training patients who have a modality, else -1."""
    return np.where(fold.views.present.any(1), fold.target.values, -1)


def _curves(fold: PreparedFold, codes: np.ndarray) -> np.ndarray:
    """Sum over the held-out patients of the log loss after each tree `[LEAVES, STAGES]`."""
    inner = np.full(len(codes), -1)
    groups = None if fold.groups is None else fold.groups[codes >= 0]
    inner[codes >= 0] = dealt(codes[codes >= 0], INNER, fold.seed, groups)
    curves = np.zeros((len(LEAVES), STAGES))
    for k in range(INNER):
        inside = np.where(inner == k, -1, codes)
        shown, held = inside >= 0, inner == k
        if not held.any() or len(set(codes[shown])) < 2:
            continue
        x = Columns.fit(fold, inside).of(fold.views)
        for curve, leaves in zip(curves, LEAVES, strict=True):
            model = _unfitted_boosting(leaves, STAGES, fold.seed).fit(x[shown], codes[shown])
            said = np.stack(list(model.staged_predict_proba(x[held])))
            curve += _loss(_placed(model, said, fold.task.width), codes[held])
    return curves


def _unfitted_forest(features: str | float, least: int, seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(
        TRIED,
        max_features=features,
        min_samples_leaf=least,
        oob_score=True,
        random_state=seed,
        n_jobs=1,
    )


def _unfitted_boosting(leaves: int, stages: int, seed: int) -> HistGradientBoostingClassifier:
    """Coarse bins and a tenth of the columns at each split: as good on hundreds of patients, and
    several times cheaper."""
    return HistGradientBoostingClassifier(
        max_iter=stages, max_leaf_nodes=leaves, min_samples_leaf=5, max_bins=32, max_features=0.1,
        early_stopping=False,
        random_state=seed,
    )  # fmt: skip


def _placed(model, said: np.ndarray, classes: int) -> np.ndarray:
    """`[…, N, K]`: what a model says of the classes it has seen, and 0 for the others."""
    probability = np.zeros((*said.shape[:-1], classes))
    probability[..., model.classes_] = said
    return probability


def _loss(probability: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Summed log loss `[…]` of probabilities `[…, N, K]`, where one below half a vote of the trees
    tried counts as that."""
    return -np.log(np.maximum(probability[..., np.arange(len(codes)), codes], 0.5 / TRIED)).sum(-1)
