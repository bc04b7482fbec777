"""Genes by their rank, the first of them, and random lists like the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import rankdata

from graphfuse.explain.ranked_tables import first_count

DRAWS = 1000  # random lists; the smallest p-value that they give is 1 / (DRAWS + 1)
_STRATUM = 100  # genes of like degree that a list is drawn from, at least where there are as many
_OUTSIDE = -1  # the degree of genes that are not in the network, which are drawn by themselves


@dataclass(frozen=True, eq=False)
class RankedGenes:
    """All measured genes, the first of a ranking, and random lists that are matched to the first.

    Make one with `RankedGenes.of`.

    Parameters
    ----------
    names : tuple of str
        The G measured genes: the background of every test.
    rank : numpy.ndarray
        float `[G]`, 1 the strongest; ties share their mean rank.
    first : numpy.ndarray
        bool `[G]`: the genes that count as first.
    matched : scipy.sparse.csr_matrix
        float `[draws, G]` of 0 and 1: random lists, each as long as the list of the first genes,
        with as many genes of each stratum.
    """

    names: tuple[str, ...]
    rank: np.ndarray
    first: np.ndarray
    matched: sparse.csr_matrix

    @classmethod
    def of(
        cls, table: pd.DataFrame, first: int | None = None, draws: int = DRAWS, seed: int = 0
    ) -> RankedGenes:
        """The genes of a ranking.

        Items that score 0 are never among the first, and ties at the end of the list are all in
        it.

        Parameters
        ----------
        table : pandas.DataFrame
            Ranked items, in the columns of `graphfuse.schema.RANKING_COLUMNS`. Random lists match
            their `modality` and `degree`.
        first : int, optional
            How many count as first; by default 100, or a twentieth of them where that is fewer.
        draws : int
            How many random lists are drawn.
        seed : int
            Of the random lists.

        Returns
        -------
        RankedGenes

        Examples
        --------
        >>> table = pd.DataFrame({"id": ["A", "B", "C"], "rank": [1, 2, 3], "score": [2, 1, 0]})
        >>> table["modality"], table["degree"] = "rna", pd.NA
        >>> genes = RankedGenes.of(table, first=2)
        >>> genes.first.tolist(), genes.matched.sum(1).max()
        ([True, True, False], np.float64(2.0))
        """
        count = first_count(len(table)) if first is None else first
        is_first = (table["rank"] <= count) & (table["score"] > 0)
        chosen = is_first.to_numpy(bool)
        rng = np.random.default_rng(seed)
        matched = matched_lists(chosen, strata(table), draws, rng)
        return cls(tuple(table["id"]), rankdata(table["rank"]), chosen, matched)

    @property
    def count(self) -> int:
        """How many genes count as first."""
        return int(self.first.sum())

    def tail(self, statistic: float, of_lists: np.ndarray) -> float:
        """The empirical p-value of a statistic: the share of lists whose own is as large.

        The list of the first genes counts as one of them, so that no p-value is 0.

        Parameters
        ----------
        statistic : float
            Of the first genes.
        of_lists : numpy.ndarray
            `[draws]`, the statistic of each random list.

        Returns
        -------
        float
        """
        return float((1 + np.sum(of_lists >= statistic)) / (1 + len(of_lists)))


def strata(table: pd.DataFrame) -> np.ndarray:
    """The stratum of each item: those of one stratum are measured in the same modalities and have
    like degrees.

    A gene that several modalities measure has more columns to score by, and a gene with many
    neighbours is in more gene sets, so that both come first by chance more often.

    Parameters
    ----------
    table : pandas.DataFrame
        Items with `modality` and `degree` (missing outside the network).

    Returns
    -------
    numpy.ndarray
        int `[items]`.
    """
    degree = table["degree"].astype("Float64").fillna(_OUTSIDE).to_numpy(float)
    measured_in, _ = pd.factorize(table["modality"])
    stratum = np.zeros(len(table), int)
    taken = 0
    for code in np.unique(measured_in):
        own = measured_in == code
        stratum[own] = taken + _bins(degree[own])
        taken = stratum[own].max() + 1
    return stratum


def _bins(degree: np.ndarray) -> np.ndarray:
    """Bins of like degree, int `[items]` from 0: genes outside the network, then quantiles."""
    bins = np.zeros(len(degree), int)
    inside = degree != _OUTSIDE
    quantiles = max(1, int(inside.sum()) // _STRATUM)
    if inside.any():
        codes = pd.qcut(degree[inside], quantiles, labels=False, duplicates="drop")
        bins[inside] = 1 + np.nan_to_num(codes).astype(int)
    return bins


def matched_lists(
    first: np.ndarray, stratum: np.ndarray, draws: int, rng: np.random.Generator
) -> sparse.csr_matrix:
    """Random lists with as many items of each stratum as the list of the first.

    Parameters
    ----------
    first : numpy.ndarray
        bool `[G]`: the items on the list.
    stratum : numpy.ndarray
        int `[G]`.
    draws : int
        How many lists.
    rng : numpy.random.Generator
        Draws them, each without replacement.

    Returns
    -------
    scipy.sparse.csr_matrix
        float `[draws, G]` of 0 and 1.

    Examples
    --------
    >>> first, stratum = np.array([True, False, False]), np.array([0, 0, 1])
    >>> lists = matched_lists(first, stratum, 100, np.random.default_rng(0))
    >>> lists.toarray()[:, 2].max(), lists.sum()
    (np.float64(0.0), np.float64(100.0))
    """
    drawn = [np.zeros((draws, 0), int)]
    for each in np.unique(stratum[first]):
        members = np.flatnonzero(stratum == each)
        wanted = int(first[members].sum())
        order = rng.random((draws, len(members)), dtype=np.float32)
        smallest = np.argpartition(order, wanted - 1, axis=1)[:, :wanted]
        drawn.append(members[smallest])
    columns = np.concatenate(drawn, axis=1)  # [draws, items on the list]
    length = columns.shape[1]
    starts = np.arange(draws + 1) * length
    ones = np.ones(columns.size)
    return sparse.csr_matrix((ones, columns.ravel(), starts), shape=(draws, len(first)))
