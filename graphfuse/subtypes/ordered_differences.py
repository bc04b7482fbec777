"""How the values of an outcome that has an order differ between clusters of patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import kruskal

from graphfuse.subtypes.associations import holm
from graphfuse.task.outcome import Outcome


@dataclass(frozen=True, eq=False)
class Difference:
    """Values by cluster. `groups`: cluster, patients, mean and sd (missing of one patient);
    `statistic` and `p` of Kruskal and Wallis's test, with `df` degrees of freedom, NaN where there
    is one cluster or one value; `p_holm`: over the outcomes tested; `derived_from`: the modalities
    of the layer from which the outcome was computed."""

    outcome: str
    groups: pd.DataFrame
    statistic: float
    df: int
    p: float
    p_holm: float
    derived_from: tuple[str, ...]


def differences(
    labels: np.ndarray, outcomes: Mapping[str, Outcome], modalities: tuple[str, ...]
) -> dict[str, Difference]:
    """Values by cluster for every outcome that has an order, on the patients who have both
    (Kruskal and Wallis 1952, doi:10.1080/01621459.1952.10483441).

    Parameters
    ----------
    labels : np.ndarray
        int `[N]`: cluster of each patient, -1 for none.
    outcomes : mapping of str to Outcome
        Of the same patients.
    modalities : tuple of str
        Those of the layer.
    """
    known = {}
    for name, outcome in outcomes.items():
        values, rows = outcome.task.in_order(outcome.target), (labels >= 0) & outcome.known
        if values is not None and rows.any():
            known[name] = pd.Series(values[rows].astype(float)).groupby(labels[rows])
    tests = {name: _kruskal(groups) for name, groups in known.items()}
    corrected = dict(zip(tests, holm([p for _, p in tests.values()]), strict=True))
    found = {}
    for name, groups in known.items():
        table = groups.agg(["size", "mean", "std"]).rename_axis("cluster").reset_index()
        table.columns = ["cluster", "patients", "mean", "sd"]
        parents = tuple(m for m in outcomes[name].derived_from if m in modalities)
        statistic, p = tests[name]
        found[name] = Difference(
            name, table, statistic, len(table) - 1, p, corrected[name], parents
        )
    return found


def _kruskal(groups) -> tuple[float, float]:
    """The statistic and its p-value."""
    each = [values.to_numpy() for _, values in groups]
    if len(each) < 2 or np.ptp(np.concatenate(each)) == 0:
        return np.nan, np.nan
    return tuple(map(float, kruskal(*each)))
