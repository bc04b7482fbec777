"""Attributions of gene sets, by their tokens."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.explain.differentiable_model import Gradients
from graphfuse.explain.method import FoldNet


def set_tokens(net: FoldNet, gradients: Gradients) -> pd.DataFrame:
    """Attributions and gradients of gene sets, through their tokens.

    They are summed over the columns of a set. What the linear model adds through the same columns
    is not in them.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.
    gradients : Gradients
        At their columns and signals.

    Returns
    -------
    pandas.DataFrame
        As `Attribution.sets`: a row for each set, with its `attribution` and `gradient` in each
        direction. Zeros where the net is the linear model; no row where the model has no gene
        sets.
    """
    directions = range(net.weight.shape[1])
    columns = pd.MultiIndex.from_product([["attribution", "gradient"], directions])
    signal = net.fitted.preparation.signals.get("pathways")
    gradient = gradients.signals.get("pathways")
    if signal is None:
        return pd.DataFrame(columns=columns, dtype=float)
    if gradient is None:
        return pd.DataFrame(0.0, list(signal.sets), columns)
    ones = {name: np.ones_like(values) for name, values in net.columns.items()}
    attribution = signal.attributions(gradient, net.columns, net.weight)
    slope = signal.attributions(gradient, ones, net.share)
    values = np.concatenate([attribution, slope]).T
    return pd.DataFrame(values, list(signal.sets), columns)
