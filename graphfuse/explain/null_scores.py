"""Quantiles of scores among those of models trained on permuted labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def null_quantile(scores: ArrayLike, null_scores: ArrayLike) -> np.ndarray:
    """Return the share of null scores of the same item that are below its score.

    Ties do not count.

    Parameters
    ----------
    scores : array_like
        `[items]`.
    null_scores : array_like
        `[nulls, items]`: the same items' scores by models that were trained on permuted labels. A
        quantile comes in steps of 1 / nulls.

    Returns
    -------
    numpy.ndarray
        `[items]`, from 0 to 1: 1 where the score is above all of the item's nulls.

    Raises
    ------
    ValueError
        Where there is no null, or the number of items differs.

    References
    ----------
    Ojala, Garriga: Permutation tests for studying classifier performance (JMLR 11, 2010).

    Examples
    --------
    >>> null_quantile([3.0, 1.0], [[1.0, 1.0], [2.0, 0.5]])
    array([1. , 0.5])
    """
    scores, nulls = np.asarray(scores, float), np.asarray(null_scores, float)
    is_table = nulls.ndim == 2 and len(nulls) > 0
    if not is_table or nulls.shape[1:] != scores.shape:
        raise ValueError(
            f"null_scores: expected [nulls, {len(scores)}] with a null (got {nulls.shape})"
        )
    return (nulls < scores).mean(0)


def quantile_by_item(table: pd.DataFrame, nulls: Sequence[pd.DataFrame]) -> pd.Series:
    """Return the same share for each item of a ranked table.

    Parameters
    ----------
    table : pandas.DataFrame
        With `id` and `score`, and `class` where items are ranked for each class.
    nulls : sequence of pandas.DataFrame
        Tables alike of models of permuted labels; an item that one lacks scores 0 there.

    Returns
    -------
    pandas.Series
        By `id`, or by `class` and `id`, in the order of the table.
    """
    key = ["class", "id"] if "class" in table else ["id"]
    items = pd.MultiIndex.from_frame(table[key])
    scores = []
    for null in nulls:
        by_item = pd.Series(null["score"].to_numpy(float), pd.MultiIndex.from_frame(null[key]))
        scores.append(by_item.reindex(items, fill_value=0.0).to_numpy())
    return pd.Series(null_quantile(table["score"].to_numpy(float), scores), items)
