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
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.assemble import Preparation, Views, mean_operator
from graphfuse.learn.ridge import PENALTIES, Ridge, fit_ridge, log_loss
from graphfuse.learn.splits import stratified
from graphfuse.schema import Recipe

INNER = 5
MOST_PATIENTS = 20_000  # a kernel of 3.2 GB for each modality
GATE_PRIOR = 0.3
MIX_PRIOR = 1.0


@dataclass(frozen=True, eq=False)
class Kernels:
    """Inner products of q held-out patients with n training patients, per modality: `own` and `hop` `[q, n]`, and `mean`,
    the sparse `[q, n]` that averages over each patient's neighbours."""

    own: dict[str, np.ndarray]
    hop: dict[str, np.ndarray]
    mean: dict[str, csr_matrix]

    @classmethod
    def between(cls, preparation: Preparation, views: Views, training: Views) -> Kernels:
        """Of new patients with these views and the training ones."""
        lists = preparation.lists(views, len(training.present))
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
class LinearStart:
    """Where a net starts: a linear model whose logits are a sum over modalities.

    `alpha`: modality → `[n, K]`; `bias` `[K]` counts once a patient, `own_bias` `[M, K]` once for each modality that
    the patient has. `views` `[n, M, 3, K]`, `held_bias` `[n, K]`, `held_own_bias` `[n, M, K]`: of the training
    patients, cross-fitted. `mix`: how much of each ridge regression went in (`joint`, and each modality's own).
    `gates` `[M, 2]`: how far the gene network's and the patients' neighbours are let in.
    """

    alpha: dict[str, np.ndarray]
    bias: np.ndarray
    own_bias: np.ndarray
    views: np.ndarray
    held_bias: np.ndarray
    held_own_bias: np.ndarray
    mix: dict[str, float]
    gates: np.ndarray


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
        self.codes, self.classes, self.graphs = codes, classes, True
        self.inner = stratified(codes, INNER, seed)
        self.preparation, self.training = Preparation.fit(cohort, codes, recipe, network, seed)
        self.grams = grams(self.training)
        self._inner = side_by_side(lambda k: self._inside(cohort, recipe, network, seed, k), range(INNER))
        self._solved: dict[tuple[str, ...], LinearFit] = {}

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
        views = np.zeros((len(self.codes), len(modalities), 3, self.classes))
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


def grams(training: Views) -> dict[str, np.ndarray]:
    """Modality → inner products among the training patients `[n, n]`."""
    return {m: own @ own.T for m, own in training.own.items()}


def side_by_side(work: Callable, items: Iterable) -> list:
    """`work` on every item, one thread each: small matrix products gain more from this than from threads of their own, and
    give the same digits however many threads there are."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        return list(threads.map(work, items))


def shared_bias(bias: np.ndarray, own_bias: np.ndarray, present: np.ndarray) -> np.ndarray:
    """`[N, M, K]`: `own_bias`, and `bias` shared out over the modalities that a patient has; `present` `[N, M]`."""
    return own_bias + bias[..., None, :] / np.maximum(present.sum(1), 1)[:, None, None]


def mix_of(joint: LinearFit, singles: list[LinearFit], present: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Weights ≥ 0 `[1 + M]` of the joint and the single models' held-out logits with the lowest cross-entropy.

    A normal prior (sd `MIX_PRIOR`) around the joint model alone keeps them finite where few patients are perfectly separated.
    """
    if len(singles) == 1:
        return np.array([1.0, 0.0])
    own = [f.held_out * present[:, [m]] for m, f in enumerate(singles)]
    logits = np.stack([joint.held_out, *own], 1)
    first = np.r_[1.0, np.zeros(len(singles))]
    nothing = np.zeros_like(joint.held_out)
    return _lowest(first, nothing, logits, codes, prior=MIX_PRIOR, bounds=[(0, None)] * len(first))


def gates_of(logits: np.ndarray, views: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Gates `[M, 2]` that let the views `[n, M, 2, K]` into the sum over modalities of `logits` `[n, M, K]`.

    Lowest cross-entropy with a normal prior around closed (sd `GATE_PRIOR`): a graph that carries nothing, or few
    labels, leaves its gate near 0.
    """
    count = views.shape[1]
    flat = views.reshape(len(views), 2 * count, -1)
    return _lowest(np.zeros(2 * count), logits.sum(1), flat, codes, prior=GATE_PRIOR).reshape(count, 2)


def _lowest(first, base, terms, codes, prior: float, bounds=None) -> np.ndarray:
    """Weights `[J]` with the lowest summed cross-entropy of base `[n, K]` + Σ_j w_j terms `[n, J, K]`, under a normal prior of
    sd `prior` around `first` (a convex problem)."""
    known = codes >= 0
    base, terms = base[known], terms[known]
    truth = np.eye(base.shape[1])[codes[known]]

    def loss(weights):
        log_p = log_softmax(base + np.einsum("j,njk->nk", weights, terms), axis=1)
        slope = np.einsum("njk,nk->j", terms, np.exp(log_p) - truth) + (weights - first) / prior**2
        return -(log_p * truth).sum() + ((weights - first) ** 2).sum() / (2 * prior**2), slope

    return minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds).x
