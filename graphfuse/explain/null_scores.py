"""Quantiles of scores among those of models trained on permuted labels."""

from __future__ import annotations

import numpy as np
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
