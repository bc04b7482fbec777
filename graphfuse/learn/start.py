"""Where a net starts: ridge regressions stacked, and gates that let graphs in as far as held-out logits support."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

GATE_PRIOR = 0.3
MIX_PRIOR = 1.0


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A ridge regression on some modalities, its penalty chosen by inner cross-validation.

    `alpha` `[n, K]`, `bias` `[K]`: the model on all training patients. `held_out` `[n, K]`: logits of each training
    patient from the inner model without it; `views` `[n, M, 2 + L, K]` and `held_bias` `[n, K]`: the same, taken
    apart.
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
    the patient has. `views` `[n, M, 2 + L, K]`, `held_bias` `[n, K]`, `held_own_bias` `[n, M, K]`: of the training
    patients, cross-fitted. `mix`: how much of each ridge regression went in (`joint`, and each modality's own).
    `gates` `[M, 1 + L]`: how far the gene network's and each layer's patient neighbours are let in.
    """

    alpha: dict[str, np.ndarray]
    bias: np.ndarray
    own_bias: np.ndarray
    views: np.ndarray
    held_bias: np.ndarray
    held_own_bias: np.ndarray
    mix: dict[str, float]
    gates: np.ndarray

    def nothing(self) -> LinearStart:
        """No start at all: zeros of the same shapes, every gate closed."""
        zero = {k: np.zeros_like(v) for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        alpha = {m: np.zeros_like(a) for m, a in self.alpha.items()}
        return replace(self, alpha=alpha, mix=dict.fromkeys(self.mix, 0.0), **zero)


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
    """Gates `[M, V]` that let the views `[n, M, V, K]` into the sum over modalities of `logits` `[n, M, K]`.

    Lowest cross-entropy with a normal prior around closed (sd `GATE_PRIOR`): a graph that carries nothing, or few
    labels, leaves its gate near 0.
    """
    modalities, ways = views.shape[1:3]
    flat = views.reshape(len(views), modalities * ways, -1)
    return _lowest(np.zeros(modalities * ways), logits.sum(1), flat, codes, prior=GATE_PRIOR).reshape(modalities, ways)


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
