"""Tables of ranked features, genes, edges, gene sets and modalities, from attributions by fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from graphfuse.data.modality import Modality
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema import RANKING_COLUMNS
from graphfuse.statistics.columns import ROUNDING

TOP = 100  # the most items that count as first
_SHARE = 20  # of so many items, one counts as first
_TINY = 1e-300  # keeps a division by 0 apart


def first_count(items: int) -> int:
    """How many items of a ranking count as first: 100, or a twentieth of them where that is fewer.

    A list that holds a large share of all items is stable by chance.

    Parameters
    ----------
    items : int
        How many are ranked.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> first_count(20_000), first_count(500), first_count(3)
    (100, 25, 1)
    """
    return max(1, min(TOP, items // _SHARE))


def features(modalities: Sequence[Modality], network: GeneNetwork | None) -> pd.DataFrame:
    """Every measured column, with its gene.

    Parameters
    ----------
    modalities : sequence of Modality
        Whose columns they are.
    network : GeneNetwork or None
        Where a gene's number of edges is looked up.

    Returns
    -------
    pandas.DataFrame
        `id, gene, modality, degree`, a row a column, modality after modality.
    """
    degree = {}
    if network is not None:
        degree = dict(zip(network.genes, network.degree, strict=True))
    rows = []
    for modality in modalities:
        for feature, symbol in zip(modality.feature_ids, modality.symbols, strict=True):
            rows.append((feature, symbol, modality.name, degree.get(symbol)))
    return pd.DataFrame(rows, columns=["id", "gene", "modality", "degree"])


def nodes(
    features: pd.DataFrame,
    attribution: np.ndarray,
    gradient: np.ndarray | None,
    sign_of: int | None = None,
) -> pd.DataFrame:
    """Ranked columns.

    Parameters
    ----------
    features : pandas.DataFrame
        Of `features`, a row a column.
    attribution : numpy.ndarray
        Mean attributions in each direction `[folds, K, columns]`.
    gradient : numpy.ndarray or None
        Mean gradients alike, for signs; `None` where there are none.
    sign_of : int, optional
        The direction whose signs are shown; by default that in which an item matters most.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`.
    """
    signs = None if gradient is None else _signs(attribution, gradient, sign_of)
    return ranked_table("feature", features, _scores(attribution), signs)


def genes(
    features: pd.DataFrame,
    attribution: np.ndarray,
    gradient: np.ndarray | None,
    sign_of: int | None = None,
) -> pd.DataFrame:
    """Ranked genes: scores, attributions and gradients are sums over their columns.

    Parameters
    ----------
    features : pandas.DataFrame
        Of `features`, a row a column.
    attribution : numpy.ndarray
        Mean attributions in each direction `[folds, K, columns]`.
    gradient : numpy.ndarray or None
        Mean gradients alike, for signs; `None` where there are none.
    sign_of : int, optional
        The direction whose signs are shown; by default that in which an item matters most.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`.
    """
    has_gene = features["gene"].notna().to_numpy()
    attribution = attribution[:, :, has_gene]
    items, gene_sum = _genes_of(features[has_gene])
    scores = _scores(attribution) @ gene_sum
    signs = None
    if gradient is not None:
        gradient_by_gene = gradient[:, :, has_gene] @ gene_sum
        signs = _signs(attribution @ gene_sum, gradient_by_gene, sign_of)
    return ranked_table("gene", items, scores, signs)


def _genes_of(columns: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """The genes of these columns, sorted, with the modalities that measure each; and the matrix
    that sums values by column to values by gene, float64 `[columns, genes]`."""
    gene, names = pd.factorize(columns["gene"], sort=True)
    gene_sum = np.zeros((len(names), len(columns)))
    gene_sum[gene, np.arange(len(gene))] = 1.0
    by_gene = columns.groupby("gene", sort=True)
    aggregated = by_gene.agg(modality=("modality", _joined), degree=("degree", "first"))
    items = aggregated.reset_index()
    return items.assign(id=items["gene"]), gene_sum.T


def _joined(names: pd.Series) -> str:
    """`rna+meth`, each name once."""
    return "+".join(dict.fromkeys(names))


def modalities(features: pd.DataFrame, attribution: np.ndarray) -> pd.DataFrame:
    """Ranked modalities, by their shares of the sums over their columns.

    Parameters
    ----------
    features : pandas.DataFrame
        Of `features`, a row a column.
    attribution : numpy.ndarray
        Mean attributions in each direction `[folds, K, columns]`.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`, without signs.
    """
    names = list(dict.fromkeys(features["modality"]))
    sizes = []
    for name in names:
        own = (features["modality"] == name).to_numpy()
        summed = attribution[:, :, own].sum(2)  # [folds, K]
        sizes.append(_scores(summed))
    parts = np.stack(sizes, 1)  # [folds, modalities]
    total = parts.sum(1, keepdims=True)
    shares = parts / np.maximum(total, _TINY)
    items = pd.DataFrame({"id": names, "modality": names})
    return ranked_table("modality", items, shares, None)


def edges(
    network: GeneNetwork | None,
    attribution: np.ndarray | None,
    modality: str,
    sign_of: int | None = None,
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
    signs = _signs(attribution, attribution, sign_of)
    return ranked_table("edge", items, _scores(attribution), signs)


def links(folds: list[pd.DataFrame], sign_of: int | None = None) -> pd.DataFrame:
    """Ranked links between a gene's own nodes; one that a fold's graph did not have scores 0 there.

    Parameters
    ----------
    folds : list of pandas.DataFrame
        Attributions of each fold's links `[links, K]`, by source, target and relation.
    sign_of : int, optional
        The direction whose signs are shown; by default that in which a link matters most.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`.
    """
    names = _names_in(folds)
    if not names:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    index = pd.MultiIndex.from_tuples(names, names=["source", "target", "relation"])
    by_fold = [fold.reindex(index, fill_value=0.0) for fold in folds]
    attribution = np.stack([fold.to_numpy().T for fold in by_fold])
    items = index.to_frame(index=False)
    items["id"] = items["source"] + "|" + items["relation"]
    items["gene"] = items["source"]
    signs = _signs(attribution, attribution, sign_of)
    return ranked_table("edge", items, _scores(attribution), signs)


def pathways(folds: list[pd.DataFrame], sign_of: int | None = None) -> pd.DataFrame:
    """Ranked gene sets; one that a fold's model did not have scores 0 there.

    Parameters
    ----------
    folds : list of pandas.DataFrame
        A row a gene set, with its `attribution` and, for signs, its `gradient` in each direction.
    sign_of : int, optional
        The direction whose signs are shown; by default that in which a set matters most.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`.
    """
    names = _names_in(folds)
    if not names:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    by_fold = [fold.reindex(names, fill_value=0.0) for fold in folds]
    attribution = np.stack([fold["attribution"].to_numpy().T for fold in by_fold])
    signs = None
    if all("gradient" in fold for fold in by_fold):
        gradient = np.stack([fold["gradient"].to_numpy().T for fold in by_fold])
        signs = _signs(attribution, gradient, sign_of)
    items = pd.DataFrame({"id": names})
    return ranked_table("pathway", items, _scores(attribution), signs)


def _names_in(folds: list[pd.DataFrame]) -> list:
    """The names of all rows of these tables, sorted."""
    return sorted(set().union(*(fold.index for fold in folds)))


def _scores(attribution: np.ndarray) -> np.ndarray:
    """Scores `[folds, items]`: absolute attributions `[folds, K, items]`, averaged over the K
    directions."""
    return np.abs(attribution).mean(1)


def _signs(attribution: np.ndarray, gradient: np.ndarray, sign_of: int | None) -> np.ndarray:
    """Signs +1, -1 or 0 `[items]` of the gradient in the direction `sign_of`, or, where that is
    `None`, in the direction of the item's largest attribution.

    A sign is 0 where the gradient is rounding alone, as for a category with two levels, whose
    gradients cancel.
    """
    mean_attribution = np.abs(attribution.mean(0))  # [K, items]
    mean_gradient = gradient.mean(0)
    items = np.arange(mean_gradient.shape[1])
    direction = np.full(len(items), sign_of)
    if sign_of is None:
        direction = mean_attribution.argmax(0)
    slope = mean_gradient[direction, items]
    size = np.abs(slope)
    has_sign = size > ROUNDING * size.max(initial=0.0)
    return np.where(has_sign, np.sign(slope), 0).astype(int)


def ranked_table(
    kind: str, items: pd.DataFrame, scores: np.ndarray, signs: np.ndarray | None
) -> pd.DataFrame:
    """Items ranked by their mean score, ties sharing a rank, in the columns of the schema.

    Parameters
    ----------
    kind : str
        The kind of the items, such as "gene".
    items : pandas.DataFrame
        One row for each item, with the columns of the schema that do not depend on scores.
    scores : numpy.ndarray
        `[folds, items]`, none below 0.
    signs : numpy.ndarray or None
        `[items]` of +1, -1 or 0; `None` where there are none.

    Returns
    -------
    pandas.DataFrame
        Without `method` and `null_quantile`, which are blank.
    """
    scores = _relative(scores) * scores.max(initial=0)
    mean = scores.mean(0)  # [items]
    ranks = rankdata(-scores, axis=1)  # [folds, items]
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
    selected = (ranks <= first_count(scores.shape[1])) & (scores > 0)
    rank = rankdata(-_relative(mean), method="min")
    table = items.assign(
        kind=kind,
        score=mean,
        sign=signs if signs is not None else pd.NA,
        rank=rank.astype(int),
        rank_mean=ranks.mean(0),
        rank_lo=low,
        rank_hi=high,
        selected_frequency=selected.mean(0),
    )
    if "degree" in table:
        table["degree"] = table["degree"].astype("Int64")
    table = table.reindex(columns=RANKING_COLUMNS)
    return table.sort_values(["rank", "id"], ignore_index=True)


def _relative(scores: np.ndarray) -> np.ndarray:
    """Scores as shares of the largest, to nine digits: what differs by rounding alone is a tie."""
    largest = scores.max(initial=0)
    return np.round(scores / max(largest, _TINY), 9)
