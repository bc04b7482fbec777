"""Modules: the first genes of a ranking that are connected in the gene network."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from graphfuse.explain.biology.ranked_genes import RankedGenes
from graphfuse.graph.gene.network import GeneNetwork

MODULE_COLUMNS = ("module", "size", "list_size", "p_matched", "genes")


def network_modules(ranked: RankedGenes, network: GeneNetwork) -> pd.DataFrame:
    """The connected components of the network among the first genes.

    Genes with many neighbours are connected by chance. `p_matched` is therefore the share of random
    lists, of like degrees and modalities, whose largest component is as large as this one. Of
    directed networks the direction is not looked at.

    Parameters
    ----------
    ranked : RankedGenes
        The genes, and which of them are first.
    network : GeneNetwork
        Edges between them; other genes of it are left out.

    Returns
    -------
    pandas.DataFrame
        A row for each component of at least two genes, the largest first, in `MODULE_COLUMNS`;
        `genes` from the strongest on, as `A;B`.

    Examples
    --------
    >>> table = pd.DataFrame({"id": list("ABCD"), "rank": [1, 2, 3, 4], "score": 1.0})
    >>> ranked = RankedGenes.of(table.assign(modality="rna", degree=1), first=3)
    >>> edges = pd.DataFrame({"source": ["A", "C"], "target": ["B", "D"]})
    >>> network_modules(ranked, GeneNetwork.from_frame(edges))[["size", "genes"]]
       size genes
    0     2   A;B
    """
    adjacency = _among(ranked.names, network)
    largest = _largest_of_lists(adjacency, ranked.matched)  # [draws]
    first = np.flatnonzero(ranked.first)
    in_order = first[np.argsort(ranked.rank[first], kind="stable")]
    names = np.array(ranked.names, dtype=object)[in_order]
    component = _components(adjacency, in_order)
    rows = []
    for code, size in enumerate(np.bincount(component)):
        if size > 1:
            genes = ";".join(names[component == code])
            rows.append((size, ranked.tail(size, largest), genes))
    rows.sort(key=lambda row: -row[0])
    table = pd.DataFrame(rows, columns=["size", "p_matched", "genes"])
    table["module"], table["list_size"] = np.arange(1, len(table) + 1), ranked.count
    return table[list(MODULE_COLUMNS)]


def _largest_of_lists(adjacency: sparse.csr_matrix, lists: sparse.csr_matrix) -> np.ndarray:
    """The size of the largest component of each list, int `[draws]`."""
    drawn = np.split(lists.indices, lists.indptr[1:-1])
    components = [_components(adjacency, genes) for genes in drawn]
    return np.array([np.bincount(each).max(initial=0) for each in components])


def _among(names: tuple[str, ...], network: GeneNetwork) -> sparse.csr_matrix:
    """The network's edges between these genes, float `[G, G]`, each one way."""
    place = {gene: row for row, gene in enumerate(names)}
    rows = [place.get(gene, -1) for gene in network.genes]
    at = np.array(rows, dtype=int)
    source, target = at[network.source], at[network.target]
    inside = (source >= 0) & (target >= 0)
    ends = (source[inside], target[inside])
    ones = np.ones(int(inside.sum()))
    return sparse.csr_matrix((ones, ends), shape=(len(names), len(names)))


def _components(adjacency: sparse.csr_matrix, genes: np.ndarray) -> np.ndarray:
    """The connected component of each of these genes, int `[genes]` from 0."""
    return connected_components(adjacency[genes][:, genes], directed=False)[1]
