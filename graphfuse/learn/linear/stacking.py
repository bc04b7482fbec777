"""From ridge regressions to a linear start: for every pattern of modalities the mix that held-out
patients support."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np

from graphfuse.learn.linear.crossfit import joined, linear_fit
from graphfuse.learn.linear.kernel_sets import kernel_sets, kernels
from graphfuse.learn.linear.kernels import slope_of
from graphfuse.learn.linear.linear_start import (
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
from graphfuse.learn.linear.penalty_search import path
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.ridge_key import RidgeKey, results_along
from graphfuse.learn.linear.smoothing_search import opened

# Complete patients of each class, on average, with which they alone decide the mix of a pattern.
ENOUGH = 10


def linear_start(fold: PreparedFold, modalities: tuple[str, ...], stacked: bool) -> LinearStart:
    """The linear models at which a net on these modalities starts.

    Parameters
    ----------
    fold : PreparedFold
        The training patients.
    modalities : tuple of str
        The M modalities of the net.
    stacked : bool
        Whether the models of a pattern are mixed, each modality's own ridge regression with the
        joint one, by the weights of lowest cross-fitted loss; so the net starts at whichever of
        joint, single or averaged ridge the training patients support. Otherwise each modality
        keeps its own regression.

    Returns
    -------
    LinearStart
        Models for every pattern of modalities, and cross-fitted logits of the training patients.
    """
    key = ("start", modalities, stacked)
    return fold.results.both.get(key, partial(_linear_start, fold, modalities, stacked))


def no_start(
    fold: PreparedFold, modalities: tuple[str, ...], stacked: bool, gate: float
) -> LinearStart:
    """A start of the same shapes that is zero everywhere, for recipes without a linear start.

    Gates of the gene network are closed, those of patient layers are at `gate`. No kernel is
    needed.
    """
    present, depth = _present(fold, modalities), fold.preparation.depth
    patterns = _patterns(present, stacked)
    patients, count = present.shape
    width = fold.task.width
    slopes, memory = {}, {}
    for m in modalities:
        slopes[m] = np.zeros((len(patterns), fold.views.own[m].shape[1], width))
        memory[m] = np.zeros((len(patterns), patients, width))
    linear = Linear(
        patterns=patterns,
        slopes=slopes,
        bias=np.zeros((len(patterns), width)),
        own_bias=np.zeros((len(patterns), count, width)),
        memory=memory,
        mix=np.zeros((len(patterns), 1 + count)),
    )
    gates = np.zeros((count, 1 + depth))
    gates[:, 1:] = gate
    views = np.zeros((patients, count, 2 + depth, width))
    return LinearStart(linear, views, np.zeros((patients, count, width)), gates)


def _present(fold: PreparedFold, modalities: tuple[str, ...]) -> np.ndarray:
    """Which patient has which of these modalities, bool `[n, M]`."""
    columns = [list(fold.views.own).index(m) for m in modalities]
    return fold.views.present[:, columns]


def _patterns(present: np.ndarray, stacked: bool) -> np.ndarray:
    """The patterns of modalities that have a model, bool `[P, M]`."""
    return patterns_of(present) if stacked else np.ones((1, present.shape[1]), bool)


def _linear_start(fold: PreparedFold, modalities: tuple[str, ...], stacked: bool) -> LinearStart:
    sets = kernel_sets(fold, modalities)  # kept while all regressions on them are fitted
    present = _present(fold, modalities)
    patterns = _patterns(present, stacked)
    singles = {m: opened(fold, m) for m in modalities}
    regressions, mixes = [], []
    for pattern in patterns:
        names = members(pattern, modalities)
        wanted = _regressions(fold, names, singles, present[:, pattern], stacked)
        regressions.append(wanted)
        mixes.append(_mix(fold, wanted, present[:, pattern]))
    key = ("linear", modalities, tuple(regressions))
    used = chain.from_iterable(each.keys for each in regressions)
    make = partial(_linear, fold, modalities, patterns, mixes)
    linear = results_along(fold, used).get(key, make)
    del sets
    views, bias = _held_out(fold, modalities, mixes, linear.pattern(present), present)
    if not fold.has_graphs:
        closed = np.zeros((len(modalities), 1 + fold.preparation.depth))
        return LinearStart(linear, views, bias, closed)
    gates = np.stack([each.gates_of(m, fold.preparation.depth) for m, each in singles.items()])
    residual = _residual_gates(fold, views, bias * present[..., None], gates, stacked)
    return LinearStart(linear, views, bias, gates + residual)


def _held_out(
    fold: PreparedFold,
    modalities: tuple[str, ...],
    mixes: list[Mix],
    which: np.ndarray,
    present: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Cross-fitted logits of the training patients by the mix of each one's pattern, whose number
    among `mixes` is `which` `[n]`: views `[n, M, 2 + L, K]` and bias `[n, M, K]`."""
    width = fold.task.width
    bias = np.zeros((*present.shape, width))
    views = np.zeros((*present.shape, 2 + fold.preparation.depth, width))
    for p, mix in enumerate(mixes):
        rows = which == p
        for m, weight, fit, column in mix.parts():
            place = modalities.index(m)
            views[rows, place] += weight * fit.views[rows, column]
            if fit is not mix.joint:
                bias[rows, place] += weight * fit.held_out_bias[rows]
        if mix.joint is not None:
            joint = mix.whole * mix.joint.held_out_bias
            nothing = np.zeros_like(bias)
            bias[rows] += shared_bias(joint, nothing, present)[rows]
    return views, bias


