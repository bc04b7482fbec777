"""The linear start of a net: ridge regressions, stacked for every pattern of modalities that a
patient may have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.linear.kernels import mean_operator
from graphfuse.learn.standardised_columns import Views
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task

MIX_PRIOR = 0.4
GATE_PRIOR = 0.3
MOST_PATTERNS = 16  # of those seen among training patients


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A ridge regression on some modalities, its penalty (and where they are smoothed, its gates)
    chosen by inner cross-validation.

    Attributes
    ----------
    modalities : tuple of str
        The M modalities.
    level : int
        Of the penalty, among `ridge.PENALTIES`.
    loss : float
        Mean loss of `held_out`.
    coefficients : dict of str to (np.ndarray, np.ndarray)
        By modality, coefficients `[n, K]` on the training patients' own columns and on their
        columns averaged over the gene network, of the fit on all training patients.
    bias : np.ndarray
        Intercept `[K]` of that fit.
    held_out : np.ndarray
        Logits `[partitions, n, K]` of each training patient by the fits without its label.
    views : np.ndarray
        Those of the first partition by what they come from, `[n, M, 2 + L, K]`: own columns,
        columns averaged over the gene network, and the neighbours in each of L patient layers.
    held_out_bias : np.ndarray
        The intercepts that belong to them, `[n, K]`.
    seconds : float
        What the fit took.
    """

    modalities: tuple[str, ...]
    level: int
    loss: float
    coefficients: dict[str, tuple[np.ndarray, np.ndarray]]
    bias: np.ndarray
    held_out: np.ndarray
    views: np.ndarray
    held_out_bias: np.ndarray
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear model for every pattern of presence: logits are a sum over the modalities that a
    patient has.

    Attributes
    ----------
    patterns : np.ndarray
        bool `[P, M]`: which modalities each model uses; the first uses all.
    slopes : dict of str to np.ndarray
        By modality, weights `[P, F, K]` of its columns.
    bias : np.ndarray
        Intercepts of the joint models `[P, K]`, added once a patient.
    own_bias : np.ndarray
        Intercepts of the single models `[P, M, K]`, added for each modality that a patient has.
    memory : dict of str to np.ndarray
        By modality, the n training patients' own logits `[P, n, K]`, used as neighbour messages.
    mix : np.ndarray
        Weights `[P, 1 + M]` of the joint and of each single ridge regression.
    """

    patterns: np.ndarray
    slopes: dict[str, np.ndarray]
    bias: np.ndarray
    own_bias: np.ndarray
    memory: dict[str, np.ndarray]
    mix: np.ndarray

    def pattern(self, present: np.ndarray) -> np.ndarray:
        """Number of the pattern by which each patient is scored, int `[N]`; `present` `[N, M]`.

        It is the largest pattern that needs nothing the patient lacks, the first of equally large
        ones, and the first of all where there is none.
        """
        lacks = ~present.astype(bool)
        needs_lacking = (self.patterns[None] & lacks[:, None]).any(2)  # [N, P]
        sizes = np.where(needs_lacking, -1, self.patterns.sum(1))
        return sizes.argmax(1)

    def views(
        self, views: Views, lists: dict[str, list[Neighbours]], alone: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logits of patients by what they come from, and their intercepts.

        Parameters
        ----------
        views : Views
            Columns of N patients.
        lists : dict of str to list of Neighbours
            By modality and layer, the neighbours of each patient among the training patients, or,
            where they are `alone`, among these N.
        alone : bool
            Whether nobody but the patients themselves is a neighbour (the control `identity`).

        Returns
        -------
        logits : np.ndarray
            `[N, M, 2 + L, K]`: by modality, from own columns, from columns averaged over the gene
            network, and from the neighbours in each patient layer.
        bias : np.ndarray
            `[N, M, K]`.
        """
        which = self.pattern(views.present)
        depth, count = len(next(iter(lists.values()))), len(which)
        logits = np.zeros((count, len(self.slopes), 2 + depth, self.bias.shape[1]))
        for p in np.unique(which):
            rows = which == p
            for m, (name, slope) in enumerate(self.slopes.items()):
                own = views.own[name] @ slope[p]
                logits[rows, m, 0] = own[rows]
                if name in views.x_smoothed:
                    logits[rows, m, 1] = views.x_smoothed[name][rows] @ slope[p]
                messages = own if alone else self.memory[name][p]
                for number, layer in enumerate(lists[name]):
                    around = mean_operator(layer) @ messages
                    logits[rows, m, 2 + number] = around[rows]
        return logits, shared_bias(self.bias[which], self.own_bias[which], views.present)

    def shares(self) -> dict[str, float]:
        """Weights of the ridge regressions for a patient with all modalities, by name: `joint`, and
        each modality's own."""
        names = ("joint", *self.slopes)
        return dict(zip(names, self.mix[0].tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class LinearStart:
    """A linear model, and its cross-fitted logits of its own training patients.

    Attributes
    ----------
    linear : Linear
        The model for new patients.
    views, bias : np.ndarray
        As `Linear.views` gives them, by fits that never saw the patient's label: `[n, M, 2 + L, K]`
        and `[n, M, K]`.
    gates : np.ndarray
        Weights `[M, 1 + L]` of the gene network's and of each patient layer's part of `views`.
    """

    linear: Linear
    views: np.ndarray
    bias: np.ndarray
    gates: np.ndarray


@dataclass(frozen=True, eq=False)
class Mix:
    """A weighted sum of ridge regressions: `whole` is the weight of the `joint` one (if there is
    one), `shares` are the weights of the `singles`, by modality."""

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
    """The patterns of modalities to have a model for, bool `[P, M]`, each once: all modalities,
    the commonest among training patients, all but one, and each alone; `present` `[n, M]`."""
    count = present.shape[1]
    whole = np.ones((1, count), bool)
    alone = np.eye(count, dtype=bool)
    has_any = present.any(1)
    seen, times = np.unique(present[has_any].astype(bool), axis=0, return_counts=True)
    commonest = seen[np.argsort(-times, kind="stable")][:MOST_PATTERNS]
    patterns = np.concatenate([whole, commonest, ~alone, alone])
    patterns = patterns[patterns.any(1)]
    _, first = np.unique(patterns, axis=0, return_index=True)
    return patterns[np.sort(first)]


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
    own = [fit.held_out * present[:, [m]] for m, fit in enumerate(singles)]
    whole = np.zeros_like(own[0]) if joint is None else joint.held_out
    terms = np.stack([whole, *own], 2)[:, target.known]  # [partitions, n, 1 + M, K]
    partitions = len(terms)
    terms = terms.reshape(-1, *terms.shape[2:])
    coded = np.tile(task.coded(target)[target.known], (partitions, 1))
    first = np.r_[0.0, np.full(len(singles), 1 / len(singles))]
    weights = _lowest_loss(
        first,
        np.zeros_like(terms[:, 0]),
        terms,
        coded,
        task,
        prior=MIX_PRIOR,
        row_weight=1 / partitions,
        bounds=[(0, None)] * len(first),
    )
    return np.maximum(weights, 0)


def gates_of(logits: np.ndarray, views: np.ndarray, target: Target, task: Task) -> np.ndarray:
    """Gates `[M, V]` by which views `[n, M, V, K]` are added to `logits` `[n, K]` of a regression.

    They have the lowest loss under a normal prior around 0 (sd `GATE_PRIOR`): a graph that carries
    nothing, or few labels, leaves its gate near 0.
    """
    known, count = target.known, views.shape[1] * views.shape[2]
    terms = views[known].reshape(known.sum(), count, -1)
    coded = task.coded(target)[known]
    closed = np.zeros(count)
    gates = _lowest_loss(closed, logits[known], terms, coded, task, prior=GATE_PRIOR)
    return gates.reshape(views.shape[1:3])


def _lowest_loss(
    first: np.ndarray,
    base: np.ndarray,
    terms: np.ndarray,
    coded: np.ndarray,
    task: Task,
    prior: float,
    row_weight: float = 1.0,
    bounds: list[tuple[float | None, float | None]] | None = None,
) -> np.ndarray:
    """Weights `[J]` with the lowest loss of base `[n, K]` + Σ_j w_j terms `[n, J, K]`, every row
    counting `row_weight`, under a normal prior of sd `prior` around `first` (a convex problem)."""

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        away = weights - first
        logits = base + np.einsum("j,njk->nk", weights, terms)
        total, residual = task.loss(logits, coded)
        penalty = (away**2).sum() / (2 * prior**2)
        gradient = row_weight * np.einsum("njk,nk->j", terms, residual)
        return row_weight * total + penalty, gradient + away / prior**2

    return minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds).x
