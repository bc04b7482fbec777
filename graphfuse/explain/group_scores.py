"""The table of ranked groups of correlated columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from graphfuse.explain.column_groups import ColumnGroups
from graphfuse.explain.item_scores import ItemScores
from graphfuse.explain.ranked_tables import ranked_table
from graphfuse.schema import GROUP_COLUMNS

ABLATED = 50  # groups, the first by attribution, whose joint ablation is measured
SEPARATOR = "; "  # between members


def ranked_groups(
    groups: ColumnGroups, features: pd.DataFrame, scores: ItemScores, column_scores: np.ndarray
) -> pd.DataFrame:
    """Rank groups by the attributions of their columns, summed with their signs in each patient.

    Parameters
    ----------
    groups : ColumnGroups
        Of C columns.
    features : pandas.DataFrame
        `id, gene, modality` of each column.
    scores : ItemScores
        Of the groups.
    column_scores : numpy.ndarray
        `[C]`: the scores of the columns alone.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`, with `size`; `best`, the member with the highest score, whose gene is
        the group's `gene`; `members` from the highest score to the lowest; and blank columns for
        joint ablation.
    """
    columns = features[["id", "gene", "modality"]].assign(
        group=groups.group, score=column_scores, place=np.arange(len(features))
    )
    columns = columns.sort_values(["score", "place"], ascending=[False, True], kind="stable")
    by_group = columns.groupby("group", sort=True)
    items = by_group.agg(
        best=("id", "first"),
        gene=("gene", lambda genes: genes.iloc[0]),
        size=("id", "size"),
        members=("id", SEPARATOR.join),
    )
    items["modality"] = columns.sort_values("place").groupby("group")["modality"].agg(_joined)
    items["id"] = groups.names
    ranked = ranked_table("group", items, scores.score, scores.fold_scores, None)
    own = items.set_index("id").assign(ablation=np.nan, ablation_rank=np.nan)
    return ranked.join(own[list(GROUP_COLUMNS)], on="id")


def _joined(names: pd.Series) -> str:
    """`rna+meth`, each name once."""
    return "+".join(dict.fromkeys(names))


def with_ablation(table: pd.DataFrame, groups: pd.Series, ablation: np.ndarray) -> pd.DataFrame:
    """The table with the joint ablation of some groups, and their ranks by it.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `ranked_groups`.
    groups : pandas.Series
        Ids of groups.
    ablation : numpy.ndarray
        Of each.

    Returns
    -------
    pandas.DataFrame
    """
    by_id = pd.DataFrame({"ablation": ablation}, index=groups)
    by_id["ablation_rank"] = rankdata(-ablation, method="min")
    return table.drop(columns=list(by_id)).join(by_id, on="id")


def first_groups(table: pd.DataFrame, count: int = ABLATED) -> pd.Series:
    """Ids of the first groups that score at all, at most so many."""
    return table.loc[table["score"] > 0, "id"].head(count)
