"""Profiles of patients that hardly differ: standardised, correlated, and held against the distances
that chance would leave."""

from __future__ import annotations

from math import log

import numpy as np

from graphfuse.data.leak_audit.finding import RARE, Subject, numbers, spread

NEAR = 0.999  # correlation of standardised profiles
# A pair may hide among many who resemble it: stricter thresholds set it apart.
_THRESHOLDS = (NEAR, 1 - (1 - NEAR) / 10, 1 - (1 - NEAR) / 100)
_PICKS = 256  # columns that stand for a wide table
_WIDE, _DISTINCT = 20, 20  # columns needed for that, and different values in each
_MOST = 8  # patients in a set; larger ones are a kind of patient, not one
_DATED = 2_000  # patients from whom the dimension is estimated
_FEWEST = 10  # rows needed to say who resembles whom


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
    profiles = _profiles(subject, modality, rows) if len(rows) >= _FEWEST else None
    if profiles is None:
        return []
    ends, r = _links(*profiles)
    if not len(r):
        return []
    every = np.arange(len(rows))
    alone = np.setdiff1d(every, ends)
    typical = alone if len(alone) > 0.25 * len(rows) else every
    dimension = _dimension(*profiles, typical)
    set_of: dict[int, tuple[int, ...]] = {}
    for threshold in _THRESHOLDS:
        linked = r > threshold
        for members in _standing_out(profiles, ends[:, linked], r[linked], dimension):
            if set_of.keys().isdisjoint(members):
                set_of |= dict.fromkeys(members, members)
    return list(dict.fromkeys(set_of.values()))


def _profiles(
    subject: Subject, modality: str, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Standardised profiles `[n, at most 256]` float32 and what is known of them; None: all, and
    rows have mean 0, norm 1."""
    table, words = numbers(subject.cohort.modalities[modality])
    picks = spread(np.flatnonzero(~words), 2 * _PICKS)
    values = table.iloc[rows, picks].to_numpy(dtype=float)
    values = values[:, spread(_telling(values), _PICKS)]
    if values.shape[1] < _WIDE:
        return None
    known = ~np.isnan(values)
    centred = values - np.nanmean(values, axis=0)
    scores = np.clip(centred / np.nanstd(values, axis=0), -3, 3)
    if not known.all():
        scores = np.where(known, scores, 0.0)
        return scores.astype(np.float32), known.astype(np.float32)
    scores -= scores.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(scores, axis=1, keepdims=True)
    profiles = scores / np.maximum(norms, 1e-12)
    return profiles.astype(np.float32), None


def _telling(values: np.ndarray) -> np.ndarray:
    """Positions of the columns with many different values."""
    needed = min(_DISTINCT, len(values) / 2)
    known = (column[~np.isnan(column)] for column in values.T)
    distinct = np.array([len(np.unique(column)) for column in known])
    return np.flatnonzero(distinct >= needed)


def _correlation(values: np.ndarray, known: np.ndarray | None, some: np.ndarray) -> np.ndarray:
    """Of the profiles `some` with all `[some, n]`, over the columns that both have; -1 with
    themselves, and where few are."""
    if known is not None:
        r = _correlation_with_gaps(values, known, some)
    else:
        r = values[some] @ values.T
    r[np.arange(len(some)), some] = -1.0
    return r


def _correlation_with_gaps(values: np.ndarray, known: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Pearson's r from sums over the columns that both profiles have; -1 where few are."""
    shared = np.maximum(known[some] @ known.T, 1)
    mine = values[some] @ known.T
    theirs = known[some] @ values.T
    my_spread = values[some] ** 2 @ known.T - mine**2 / shared
    their_spread = known[some] @ (values**2).T - theirs**2 / shared
    spreads = my_spread * their_spread
    enough = (shared >= max(_WIDE, values.shape[1] / 4)) & (spreads > 0)
    together = values[some] @ values.T - mine * theirs / shared
    return np.where(enough, together / np.sqrt(np.where(enough, spreads, 1)), -1.0)


def _chunks(rows: np.ndarray, patients: int) -> list[np.ndarray]:
    return np.array_split(rows, max(1, -(-len(rows) * patients // 2**25)))


def _distance(r: np.ndarray) -> np.ndarray:
    """Of profiles that correlate by `r`; what float32 cannot tell from 0 is 0.001."""
    return np.sqrt(np.maximum(1 - r, 1e-6))


def _links(values: np.ndarray, known: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Pairs `[2, links]` that correlate above 0.999, at most 8 from each patient, and their
    correlations."""
    most = min(_MOST, len(values) - 1)
    ends, correlations = [], []
    for some in _chunks(np.arange(len(values)), len(values)):
        r = _correlation(values, known, some)
        near = np.flatnonzero(r.max(axis=1) > NEAR)
        best = np.argpartition(-r[near], most - 1, axis=1)[:, :_MOST]
        best_r = np.take_along_axis(r[near], best, 1)
        row, link = np.nonzero(best_r > NEAR)
        ends.append(np.stack([some[near[row]], best[row, link]]))
        correlations.append(best_r[row, link])
    return np.concatenate(ends, axis=1), np.concatenate(correlations)


def _standing_out(
    profiles: tuple[np.ndarray, np.ndarray | None],
    ends: np.ndarray,
    r: np.ndarray,
    dimension: float,
) -> list[tuple[int, ...]]:
    """Sets of linked patients much nearer to each other than to anyone else; of more than 8, a kind
    of patient."""
    patients = len(profiles[0])
    component = _components(ends, patients)
    sizes = np.bincount(component)[component]
    members = np.flatnonzero((sizes > 1) & (sizes <= _MOST))
    nearest_r = np.full(patients, -1.0)
    np.maximum.at(nearest_r, ends[0], r)
    inside = _distance(nearest_r[members])
    outside = _outside(*profiles, members, component)
    sets = []
    for one in np.unique(component[members]):
        these = component[members] == one
        apart = outside[these].min() / inside[these].max()
        by_chance = patients * max(apart, 1.0) ** -dimension
        if np.isfinite(apart) and by_chance < RARE:
            sets.append(tuple(int(member) for member in members[these]))
    return sets


def _components(ends: np.ndarray, patients: int) -> np.ndarray:
    """For each patient the number of the set that links join it to, int `[patients]`."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    every = np.ones(ends.shape[1])
    links = coo_array((every, (ends[0], ends[1])), shape=(patients, patients))
    _, component = connected_components(links, directed=False)
    return component


def _dimension(values: np.ndarray, known: np.ndarray | None, rows: np.ndarray) -> float:
    """Of how many dimensions patients are spread in: ln 2 / median ln(r₂/r₁) of the distances to
    their two nearest."""
    log_ratios = []
    for some in _chunks(spread(rows, _DATED), len(values)):
        two_best = -np.partition(-_correlation(values, known, some), 1, axis=1)[:, :2]
        nearest, second = _distance(two_best[:, 0]), _distance(two_best[:, 1])
        log_ratios.append(np.log(second / nearest))
    median = float(np.median(np.concatenate(log_ratios)))
    return log(2) / max(median, 1e-3)


def _outside(
    values: np.ndarray, known: np.ndarray | None, rows: np.ndarray, label: np.ndarray
) -> np.ndarray:
    """The distance `[rows]` to the nearest patient outside one's own set; infinite where there is
    none."""
    distances = []
    for some in _chunks(rows, len(values)):
        r = _correlation(values, known, some)
        in_own_set = label[some][:, None] == label
        r[in_own_set] = -np.inf
        distances.append(_distance(r.max(axis=1)))
    return np.concatenate([*distances, []])
