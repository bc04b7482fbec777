"""Patients whose profiles hardly differ: standardised, correlated, and compared with the distances
expected by chance."""

from __future__ import annotations

from math import log

import numpy as np

from graphfuse.data.leak_audit.finding import RARE, Subject, numbers, spread

NEAR = 0.999  # correlation of standardised profiles
# A pair may hide among many who resemble it: stricter thresholds set it apart.
_THRESHOLDS = (NEAR, 1 - (1 - NEAR) / 10, 1 - (1 - NEAR) / 100)
_PICKS = 256  # columns that represent a wide table
WIDE, _DISTINCT = 20, 20  # columns needed, and different values in each
MOST = 8  # patients in a set; larger sets are a kind of patient, not one
_SAMPLE = 2_000  # patients from whom the dimension is estimated
_FEWEST = 10  # rows needed


def similar_sets(subject: Subject, modality: str, rows: np.ndarray) -> list[tuple[int, ...]]:
    """Sets of rows whose standardised profiles correlate above 0.999 and stand out.

    Parameters
    ----------
    subject
        The cohort of N patients and its label.
    modality
        The name of the modality whose profiles are compared.
    rows : int array `[n]`
        The rows of its table to compare.

    Returns
    -------
    list of tuple of int
        Each set as positions in `rows`; empty where there are fewer than 10 rows or 20 columns with
        many values.
    """
    if len(rows) < _FEWEST:
        return []
    profiles = standardised_profiles(subject, modality, rows)
    if profiles is None:
        return []
    ends, r = _links(*profiles)
    if not len(r):
        return []
    every = np.arange(len(rows))
    unlinked = np.setdiff1d(every, ends)
    typical = unlinked if len(unlinked) > 0.25 * len(rows) else every
    dimension = _dimension(*profiles, typical)
    set_of: dict[int, tuple[int, ...]] = {}
    for threshold in _THRESHOLDS:
        linked = r > threshold
        for members in _standing_out(profiles, ends[:, linked], r[linked], dimension):
            if set_of.keys().isdisjoint(members):
                set_of |= dict.fromkeys(members, members)
    return list(dict.fromkeys(set_of.values()))


