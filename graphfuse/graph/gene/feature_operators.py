"""From genes to features: which features measure which gene, and the operators this gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse


def feature_genes(genes: Sequence[str], symbols: Sequence[str | None]) -> sparse.csr_matrix:
    """float64 `[F, G]`: 1 where a feature, by its symbol, measures a gene."""
    place = {gene: i for i, gene in enumerate(genes)}
    rows = [row for row, symbol in enumerate(symbols) if symbol in place]
    columns = [place[symbols[row]] for row in rows]
    ones = np.ones(len(rows))
    shape = (len(symbols), len(genes))
    return sparse.csr_matrix((ones, (rows, columns)), shape=shape)


def smoothing_operator(messages: sparse.csr_matrix, member: sparse.csr_matrix) -> sparse.csr_matrix:
    """The operator on features by which each gets the weighted mean of its neighbouring genes.

    Parameters
    ----------
    messages : sparse.csr_matrix
        float64 `[G, G]`, weights of the messages between genes, row = receiver.
    member : sparse.csr_matrix
        float64 `[F, G]`, as `feature_genes` gives it.

    Returns
    -------
    sparse.csr_matrix
        float64 `[F, F]`; the value of a gene is the mean of its features.
    """
    scale_in = _inverse_root(messages.sum(axis=1))
    scale_out = _inverse_root(messages.sum(axis=0))
    features = np.asarray(member.sum(axis=0)).ravel()  # [G]: how many measure each gene
    gene_means = sparse.diags(1 / np.maximum(features, 1)) @ member.T
    between_genes = scale_in @ messages @ scale_out
    return (member @ between_genes @ gene_means).tocsr()


def _inverse_root(strength) -> sparse.dia_matrix:
    """Diagonal `[G, G]` of 1 / √strength, 1 for genes without an edge."""
    strength = np.asarray(strength).ravel()
    root = np.sqrt(np.where(strength > 0, strength, 1))
    return sparse.diags(1 / root)


def feature_pairs(
    source: np.ndarray, target: np.ndarray, member: sparse.csr_matrix
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every pair of features that an edge joins: `edge`, `a`, `b`, each int64 `[P]`; `a` is a
    feature of the edge's source, `b` one of its target.

    `source`, `target` int64 `[E]`: the genes of each edge; `member` as `feature_genes` gives it.
    """
    features = member.T.tocsr()  # [G, F]: a row lists the features of a gene
    count = np.diff(features.indptr)
    of_target = count[target]
    pairs = count[source] * of_target  # [E]
    edge = np.repeat(np.arange(len(source)), pairs)
    start = np.cumsum(pairs) - pairs
    step = np.arange(len(edge)) - start[edge]  # position among the pairs of the edge
    first_of_source, first_of_target = features.indptr[source], features.indptr[target]
    a = first_of_source[edge] + step // of_target[edge]
    b = first_of_target[edge] + step % of_target[edge]
    order = features.indices.astype(np.int64)
    return edge, order[a], order[b]
