"""Occlusion of gene sets: how far predictions fall where all columns of a set are at their training
mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from graphfuse.explain.method import FoldNet
from graphfuse.explain.occluded import joint_falls


def occluded_sets(net: FoldNet) -> pd.DataFrame:
    """Return the mean falls of outputs without all columns of each gene set of the model.

    What the linear model adds through the same columns falls too, unlike in attributions of the
    sets' tokens.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.

    Returns
    -------
    pandas.DataFrame
        As `Attribution.sets`, without signs; no row where the model has no gene sets.
    """
    directions = range(net.weight.shape[1])
    columns = pd.MultiIndex.from_product([["attribution"], directions])
    signal = net.fitted.preparation.signals.get("pathways")
    if signal is None:
        return pd.DataFrame(columns=columns, dtype=float)
    falls = joint_falls(net, _members(net))  # [T, K, N]
    means = np.einsum("tkn,nk->tk", falls, net.weight)
    return pd.DataFrame(means, list(signal.sets), columns)


def _members(net: FoldNet) -> Iterator[dict[str, np.ndarray]]:
    """Which inputs each set has, bool `[F]` of each modality."""
    signal = net.fitted.preparation.signals["pathways"]
    counts = [net.columns[name].shape[1] for name in signal.modalities]
    nothing = {name: np.zeros(own.shape[1], dtype=bool) for name, own in net.columns.items()}
    for place in signal.place:  # [G], -1 beyond the set's columns
        is_member = np.zeros(sum(counts), dtype=bool)
        is_member[place[place >= 0]] = True
        parts = np.split(is_member, np.cumsum(counts)[:-1])
        yield nothing | dict(zip(signal.modalities, parts, strict=True))
