"""Groups of correlated columns, over tables of which a row may lack some.

Columns are clustered by average linkage of 1 - |r|: two clusters become one as long as the mean
absolute correlation between their columns is at least the threshold. Complete linkage would break a
block of columns apart as soon as chance takes one of its many correlations below the threshold;
single linkage would chain columns that have nothing in common into one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse.csgraph import connected_components

from graphfuse.statistics.columns import is_constant

LEAST = 0.7  # |r| from which columns are grouped
CHANCE = 0.05  # probability that some pair of independent columns counts as correlated
BLOCK = 512  # columns whose correlations with all others are computed at once
LARGEST = 15_000  # columns that are clustered at once: 0.9 GB of distances, twice


@dataclass(frozen=True, eq=False)
class CorrelatedColumns:
    """Groups of correlated columns; a column without any like it is a group by itself.

    Attributes
    ----------
    group : numpy.ndarray
        int `[F]`: the group of each column, numbered by the first column of each.
    centre : numpy.ndarray
        int `[groups]`: the column with the highest mean |r| to the others of its group.
    """

    group: np.ndarray
    centre: np.ndarray


def correlated_columns(tables: Sequence[np.ndarray], least: float = LEAST) -> CorrelatedColumns:
    """Group columns whose absolute correlation is high, within tables and across them.

    Two columns are compared over the rows that both of their tables have. A missing value counts as
    the column's median, as in models' inputs by default. A correlation that some pair of as many
    independent normal columns could reach in so few rows by chance (Bonferroni, 5 %) counts as 0.

    Parameters
    ----------
    tables : sequence of numpy.ndarray
        Each `[N, F]`, NaN where missing; a row without any value is one that the table lacks.
    least : float
        The mean |r| between two clusters from which they are one group.

    Returns
    -------
    CorrelatedColumns
        Of all tables' columns, side by side.

    References
    ----------
    Sokal, Michener: A statistical method for evaluating systematic relationships (University of
    Kansas Science Bulletin 38, 1958), for average linkage.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one, other = rng.normal(size=(2, 100, 1))
    >>> table = np.hstack([one, other, -one + 0.1 * rng.normal(size=(100, 1))])
    >>> correlated_columns([table]).group.tolist()
    [0, 1, 0]
    """
    columns = _Columns(tables)
    group = np.empty(columns.count, dtype=int)
    for part in _connected(columns, np.arange(columns.count), least):
        group[part] = part[0]  # the first column stands for the group
        if len(part) > 1:
            clusters = _average_linkage(columns, part, least)
            for cluster in range(1, clusters.max() + 1):
                members = part[clusters == cluster]
                group[members] = members[0]
    _, group = np.unique(group, return_inverse=True)
    centres = [_centre(columns, members) for members in _members(group)]
    return CorrelatedColumns(group, np.array(centres, dtype=int))


class _Columns:
    """All tables' columns side by side, and their absolute correlations."""

    def __init__(self, tables: Sequence[np.ndarray]):
        widths = [table.shape[1] for table in tables]
        self.count = sum(widths)
        self._table = np.repeat(np.arange(len(tables)), widths)
        self._place = np.concatenate([np.arange(width) for width in widths])
        self._has = [~np.isnan(table).all(axis=1) for table in tables]
        self._values = [_at_median(table) for table in tables]

    def correlations(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """|r| of columns at these positions, `[first, second]`; 0 with a constant column."""
        found = np.zeros((len(first), len(second)))
        for a in np.unique(self._table[first]):
            rows = np.flatnonzero(self._table[first] == a)
            for b in np.unique(self._table[second]):
                columns = np.flatnonzero(self._table[second] == b)
                both = self._has[a] & self._has[b]  # [N]
                x = self._standard(first[rows], both)
                y = self._standard(second[columns], both)
                correlations = self._beyond_chance(np.abs(x.T @ y), both.sum())
                found[np.ix_(rows, columns)] = correlations
        return found

    def _standard(self, positions: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Columns of one table in some rows, with mean 0 and length 1; constant ones are 0."""
        table = self._table[positions[0]]
        values = self._values[table][np.ix_(rows, self._place[positions])]
        return _unit_length(values)

    def _beyond_chance(self, correlations: np.ndarray, rows: int) -> np.ndarray:
        """Correlations over so many rows, 0 where chance could have made them."""
        pairs = self.count * (self.count - 1) / 2
        correlations[correlations < chance_correlation(rows, pairs)] = 0.0
        return correlations


def chance_correlation(rows: int, pairs: float) -> float:
    """The absolute correlation that the largest of many pairs of independent normal columns exceeds
    with a probability of 5 % at most.

    Parameters
    ----------
    rows : int
        How many rows each pair has.
    pairs : float
        How many pairs there are.

    Returns
    -------
    float
        Infinite below three rows.

    Examples
    --------
    >>> round(chance_correlation(30, 100_000), 2)
    0.77
    """
    if rows < 3:
        return np.inf
    t = stats.t.isf(CHANCE / 2 / max(pairs, 1.0), rows - 2)
    return float(t / np.sqrt(rows - 2 + t**2))


def _at_median(table: np.ndarray) -> np.ndarray:
    """The table with its columns' medians in place of missing values; 0 in columns without any
    value."""
    is_missing = np.isnan(table)
    if not is_missing.any():
        return table
    is_empty = is_missing.all(axis=0)
    medians = np.zeros(table.shape[1])
    medians[~is_empty] = np.nanmedian(table[:, ~is_empty], axis=0)
    return np.where(is_missing, medians, table)


def _unit_length(values: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and length 1; constant ones are 0."""
    if not len(values):
        return values
    centred = values - values.mean(axis=0)
    centred[:, is_constant(values)] = 0.0
    centred /= np.maximum(np.abs(centred).max(axis=0), np.finfo(float).tiny)
    length = np.sqrt(np.einsum("nf,nf->f", centred, centred))
    return centred / np.where(length > 0, length, 1.0)


def _connected(columns: _Columns, positions: np.ndarray, least: float) -> list[np.ndarray]:
    """Positions, sorted, in parts of which no column of one reaches `least` with one of another.

    A part of more than `LARGEST` columns is divided again at a higher correlation, so that its
    distances fit into memory.
    """
    label = np.arange(len(positions))
    for start in range(0, len(positions), BLOCK):
        rows = label[start : start + BLOCK]
        block, later = positions[start : start + BLOCK], positions[start:]
        first, second = np.nonzero(columns.correlations(block, later) >= least)
        ends = rows[first], label[start:][second]
        links = sparse.csr_array((np.ones(len(first)), ends), (len(label), len(label)))
        merged = connected_components(links, directed=False)[1]
        label = merged[label]
    parts = []
    for members in _members(label):
        part = positions[members]
        is_large = len(part) > LARGEST
        parts += _connected(columns, part, (1 + least) / 2) if is_large else [part]
    return parts


def _members(label: np.ndarray) -> list[np.ndarray]:
    """The positions of each label, in rising order."""
    order = np.argsort(label, kind="stable")
    ends = np.cumsum(np.bincount(label))
    return [part for part in np.split(order, ends[:-1]) if len(part)]


def _average_linkage(columns: _Columns, part: np.ndarray, least: float) -> np.ndarray:
    """The cluster of each column of a part, int from 1 on."""
    count = len(part)
    distances = np.empty(count * (count - 1) // 2)
    filled = 0
    for start in range(0, count, BLOCK):
        correlations = columns.correlations(part[start : start + BLOCK], part[start:])
        is_later = np.triu(np.ones(correlations.shape, dtype=bool), 1)
        found = np.maximum(1 - correlations[is_later], 0.0)
        distances[filled : filled + len(found)] = found
        filled += len(found)
    return fcluster(linkage(distances, "average"), 1 - least, "distance")


def _centre(columns: _Columns, members: np.ndarray) -> int:
    """The member of a group with the highest mean |r| to the others, the first of several."""
    if len(members) <= 2:
        return members[0]
    total = np.zeros(len(members))
    for start in range(0, len(members), BLOCK):
        block = members[start : start + BLOCK]
        total += columns.correlations(block, members).sum(axis=0)
    is_best = total >= total.max() * (1 - 1e-12)
    return members[is_best.argmax()]
