"""What a score would be were nothing there."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def null_quantile(scores: ArrayLike, null_scores: ArrayLike) -> np.ndarray:
    """The share of null scores of the same item that lie below its score; ties do not count.

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
        Where there is no null, or another number of items.

    References
    ----------
    Ojala, Garriga: Permutation tests for studying classifier performance (JMLR 11, 2010).

    Examples
    --------
    >>> null_quantile([3.0, 1.0], [[1.0, 1.0], [2.0, 0.5]])
    array([1. , 0.5])
    """
    scores, nulls = np.asarray(scores, float), np.asarray(null_scores, float)
    if nulls.ndim != 2 or not len(nulls) or nulls.shape[1:] != scores.shape:
        raise ValueError(
            f"null_scores: expected [nulls, {len(scores)}] with a null (got {nulls.shape})"
        )
    return (nulls < scores).mean(0)
