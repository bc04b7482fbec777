"""Tables of ranked features, levels, genes and modalities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from graphfuse.data.modality import Modality
from graphfuse.explain.item_scores import ItemScores
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema import GENE_COLUMNS, RANKING_COLUMNS
from graphfuse.statistics.columns import ROUNDING

TOP = 100  # the most items that count as first
_SHARE = 20  # of so many items, one counts as first
TINY = 1e-300  # keeps a division by 0 apart


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


def first_items(scores: np.ndarray) -> np.ndarray:
    """Which items each model has among its first.

    Parameters
    ----------
    scores : numpy.ndarray
        `[models, items]`, none below 0.

    Returns
    -------
    numpy.ndarray
        bool `[models, items]`: the first `first_count`, fewer where fewer score at all.

    Examples
    --------
    >>> first_items(np.array([[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]])).tolist()
    [[True, False, False], [False, False, False]]
    """
    relative = _relative(scores)
    ranks = rankdata(-relative, axis=1)
    return (ranks <= first_count(scores.shape[1])) & (relative > 0)


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


def nodes(features: pd.DataFrame, scores: ItemScores, signs: pd.DataFrame) -> pd.DataFrame:
    """Ranked columns.

    Parameters
    ----------
    features : pandas.DataFrame
        Of `features`, a row a column, and further columns of the schema.
    scores : ItemScores
        Their scores.
    signs : pandas.DataFrame
        `sign` and `sign_class` of each.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`.
    """
    return ranked_table("feature", features, scores.score, scores.fold_scores, signs)


def levels(items: pd.DataFrame, scores: ItemScores, signs: pd.DataFrame) -> pd.DataFrame:
    """Ranked levels of categories and flags of missing values.

    Parameters
    ----------
    items : pandas.DataFrame
        A row each, with its `kind`: `level` or `flag`.
    scores : ItemScores
        Their scores.
    signs : pandas.DataFrame
        `sign` and `sign_class` of each.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`.
    """
    if items.empty:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    return ranked_table(None, items, scores.score, scores.fold_scores, signs)


def genes(items: pd.DataFrame, scores: ItemScores, signs: pd.DataFrame) -> pd.DataFrame:
    """Ranked genes.

    Parameters
    ----------
    items : pandas.DataFrame
        Of `gene_items`, a row a gene, and further columns of the schema.
    scores : ItemScores
        Their scores.
    signs : pandas.DataFrame
        `sign` and `sign_class` of each.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`, with `marginal_column`.
    """
    ranked = ranked_table("gene", items, scores.score, scores.fold_scores, signs)
    return ranked.join(items.set_index("id")[list(GENE_COLUMNS)], on="id")


def gene_items(features: pd.DataFrame) -> pd.DataFrame:
    """The genes of columns in the order of `gene_of`, with the modalities that measure each.

    Parameters
    ----------
    features : pandas.DataFrame
        Of `features`, a row a column.

    Returns
    -------
    pandas.DataFrame
        `id, gene, modality, degree`, a row a gene.
    """
    by_gene = features[features["gene"].notna()].groupby("gene", sort=True)
    aggregated = by_gene.agg(modality=("modality", _joined), degree=("degree", "first"))
    items = aggregated.reset_index()
    return items.assign(id=items["gene"])


def gene_of(features: pd.DataFrame) -> tuple[np.ndarray, int]:
    """The genes of columns.

    Parameters
    ----------
    features : pandas.DataFrame
        Of `features`, a row a column.

    Returns
    -------
    gene : numpy.ndarray
        int `[columns]`: the number of each column's gene among all genes, sorted; -1 for none.
    genes : int
        How many genes there are.
    """
    gene, names = pd.factorize(features["gene"], sort=True)
    return gene, len(names)


def _joined(names: pd.Series) -> str:
    """`rna+meth`, each name once."""
    return "+".join(dict.fromkeys(names))


def modalities(names: Sequence[str], scores: ItemScores) -> pd.DataFrame:
    """Ranked modalities, by their shares of the sum over modalities.

    Parameters
    ----------
    names : sequence of str
        The modalities.
    scores : ItemScores
        Their scores.

    Returns
    -------
    pandas.DataFrame
        As of `ranked_table`, without signs.
    """
    score = _shares(scores.score)
    fold_scores = _shares(scores.fold_scores)
    items = pd.DataFrame({"id": list(names), "modality": list(names)})
    return ranked_table("modality", items, score, fold_scores, None)


def _shares(sizes: np.ndarray) -> np.ndarray:
    """Sizes `[…, items]` as shares of their sum."""
    return sizes / np.maximum(sizes.sum(-1, keepdims=True), TINY)


def shown_directions(size: np.ndarray, sign_of: int | None) -> np.ndarray:
    """The direction, such as the class, whose sign is shown of each item.

    Parameters
    ----------
    size : numpy.ndarray
        `[K, items]`: how much an item matters in each direction.
    sign_of : int or None
        The direction of all; `None` for that in which an item matters most.

    Returns
    -------
    numpy.ndarray
        int `[items]`.
    """
    return size.argmax(0) if sign_of is None else np.full(size.shape[1], sign_of)


def signs(slope: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Whether higher values raise what is predicted.

    Parameters
    ----------
    slope : numpy.ndarray
        `[K, items]`.
    direction : numpy.ndarray
        int `[items]`: the direction whose sign is shown.

    Returns
    -------
    numpy.ndarray
        int `[items]` of +1, -1, or 0 where the slope is rounding alone or there is none.
    """
    chosen = slope[direction, np.arange(len(direction))]
    length = np.abs(chosen)
    has_sign = length > ROUNDING * length.max(initial=0.0)
    return np.where(has_sign, np.sign(chosen), 0).astype(int)


def ranked_table(
    kind: str | None,
    items: pd.DataFrame,
    score: np.ndarray,
    fold_scores: np.ndarray,
    signs: np.ndarray | pd.DataFrame | None,
) -> pd.DataFrame:
    """Items ranked by their score, ties sharing a rank, in the columns of the schema.

    Parameters
    ----------
    kind : str or None
        The kind of the items, such as "gene"; `None` where `items` have it.
    items : pandas.DataFrame
        One row for each item, with the columns of the schema that do not depend on scores.
    score : numpy.ndarray
        `[items]`, none below 0.
    fold_scores : numpy.ndarray
        `[models, items]`, none below 0: scores by each fold's model alone, or each resample's, for
        ranges of ranks.
    signs : numpy.ndarray, pandas.DataFrame or None
        `[items]` of +1, -1 or 0, or with the class that each is of; `None` where there are none.

    Returns
    -------
    pandas.DataFrame
        Without `method` and `null_quantile`, which are blank.
    """
    ranks = rankdata(-_relative(fold_scores), axis=1)  # [models, items]
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
    selected = first_items(fold_scores)
    relative = _relative(score)
    rank = rankdata(-relative, method="min")
    table = items.assign(
        score=relative * score.max(initial=0),
        rank=rank.astype(int),
        rank_mean=ranks.mean(0),
        rank_lo=low,
        rank_hi=high,
        selected_frequency=selected.mean(0),
    )
    if kind is not None:
        table["kind"] = kind
    if isinstance(signs, pd.DataFrame):
        table = pd.concat([table, signs], axis=1)
    else:
        table["sign"] = pd.NA if signs is None else signs
    if "degree" in table:
        table["degree"] = table["degree"].astype("Int64")
    table = table.reindex(columns=RANKING_COLUMNS)
    return table.sort_values(["rank", "id"], ignore_index=True)


def _relative(scores: np.ndarray) -> np.ndarray:
    """Scores as shares of the largest, to nine digits: what differs by rounding alone is a tie."""
    largest = scores.max(initial=0)
    return np.round(scores / max(largest, TINY), 9)
