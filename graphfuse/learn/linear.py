"""The linear models of a fold, cross-fitted inside its training patients.

One factorisation serves all: for every modality the kernel among training patients is computed once in each inner fold
(with scalers, selectors and layers fitted anew on the inner training patients), and every rung of the ladder and the net's
linear start is a ridge regression on a sum of kernels. What the net is shown of a training patient comes from the inner
model that never saw that patient, its label or its values; so its gates learn what a new patient would gain.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix

from graphfuse.data.cohort import Cohort
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.assemble import Preparation, Views, mean_operator
from graphfuse.learn.ridge import PENALTIES, Ridge, fit_ridge, log_loss
from graphfuse.learn.splits import stratified
from graphfuse.schema import Recipe

INNER = 5


@dataclass(frozen=True, eq=False)
class Kernels:
    """Inner products of q patients with n training patients, per modality: `own` and `hop` `[q, n]`, and `mean`, the
    sparse `[q, n]` that averages over each patient's neighbours."""

    own: dict[str, np.ndarray]
    hop: dict[str, np.ndarray]
    mean: dict[str, csr_matrix]

    @classmethod
    def between(cls, preparation: Preparation, views: Views, training: Views, new: bool) -> Kernels:
        """Of the patients of `views` with those of `training`; `new` says that they are others than these."""
        lists = preparation.lists(views if new else None, len(training.present))
        return cls(
            {m: views.own[m] @ training.own[m].T for m in views.own},
            {m: views.hop[m] @ training.own[m].T for m in views.hop},
            {m: mean_operator(found) for m, found in lists.items()},
        )

    def logits(self, modalities: tuple[str, ...], alpha: np.ndarray, memory: dict[str, np.ndarray]) -> np.ndarray:
        """Linear logits by modality and view `[q, M, 3, K]`: own columns, network neighbours, patient neighbours (the mean
        of `memory`, modality → the training patients' own logits `[n, K]`)."""
        found = []
        for m in modalities:
            own = self.own[m] @ alpha
            network = self.hop[m] @ alpha if m in self.hop else np.zeros_like(own)
            found.append(np.stack([own, network, self.mean[m] @ memory[m]], 1))
        return np.stack(found, 1)


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A ridge regression on some modalities, its penalty chosen by inner cross-validation.

    `alpha` `[n, K]`, `bias` `[K]`: the model on all training patients. `held_out` `[n, K]`: logits of each training
    patient from the inner model without it; `views` `[n, M, 3, K]` and `held_bias` `[n, K]`: the same, taken apart.
    """

    modalities: tuple[str, ...]
    inverse_penalty: float
    loss: float
    alpha: np.ndarray
    bias: np.ndarray
    held_out: np.ndarray
    views: np.ndarray
    held_bias: np.ndarray


@dataclass(frozen=True, eq=False)
class _Inner:
    held: np.ndarray
    train: np.ndarray
    to_held: Kernels
    among: Kernels


class CrossFit:
    """The kernels of one fold's training patients, whole and in inner folds; `solve` fits a ridge on some modalities.

    `inner` `[n]`: inner fold of every training patient, shared by the penalty search and the net's epoch search.
    """

    def __init__(
        self, cohort: Cohort, codes: np.ndarray, classes: int, recipe: Recipe, network: GeneNetwork | None, seed: int
    ):
        self.codes, self.classes, self.graphs = codes, classes, True
        self.inner = stratified(codes, INNER, seed)
        self.preparation, self.training = Preparation.fit(cohort, codes, recipe, network, seed)
        self.kernels = Kernels.between(self.preparation, self.training, self.training, new=False)
        self._inner = [self._inside(cohort, recipe, network, seed, k) for k in range(INNER)]
        self._solved: dict[tuple[str, ...], LinearFit] = {}

    def _inside(self, cohort, recipe, network, seed, k: int) -> _Inner:
        held, train = np.flatnonzero(self.inner == k), np.flatnonzero(self.inner != k)
        preparation, training = Preparation.fit(cohort.take(train), self.codes[train], recipe, network, seed)
        to_held = Kernels.between(preparation, preparation.views(cohort.take(held)), training, new=True)
        return _Inner(held, train, to_held, Kernels.between(preparation, training, training, new=False))

    def solve(self, modalities: tuple[str, ...]) -> LinearFit:
        """The ridge on the sum of these modalities' kernels, fitted once and remembered."""
        if modalities not in self._solved:
            self._solved[modalities] = self._solve(modalities)
        fit = self._solved[modalities]
        return fit if self.graphs else replace(fit, views=fit.views * np.array([1.0, 0.0, 0.0])[:, None])

    def without_graphs(self) -> CrossFit:
        """The same fold, factorisations shared, with every graph taken away."""
        other = copy.copy(self)
        other.graphs = False
        other.preparation = self.preparation.without_graphs()
        other.training = replace(self.training, hop={})
        return other

    def forget_inner(self) -> None:
        """Frees the inner folds' kernels once everything needed is solved."""
        self._inner = []

    def _solve(self, modalities: tuple[str, ...]) -> LinearFit:
        paths = [self._path(fold.among, self.codes[fold.train], modalities, PENALTIES) for fold in self._inner]
        logits = np.zeros((len(PENALTIES), len(self.codes), self.classes))
        for fold, path in zip(self._inner, paths, strict=True):
            logits[:, fold.held] = path.logits(sum(fold.to_held.own[m] for m in modalities))
        losses = log_loss(logits, self.codes)
        level = int(losses.argmin())
        views = np.zeros((len(self.codes), len(modalities), 3, self.classes))
        held_bias = np.zeros((len(self.codes), self.classes))
        for fold, path in zip(self._inner, paths, strict=True):
            alpha = path.alpha[level]
            memory = {m: fold.among.own[m] @ alpha for m in modalities}
            views[fold.held] = fold.to_held.logits(modalities, alpha, memory)
            held_bias[fold.held] = path.intercept[level]
        whole = self._path(self.kernels, self.codes, modalities, PENALTIES[level : level + 1])
        return LinearFit(
            modalities, PENALTIES[level], float(losses[level]), whole.alpha[0], whole.intercept[0],
            logits[level], views, held_bias,
        )  # fmt: skip

    def _path(self, kernels: Kernels, codes, modalities, penalties) -> Ridge:
        return fit_ridge(sum(kernels.own[m] for m in modalities), codes, self.classes, tuple(penalties))
