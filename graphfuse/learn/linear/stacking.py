"""From ridge regressions to a linear start: for every pattern of modalities the mix that held-out
patients support."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np

from graphfuse.learn.linear.crossfit import (
    RidgeKey,
    joined,
    linear_fit,
    opened,
    path,
    results_along,
)
from graphfuse.learn.linear.kernel_sets import kernel_sets, kernels
from graphfuse.learn.linear.kernels import slope_of
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.stacked_ridge import (
    Linear,
    LinearFit,
    LinearStart,
    Mix,
    gates_of,
    members,
    mix_of,
    patterns_of,
    shared_bias,
)

ENOUGH = (
    10  # complete patients of each class, on average, for them alone to decide the mix of a pattern
)


def linear_start(fold: PreparedFold, modalities: tuple[str, ...], stacked: bool) -> LinearStart:
    """Each modality's own ridge regression, or (`stacked`) for every pattern of them the mix of
    these with the joint one that has the lowest cross-fitted loss, weights ≥ 0. So the net starts
    at whichever of joint, single or averaged ridge the training patients support, for whatever a
    patient has."""
    key = ("start", modalities, stacked)
    return fold.results.both.get(key, partial(_started, fold, modalities, stacked))


def no_start(
    fold: PreparedFold, modalities: tuple[str, ...], stacked: bool, gate: float
) -> LinearStart:
    """No start at all: zeros of the same shapes, the gene network's gates closed, those of patient
    layers at `gate`. No kernel is needed for it."""
    present, depth = _present(fold, modalities), fold.preparation.depth
    patterns = _patterns(present, stacked)
    patients, count = present.shape
    width = fold.task.width
    own = (len(patterns), patients, width)
    columns = {m: fold.views.own[m].shape[1] for m in modalities}
    slopes = {m: np.zeros((len(patterns), each, width)) for m, each in columns.items()}
    linear = Linear(
        patterns,
        slopes,
        np.zeros((len(patterns), fold.task.width)),
        np.zeros((len(patterns), count, fold.task.width)),
        {m: np.zeros(own) for m in modalities},
        np.zeros((len(patterns), 1 + count)),
    )
    opened = np.zeros((count, 1 + depth))
    opened[:, 1:] = gate
    views = np.zeros((patients, count, 2 + depth, fold.task.width))
    return LinearStart(linear, views, np.zeros((patients, count, fold.task.width)), opened)


def _present(fold: PreparedFold, modalities: tuple[str, ...]) -> np.ndarray:
    """bool `[n, |modalities|]`: which patient has which of them."""
    return fold.views.present[:, [list(fold.views.own).index(m) for m in modalities]]


def _patterns(present: np.ndarray, stacked: bool) -> np.ndarray:
    """Patterns of modalities to be ready for, bool `[P, M]`."""
    return patterns_of(present) if stacked else np.ones((1, present.shape[1]), bool)


def _started(fold: PreparedFold, modalities: tuple[str, ...], stacked: bool) -> LinearStart:
    held = kernel_sets(fold, modalities)  # kept while all regressions on them are fitted
    present = _present(fold, modalities)
    patterns = _patterns(present, stacked)
    singles = {m: opened(fold, m) for m in modalities}
    regressions = [
        _regressions(fold, members(pattern, modalities), singles, present[:, pattern], stacked)
        for pattern in patterns
    ]
    mixes = [
        _mix(fold, asked, present[:, pattern])
        for asked, pattern in zip(regressions, patterns, strict=True)
    ]
    key = ("linear", modalities, tuple(regressions))
    results = results_along(fold, chain.from_iterable(each.keys for each in regressions))
    linear = results.get(key, partial(_linear, fold, modalities, patterns, mixes))
    del held
    views, bias = _held_out(fold, modalities, mixes, linear.pattern(present), present)
    if not fold.has_graphs:
        closed = np.zeros((len(modalities), 1 + fold.preparation.depth))
        return LinearStart(linear, views, bias, closed)
    gates = np.stack([each.gates_of(m, fold.preparation.depth) for m, each in singles.items()])
    ajar = _ajar(fold, views, bias * present[..., None], gates, stacked)
    return LinearStart(linear, views, bias, gates + ajar)


def _held_out(
    fold: PreparedFold,
    modalities: tuple[str, ...],
    mixes: list[Mix],
    which: np.ndarray,
    present: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """What the mix of each patient's pattern, at `which` `[n]` of all, says of the patient while
    its label is held out: views `[n, M, 2 + L, K]` and bias `[n, M, K]`."""
    shape = (*present.shape, fold.task.width)
    bias = np.zeros(shape)
    views = np.zeros((*shape[:2], 2 + fold.preparation.depth, fold.task.width))
    for p, mix in enumerate(mixes):
        rows = which == p
        for m, weight, fit, column in mix.parts():
            views[rows, modalities.index(m)] += weight * fit.views[rows, column]
            if fit is not mix.joint:
                bias[rows, modalities.index(m)] += weight * fit.held_bias[rows]
        if mix.joint is not None:
            joint = mix.whole * mix.joint.held_bias
            bias[rows] += shared_bias(joint, np.zeros(shape), present)[rows]
    return views, bias


def _ajar(
    fold: PreparedFold, views: np.ndarray, bias: np.ndarray, opened: np.ndarray, stacked: bool
) -> np.ndarray:
    """How far the gates that smoothing left shut `[M, 1 + L]` are let in without it: what a graph
    adds to the regression as it is. Modalities together where their logits are summed (`stacked`),
    else each by itself."""
    logits = views[:, :, 0] + np.einsum("nmvk,mv->nmk", views[:, :, 1:], opened) + bias
    shut = views[:, :, 1:] * (opened == 0)[..., None]
    groups = [list(range(len(opened)))] if stacked else [[m] for m in range(len(opened))]
    found = [
        gates_of(logits[:, group].sum(1), shut[:, group], fold.target, fold.task)
        for group in groups
    ]
    return np.concatenate(found)


@dataclass(frozen=True)
class Regressions:
    """The ridge regressions of a pattern: each of its modalities' own, and, where it is asked for,
    the `joint` one on all of them. Whether they are mixed, or each counts by itself."""

    singles: tuple[RidgeKey, ...]
    joint: RidgeKey | None = None
    is_mixed: bool = True

    @property
    def keys(self) -> tuple[RidgeKey, ...]:
        """All of them."""
        return self.singles if self.joint is None else (*self.singles, self.joint)

    @property
    def names(self) -> tuple[str, ...]:
        """The pattern's modalities."""
        return tuple(name for key in self.singles for name in key.modalities)


