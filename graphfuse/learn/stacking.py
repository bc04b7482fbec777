"""From ridge regressions to a linear start: for every pattern of modalities the mix that held-out
patients support."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphfuse.learn.kernels import slope_of
from graphfuse.learn.start import (
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

if TYPE_CHECKING:
    from graphfuse.learn.linear import CrossFit

ENOUGH = (
    10  # complete patients of each class, on average, for them alone to decide the mix of a pattern
)


def linear_start(cross: CrossFit, modalities: tuple[str, ...], stacked: bool) -> LinearStart:
    """Each modality's own ridge regression, or (`stacked`) for every pattern of them the mix of
    these with the joint one that has the lowest cross-fitted loss, weights ≥ 0. So the net starts
    at whichever of joint, single or averaged ridge the training patients support, for whatever a
    patient has."""
    columns = [list(cross.training.own).index(m) for m in modalities]
    present = cross.training.present[:, columns]
    singles = {m: cross.solve((m,)) for m in modalities}
    patterns = patterns_of(present) if stacked else np.ones((1, len(modalities)), bool)
    mixes = [
        _mix(cross, members(pattern, modalities), singles, present[:, pattern], stacked)
        for pattern in patterns
    ]
    linear = _linear(cross, modalities, patterns, mixes)
    which, shape = linear.pattern(present), (len(present), len(modalities), cross.classes)
    views, bias = (
        np.zeros((*shape[:2], 2 + cross.preparation.depth, cross.classes)),
        np.zeros(shape),
    )
    for p, mix in enumerate(mixes):
        rows = which == p
        for m, weight, fit, column in mix.parts():
            views[rows, modalities.index(m)] += weight * fit.views[rows, column]
            if fit is not mix.joint:
                bias[rows, modalities.index(m)] += weight * fit.held_bias[rows]
        if mix.joint is not None:
            bias[rows] += shared_bias(mix.whole * mix.joint.held_bias, np.zeros(shape), present)[
                rows
            ]
    if not cross.graphs:
        views[:, :, 1:] = 0
        return LinearStart(
            linear, views, bias, np.zeros((len(modalities), 1 + cross.preparation.depth))
        )
    opened = np.stack([cross.gates(m) for m in modalities])
    return LinearStart(
        linear,
        views,
        bias,
        opened + _ajar(views, bias * present[..., None], opened, cross.codes, stacked),
    )


def _ajar(
    views: np.ndarray, bias: np.ndarray, opened: np.ndarray, codes: np.ndarray, stacked: bool
) -> np.ndarray:
    """How far the gates that smoothing left shut `[M, 1 + L]` are let in without it: what a graph
    adds to the regression as it is. Modalities together where their logits are summed (`stacked`),
    else each by itself."""
    logits = views[:, :, 0] + np.einsum("nmvk,mv->nmk", views[:, :, 1:], opened) + bias
    shut = views[:, :, 1:] * (opened == 0)[..., None]
    groups = [list(range(len(opened)))] if stacked else [[m] for m in range(len(opened))]
    return np.concatenate([gates_of(logits[:, g].sum(1), shut[:, g], codes) for g in groups])


def _mix(
    cross: CrossFit,
    names: tuple[str, ...],
    singles: dict[str, LinearFit],
    present: np.ndarray,
    stacked: bool,
) -> Mix:
    """Of a pattern's ridge regressions, and the joint one where the pattern is the whole or a
    training patient's own; those who have all of it decide where they are enough. `present` `[n,
    |names|]`."""
    mine = {m: singles[m] for m in names}
    if not stacked or len(names) == 1:
        return Mix(0.0, None, dict.fromkeys(names, 1.0), mine)
    others = [
        column for column, m in enumerate(cross.training.own) if m in singles and m not in names
    ]
    exactly = present.all(1) & ~cross.training.present[:, others].any(1)
    joint = None
    if not others or exactly.any():
        joint = cross.solve(names, near=min(mine.values(), key=lambda fit: fit.loss).level)
    complete = np.where(present.all(1), cross.codes, -1)
    codes = complete if (complete >= 0).sum() >= ENOUGH * cross.classes else cross.codes
    whole, *shares = mix_of(joint, list(mine.values()), present.astype(float), codes).tolist()
    return Mix(whole, joint, dict(zip(names, shares, strict=True)), mine)


def _linear(
    cross: CrossFit, modalities: tuple[str, ...], patterns: np.ndarray, mixes: list[Mix]
) -> Linear:
    """The linear models of all patterns."""
    slopes, memory = {m: [] for m in modalities}, {m: [] for m in modalities}
    bias, own_bias = (
        np.zeros((len(mixes), cross.classes)),
        np.zeros((len(mixes), len(modalities), cross.classes)),
    )
    shares, none = (
        np.zeros((len(mixes), 1 + len(modalities))),
        np.zeros((len(cross.codes), cross.classes)),
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
            slopes[m].append(slope_of(cross.training, m, *sums[m]))
            memory[m].append(cross.kernels.views(m, *sums[m])[:, 0])
    slopes, memory = ({m: np.stack(each) for m, each in part.items()} for part in (slopes, memory))
    return Linear(patterns, slopes, bias, own_bias, memory, shares)
