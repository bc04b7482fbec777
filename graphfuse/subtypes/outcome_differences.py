"""How the values of ordered outcomes differ between clusters of patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import kruskal

from graphfuse.subtypes.associations import holm_by_name, outcome_parents
from graphfuse.task.outcome import Outcome


@dataclass(frozen=True, eq=False)
class Difference:
    """Values of an outcome by cluster.

    Attributes
    ----------
    outcome : str
        Name of the outcome.
    groups : pd.DataFrame
        One row per cluster: `cluster`, `patients`, `mean` and `sd` in the outcome's unit (`sd`
        missing for a single patient).
    statistic : float
        H of the Kruskal-Wallis test; NaN where there is one cluster or one value.
    df : int
        Its degrees of freedom.
    p : float
        Its p-value; NaN where `statistic` is.
    p_holm : float
        The p-value corrected over the outcomes tested.
    derived_from : tuple of str
        The modalities of the layer from which the outcome was computed.
    """

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
    """Values by cluster for every outcome that has an order, on the patients who have both.

    Parameters
    ----------
    labels : np.ndarray
        int `[N]`: cluster of each patient, -1 for none.
    outcomes : mapping of str to Outcome
        Of the same patients.
    modalities : tuple of str
        Those of the layer.

    Returns
    -------
    dict of str to Difference
        By the outcome's name.

    References
    ----------
    Kruskal and Wallis 1952, doi:10.1080/01621459.1952.10483441.
    """
    known = {}
    for name, outcome in outcomes.items():
        rows = (labels >= 0) & outcome.known
        values = outcome.task.in_order(outcome.target)
        if values is not None and rows.any():
            known[name] = pd.Series(values[rows].astype(float)).groupby(labels[rows])
    tests = {name: _kruskal(groups) for name, groups in known.items()}
    corrected = holm_by_name({name: p for name, (_, p) in tests.items()})
    result = {}
    for name, groups in known.items():
        statistic, p = tests[name]
        table = _groups_table(groups)
        parents = outcome_parents(outcomes[name], modalities)
        df = len(table) - 1
        result[name] = Difference(name, table, statistic, df, p, corrected[name], parents)
    return result


def _groups_table(groups) -> pd.DataFrame:
    """One row per cluster: its patients, and the mean and standard deviation of their values."""
    table = groups.agg(["size", "mean", "std"]).rename_axis("cluster").reset_index()
    table.columns = ["cluster", "patients", "mean", "sd"]
    return table


def _kruskal(groups) -> tuple[float, float]:
    """H of the Kruskal-Wallis test and its p-value."""
    samples = [values.to_numpy() for _, values in groups]
    if len(samples) < 2 or np.ptp(np.concatenate(samples)) == 0:
        return np.nan, np.nan
    h, p = kruskal(*samples)
    return float(h), float(p)