def _regressions(
    fold: PreparedFold,
    names: tuple[str, ...],
    singles: Mapping[str, RidgeKey],
    present: np.ndarray,
    stacked: bool,
) -> Regressions:
    """Those of a pattern; the joint one where the pattern is the whole or a training patient's own.
    `present` `[n, |names|]`."""
    mine = tuple(singles[m] for m in names)
    if not stacked or len(names) == 1:
        return Regressions(mine, is_mixed=False)
    others = [column for column, m in enumerate(fold.views.own) if m in singles and m not in names]
    exactly = present.all(1) & ~fold.views.present[:, others].any(1)
    if others and not exactly.any():
        return Regressions(mine)
    best = min((path(fold, key) for key in mine), key=lambda found: found.loss)
    return Regressions(mine, joined(fold, names, near=best.level))


def _mix(fold: PreparedFold, asked: Regressions, present: np.ndarray) -> Mix:
    """How much of each of a pattern's regressions counts; `present` `[n, |names|]`."""
    singles = {m: linear_fit(fold, key) for m, key in zip(asked.names, asked.singles, strict=True)}
    joint = None if asked.joint is None else linear_fit(fold, asked.joint)
    if not asked.is_mixed:
        return Mix(0.0, None, dict.fromkeys(asked.names, 1.0), singles)
    whole, *shares = results_along(fold, asked.keys).get(
        ("mix", asked), partial(_weights, fold, joint, list(singles.values()), present)
    )
    return Mix(whole, joint, dict(zip(asked.names, shares, strict=True)), singles)


def _weights(
    fold: PreparedFold, joint: LinearFit | None, singles: list[LinearFit], present: np.ndarray
) -> list[float]:
    """Of the joint and the single regressions; those patients decide who have all of them, where
    they are enough."""
    complete = fold.target.hide(~present.all(1))
    enough = complete.known.sum() >= ENOUGH * fold.task.width
    target = complete if enough else fold.target
    return mix_of(joint, singles, present.astype(float), target, fold.task).tolist()


def _linear(
    fold: PreparedFold, modalities: tuple[str, ...], patterns: np.ndarray, mixes: list[Mix]
) -> Linear:
    """The linear models of all patterns."""
    whole = kernels(fold, modalities)
    slopes, memory = {m: [] for m in modalities}, {m: [] for m in modalities}
    bias, own_bias = (
        np.zeros((len(mixes), fold.task.width)),
        np.zeros((len(mixes), len(modalities), fold.task.width)),
    )
    shares, none = (
        np.zeros((len(mixes), 1 + len(modalities))),
        np.zeros((len(fold.cohort), fold.task.width)),
    )
    for p, mix in enumerate(mixes):
        sums = {m: [none, none] for m in modalities}
        for m, weight, fit, _ in mix.parts():
            sums[m] = [a + weight * b for a, b in zip(sums[m], fit.coefficients[m], strict=True)]
            if fit is not mix.joint:
                own_bias[p, modalities.index(m)] = weight * fit.bias
        if mix.joint is not None:
            bias[p] = mix.whole * mix.joint.bias
        shares[p] = mix.whole, *(mix.shares.get(m, 0.0) for m in modalities)
        for m in modalities:
            slopes[m].append(slope_of(fold.views, m, *sums[m]))
            memory[m].append(whole[m].near(*sums[m]))
    slopes, memory = ({m: np.stack(each) for m, each in part.items()} for part in (slopes, memory))
    return Linear(patterns, slopes, bias, own_bias, memory, shares)
