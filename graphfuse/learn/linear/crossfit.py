"""Ridge regressions cross-fitted inside a fold's training patients.

One set of kernels serves all: every linear baseline, every pattern of modalities and the net's
linear start are ridge regressions on sums of kernels, and so are those on columns smoothed by a
graph. Each is asked for by its key, in any order, and fitted once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from graphfuse.learn.linear.inner_folds import ON_ALL
from graphfuse.learn.linear.kernel_sets import KernelSet, kernel_sets, means
from graphfuse.learn.linear.kernels import spread, summed
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.result_cache import Memo
from graphfuse.learn.linear.ridge import PENALTIES, Descent, lowest_level
from graphfuse.learn.linear.stacked_ridge import LinearFit

GATES = (1.0, 2.0, 4.0)  # tried in turn while the held-out loss falls
# share of the loss by which it must fall where all patients are labelled; in proportion less where
# fewer are
WORTH = 0.01
# gradient per patient at which a search may judge a fit; the one it takes goes on to the usual.
# Gates are judged at the optimum: on TCGA-BRCA rough losses are off to one another by up to 3 %
ROUGH = 1e-3


@dataclass(frozen=True)
class RidgeKey:
    """Which ridge regression: the one on the sum of these modalities' kernels.

    `gates`: how far each of them is smoothed along the gene network and its patient layers, without
    the zeros at the end; `first`: the level of the penalty at which its search begins.
    """

    modalities: tuple[str, ...]
    gates: tuple[tuple[float, ...], ...]
    first: int = 0

    @classmethod
    def of_one(cls, modality: str, gates: np.ndarray, first: int = 0) -> RidgeKey:
        """The regression on one modality, smoothed through `gates` `[1 + L]`."""
        opened = np.flatnonzero(gates)
        count = 0 if not len(opened) else int(opened[-1]) + 1
        return cls((modality,), (tuple(gates[:count].tolist()),), first)

    def gates_of(self, modality: str, depth: int) -> np.ndarray:
        """A modality's gates `[1 + L]`, of L = `depth` patient layers."""
        found = np.zeros(1 + depth)
        opened = self.gates[self.modalities.index(modality)]
        found[: len(opened)] = opened
        return found

    @property
    def is_along_network(self) -> bool:
        """Whether anything is smoothed along the gene network."""
        return any(each[0] != 0 for each in self.gates if each)

    @property
    def is_along_layers(self) -> bool:
        """Whether anything is smoothed along a patient layer."""
        return any(len(each) > 1 for each in self.gates)


@dataclass(frozen=True, eq=False)
class RidgePath:
    """Where a search over penalties ended: the penalty's `level`, `held_out` logits `[partitions,
    n, K]` and their `loss`, and for every kernel set alphas `[n, fits, K]` and intercepts
    `[fits, K]`. `seconds`: what it took."""

    level: int
    held_out: np.ndarray
    loss: float
    ends: list[tuple[np.ndarray, np.ndarray]]
    seconds: float


# ------------------------------------------------------------------------------------ what is asked


def ridge(fold: PreparedFold, modalities: tuple[str, ...], near: int | None = None) -> LinearFit:
    """The ridge regression on the sum of these modalities' kernels, each smoothed through its
    gates; `near`: a level of the penalty to search around (of several modalities)."""
    if len(modalities) == 1:
        return linear_fit(fold, opened(fold, *modalities))
    return linear_fit(fold, joined(fold, modalities, near))


def joined(fold: PreparedFold, modalities: tuple[str, ...], near: int | None = None) -> RidgeKey:
    """The regression on several modalities, each smoothed as it is when alone; `near`: a level of
    the penalty to search around."""
    gates = tuple(opened(fold, m).gates[0] for m in modalities)
    return RidgeKey(modalities, gates, 0 if near is None else _before(near))


def gates(fold: PreparedFold, modality: str) -> np.ndarray:
    """How far the modality's gene network and each of its patient layers are let in `[1 + L]`."""
    return opened(fold, modality).gates_of(modality, fold.preparation.depth)


def opened(fold: PreparedFold, modality: str) -> RidgeKey:
    """The regression on one modality with its gates as far open as its held-out loss falls."""
    return fold.results.both.get(("opened", modality), partial(_opened, fold, modality))


def linear_fit(fold: PreparedFold, key: RidgeKey) -> LinearFit:
    """The regression of this key."""

    def taken() -> LinearFit:
        sets = kernel_sets(fold, key.modalities)
        return _taken_apart(fold, key, sets, path(fold, key))

    return fold.results.both.get(("linear fit", key), taken)


def path(fold: PreparedFold, key: RidgeKey) -> RidgePath:
    """The search over penalties of this key; it depends on the graphs that are let in alone."""
    return results_along(fold, [key]).get(("path", key), partial(_searched, fold, key))


def results_along(fold: PreparedFold, keys: Iterable[RidgeKey]) -> Memo:
    """The results that depend on no other graphs than those which these regressions let in."""
    keys = list(keys)
    network = any(key.is_along_network for key in keys)
    return fold.results.of(network, any(key.is_along_layers for key in keys))


# -------------------------------------------------------------------------------------------- gates


