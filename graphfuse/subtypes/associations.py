"""What a partition of patients says of their modalities and outcomes; nothing here goes back into
the partition."""

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

from graphfuse.statistics.survival import LogRank, kaplan_meier, log_rank, median_survival
from graphfuse.subtypes.stability import Resampled
from graphfuse.task.outcome import Outcome

Labels = np.ndarray
_COLUMNS = ["modality", "patients", "nmi", "nmi_lo", "nmi_hi", "ami"]
NOTHING = pd.DataFrame(columns=_COLUMNS)


@dataclass(frozen=True, eq=False)
class Separation:
    """Survival by cluster. `groups`: cluster, patients, events, expected events, median and its 95
    % interval (infinite where not reached); `curves`: cluster and the columns of `kaplan_meier`;
    `p_holm`: over the survival outcomes tested."""

    outcome: str
    test: LogRank
    p_holm: float
    groups: pd.DataFrame
    curves: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Association:
    """Clusters beside a class outcome: how many patients of each class every cluster holds, NMI and
    adjusted Rand index; `derived_from`: the modalities of the layer from which the classes were
    computed."""

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
):
    """One row per modality: how much its own partition shares with `labels` (Yang et al. 2023 weigh
    modalities so).

    Columns: modality, used patients, `nmi` (0 … 1, above 0 by chance in few patients), `nmi_lo` and
    `nmi_hi` (2.5 to 97.5 percentiles over the subsamples, in each of which both partitions are made
    anew), `ami` (adjusted: 0 by chance).
    """
    rows = []
    for name, mine in own.items():
        pairs = [
            (whole.get(clusters), part.get(clusters))
            for (_, whole), (_, part) in zip(fused, alone[name], strict=True)
        ]
        again = [shared(a, b)[0] for a, b in pairs if a is not None and b is not None]
        low, high = np.quantile(again, [0.025, 0.975]) if again else (np.nan, np.nan)
        nmi, ami, both = shared(labels, mine)
        rows.append(
            {
                "modality": name,
                "patients": both,
                "nmi": nmi,
                "nmi_lo": low,
                "nmi_hi": high,
                "ami": ami,
            }
        )
    return pd.DataFrame(rows, columns=_COLUMNS)


def shared(a: Labels, b: Labels) -> tuple[float, float, int]:
    """Normalised and adjusted mutual information of two partitions on the patients that have a
    cluster in both."""
    both = (a >= 0) & (b >= 0)
    if both.sum() < 2:
        return float("nan"), float("nan"), int(both.sum())
    nmi, ami = (
        normalized_mutual_info_score(a[both], b[both]),
        adjusted_mutual_info_score(a[both], b[both]),
    )
    return float(nmi), float(ami), int(both.sum())


def separations(labels: Labels, outcomes: Mapping[str, Outcome]) -> dict[str, Separation]:
    """Survival by cluster for every survival outcome, its p-values corrected over those outcomes
    (Holm 1979)."""
    known = {
        name: o
        for name, o in outcomes.items()
        if o.task.has_times and ((labels >= 0) & o.known).any()
    }
    tests = {name: log_rank(*_followed(labels, outcome)) for name, outcome in known.items()}
    corrected = dict(zip(tests, holm([t.p for t in tests.values()]), strict=True))
    return {
        name: _separation(name, *_followed(labels, o), tests[name], corrected[name])
        for name, o in known.items()
    }


def _followed(labels: Labels, outcome: Outcome) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = (labels >= 0) & outcome.known
    return (
        outcome.values[rows].astype(float),
        np.asarray(outcome.event)[rows].astype(bool),
        labels[rows],
    )


def _separation(name: str, time, event, group, test: LogRank, p_holm: float) -> Separation:
    curves, rows = [], []
    for i, cluster in enumerate(np.unique(group)):
        own = group == cluster
        curve = kaplan_meier(time[own], event[own])
        median, low, high = median_survival(curve)
        rows.append({
            "cluster": int(cluster), "patients": int(own.sum()), "events": int(event[own].sum()),
            "expected": test.expected[i], "median": median, "median_lo": low, "median_hi": high,
        })  # fmt: skip
        curve.insert(0, "cluster", int(cluster))
        curves.append(curve)
    return Separation(name, test, p_holm, pd.DataFrame(rows), pd.concat(curves, ignore_index=True))


def associations(
    labels: Labels, outcomes: Mapping[str, Outcome], modalities: tuple[str, ...]
) -> dict[str, Association]:
    """Clusters beside every class outcome, on the patients who have both."""
    found = {}
    for name, outcome in outcomes.items():
        rows = (labels >= 0) & outcome.known
        if outcome.task.has_classes and rows.any():
            counts = np.zeros((labels.max() + 1, len(outcome.classes)), int)
            np.add.at(counts, (labels[rows], outcome.values[rows].astype(int)), 1)
            table = pd.DataFrame(counts, columns=list(outcome.classes)).rename_axis("cluster")
            ari = float(adjusted_rand_score(labels[rows], outcome.values[rows]))
            parents = tuple(m for m in outcome.derived_from if m in modalities)
            found[name] = Association(
                name, table, shared(labels[rows], outcome.values[rows])[0], ari, parents
            )
    return found


def holm(p: list[float]) -> list[float]:
    """Step-down corrected p-values in the order given; NaN stays and does not count."""
    values = np.asarray(p, float)
    order = [i for i in np.argsort(values, kind="stable") if np.isfinite(values[i])]
    corrected, most = values.copy(), 0.0
    for step, i in enumerate(order):
        most = max(most, min(1.0, values[i] * (len(order) - step)))
        corrected[i] = most
    return corrected.tolist()