def standardised_profiles(
    subject: Subject, modality: str, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Standardised profiles `[n, at most 256]` float32, and where values are known (1, else 0) of
    the same shape; None where all are known, and rows then have mean 0 and norm 1."""
    table, words = numbers(subject.cohort.modalities[modality])
    picks = spread(np.flatnonzero(~words), 2 * _PICKS)
    values = table.iloc[rows, picks].to_numpy(dtype=float)
    chosen = spread(_with_many_values(values), _PICKS)
    values = values[:, chosen]
    if values.shape[1] < WIDE:
        return None
    known = ~np.isnan(values)
    centred = values - np.nanmean(values, axis=0)
    z = centred / np.nanstd(values, axis=0)
    scores = np.clip(z, -3, 3)
    if not known.all():
        scores = np.where(known, scores, 0.0)
        return scores.astype(np.float32), known.astype(np.float32)
    scores -= scores.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(scores, axis=1, keepdims=True)
    profiles = scores / np.maximum(norms, 1e-12)
    return profiles.astype(np.float32), None


def _with_many_values(values: np.ndarray) -> np.ndarray:
    """Positions of the columns with many different values."""
    needed = min(_DISTINCT, len(values) / 2)
    known = (column[~np.isnan(column)] for column in values.T)
    distinct = np.array([len(np.unique(column)) for column in known])
    return np.flatnonzero(distinct >= needed)


def correlation(values: np.ndarray, known: np.ndarray | None, some: np.ndarray) -> np.ndarray:
    """Correlations of the profiles `some` with all `[some, n]`, over the columns that both have; -1
    with themselves, and where such columns are few."""
    if known is not None:
        r = _correlation_with_gaps(values, known, some)
    else:
        r = values[some] @ values.T
    r[np.arange(len(some)), some] = -1.0
    return r


def _correlation_with_gaps(values: np.ndarray, known: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Pearson's r from sums over the columns that both profiles have; -1 where these are few."""
    values_a, known_a = values[some], known[some]
    shared = np.maximum(known_a @ known.T, 1)  # all of [some, n]
    sum_a = values_a @ known.T
    sum_b = known_a @ values.T
    variation_a = values_a**2 @ known.T - sum_a**2 / shared
    variation_b = known_a @ (values**2).T - sum_b**2 / shared
    product = variation_a * variation_b
    needed = max(WIDE, values.shape[1] / 4)
    is_enough = (shared >= needed) & (product > 0)
    covariation = values_a @ values.T - sum_a * sum_b / shared
    scale = np.sqrt(np.where(is_enough, product, 1))
    return np.where(is_enough, covariation / scale, -1.0)


def chunks(rows: np.ndarray, patients: int) -> list[np.ndarray]:
    """The rows in pieces whose correlations with all patients fit into memory."""
    pieces = -(-len(rows) * patients // 2**25)
    return np.array_split(rows, max(1, pieces))


def _distance(r: np.ndarray) -> np.ndarray:
    """The distance of profiles with correlation `r`; at least 0.001, the precision of float32."""
    return np.sqrt(np.maximum(1 - r, 1e-6))


def _links(values: np.ndarray, known: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Pairs `[2, links]` that correlate above 0.999, at most 8 from each patient, and their
    correlations."""
    most = min(MOST, len(values) - 1)
    ends, correlations = [], []
    for some in chunks(np.arange(len(values)), len(values)):
        r = correlation(values, known, some)
        near = np.flatnonzero(r.max(axis=1) > NEAR)
        r, near = r[near], some[near]
        best = np.argpartition(-r, most - 1, axis=1)[:, :MOST]
        best_r = np.take_along_axis(r, best, 1)
        row, link = np.nonzero(best_r > NEAR)
        ends.append(np.stack([near[row], best[row, link]]))
        correlations.append(best_r[row, link])
    return np.concatenate(ends, axis=1), np.concatenate(correlations)


def _standing_out(
    profiles: tuple[np.ndarray, np.ndarray | None],
    ends: np.ndarray,
    r: np.ndarray,
    dimension: float,
) -> list[tuple[int, ...]]:
    """Sets of 2 to 8 linked patients who are much nearer to each other than to anyone else."""
    patients = len(profiles[0])
    component = components(ends, patients)
    sizes = np.bincount(component)[component]  # of each patient's set
    members = np.flatnonzero((sizes > 1) & (sizes <= MOST))
    nearest_r = np.full(patients, -1.0)
    np.maximum.at(nearest_r, ends[0], r)
    inside = _distance(nearest_r[members])
    outside = _outside(*profiles, members, component)
    sets = []
    for one in np.unique(component[members]):
        is_here = component[members] == one
        ratio = outside[is_here].min() / inside[is_here].max()
        by_chance = patients * max(ratio, 1.0) ** -dimension
        if np.isfinite(ratio) and by_chance < RARE:
            sets.append(tuple(map(int, members[is_here])))
    return sets


def components(ends: np.ndarray, patients: int) -> np.ndarray:
    """The number of the set of linked patients to which each belongs, int `[patients]`."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    every = np.ones(ends.shape[1])
    links = coo_array((every, (ends[0], ends[1])), shape=(patients, patients))
    _, component = connected_components(links, directed=False)
    return component


def _dimension(values: np.ndarray, known: np.ndarray | None, rows: np.ndarray) -> float:
    """The number of dimensions in which patients are spread: ln 2 / median ln(r₂/r₁) of the
    distances to the two nearest."""
    log_ratios = []
    for some in chunks(spread(rows, _SAMPLE), len(values)):
        r = correlation(values, known, some)
        two_best = -np.partition(-r, 1, axis=1)[:, :2]
        nearest, second = _distance(two_best).T
        log_ratios.append(np.log(second / nearest))
    median = float(np.median(np.concatenate(log_ratios)))
    return log(2) / max(median, 1e-3)


def _outside(
    values: np.ndarray, known: np.ndarray | None, rows: np.ndarray, component: np.ndarray
) -> np.ndarray:
    """The distance `[rows]` to the nearest patient of another set; infinite where there is
    none."""
    distances = []
    for some in chunks(rows, len(values)):
        r = correlation(values, known, some)
        in_own_set = component[some][:, None] == component
        r[in_own_set] = -np.inf
        distances.append(_distance(r.max(axis=1)))
    return np.concatenate([*distances, []])
