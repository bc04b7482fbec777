"""What each gene set's token adds to each direction."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.explain.forward import Gradients
from graphfuse.explain.method import FoldNet


def set_tokens(net: FoldNet, gradients: Gradients) -> pd.DataFrame:
    """`Attribution.sets` by gradients: through the set's token, summed over its columns (not those
    of the linear start, which knows no sets).

    Zeros where the net is still at its linear start; no row where the model has no gene sets.
    """
    columns = pd.MultiIndex.from_product([["attribution", "gradient"], range(net.weight.shape[1])])
    signal = net.fitted.preparation.signals.get("pathways")
    gradient = gradients.signals.get("pathways")
    if signal is None:
        return pd.DataFrame(columns=columns, dtype=float)
    if gradient is None:
        return pd.DataFrame(0.0, list(signal.sets), columns)
    ones = {m: np.ones_like(v) for m, v in net.columns.items()}
    attribution = signal.attributions(gradient, net.columns, net.weight)
    slope = signal.attributions(gradient, ones, net.share)
    return pd.DataFrame(np.concatenate([attribution, slope]).T, list(signal.sets), columns)
