"""The linear models of a fold, cross-fitted inside its training patients.

One set of kernels serves all: every rung of the ladder, every pattern of modalities and the net's linear start are ridge
regressions on sums of kernels, and so are those on columns smoothed by a graph. Inner folds hide labels: what the net is shown
of a training patient comes from an inner model that never saw that patient's label, so its gates learn what a new patient
would gain. Scalers, components and layers see the training patients' values alone, labelled or not; where a recipe selects
columns by label, they are fitted anew in every inner fold, on the inner training patients.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.channels import Signal, Silent, fit_signals
from graphfuse.learn.kernels import Kernels, means_around, means_of, slope_of
from graphfuse.learn.ridge import PENALTIES, Descent, log_loss
from graphfuse.learn.splits import stratified
from graphfuse.learn.start import Linear, LinearFit, LinearStart, Mix, members, mix_of, patterns_of, shared_bias
from graphfuse.schema import Recipe

INNER = 5
MOST_PATIENTS = 20_000  # a kernel of 3.2 GB for each modality
GATES = (1.0, 2.0, 4.0)  # tried in turn while the held-out loss falls
WORTH = 0.01  # share of the loss by which it must fall where all patients are labelled; in proportion less where fewer are
ENOUGH = 10  # complete patients of each class, on average, for them alone to decide the mix of a pattern
WHOLE = -1  # the fit on all, beside the inner folds 0 … INNER - 1


@dataclass(frozen=True, eq=False)
class World:
    """Kernels of all training patients of a fold, and which fits stand on them (inner folds, or `WHOLE`)."""

    kernels: Kernels
    fits: tuple[int, ...]


class CrossFit:
    """The kernels of one fold's training patients; `solve` fits a ridge on some modalities, whole and in inner folds.

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
        whole = Kernels.of(self.training, means_of(self.preparation))
        self.grams = whole.own
        if recipe.select.top is None:
            self._worlds = [World(whole, (*range(INNER), WHOLE))]
        else:
            self._worlds = [*side_by_side(self._inside, range(INNER)), World(whole, (WHOLE,))]
        self._solved: dict[tuple, LinearFit] = {}
        self._gates: dict[str, np.ndarray] = {}
        self._starts: dict[tuple, LinearStart] = {}
        self._signals: dict[tuple[str, ...], dict[str, Signal]] = {}

    def _inside(self, k: int) -> World:
        """All anew on the patients outside inner fold k."""
        train = np.flatnonzero(self.inner != k)
        preparation, _ = Preparation.fit(self.cohort.take(train), self.codes[train], self.recipe, self.network, self.seed)
        views = preparation.views(self.cohort)
        return World(Kernels.of(views, means_around(preparation, views, train)), (k,))

    # ------------------------------------------------------------------------------------------ ridge regressions

    def solve(self, modalities: tuple[str, ...], plain: bool = False, near: int | None = None) -> LinearFit:
        """The ridge on the sum of these modalities' kernels, each smoothed through its gates (not with `plain`, nor without
        graphs), fitted once and remembered; `near`: a penalty's level to search around."""
        closed = plain or not self.graphs
        gates = {m: self._closed() if closed else self.gates(m) for m in modalities}
        return self._fitted(modalities, gates, near)

    def gates(self, m: str) -> np.ndarray:
        """How far the modality's gene network and each of its patient layers are let in `[1 + L]`: opened one after the other
        for as long as the held-out loss of the ridge on the smoothed columns falls."""
        if m not in self._gates:
            self._gates[m] = self._opened(m)
        return self._gates[m]

    def _opened(self, m: str) -> np.ndarray:
        gates, fit = self._closed(), self._fitted((m,), {m: self._closed()})
        least = 1 - WORTH * (self.codes >= 0).mean()
        for door in self._doors(m):
            for value in GATES:
                tried = gates.copy()
                tried[door] = value
                found = self._fitted((m,), {m: tried}, fit.level)
                if found.loss > least * fit.loss:
                    break
                gates, fit = tried, found
        return gates

    def _doors(self, m: str) -> list[int]:
        """Which of the modality's gates lead anywhere."""
        kernels = self._worlds[-1].kernels
        layers = [1 + number for number, mean in enumerate(kernels.means[m]) if mean.nnz and not self.preparation.alone]
        return [0, *layers] if m in kernels.hop and kernels.hop[m].any() else layers

    def _closed(self) -> np.ndarray:
        return np.zeros(1 + self.preparation.depth)

    def _fitted(self, modalities: tuple[str, ...], gates: dict[str, np.ndarray], near: int | None = None) -> LinearFit:
        key = (modalities, *(tuple(gates[m]) for m in modalities))
        if key not in self._solved:
            self._solved[key] = self._solve(modalities, gates, near)
        return self._solved[key]

    def _solve(self, modalities, gates, near) -> LinearFit:
        columns = [list(self.training.own).index(m) for m in modalities]
        codes = np.where(self.training.present[:, columns].any(1), self.codes, -1)
        descents = []
        for world in self._worlds:
            kernel = sum(world.kernels.smoothed(m, gates[m]) for m in modalities)
            counted = np.column_stack([self.inner != k for k in world.fits])
            descents.append(Descent(kernel, codes, self.classes, counted))
        weights = {}

        def loss(level: int) -> float:
            logits = np.zeros((1, len(codes), self.classes))
            for world, descent in zip(self._worlds, descents, strict=True):
                descent.to(PENALTIES[level])
                said = descent.logits()
                for g, k in enumerate(world.fits):
                    logits[0, self.inner == k] = said[self.inner == k, g]
            weights[level] = [descent.weights for descent in descents]
            return float(log_loss(logits, codes)[0])

        level, lowest = lowest_level(loss, 0 if near is None else max(near - 1, 0))
        return self._taken_apart(modalities, gates, level, lowest, descents, weights[level])

    def _taken_apart(self, modalities, gates, level, loss, descents, weights) -> LinearFit:
        shape = (len(self.codes), len(modalities), 2 + self.preparation.depth, self.classes)
        views, held_bias, coefficients, bias = np.zeros(shape), np.zeros(shape[::3]), {}, None
        for world, descent, found in zip(self._worlds, descents, weights, strict=True):
            alpha, intercept, fits = descent.alpha(found), descent.intercept(found), len(world.fits)
            flat = alpha.reshape(len(alpha), -1)
            for column, m in enumerate(modalities):
                own, hop = world.kernels.spread(m, gates[m], flat)
                ways = world.kernels.views(m, own, hop).reshape(len(alpha), -1, fits, self.classes)
                for g, k in enumerate(world.fits):
                    views[self.inner == k, column] = ways[self.inner == k, :, g]
                    if k == WHOLE:
                        take = slice(g * self.classes, (g + 1) * self.classes)
                        coefficients[m] = own[:, take], hop[:, take]
            for g, k in enumerate(world.fits):
                held_bias[self.inner == k] = intercept[g]
                bias = intercept[g] if k == WHOLE else bias
        doors = np.stack([np.r_[1.0, gates[m]] for m in modalities])
        held_out = np.einsum("nmvk,mv->nk", views, doors) + held_bias
        return LinearFit(modalities, level, loss, coefficients, bias, held_out, views, held_bias)

    # -------------------------------------------------------------------------------------------------- starts

    def start(self, modalities: tuple[str, ...], stacked: bool) -> LinearStart:
        """The linear start on these modalities: each one's own ridge regression, or (`stacked`) for every pattern of them the
        mix of these with the joint one that has the lowest cross-fitted loss, weights ≥ 0. So the net starts at whichever
        of joint, single or averaged ridge the training patients support, for whatever a patient has."""
        key = (modalities, stacked, self.graphs)
        if key not in self._starts:
            self._starts[key] = self._start(modalities, stacked)
        return self._starts[key]

    def _start(self, modalities: tuple[str, ...], stacked: bool) -> LinearStart:
        columns = [list(self.training.own).index(m) for m in modalities]
        present = self.training.present[:, columns]
        singles = {m: self.solve((m,)) for m in modalities}
        patterns = patterns_of(present) if stacked else np.ones((1, len(modalities)), bool)
        mixes = [self._mix(members(pattern, modalities), singles, present[:, pattern], stacked) for pattern in patterns]
        linear = self._linear(modalities, patterns, mixes)
        which, shape = linear.pattern(present), (len(present), len(modalities), self.classes)
        views, bias = np.zeros((*shape[:2], 2 + self.preparation.depth, self.classes)), np.zeros(shape)
        for p, mix in enumerate(mixes):
            rows = which == p
            for m, weight, fit, column in mix.parts():
                views[rows, modalities.index(m)] += weight * fit.views[rows, column]
                if fit is not mix.joint:
                    bias[rows, modalities.index(m)] += weight * fit.held_bias[rows]
            if mix.joint is not None:
                bias[rows] += shared_bias(mix.whole * mix.joint.held_bias, np.zeros(shape), present)[rows]
        if not self.graphs:
            views[:, :, 1:] = 0
        gates = np.stack([self.gates(m) if self.graphs else self._closed() for m in modalities])
        return LinearStart(linear, views, bias, gates)

    def _mix(self, names: tuple[str, ...], singles: dict[str, LinearFit], present: np.ndarray, stacked: bool) -> Mix:
        """Of a pattern's ridge regressions and the joint one; the patients who have all of it decide where they are enough."""
        mine = {m: singles[m] for m in names}
        if not stacked or len(names) == 1:
            return Mix(0.0, None, dict.fromkeys(names, 1.0), mine)
        joint = self.solve(names, near=min(mine.values(), key=lambda fit: fit.loss).level)
        complete = np.where(present.all(1), self.codes, -1)
        codes = complete if (complete >= 0).sum() >= ENOUGH * self.classes else self.codes
        whole, *shares = mix_of(joint, list(mine.values()), present.astype(float), codes).tolist()
        return Mix(whole, joint, dict(zip(names, shares, strict=True)), mine)

    def _linear(self, modalities: tuple[str, ...], patterns: np.ndarray, mixes: list[Mix]) -> Linear:
        """The linear models of all patterns."""
        kernels, found = self._worlds[-1].kernels, {m: [] for m in modalities}
        memory, bias = {m: [] for m in modalities}, np.zeros((len(mixes), self.classes))
        own_bias, shares = np.zeros((len(mixes), len(modalities), self.classes)), np.zeros((len(mixes), 1 + len(modalities)))
        for p, mix in enumerate(mixes):
            none = np.zeros((len(self.codes), self.classes))
            sums = {m: [none, none] for m in modalities}
            for m, weight, fit, _ in mix.parts():
                sums[m] = [a + weight * b for a, b in zip(sums[m], fit.coefficients[m], strict=True)]
                if fit is not mix.joint:
                    own_bias[p, modalities.index(m)] = weight * fit.bias
            if mix.joint is not None:
                bias[p] = mix.whole * mix.joint.bias
            shares[p, 0] = mix.whole
            for m in modalities:
                shares[p, 1 + modalities.index(m)] = mix.shares.get(m, 0.0)
                found[m].append(slope_of(self.training, m, *sums[m]))
                memory[m].append(kernels.views(m, *sums[m])[:, 0])
        stacked = ({m: np.stack(each) for m, each in part.items()} for part in (found, memory))
        slopes, memory = stacked
        return Linear(patterns, slopes, bias, own_bias, memory, shares)

    # ------------------------------------------------------------------------------- the same fold, made smaller

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
        """The same fold, kernels and fits shared, with every graph taken away."""
        other = copy.copy(self)
        other.graphs = False
        other.preparation = self.preparation.without_graphs()
        other.training = replace(self.training, hop={})
        return other

    def forget(self) -> None:
        """Frees what only solving needs, once everything needed is solved."""
        self._worlds = []


def lowest_level(loss: Callable[[int], float], first: int) -> tuple[int, float]:
    """The penalty's level with the lowest loss, and that loss: upwards from `first` for as long as the loss falls, and downwards
    where `first` itself is the best."""
    best, lowest = first, loss(first)
    for level in range(first + 1, len(PENALTIES)):
        found = loss(level)
        if found >= lowest:
            break
        best, lowest = level, found
    if best == first:
        for level in range(first - 1, -1, -1):
            found = loss(level)
            if found >= lowest:
                break
            best, lowest = level, found
    return best, lowest


def side_by_side(work: Callable, items: Iterable) -> list:
    """`work` on every item, one thread each: small matrix products gain more from this than from threads of their own, and
    give the same digits however many threads there are."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        return list(threads.map(work, items))
