"""Association of a partition of patients with their modalities and outcomes.

Nothing here changes the partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    normalized_mutual_info_score,
)

from graphfuse.statistics.multiple_testing import holm
from graphfuse.statistics.survival import LogRank, kaplan_meier, log_rank, median_survival
from graphfuse.subtypes.stability import Resampled
from graphfuse.task.outcome import Outcome

Labels = np.ndarray
_COLUMNS = ["modality", "patients", "nmi", "nmi_lo", "nmi_hi", "ami"]
NO_CONTRIBUTION = pd.DataFrame(columns=_COLUMNS)


@dataclass(frozen=True, eq=False)
class Separation:
    """Survival by cluster.

    Attributes
    ----------
    outcome : str
        Name of the survival outcome.
    test : LogRank
        Log-rank test of equal survival in all clusters.
    p_holm : float
        Its p-value corrected over the survival outcomes tested.
    groups : pd.DataFrame
        One row per cluster: `cluster`, `patients`, `events`, `expected` events, and the `median`
        with its 95 % interval `median_lo`, `median_hi` in the outcome's unit of time (infinite
        where not reached).
    curves : pd.DataFrame
        `cluster`, and the columns of `kaplan_meier`.
    """

    outcome: str
    test: LogRank
    p_holm: float
    groups: pd.DataFrame
    curves: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Association:
    """Agreement of the clusters with the classes of an outcome.

    Attributes
    ----------
    outcome : str
        Name of the class outcome.
    counts : pd.DataFrame
        Patients, clusters × classes.
    nmi : float
        Normalised mutual information, 0 … 1.
    ari : float
        Adjusted Rand index, at most 1.
    derived_from : tuple of str
        The modalities of the layer from which the classes were computed.
    """

    outcome: str
    counts: pd.DataFrame
    nmi: float
    ari: float
    derived_from: tuple[str, ...]


def contribution(
    labels: Labels,
    own: Mapping[str, Labels],
    fused: Resampled,
    alone: Mapping[str, Resampled],
    clusters: int,
) -> pd.DataFrame:
    """How much the partition by each modality alone shares with that of the layer.

    Parameters
    ----------
    labels : np.ndarray
        int `[N]`: cluster of each patient, -1 for none.
    own : mapping of str to np.ndarray
        Modality → labels `[N]` of its own partition.
    fused : Resampled
        Clusterings of subsamples by the layer.
    alone : mapping of str to Resampled
        Modality → clusterings of the same subsamples by it alone.
    clusters : int
        Number of clusters of the partitions that are compared.

    Returns
    -------
    pd.DataFrame
        One row per modality: `modality`, `patients` with a cluster in both partitions, `nmi` (0 …
        1, above 0 by chance in few patients) with its 2.5 and 97.5 percentiles over the subsamples
        `nmi_lo` and `nmi_hi`, and `ami` (adjusted mutual information, 0 by chance).

    References
    ----------
    Yang et al. 2023 weight modalities in this way.
    """
    rows = []
    for name, mine in own.items():
        resampled = _resampled_nmi(fused, alone[name], clusters)
        low, high = np.quantile(resampled, [0.025, 0.975]) if resampled else (np.nan, np.nan)
        nmi, ami, both = shared(labels, mine)
        rows.append((name, both, nmi, low, high, ami))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _resampled_nmi(fused: Resampled, alone: Resampled, clusters: int) -> list[float]:
    """NMI of two clusterings in each subsample in which both give this number of clusters."""
    values = []
    for whole, part in zip(fused.labels, alone.labels, strict=True):
        if clusters in whole and clusters in part:
            nmi, _, _ = shared(whole[clusters], part[clusters])
            values.append(nmi)
    return values


def shared(a: Labels, b: Labels) -> tuple[float, float, int]:
    """Information that two partitions share, on the patients that have a cluster in both.

    Parameters
    ----------
    a, b : np.ndarray
        int `[N]`: cluster of each patient, -1 for none.

    Returns
    -------
    nmi : float
        Normalised mutual information; NaN for fewer than two patients.
    ami : float
        Adjusted mutual information; NaN for fewer than two patients.
    count : int
        How many patients have a cluster in both.
    """
    both = (a >= 0) & (b >= 0)
    count = int(both.sum())
    if count < 2:
        return float("nan"), float("nan"), count
    nmi = normalized_mutual_info_score(a[both], b[both])
    ami = adjusted_mutual_info_score(a[both], b[both])
    return float(nmi), float(ami), count


def separations(labels: Labels, outcomes: Mapping[str, Outcome]) -> dict[str, Separation]:
    """Survival by cluster for every survival outcome, p-values corrected over these (Holm 1979).

    Parameters
    ----------
    labels : np.ndarray
        int `[N]`: cluster of each patient, -1 for none.
    outcomes : mapping of str to Outcome
        Of the same patients; those that are not survival are ignored.

    Returns
    -------
    dict of str to Separation
        By the outcome's name.
    """
    followed = {}
    for name, outcome in outcomes.items():
        rows = (labels >= 0) & outcome.known
        if outcome.task.has_times and rows.any():
            time = outcome.values[rows].astype(float)
            event = np.asarray(outcome.event)[rows].astype(bool)
            followed[name] = time, event, labels[rows]
    tests = {name: log_rank(*each) for name, each in followed.items()}
    corrected = holm_by_name({name: test.p for name, test in tests.items()})
    result = {}
    for name, each in followed.items():
        result[name] = _separation(name, *each, tests[name], corrected[name])
    return result


def _separation(name: str, time, event, group, test: LogRank, p_holm: float) -> Separation:
    """Survival by cluster of the patients `[n]` of these times, events and clusters."""
    curves, rows = [], []
    for i, cluster in enumerate(np.unique(group)):
        own = group == cluster
        curve = kaplan_meier(time[own], event[own])
        median, low, high = median_survival(curve)
        row = {"cluster": int(cluster), "patients": int(own.sum())}
        row |= {"events": int(event[own].sum()), "expected": test.expected[i]}
        row |= {"median": median, "median_lo": low, "median_hi": high}
        rows.append(row)
        curve.insert(0, "cluster", int(cluster))
        curves.append(curve)
    return Separation(name, test, p_holm, pd.DataFrame(rows), pd.concat(curves, ignore_index=True))


def associations(
    labels: Labels, outcomes: Mapping[str, Outcome], modalities: tuple[str, ...]
) -> dict[str, Association]:
    """Agreement of the clusters with every class outcome, on the patients who have both.

    Parameters
    ----------
    labels : np.ndarray
        int `[N]`: cluster of each patient, -1 for none.
    outcomes : mapping of str to Outcome
        Of the same patients; those that have no classes are ignored.
    modalities : tuple of str
        Those of the layer.

    Returns
    -------
    dict of str to Association
        By the outcome's name.
    """
    result = {}
    for name, outcome in outcomes.items():
        rows = (labels >= 0) & outcome.known
        if not outcome.task.has_classes or not rows.any():
            continue
        cluster, y = labels[rows], outcome.values[rows]
        counts = np.zeros((labels.max() + 1, len(outcome.classes)), int)
        np.add.at(counts, (cluster, y.astype(int)), 1)
        table = pd.DataFrame(counts, columns=list(outcome.classes)).rename_axis("cluster")
        nmi, _, _ = shared(cluster, y)
        ari = float(adjusted_rand_score(cluster, y))
        result[name] = Association(name, table, nmi, ari, outcome_parents(outcome, modalities))
    return result


def outcome_parents(outcome: Outcome, modalities: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the modalities from which the outcome was computed."""
    return tuple(m for m in outcome.derived_from if m in modalities)


def holm_by_name(p: Mapping[str, float]) -> dict[str, float]:
    """`holm` of the p-values of several outcomes, by their names."""
    return dict(zip(p, holm(list(p.values())), strict=True))
