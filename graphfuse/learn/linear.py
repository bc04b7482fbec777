"""The linear models of a fold, cross-fitted inside its training patients.

One factorisation serves all: for every modality the kernel among training patients is computed once in each inner fold
(with scalers, selectors and layers fitted anew on the inner training patients), and every rung of the ladder and the net's
linear start is a ridge regression on a sum of kernels. What the net is shown of a training patient comes from the inner
model that never saw that patient, its label or its values; so its gates learn what a new patient would gain.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.assemble import Preparation, Views, mean_operator
from graphfuse.learn.channels import Signal, Silent, fit_signals
from graphfuse.learn.ridge import PENALTIES, Ridge, fit_ridge, log_loss
from graphfuse.learn.splits import stratified
from graphfuse.learn.start import LinearFit, LinearStart, gates_of, mix_of, shared_bias
from graphfuse.schema import Recipe

INNER = 5
MOST_PATIENTS = 20_000  # a kernel of 3.2 GB for each modality


@dataclass(frozen=True, eq=False)
class Kernels:
    """Inner products of q held-out patients with n training patients, per modality: `own` and `hop` `[q, n]`, and `means`,
    per layer the sparse `[q, n]` that averages over each patient's neighbours (`[q, q]` where patients hear themselves:
    `alone`)."""

    own: dict[str, np.ndarray]
    hop: dict[str, np.ndarray]
    means: dict[str, list[csr_matrix]]
    alone: bool = False

    @property
    def depth(self) -> int:
        """Patient layers of each modality."""
        return len(next(iter(self.means.values())))

    @classmethod
    def between(cls, preparation: Preparation, views: Views, training: Views) -> Kernels:
        """Of new patients with these views and the training ones."""
        lists = preparation.lists(views)
        return cls(
            {m: views.own[m] @ training.own[m].T for m in views.own},
            {m: views.hop[m] @ training.own[m].T for m in views.hop},
            {m: [mean_operator(each) for each in found] for m, found in lists.items()},
            preparation.alone,
        )

    def logits(self, modalities: tuple[str, ...], alpha: np.ndarray, memory: dict[str, np.ndarray]) -> np.ndarray:
        """Linear logits by modality and view `[q, M, 2 + L, K]`: own columns, network neighbours, patient neighbours by layer
        (the mean of `memory`, modality → the training patients' own logits `[n, K]`)."""
        found = []
        for m in modalities:
            own = self.own[m] @ alpha
            network = self.hop[m] @ alpha if m in self.hop else np.zeros_like(own)
            around = [mean @ (own if self.alone else memory[m]) for mean in self.means[m]]
            found.append(np.stack([own, network, *around], 1))
        return np.stack(found, 1)


@dataclass(frozen=True, eq=False)
class _Inner:
    """An inner fold: rows held out and trained on, kernels between them, and grams among those trained on."""

    held: np.ndarray
    train: np.ndarray
    to_held: Kernels
    among: dict[str, np.ndarray]


class CrossFit:
    """The kernels of one fold's training patients, whole and in inner folds; `solve` fits a ridge on some modalities.

    `inner` `[n]`: inner fold of every training patient, shared by the penalty search and the net's epoch search.
    """

    def __init__(
        self, cohort: Cohort, codes: np.ndarray, classes: int, recipe: Recipe, network: GeneNetwork | None, seed: int
    ):
        if len(codes) > MOST_PATIENTS:
            raise InputError(
                f"cohort {cohort.name!r}: {len(codes):,} training patients; linear starts are solved from patients × patients "
                f"kernels, which are kept up to {MOST_PATIENTS:,} patients so far. Train on a part of them"
            )
        self.cohort, self.recipe, self.network, self.seed = cohort, recipe, network, seed
        self.codes, self.classes, self.graphs = codes, classes, True
        self.inner = stratified(codes, INNER, seed)
        self.preparation, self.training = Preparation.fit(cohort, codes, recipe, network, seed)
        self.grams = grams(self.training)
        self._inner = side_by_side(lambda k: self._inside(cohort, recipe, network, seed, k), range(INNER))
        self._solved: dict[tuple[str, ...], LinearFit] = {}
        self._signals: dict[tuple[str, ...], dict[str, Signal]] = {}

    def _inside(self, cohort, recipe, network, seed, k: int) -> _Inner:
        held, train = np.flatnonzero(self.inner == k), np.flatnonzero(self.inner != k)
        preparation, training = Preparation.fit(cohort.take(train), self.codes[train], recipe, network, seed)
        to_held = Kernels.between(preparation, preparation.views(cohort.take(held)), training)
        return _Inner(held, train, to_held, grams(training))

    def solve(self, modalities: tuple[str, ...]) -> LinearFit:
        """The ridge on the sum of these modalities' kernels, fitted once and remembered."""
        if modalities not in self._solved:
            self._solved[modalities] = self._solve(modalities)
        fit = self._solved[modalities]
        return fit if self.graphs else replace(fit, views=_own_alone(fit.views))

    def prepared(self, modalities: tuple[str, ...]) -> Preparation:
        """The preparation of these modalities, with signals fitted on them alone, once and remembered."""
        chosen = self.preparation.only(modalities)
        if modalities not in self._signals:
            views, whole = self.training.only(modalities), self.cohort.modalities
            symbols = {m: [whole[m].symbols[c] for c in pipeline.owners] for m, pipeline in chosen.pipelines.items()}
            others = [m for m in whole if m not in modalities]
            cohort, recipe = self.cohort.without(*others), self.recipe.without(*others)
            self._signals[modalities] = fit_signals(recipe, cohort, symbols, views.own, views.present, self.network, self.seed)
        signals = self._signals[modalities]
        return replace(chosen, signals=signals if self.graphs else {n: Silent(s) for n, s in signals.items()})

    def restricted(self, modalities: tuple[str, ...]) -> CrossFit:
        """The same fold on some modalities: itself, or, where a layer joins them with others, fitted anew without those."""
        others = tuple(m for m in self.cohort.modalities if m not in modalities)
        if not any(
            set(layer.of) & set(modalities) and set(layer.of) & set(others) for layer in self.preparation.layers.values()
        ):
            return self
        cohort, recipe = self.cohort.without(*others), self.recipe.without(*others)
        return CrossFit(cohort, self.codes, self.classes, recipe, self.network, self.seed)

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

    def start(self, modalities: tuple[str, ...], stacked: bool) -> LinearStart:
        """The linear start on these modalities: each one's own ridge regression, or (`stacked`) the mix of these with the
        joint one that has the lowest cross-fitted loss, weights ≥ 0. So the net starts at whichever of joint, single or
        averaged ridge the training patients support (stacked regression, Breiman 1996, doi:10.1007/BF00117832)."""
        singles = [self.solve((m,)) for m in modalities]
        joint = self.solve(modalities) if stacked else singles[0]
        columns = [list(self.training.own).index(m) for m in modalities]
        present = self.training.present[:, columns].astype(float)
        mix = mix_of(joint, singles, present, self.codes) if stacked else np.r_[0.0, np.ones(len(singles))]
        whole, shares = mix[0], mix[1:]
        views = np.concatenate([f.views for f in singles], 1) * shares[:, None, None]
        views = views + whole * joint.views if stacked else views
        held_bias = whole * joint.held_bias
        held_own_bias = shares[:, None] * np.stack([f.held_bias for f in singles], 1)
        logits = views[:, :, 0] + shared_bias(held_bias, held_own_bias, present)
        groups = [list(range(len(modalities)))] if stacked else [[m] for m in range(len(modalities))]
        gates = [gates_of((logits * present[..., None])[:, g], views[:, g, 1:], self.codes) for g in groups]
        return LinearStart(
            {m: whole * joint.alpha + b * f.alpha for m, b, f in zip(modalities, shares, singles, strict=True)},
            whole * joint.bias,
            shares[:, None] * np.stack([f.bias for f in singles]),
            views,
            held_bias,
            held_own_bias,
            dict(zip(("joint", *modalities), mix.tolist(), strict=True)),
            np.concatenate(gates),
        )

    def _solve(self, modalities: tuple[str, ...]) -> LinearFit:
        paths = side_by_side(lambda fold: self._path(fold.among, self.codes[fold.train], modalities, PENALTIES), self._inner)
        logits = np.zeros((len(PENALTIES), len(self.codes), self.classes))
        for fold, path in zip(self._inner, paths, strict=True):
            logits[:, fold.held] = path.logits(sum(fold.to_held.own[m] for m in modalities))
        losses = log_loss(logits, self.codes)
        level = int(losses.argmin())
        depth = self._inner[0].to_held.depth
        views = np.zeros((len(self.codes), len(modalities), 2 + depth, self.classes))
        held_bias = np.zeros((len(self.codes), self.classes))
        for fold, path in zip(self._inner, paths, strict=True):
            alpha = path.alpha[level]
            memory = {m: fold.among[m] @ alpha for m in modalities}
            views[fold.held] = fold.to_held.logits(modalities, alpha, memory)
            held_bias[fold.held] = path.intercept[level]
        whole = self._path(self.grams, self.codes, modalities, PENALTIES[level : level + 1])
        return LinearFit(
            modalities, PENALTIES[level], float(losses[level]), whole.alpha[0], whole.intercept[0],
            logits[level], views, held_bias,
        )  # fmt: skip

    def _path(self, among: dict[str, np.ndarray], codes, modalities, penalties) -> Ridge:
        return fit_ridge(sum(among[m] for m in modalities), codes, self.classes, tuple(penalties))


def _own_alone(views: np.ndarray) -> np.ndarray:
    """Views `[n, M, 2 + L, K]` with those of every neighbour silenced."""
    kept = np.zeros_like(views)
    kept[:, :, 0] = views[:, :, 0]
    return kept


def grams(training: Views) -> dict[str, np.ndarray]:
    """Modality → inner products among the training patients `[n, n]`."""
    return {m: own @ own.T for m, own in training.own.items()}


def side_by_side(work: Callable, items: Iterable) -> list:
    """`work` on every item, one thread each: small matrix products gain more from this than from threads of their own, and
    give the same digits however many threads there are."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        return list(threads.map(work, items))
