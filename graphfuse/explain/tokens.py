"""What each gene set's token adds to each class."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.explain.attribute import Attribution
from graphfuse.learn.fitted import Fitted


def set_tokens(fitted: Fitted, found: Attribution) -> pd.DataFrame:
    """A row for each of the model's gene sets, columns (`push` | `lean`, class's number).

    `push`: integrated gradients through the set's token, summed over its columns (not those of the
    linear start, which knows no sets); `lean`: mean gradients through it, summed alike: whether
    high values of its columns speak for the class. Zeros where the net is still at its linear
    start; no row where the model has no gene sets.
    """
    classes = found.weight.shape[1]
    columns = pd.MultiIndex.from_product([["push", "lean"], range(classes)])
    signal, gradient = (
        fitted.preparation.signals.get("pathways"),
        found.slopes.shown.get("pathways"),
    )
    if signal is None:
        return pd.DataFrame(columns=columns, dtype=float)
    if gradient is None:
        return pd.DataFrame(0.0, list(signal.sets), columns)
    own = found.views.own
    each = [own, {m: np.ones_like(v) for m, v in own.items()}]
    return pd.DataFrame(
        np.concatenate([signal.pushes(gradient, v, found.weight) for v in each]).T,
        list(signal.sets),
        columns,
    )
