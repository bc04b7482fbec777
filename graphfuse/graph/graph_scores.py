"""What a graph carries of a ranking, in the order of its columns, genes and edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.graph.gene.typed_gene_graph import Relation

#: Columns of rankings that nodes of graphs carry.
NUMBERS = (
    "rank", "score", "sign", "rank_lo", "rank_hi", "selected_frequency", "null_quantile",
    "marginal", "effect", "difference", "p", "q", "missing_share", "network_share",
)  # fmt: skip
WORDS = ("sign_class", "marginal_class", "level", "group")
#: What columns carry of the ranking of each class, and edges of the gene network.
OF_CLASSES = ("rank", "score", "sign", "marginal", "effect", "difference", "p", "q")
OF_EDGES = ("rank", "score", "sign")


@dataclass(frozen=True, eq=False)
class GraphScores:
    """The scores of a ranking, of items in the order of a graph's columns, genes and edges.

    Numbers are NaN and words "" where the ranking says nothing of an item.

    Parameters
    ----------
    method : str
        Name of the ranking method.
    target : str
        Name of the outcome that is predicted.
    columns : dict of str to pandas.DataFrame
        Modality → `NUMBERS` and `WORDS` of its F columns. Several columns that stand for one
        measured column (levels of a category) have the same.
    by_class : dict of str to dict of str to pandas.DataFrame
        Class → modality → `OF_CLASSES` of the same columns in the ranking of that class; empty
        where a number is predicted.
    genes : pandas.DataFrame
        `NUMBERS` and `WORDS` of the gene network's genes.
    edges : pandas.DataFrame
        `OF_EDGES` of the gene network's edges.
    patient_edges : dict of str to numpy.ndarray
        Layer → float64 `[E]`: the mean score over the fold models whose layer has the edge; NaN
        where none has.
    relations : dict of Relation to numpy.ndarray
        Relation of the signalling graph → float64 `[E]`: scores of its edges; of edges between
        genes, those of the two genes in the gene network.
    """

    method: str
    target: str
    columns: dict[str, pd.DataFrame]
    by_class: dict[str, dict[str, pd.DataFrame]]
    genes: pd.DataFrame
    edges: pd.DataFrame
    patient_edges: dict[str, np.ndarray]
    relations: dict[Relation, np.ndarray]


def informative(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a table of scores that say anything of an item, and no others.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `NUMBERS`, `WORDS` or some of them.

    Returns
    -------
    pandas.DataFrame
        Words that are blank are missing.
    """
    missing = table.mask(table == "")
    return missing.dropna(axis=1, how="all")
