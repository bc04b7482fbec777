"""Tables of ranked edges and gene sets, from mean attributions by fold.

Their attributions are means over patients, in each direction weighted by `FoldNet.weight`; they are
averaged over folds with their signs before absolute values are taken.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.explain.ranked_tables import ranked_table, shown_directions, signs
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema import RANKING_COLUMNS


def edges(
    network: GeneNetwork | None,
    attribution: np.ndarray | None,
    modality: str,
    sign_of: int | None = None,
    ranges: np.ndarray | None = None,
) -> pd.DataFrame:
    """Ranked edges of the gene network.

    Parameters
    ----------
    network : GeneNetwork or None
        The network.
    attribution : numpy.ndarray or None
        Attributions of its edges `[folds, K, edges]`; `None` where the method has none.
    modality : str
        The modalities that have genes.
    sign_of : int, optional
        The direction whose signs are shown; by default that in which an edge matters most.
    ranges : numpy.ndarray, optional
        Attributions, alike, by the models over which ranges of ranks are taken; by default by the
        fold models.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`; no rows where nothing is known.
    """
    if network is None or not network.edges or attribution is None:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    items = network.to_frame()[["source", "target"]]
    items["id"] = items["source"] + "|" + items["target"]
    items["relation"] = "interacts"
    items["modality"] = modality
    degree = network.degree
    items["degree"] = degree[network.source] + degree[network.target]
    edge_signs = _mean_signs(attribution, attribution, sign_of)
    return _ranked_means("edge", items, attribution, edge_signs, ranges)


def links(
    folds: list[pd.DataFrame],
    sign_of: int | None = None,
    ranges: list[pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Ranked links between a gene's own nodes; one that a fold's graph did not have scores 0 there.

    Parameters
    ----------
    folds : list of pandas.DataFrame
        Attributions of each fold's links `[links, K]`, by source, target and relation.
    sign_of : int, optional
        The direction whose signs are shown; by default that in which a link matters most.
    ranges : list of pandas.DataFrame, optional
        Attributions, alike, by the models over which ranges of ranks are taken; by default by the
        fold models.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`.
    """
    names = _names_in(folds)
    if not names:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    index = pd.MultiIndex.from_tuples(names, names=["source", "target", "relation"])
    attribution = _stacked(folds, index)
    items = index.to_frame(index=False)
    items["id"] = items["source"] + "|" + items["relation"]
    items["gene"] = items["source"]
    edge_signs = _mean_signs(attribution, attribution, sign_of)
    others = _stacked(ranges, index) if ranges else None
    return _ranked_means("edge", items, attribution, edge_signs, others)


def pathways(
    folds: list[pd.DataFrame],
    sign_of: int | None = None,
    ranges: list[pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Ranked gene sets; one that a fold's model did not have scores 0 there.

    Parameters
    ----------
    folds : list of pandas.DataFrame
        A row a gene set, with its `attribution` and, for signs, its `gradient` in each direction.
    sign_of : int, optional
        The direction whose signs are shown; by default that in which a set matters most.
    ranges : list of pandas.DataFrame, optional
        Attributions, alike, by the models over which ranges of ranks are taken; by default by the
        fold models.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`.
    """
    names = _names_in(folds)
    if not names:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    attribution = _stacked([fold["attribution"] for fold in folds], names)
    set_signs = None
    if all("gradient" in fold for fold in folds):
        gradient = _stacked([fold["gradient"] for fold in folds], names)
        set_signs = _mean_signs(attribution, gradient, sign_of)
    items = pd.DataFrame({"id": names})
    others = _stacked([each["attribution"] for each in ranges], names) if ranges else None
    return _ranked_means("pathway", items, attribution, set_signs, others)


def _stacked(tables: list[pd.DataFrame], names: list | pd.Index) -> np.ndarray:
    """Attributions `[tables, K, names]`, from tables with a row a name; 0 where one lacks it."""
    by_table = [table.reindex(names, fill_value=0.0) for table in tables]
    return np.stack([table.to_numpy().T for table in by_table])


def _names_in(folds: list[pd.DataFrame]) -> list:
    """The names of all rows of these tables, sorted."""
    return sorted(set().union(*(fold.index for fold in folds)))


def _ranked_means(
    kind: str,
    items: pd.DataFrame,
    attribution: np.ndarray,
    signs: np.ndarray | None,
    ranges: np.ndarray | None,
) -> pd.DataFrame:
    """Items ranked by mean attributions `[folds, K, items]`, averaged over folds with their signs
    before their absolute value is averaged over directions; `ranges`: attributions alike by the
    models over which ranges of ranks are taken, where these are not the folds'."""
    score = np.abs(attribution.mean(0)).mean(0)
    single = attribution if ranges is None else ranges
    fold_scores = np.abs(single).mean(1)
    return ranked_table(kind, items, score, fold_scores, signs)


def _mean_signs(attribution: np.ndarray, gradient: np.ndarray, sign_of: int | None) -> np.ndarray:
    """Signs of the mean gradient over folds, of attributions and gradients `[folds, K, items]`."""
    direction = shown_directions(np.abs(attribution.mean(0)), sign_of)
    return signs(gradient.mean(0), direction)
