"""The scores of a ranking in AnnData: columns of `var`, and `uns["rank_genes_groups"]` as scanpy
writes it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.graph.graph_scores import WORDS, GraphScores, informative

RESULT = "rank_genes_groups"  # scanpy's usual key in `uns`
_REST = "rest"  # scanpy's word for all other observations
_HIGHER, _LOWER = "higher", "lower"  # the groups, where a number is predicted
# scanpy's name of each array → the column of rankings that it holds
_ARRAYS = {"scores": "score", "logfoldchanges": "difference", "pvals": "p", "pvals_adj": "q"}


def ranked_var(scores: GraphScores, modality: str) -> pd.DataFrame:
    """What a ranking says of a modality's columns.

    Parameters
    ----------
    scores : GraphScores
    modality : str

    Returns
    -------
    pandas.DataFrame
        A row a column: those of `NUMBERS` and `WORDS` that say anything of one of them, words as
        categories.
    """
    var = informative(scores.columns[modality])
    words = var.columns.intersection(WORDS)
    return var.astype(dict.fromkeys(words, "category"))


def rank_genes_groups(
    scores: GraphScores, modality: str, var_names: pd.Index, groupby: str
) -> dict[str, object]:
    """The ranking of each class as `scanpy.tl.rank_genes_groups` writes it.

    As scanpy orders them, columns whose higher values raise the predicted probability of the class
    come first, those that lower it most come last. Where a number is predicted there is one group,
    `higher` against `lower`, in which columns that go with higher numbers come first.

    Parameters
    ----------
    scores : GraphScores
    modality : str
    var_names : pandas.Index
        Names of the modality's F columns.
    groupby : str
        The column of `obs` that holds the outcome.

    Returns
    -------
    dict
        `params`, and record arrays `[F]` with a field for each class: `names`; `scores`, the score
        with its sign, 0 where it has none, as of a category; `logfoldchanges`, the difference of
        means in the unit of the table, which is a log fold change only where its values are
        logarithms, and NaN where a number is predicted; `pvals` and `pvals_adj` of the rank test,
        adjusted over the columns of all tables.
    """
    names, arrays = {}, {array: {} for array in _ARRAYS}
    groups = scores.by_class or {_HIGHER: scores.columns}
    for group, tables in groups.items():
        table = tables[modality]
        signed = table["score"] * table["sign"].fillna(0.0)
        order = np.argsort(-signed.to_numpy(), kind="stable")
        shown = table.assign(score=signed).iloc[order]
        names[group] = var_names[order].to_numpy(object)
        for array, column in _ARRAYS.items():
            arrays[array][group] = shown[column].to_numpy()
    params = {
        "groupby": groupby,
        "reference": _REST if scores.by_class else _LOWER,
        "method": scores.method,
        "use_raw": False,
        "layer": None,
        "corr_method": "benjamini-hochberg",
    }
    records = {array: _records(by_group) for array, by_group in arrays.items()}
    return {"params": params, "names": _records(names), **records}


def _records(groups: dict[str, np.ndarray]) -> np.recarray:
    """A record array with one field a class."""
    return pd.DataFrame(groups).to_records(index=False)
