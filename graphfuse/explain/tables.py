"""Tables of ranked features, genes, edges, gene sets and modalities, of scores in every fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from graphfuse.data.modality import Modality
from graphfuse.graph.network import GeneNetwork
from graphfuse.schema import RANKING_COLUMNS

TOP = 100  # `selected_frequency` is the share of folds in which an item stands among this many


def features(modalities: Sequence[Modality], network: GeneNetwork | None) -> pd.DataFrame:
    """`id, gene, modality, degree` of every measured column."""
    degree = dict(zip(network.genes, network.degree, strict=True)) if network is not None else {}
    rows = [
        (feature, symbol, m.name, degree.get(symbol))
        for m in modalities
        for feature, symbol in zip(m.feature_ids, m.symbols, strict=True)
    ]
    return pd.DataFrame(rows, columns=["id", "gene", "modality", "degree"])


def nodes(
    features: pd.DataFrame,
    attribution: np.ndarray,
    gradient: np.ndarray | None,
    sign_of: int | None = None,
) -> pd.DataFrame:
    """Ranked columns: of means `[folds, K, columns]` of their attributions in each direction and,
    for signs, of their gradients; `sign_of`: the direction whose signs are shown, by default that
    in which the item matters most."""
    signs = None if gradient is None else _signs(attribution, gradient, sign_of)
    return ranked_table("feature", features, _scores(attribution), signs)


def genes(
    features: pd.DataFrame,
    attribution: np.ndarray,
    gradient: np.ndarray | None,
    sign_of: int | None = None,
) -> pd.DataFrame:
    """Ranked genes: scores, attributions and gradients are sums over their columns."""
    mapped = features["gene"].notna().to_numpy()
    part = features[mapped]
    gene, names = pd.factorize(part["gene"], sort=True)
    adding = np.zeros((len(names), mapped.sum()))
    adding[gene, np.arange(len(gene))] = 1.0
    items = part.groupby("gene", sort=True).agg(
        modality=("modality", lambda m: "+".join(dict.fromkeys(m))), degree=("degree", "first")
    )
    items = items.reset_index().assign(id=lambda t: t["gene"])
    scores = _scores(attribution[:, :, mapped]) @ adding.T
    signs = None
    if gradient is not None:
        summed = attribution[:, :, mapped] @ adding.T
        signs = _signs(summed, gradient[:, :, mapped] @ adding.T, sign_of)
    return ranked_table("gene", items, scores, signs)


def modalities(features: pd.DataFrame, attribution: np.ndarray) -> pd.DataFrame:
    """Ranked modalities, by their shares of the sums over their columns."""
    names = list(dict.fromkeys(features["modality"]))
    each = []
    for name in names:
        mine = (features["modality"] == name).to_numpy()
        each.append(np.abs(attribution[:, :, mine].sum(2)).mean(1))
    parts = np.stack(each, 1)  # [folds, modalities]
    shares = parts / np.maximum(parts.sum(1, keepdims=True), 1e-300)
    return ranked_table("modality", pd.DataFrame({"id": names, "modality": names}), shares, None)


def edges(
    network: GeneNetwork | None,
    carried: np.ndarray | None,
    modality: str,
    sign_of: int | None = None,
) -> pd.DataFrame:
    """Ranked edges of the gene network, of what they carry in each direction `[folds, K, E]`; none
    where that is not known."""
    if network is None or not network.edges or carried is None:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    ends = network.to_frame()[["source", "target"]]
    degree = network.degree[network.source] + network.degree[network.target]
    ends = ends.assign(
        id=ends["source"] + "|" + ends["target"],
        relation="interacts",
        modality=modality,
        degree=degree,
    )
    return ranked_table("edge", ends, _scores(carried), _signs(carried, carried, sign_of))


def links(folds: list[pd.DataFrame], sign_of: int | None = None) -> pd.DataFrame:
    """Ranked links; one that a fold's graph did not have scores 0 there."""
    names = sorted(set().union(*(fold.index for fold in folds)))
    if not names:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    index = pd.MultiIndex.from_tuples(names, names=["source", "target", "relation"])
    carried = np.stack([fold.reindex(index, fill_value=0.0).to_numpy().T for fold in folds])
    items = index.to_frame(index=False)
    items = items.assign(id=items["source"] + "|" + items["relation"], gene=items["source"])
    return ranked_table("edge", items, _scores(carried), _signs(carried, carried, sign_of))


def pathways(folds: list[pd.DataFrame], sign_of: int | None = None) -> pd.DataFrame:
    """Ranked gene sets; one that a fold's model did not have scores 0 there."""
    names = sorted(set().union(*(fold.index for fold in folds)))
    if not names:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    found = [fold.reindex(names, fill_value=0.0) for fold in folds]
    attribution = np.stack([fold["attribution"].to_numpy().T for fold in found])
    signs = None
    if all("gradient" in fold for fold in found):
        gradient = np.stack([fold["gradient"].to_numpy().T for fold in found])
        signs = _signs(attribution, gradient, sign_of)
    return ranked_table("pathway", pd.DataFrame({"id": names}), _scores(attribution), signs)


def _scores(attribution: np.ndarray) -> np.ndarray:
    """`[folds, items]` of means `[folds, K, items]` in each direction."""
    return np.abs(attribution).mean(1)


def _signs(attribution: np.ndarray, gradient: np.ndarray, sign_of: int | None) -> np.ndarray:
    """+1, -1 or 0 `[items]`: the gradient's sign in the direction `sign_of`, or, where that is
    `None`, in that in which the item matters most."""
    attribution, gradient = attribution.mean(0), gradient.mean(0)
    count = attribution.shape[1]
    strongest = np.abs(attribution).argmax(0) if sign_of is None else np.full(count, sign_of)
    return np.sign(gradient[strongest, np.arange(count)]).astype(int)


def ranked_table(
    kind: str, items: pd.DataFrame, scores: np.ndarray, signs: np.ndarray | None
) -> pd.DataFrame:
    """Items ranked by their mean score, ties sharing a rank, in the columns of the schema.

    Parameters
    ----------
    kind : str
        What they are.
    items : pandas.DataFrame
        A row each, with the columns of the schema that are known beforehand.
    scores : numpy.ndarray
        `[folds, items]`, none below 0.
    signs : numpy.ndarray or None
        `[items]` of +1, -1 or 0; `None` where there are none.

    Returns
    -------
    pandas.DataFrame
        Without `method` and `null_quantile`, which are blank.
    """
    scores = np.round(scores / max(scores.max(initial=0), 1e-300), 9) * scores.max(initial=0)
    mean = scores.mean(0)
    ranks = rankdata(-scores, axis=1)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
    least = min(TOP, max(1, scores.shape[1] // 2))
    table = items.assign(
        kind=kind,
        score=mean,
        sign=signs if signs is not None else pd.NA,
        rank=rankdata(-np.round(mean / max(mean.max(initial=0), 1e-300), 9), method="min").astype(
            int
        ),
        rank_mean=ranks.mean(0),
        rank_lo=low,
        rank_hi=high,
        selected_frequency=((ranks <= least) & (scores > 0)).mean(0),
    )
    if "degree" in table:
        table["degree"] = table["degree"].astype("Int64")
    return table.reindex(columns=RANKING_COLUMNS).sort_values(["rank", "id"], ignore_index=True)
