"""Where a net starts: ridge regressions stacked, for every pattern of modalities that a patient may
have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.linear.kernels import mean_operator
from graphfuse.learn.views import Views
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task

MIX_PRIOR = 0.4
GATE_PRIOR = 0.3
MOST_PATTERNS = 16  # of those seen among training patients


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A ridge regression on some modalities, its penalty (and where they are smoothed, its gates)
    chosen by inner cross-validation.

    `coefficients`: modality → weights `[n, K]` of the training patients' own columns and of their
    network neighbours'; `bias` `[K]`: the model on all training patients. `level`: of its penalty;
    `loss`: of its held-out logits. `held_out` `[partitions, n, K]`: logits of each training patient
    from the inner model without its label; `views` `[n, M, 2 + L, K]` and `held_bias` `[n, K]`:
    those of the first partition, taken apart. `seconds`: what the fit took.
    """

    modalities: tuple[str, ...]
    level: int
    loss: float
    coefficients: dict[str, tuple[np.ndarray, np.ndarray]]
    bias: np.ndarray
    held_out: np.ndarray
    views: np.ndarray
    held_bias: np.ndarray
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear model for every pattern of presence: logits are a sum over the modalities that a
    patient has.

    `patterns` bool `[P, M]`, the first of all modalities. By pattern: `slopes` modality → `[P, F,
    K]`; `bias` `[P, K]` counts once a patient, `own_bias` `[P, M, K]` once for each modality that
    the patient has; `memory` modality → the n training patients' own logits `[P, n, K]`, which
    their neighbours hear; `mix` `[P, 1 + M]`: how much of the joint and of each single ridge
    regression went in.
    """

    patterns: np.ndarray
    slopes: dict[str, np.ndarray]
    bias: np.ndarray
    own_bias: np.ndarray
    memory: dict[str, np.ndarray]
    mix: np.ndarray

    def pattern(self, present: np.ndarray) -> np.ndarray:
        """Which of `patterns` each patient `[N, M]` is scored by: the largest that asks for nothing
        the patient lacks, the first of those alike; the first of all where there is none."""
        inside = ~(self.patterns[None] & ~present[:, None].astype(bool)).any(2)
        return np.where(inside, self.patterns.sum(1), -1).argmax(1)

    def views(
        self, views: Views, lists: dict[str, list[Neighbours]], alone: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Linear logits by modality and view `[N, M, 2 + L, K]`, and bias `[N, M, K]`, of patients
        with these views who hear training patients along `lists`, or (`alone`) each other."""
        which = self.pattern(views.present)
        depth, count = len(next(iter(lists.values()))), len(which)
        found = np.zeros((count, len(self.slopes), 2 + depth, self.bias.shape[1]))
        for p in np.unique(which):
            rows = which == p
            for m, (name, slope) in enumerate(self.slopes.items()):
                near = views.own[name] @ slope[p]
                heard = near if alone else self.memory[name][p]
                around = [(mean_operator(layer) @ heard)[rows] for layer in lists[name]]
                far = (
                    views.x_smoothed[name][rows] @ slope[p]
                    if name in views.x_smoothed
                    else np.zeros_like(near[rows])
                )
                found[rows, m] = np.stack([near[rows], far, *around], 1)
        return found, shared_bias(self.bias[which], self.own_bias[which], views.present)

    def shares(self) -> dict[str, float]:
        """How much of each ridge regression a patient with all modalities is scored by: `joint`,
        and each modality's own."""
        return dict(zip(("joint", *self.slopes), self.mix[0].tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class LinearStart:
    """A linear model, and what it says of its own training patients while their labels are held
    out: `views` `[n, M, 2 + L, K]` and `bias` `[n, M, K]`. `gates` `[M, 1 + L]`: how far the gene
    network's and each layer's patient neighbours are let in."""

    linear: Linear
    views: np.ndarray
    bias: np.ndarray
    gates: np.ndarray


@dataclass(frozen=True, eq=False)
class Mix:
    """A weighted sum of ridge regressions: `whole` of the `joint` one (if any), and `shares` of the
    `singles`, by modality."""

    whole: float
    joint: LinearFit | None
    shares: dict[str, float]
    singles: dict[str, LinearFit]

    def parts(self) -> Iterator[tuple[str, float, LinearFit, int]]:
        """(modality, weight, fit, the modality's column in that fit) of all that counts."""
        if self.joint is not None and self.whole:
            for column, m in enumerate(self.joint.modalities):
                yield m, self.whole, self.joint, column
        for m, weight in self.shares.items():
            if weight:
                yield m, weight, self.singles[m], 0


def patterns_of(present: np.ndarray) -> np.ndarray:
    """Patterns bool `[P, M]` to be ready for: all modalities, those seen among training patients
    `[n, M]` (the commonest), all but one, and each alone."""
    count = present.shape[1]
    whole, alone = np.ones((1, count), bool), np.eye(count, dtype=bool)
    seen, times = np.unique(present[present.any(1)].astype(bool), axis=0, return_counts=True)
    seen = seen[np.argsort(-times, kind="stable")][:MOST_PATTERNS]
    found = {
        tuple(row): None
        for row in np.concatenate([whole, seen, ~alone, alone]).tolist()
        if any(row)
    }
    return np.array(list(found))


def members(pattern: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a pattern's modalities."""
    return tuple(name for name, there in zip(names, pattern, strict=True) if there)


def shared_bias(bias: np.ndarray, own_bias: np.ndarray, present: np.ndarray) -> np.ndarray:
    """`[N, M, K]`: `own_bias`, and `bias` shared out over the modalities that a patient has;
    `present` `[N, M]`."""
    return own_bias + bias[..., None, :] / np.maximum(present.sum(1), 1)[:, None, None]


def mix_of(
    joint: LinearFit | None,
    singles: list[LinearFit],
    present: np.ndarray,
    target: Target,
    task: Task,
) -> np.ndarray:
    """Weights ≥ 0 `[1 + M]` of the joint and the single models' held-out predictors with the lowest
    loss (stacked regression, Breiman 1996, doi:10.1007/BF00117832).

    A normal prior (sd `MIX_PRIOR`) around the single models' plain mean keeps them finite where few
    patients are perfectly separated; the joint model, which says what they say again, has to earn
    its weight.
    """
    own = [f.held_out * present[:, [m]] for m, f in enumerate(singles)]
    whole = np.zeros_like(own[0]) if joint is None else joint.held_out
    logits = np.stack([whole, *own], 2)[:, target.known]
    times, logits = len(logits), logits.reshape(-1, *logits.shape[2:])
    coded = np.tile(task.coded(target)[target.known], (times, 1))
    first = np.r_[0.0, np.full(len(singles), 1 / len(singles))]
    nothing = np.zeros_like(logits[:, 0])
    found = _lowest(
        first,
        nothing,
        logits,
        coded,
        task,
        prior=MIX_PRIOR,
        each=1 / times,
        bounds=[(0, None)] * len(first),
    )
    return np.maximum(found, 0)


def gates_of(logits: np.ndarray, views: np.ndarray, target: Target, task: Task) -> np.ndarray:
    """Gates `[M, V]` that let the views `[n, M, V, K]` into `logits` `[n, K]`, the regression
    staying as it is.

    Lowest loss with a normal prior around closed (sd `GATE_PRIOR`): a graph that carries
    nothing, or few labels, leaves its gate near 0.
    """
    known, count = target.known, views.shape[1] * views.shape[2]
    terms = views[known].reshape(known.sum(), count, -1)
    coded = task.coded(target)[known]
    found = _lowest(np.zeros(count), logits[known], terms, coded, task, prior=GATE_PRIOR)
    return found.reshape(views.shape[1:3])


def _lowest(
    first, base, terms, coded, task: Task, prior: float, each: float = 1.0, bounds=None
) -> np.ndarray:
    """Weights `[J]` with the lowest loss of base `[n, K]` + Σ_j w_j terms `[n, J, K]`, every row
    counting `each`, under a normal prior of sd `prior` around `first` (a convex problem)."""

    def loss(weights):
        away = weights - first
        total, residual = task.loss(base + np.einsum("j,njk->nk", weights, terms), coded)
        slope = each * np.einsum("njk,nk->j", terms, residual) + away / prior**2
        return each * total + (away**2).sum() / (2 * prior**2), slope

    return minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds).x