def _opened(fold: PreparedFold, m: str) -> RidgeKey:
    """The gate that lowers the held-out loss of the ridge on the smoothed columns most is opened
    first, for as long as the loss falls."""
    key = RidgeKey.of_one(m, np.zeros(1 + fold.preparation.depth))
    least = 1 - WORTH * fold.target.known.mean()
    shut = _leading(fold, m)
    held = kernel_sets(fold, (m,)) if shut else []  # kept while all these paths are searched
    while shut:
        tried = {gate: _wider(fold, key, gate, GATES[0]) for gate in shut}
        gate = min(shut, key=lambda each: path(fold, tried[each]).loss)
        opens = False
        for value in GATES:
            wider = _wider(fold, key, gate, value)
            if path(fold, wider).loss > least * path(fold, key).loss:
                break
            key, opens = wider, True
        if not opens:
            break
        shut.remove(gate)
    del held
    return key


def _wider(fold: PreparedFold, key: RidgeKey, gate: int, value: float) -> RidgeKey:
    """The regression with one gate set to `value`, its penalty sought around the present one."""
    (m,) = key.modalities
    values = key.gates_of(m, fold.preparation.depth)
    values[gate] = value
    return RidgeKey.of_one(m, values, _before(path(fold, key).level))


def _before(level: int) -> int:
    """Where a search around a level begins."""
    return max(level - 1, 0)


def _leading(fold: PreparedFold, m: str) -> list[int]:
    """Which of the modality's gates lead anywhere."""
    around = means(fold)[m]
    layers = [1 + number for number, mean in enumerate(around) if mean.nnz]
    if fold.preparation.isolates_patients:
        layers = []
    return [0, *layers] if m in fold.views.x_smoothed and fold.views.x_smoothed[m].any() else layers


# ---------------------------------------------------------------------------------------- the paths


def _searched(fold: PreparedFold, key: RidgeKey) -> RidgePath:
    """Ridge regressions on all kernel sets, at the penalty with the lowest held-out loss."""
    began = time.perf_counter()
    sets, depth = kernel_sets(fold, key.modalities), fold.preparation.depth
    columns = [list(fold.views.own).index(m) for m in key.modalities]
    target = fold.target.hide(~fold.views.present[:, columns].any(1))
    if not target.known.any():  # nobody to learn from: what nobody's columns say is left
        target = fold.target
    descents = []
    for each in sets:
        smoothed = [each.kernels[m].smoothed(key.gates_of(m, depth)) for m in key.modalities]
        counted = np.column_stack([~fold.inner.held_out(fit) for fit in each.fits])
        descents.append(Descent(summed(smoothed), target, fold.task, counted))
    weights = {}

    def held_out() -> tuple[np.ndarray, float]:
        logits = _held_out(fold, sets, [descent.logits() for descent in descents])
        return logits, float(fold.task.mean_loss(logits, target).mean())

    def loss(level: int) -> float:
        for descent in descents:
            descent.to(PENALTIES[level], ROUGH)
        weights[level] = [descent.weights for descent in descents]
        return held_out()[1]

    level, _ = lowest_level(loss, key.first)
    for descent, start in zip(descents, weights[level], strict=True):
        descent.weights = start
        descent.to(PENALTIES[level])
    ends = [(descent.alpha(), descent.intercept()) for descent in descents]
    return RidgePath(level, *held_out(), ends, time.perf_counter() - began)


def _held_out(fold: PreparedFold, sets: list[KernelSet], logits: list[np.ndarray]) -> np.ndarray:
    """What fits say of those they hold out `[partitions, n, K]`, from all they say, by kernel set
    `[n, fits, K]`."""
    found = np.zeros((*fold.inner.partitions.shape, fold.task.width))
    for each, said in zip(sets, logits, strict=True):
        for column, fit in enumerate(each.fits):
            if fit != ON_ALL:
                rows = fold.inner.held_out(fit)
                found[fit.partition, rows] = said[rows, column]
    return found


def _taken_apart(
    fold: PreparedFold, key: RidgeKey, sets: list[KernelSet], found: RidgePath
) -> LinearFit:
    """The fit on all, and what fits of the first partition say of those they hold out."""
    depth, width = fold.preparation.depth, fold.task.width
    views = np.zeros((len(fold.cohort), len(key.modalities), 2 + depth, width))
    held_bias = np.zeros((len(fold.cohort), width))
    coefficients, bias = {}, None
    for each, (alpha, intercept) in zip(sets, found.ends, strict=True):
        fits, flat = len(each.fits), alpha.reshape(len(alpha), -1)
        for column, m in enumerate(key.modalities):
            kernel = each.kernels[m]
            own, hop = spread(kernel.means, key.gates_of(m, depth), flat)
            ways = kernel.views(own, hop).reshape(len(alpha), -1, fits, width)
            for number, fit in enumerate(each.fits):
                if fit.is_first:
                    rows = fold.inner.held_out(fit)
                    views[rows, column] = ways[rows, :, number]
                if fit == ON_ALL:
                    take = slice(number * width, (number + 1) * width)
                    coefficients[m] = own[:, take], hop[:, take]
        for number, fit in enumerate(each.fits):
            if fit.is_first:
                held_bias[fold.inner.held_out(fit)] = intercept[number]
            if fit == ON_ALL:
                bias = intercept[number]
    taken = (coefficients, bias, found.held_out, views, held_bias, found.seconds)
    return LinearFit(key.modalities, found.level, found.loss, *taken)
