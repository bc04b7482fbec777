"""Similarity network fusion (Wang et al. 2014, doi:10.1038/nmeth.2810): the affinities of several
modalities become one.

Dense by nature: n × n. `fused.py` makes a patient layer of it and says up to how many patients.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from graphfuse.errors import InputError

NEIGHBOURS, MU, ROUNDS = 20, 0.5, 20  # the paper's K, μ and iterations


def near_distance(distance: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """float64 `[n]`: the mean distance of everyone to its nearest others, `neighbours` of them or
    all there are."""
    n = len(distance)
    count = min(neighbours, n - 1)
    if count < 1:
        return np.zeros(n)
    others = distance.copy()
    np.fill_diagonal(others, np.inf)
    in_order = np.partition(others, count - 1, axis=1)
    return in_order[:, :count].mean(1)


def affinity(distance: np.ndarray, neighbours: int = NEIGHBOURS, mu: float = MU) -> np.ndarray:
    """float64 `[n, n]`: W_ij = exp(-ρ_ij² / (μ ε_ij)), with ε_ij the mean of ρ_ij and of both
    patients' mean distances to their nearest others. Where ε is 0, W is 1.

    `distance` ρ `[n, n]`, symmetric. The formula depends on the unit of ρ; a distance whose typical
    value is 1 suits μ = 0.5.
    """
    near = near_distance(distance, neighbours)
    power = exponent(distance, near[:, None], near[None], mu)
    return np.exp(-power)


def exponent(
    distance: np.ndarray, ours: np.ndarray, theirs: np.ndarray, mu: float = MU
) -> np.ndarray:
    """ρ² / (μ ε), ε = (ρ + `ours` + `theirs`) / 3; 0 where ε is 0. Shapes broadcast."""
    width = (distance + ours + theirs) * (mu / 3)
    nothing = np.zeros_like(width)
    return np.divide(distance**2, width, out=nothing, where=width > 0)


def fuse(
    affinities: list[np.ndarray],
    present: np.ndarray | None = None,
    neighbours: int = NEIGHBOURS,
    rounds: int = ROUNDS,
) -> np.ndarray:
    """Fuses affinities of M modalities.

    P_m: rows of W_m divided by twice their sum without the diagonal, and ½ on it; S_m: the rows
    over oneself and the `neighbours` of greatest affinity, divided by their sum. Every round, all
    at once, P_m becomes S_m · (mean of the other P) · S_mᵀ, normalised again; in the end the mean
    over m, made symmetric.

    A patient who lacks modalities is fused over those it has: P_m and S_m live on the n_m patients
    who have m, and a mean for i and j runs over the modalities that both have, each P_m times n_m,
    so that having few patients makes no edge heavier. A pair that no other modality has keeps what
    m says; a pair without a modality in common gets 0. One modality alone diffuses along itself.
    With everyone present, this is the paper.

    Parameters
    ----------
    affinities : list of np.ndarray
        W_m float64 `[n, n]`, symmetric.
    present : np.ndarray, optional
        bool `[n, M]`: who has which modality; by default everyone has all.
    neighbours : int
        Others that S_m keeps in each row.
    rounds : int

    Returns
    -------
    np.ndarray
        The fused status matrix, float64 `[n, n]`, symmetric.

    Raises
    ------
    InputError
        Without an affinity.

    References
    ----------
    Wang et al. 2014, doi:10.1038/nmeth.2810.
    """
    if not affinities:
        raise InputError("similarity network fusion needs at least one modality")
    if present is None:
        present = np.ones((len(affinities[0]), len(affinities)), bool)
    present = np.asarray(present, bool)
    n = len(present)
    rows, local, status = [], [], []
    for weights, has_modality in zip(affinities, present.T, strict=True):
        members = np.flatnonzero(has_modality)
        among = weights[_square(members, n)]
        rows.append(members)
        local.append(_local(among, neighbours))
        status.append(_status(among))
    has = present.astype(float)
    shared = has @ has.T  # [n, n]: how many modalities two patients have in common
    for _ in range(rounds):
        total = _total(status, rows, n)
        for m, s in enumerate(local):
            others = _mean_of_others(total, shared, status[m], rows[m])
            diffused = s @ (s @ others.T).T
            status[m] = _status(diffused)
    total = _total(status, rows, n)
    nothing = np.zeros_like(total)
    fused = np.divide(total, shared * n, out=nothing, where=shared > 0)
    return (fused + fused.T) / 2


def _status(weights: np.ndarray) -> np.ndarray:
    """P: half on the diagonal, the other half spread over the others (nothing where all weigh
    0)."""
    status = weights.copy()
    np.fill_diagonal(status, 0)
    total = 2 * status.sum(1, keepdims=True)
    status = np.divide(status, total, out=status, where=total > 0)
    np.fill_diagonal(status, 0.5)
    return status


def _local(weights: np.ndarray, neighbours: int) -> csr_array:
    """S: everyone's own and its strongest weights, divided by their sum; ties go to the first."""
    n = len(weights)
    count = min(neighbours + 1, n)
    ranked = weights.copy()
    np.fill_diagonal(ranked, np.inf)  # oneself first
    index = np.argsort(-ranked, axis=1, kind="stable")[:, :count]
    value = np.take_along_axis(weights, index, 1)
    total = value.sum(1, keepdims=True)
    share = np.divide(value, total, out=np.zeros_like(value), where=total > 0)
    offsets = np.arange(n + 1) * count
    return csr_array((share.ravel(), index.ravel(), offsets), shape=(n, n))


def _square(rows: np.ndarray, n: int) -> tuple:
    """Index of the rows and columns at `rows` of an n × n matrix; a view where these are all."""
    return (slice(None), slice(None)) if len(rows) == n else np.ix_(rows, rows)


def _total(status: list[np.ndarray], rows: list[np.ndarray], n: int) -> np.ndarray:
    """The sum over modalities of P_m times n_m."""
    total = np.zeros((n, n))
    for p, r in zip(status, rows, strict=True):
        total[_square(r, n)] += p * len(r)
    return total


def _mean_of_others(
    total: np.ndarray, shared: np.ndarray, own: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """The mean of the other modalities' P, on the scale of this one."""
    square = _square(rows, len(total))
    mine = own * len(rows)
    others = shared[square] - 1
    mean = np.divide(total[square] - mine, others, out=mine, where=others > 0)
    return mean / max(1, len(rows))
