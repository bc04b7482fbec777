"""Over-representation of gene sets among the first genes of a ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import false_discovery_control, hypergeom

from graphfuse.errors import InputError, examples
from graphfuse.explain.biology.ranked_genes import RankedGenes

SMALLEST, LARGEST = 5, 500  # measured genes of the sets that are tested
ENRICHMENT_COLUMNS = (
    "rank", "gene_set", "size", "overlap", "list_size", "background", "expected",
    "fold_enrichment", "p", "q", "p_matched", "rank_auroc", "genes",
)  # fmt: skip
_TINY = 1e-300  # keeps a division by 0 apart
_CHUNK = 512  # sets whose overlaps with all random lists are in memory at once


def over_representation(
    ranked: RankedGenes,
    gene_sets: Mapping[str, Sequence[str]],
    smallest: int = SMALLEST,
    largest: int = LARGEST,
) -> pd.DataFrame:
    """Whether gene sets hold more of the first genes than chance would give.

    The test is the one-sided hypergeometric one, and its background are the measured genes: a set
    is taken as its genes among these. `p_matched` is empirical: the share of random lists with as
    many genes of each degree in the network and of each combination of modalities that overlap
    with the set as much. Where `p` is small and `p_matched` is not, the set may be over-represented
    because it holds well-studied genes with many neighbours.

    Parameters
    ----------
    ranked : RankedGenes
        The genes, and which of them are first.
    gene_sets : mapping of str to sequence of str
        Name → gene symbols.
    smallest, largest : int
        Sets with fewer or more measured genes are not tested, and are not in the table.

    Returns
    -------
    pandas.DataFrame
        A row for each set that is tested, in `ENRICHMENT_COLUMNS`, the smallest `p` first. `size`:
        measured genes of the set; `overlap`: the first ones among them, which `genes` names;
        `list_size`: all first ones; `background`: all measured genes; `expected`: the overlap by
        chance; `fold_enrichment`: overlap / expected; `q`: `p` after Benjamini-Hochberg over the
        sets tested; `rank_auroc`: the AUROC of a gene's being in the set, by its rank among all
        measured genes.

    Raises
    ------
    InputError
        Where no gene of any set is measured.

    References
    ----------
    Boyle et al.: GO::TermFinder (Bioinformatics 20, 2004), for the test; Benjamini, Hochberg:
    Controlling the false discovery rate (JRSS B 57, 1995); Young et al.: Gene ontology analysis for
    RNA-seq: accounting for selection bias (Genome Biology 11, 2010), for matching.

    Examples
    --------
    >>> table = pd.DataFrame({"id": list("ABCDEFGH"), "rank": range(1, 9)})
    >>> table = table.assign(score=1.0, modality="rna", degree=pd.NA)
    >>> ranked = RankedGenes.of(table, first=2)
    >>> found = over_representation(ranked, {"pair": ["A", "B", "X"]}, smallest=2)
    >>> found[["size", "overlap", "expected", "genes"]].to_dict("records")
    [{'size': 2, 'overlap': 2, 'expected': 0.5, 'genes': 'A;B'}]
    >>> float(round(found.loc[0, "p"], 6)), round(1 / 28, 6)
    (0.035714, 0.035714)
    """
    members = _membership(ranked.names, gene_sets)  # [G, sets]
    size = np.asarray(members.sum(0)).ravel().astype(int)  # [sets]
    if not size.any():
        raise InputError(_none_measured(gene_sets, len(ranked.names)))
    tested = (size >= smallest) & (size <= largest)
    names = np.array(list(gene_sets), dtype=object)
    table = _tests(ranked, members[:, tested])
    table.insert(0, "gene_set", names[tested])
    table = table.sort_values(["p", "gene_set"], kind="stable", ignore_index=True)
    table["rank"] = table["p"].rank(method="min").astype(int)
    return table[list(ENRICHMENT_COLUMNS)]


def _tests(ranked: RankedGenes, members: sparse.csc_matrix) -> pd.DataFrame:
    """A row of `ENRICHMENT_COLUMNS` for each set, from which genes are in which, `[G, sets]`."""
    background, count = len(ranked.names), ranked.count
    size = np.asarray(members.sum(0)).ravel().astype(int)  # [sets]
    overlap = (ranked.first.astype(float) @ members).astype(int)
    expected = size * count / background
    p = hypergeom.sf(overlap - 1, background, size, count)
    table = pd.DataFrame({"size": size, "overlap": overlap})
    table["list_size"], table["background"] = count, background
    table["expected"] = expected
    table["fold_enrichment"] = overlap / np.maximum(expected, _TINY)
    table["p"] = p
    table["q"] = false_discovery_control(p) if len(p) else p
    table["p_matched"] = _matched_p(ranked, members, overlap)
    table["rank_auroc"] = _auroc(ranked.rank, members, size)
    table["genes"] = _overlapping(ranked, members)
    return table


def _membership(names: Sequence[str], gene_sets: Mapping[str, Sequence[str]]) -> sparse.csc_matrix:
    """Which genes are in which sets, float `[G, sets]` of 0 and 1."""
    place = {gene: row for row, gene in enumerate(names)}
    rows, columns = [], []
    for column, genes in enumerate(gene_sets.values()):
        measured = {place[gene] for gene in genes if gene in place}
        rows += sorted(measured)
        columns += [column] * len(measured)
    ones = np.ones(len(rows))
    return sparse.csc_matrix((ones, (rows, columns)), shape=(len(names), len(gene_sets)))


def _none_measured(gene_sets: Mapping[str, Sequence[str]], measured: int) -> str:
    """The message where sets and columns have no gene in common."""
    some = [genes[0] for genes in gene_sets.values() if len(genes)]
    return (
        f"gene sets: none of their genes ({examples(some)}) is among the {measured:,} measured; "
        "are both written as symbols of one species?"
    )


def _matched_p(ranked: RankedGenes, members: sparse.csc_matrix, overlap: np.ndarray) -> np.ndarray:
    """The empirical p-value of each overlap `[sets]`, among the random lists."""
    draws = ranked.matched.shape[0]
    as_large = np.zeros(len(overlap))
    for start in range(0, len(overlap), _CHUNK):
        own = slice(start, start + _CHUNK)
        of_lists = (ranked.matched @ members[:, own]).toarray()  # [draws, sets]
        as_large[own] = (of_lists >= overlap[own]).sum(0)
    return (1 + as_large) / (1 + draws)


def _auroc(rank: np.ndarray, members: sparse.csc_matrix, size: np.ndarray) -> np.ndarray:
    """The AUROC of membership by rank `[sets]`: the chance that a gene of the set is before one
    that is not in it; missing for a set of all genes."""
    others = len(rank) - size
    pairs = size * others
    after = rank @ members - size * (size + 1) / 2  # pairs in which the other gene is before
    missing = np.full(len(size), np.nan)
    return 1 - np.divide(after, pairs, out=missing, where=pairs > 0)


def _overlapping(ranked: RankedGenes, members: sparse.csc_matrix) -> list[str]:
    """The first genes that are in each set, the strongest first, as `A;B`."""
    rank, names = ranked.rank, np.array(ranked.names, dtype=object)
    listed = []
    for column in range(members.shape[1]):
        own = members.indices[members.indptr[column] : members.indptr[column + 1]]
        common = own[ranked.first[own]]
        in_order = common[np.argsort(rank[common], kind="stable")]
        listed.append(";".join(names[in_order]))
    return listed