def _residual_gates(
    fold: PreparedFold, views: np.ndarray, bias: np.ndarray, gates: np.ndarray, stacked: bool
) -> np.ndarray:
    """Gates `[M, 1 + L]` for graphs that smoothing left closed: their neighbours' logits are added
    to the regression as it is. They are chosen for all modalities together where logits are summed
    (`stacked`), otherwise for each by itself."""
    along_graphs = views[:, :, 1:]
    logits = views[:, :, 0] + np.einsum("nmvk,mv->nmk", along_graphs, gates) + bias
    closed = along_graphs * (gates == 0)[..., None]
    every = list(range(len(gates)))
    groups = [every] if stacked else [[m] for m in every]
    chosen = []
    for group in groups:
        base = logits[:, group].sum(1)
        chosen.append(gates_of(base, closed[:, group], fold.target, fold.task))
    return np.concatenate(chosen)


@dataclass(frozen=True)
class Regressions:
    """The ridge regressions of a pattern of modalities.

    Attributes
    ----------
    singles : tuple of RidgeKey
        Each modality's own.
    joint : RidgeKey or None
        The one on all of them.
    is_mixed : bool
        Whether they are mixed by weights, or each counts by itself.
    """

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
    """Those of a pattern of modalities `names`, with a joint one where the pattern is the whole or
    that of a training patient; `present` `[n, |names|]`."""
    own = tuple(singles[m] for m in names)
    if not stacked or len(names) == 1:
        return Regressions(own, is_mixed=False)
    others = [column for column, m in enumerate(fold.views.own) if m in singles and m not in names]
    lacks_others = ~fold.views.present[:, others].any(1)
    has_just_these = present.all(1) & lacks_others
    if others and not has_just_these.any():
        return Regressions(own)
    best = min((path(fold, key) for key in own), key=lambda solved: solved.loss)
    return Regressions(own, joined(fold, names, near=best.level))


def _mix(fold: PreparedFold, regressions: Regressions, present: np.ndarray) -> Mix:
    """The regressions of a pattern with their weights; `present` `[n, |names|]`."""
    names = regressions.names
    fits = [linear_fit(fold, key) for key in regressions.singles]
    singles = dict(zip(names, fits, strict=True))
    if not regressions.is_mixed:
        return Mix(0.0, None, dict.fromkeys(names, 1.0), singles)
    joint = None if regressions.joint is None else linear_fit(fold, regressions.joint)
    results = results_along(fold, regressions.keys)
    make = partial(_weights, fold, joint, fits, present)
    whole, *shares = results.get(("mix", regressions), make)
    return Mix(whole, joint, dict(zip(names, shares, strict=True)), singles)


def _weights(
    fold: PreparedFold, joint: LinearFit | None, singles: list[LinearFit], present: np.ndarray
) -> list[float]:
    """Weights of the joint and the single regressions, by the patients who have all of their
    modalities, or by all patients where those are too few."""
    complete = fold.target.hide(~present.all(1))
    is_enough = complete.known.sum() >= ENOUGH * fold.task.width
    target = complete if is_enough else fold.target
    return mix_of(joint, singles, present.astype(float), target, fold.task).tolist()


def _linear(
    fold: PreparedFold, modalities: tuple[str, ...], patterns: np.ndarray, mixes: list[Mix]
) -> Linear:
    """The linear models of all P patterns."""
    patients, width = len(fold.cohort), fold.task.width
    by_pattern = (patients, len(mixes), width)
    on_own = {m: np.zeros(by_pattern) for m in modalities}
    on_smoothed = {m: np.zeros(by_pattern) for m in modalities}
    for p, mix in enumerate(mixes):
        for m, weight, fit, _ in mix.parts():
            own, smoothed = fit.coefficients[m]
            on_own[m][:, p] += weight * own
            on_smoothed[m][:, p] += weight * smoothed
    slopes, memory = {}, {}
    # all patterns at once: one product reads the table once
    for m, kernel in kernels(fold, modalities).items():
        own, smoothed = on_own[m].reshape(patients, -1), on_smoothed[m].reshape(patients, -1)
        slopes[m] = _patterns_first(slope_of(fold.views, m, own, smoothed), by_pattern)
        memory[m] = _patterns_first(kernel.own_logits(own, smoothed), by_pattern)
    bias, own_bias, weights = _intercepts_and_weights(modalities, mixes, width)
    return Linear(patterns, slopes, bias, own_bias, memory, weights)


def _patterns_first(columns: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """`[P, rows, K]` of columns `[rows, P * K]`; `shape`: (patients, P, K)."""
    _, patterns, width = shape
    by_row = columns.reshape(-1, patterns, width)
    return np.ascontiguousarray(by_row.swapaxes(0, 1))


def _intercepts_and_weights(
    modalities: tuple[str, ...], mixes: list[Mix], width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`bias` `[P, K]`, `own_bias` `[P, M, K]` and `mix` `[P, 1 + M]` of a `Linear`."""
    bias = np.zeros((len(mixes), width))
    own_bias = np.zeros((len(mixes), len(modalities), width))
    weights = np.zeros((len(mixes), 1 + len(modalities)))
    for p, mix in enumerate(mixes):
        weights[p] = mix.whole, *(mix.shares.get(m, 0.0) for m in modalities)
        if mix.joint is not None:
            bias[p] = mix.whole * mix.joint.bias
        for m, weight, fit, _ in mix.parts():
            if fit is not mix.joint:
                own_bias[p, modalities.index(m)] = weight * fit.bias
    return bias, own_bias, weights
