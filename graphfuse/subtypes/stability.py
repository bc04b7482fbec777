"""Stability of a clustering of patients under subsampling, against data without clusters.

A partition of subsampled patients is compared with that of all patients on those they share. Smooth
data without clusters can be cut reproducibly too, along their longest axis: stability alone would
report subtypes in any cohort with a strong gradient. Stability and cohesion are therefore compared
with those of data drawn from one Gaussian of the same covariance, within and between modalities (as
in John et al. 2020, doi:10.1038/s41598-020-58766-1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.metrics import adjusted_rand_score

from graphfuse.subtypes.clustering import Settings, cohesion, partitions, settings_for
from graphfuse.subtypes.resampled_layer import Build, Tables

SHARE = 0.8  # of the patients in a subsample
SMALLEST = 3, 0.02  # patients, and share of all, in the smallest cluster of a stable partition
FLOOR = 0.6  # least mean adjusted Rand index of a stable partition, whatever the null data give
CANDIDATES = (
    "clusters", "setting", "smallest", "eigengap", "stability", "stability_lo", "stability_hi",
    "null_stability",
    "null_stability_hi", "corrected", "cohesion", "null_cohesion", "null_cohesion_hi",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Resampled:
    """Clusterings of subsamples of the patients.

    Attributes
    ----------
    rows : list of np.ndarray
        For each subsample, the positions `[n]` of its patients.
    labels : list of dict
        For each subsample, number of clusters → labels `[n]`.
    """

    rows: list[np.ndarray]
    labels: list[dict[int, np.ndarray]]

    def agreement(self, full: Mapping[int, np.ndarray]) -> pd.DataFrame:
        """Adjusted Rand index between each subsample's clustering and that of all patients.

        Parameters
        ----------
        full : mapping of int to np.ndarray
            Number of clusters → labels of all patients `[N]`.

        Returns
        -------
        pd.DataFrame
            Subsamples × numbers of clusters.
        """
        index = {
            k: [_rand_index(labels[rows], part.get(k)) for rows, part in self]
            for k, labels in full.items()
        }
        return pd.DataFrame(index, columns=list(full), dtype=float)

    def __iter__(self):
        return zip(self.rows, self.labels, strict=True)


def resample(
    tables: Tables, build: Build, method: str, settings: Settings, count: int, seed: list[int]
) -> Resampled:
    """Clusterings of `count` subsamples of the patients, each on a layer fitted anew."""
    patients = len(tables.patients)
    size = round(SHARE * patients)
    rows, labels = [], []
    for number in range(count):
        rng = np.random.default_rng([*seed, number])
        drawn = np.sort(rng.choice(patients, size, replace=False))
        graph = build(tables.take(drawn))
        rows.append(drawn)
        labels.append(partitions(method, graph, settings, seed[0]))
    return Resampled(rows, labels)


@dataclass(frozen=True, eq=False)
class Quality:
    """Quality of the clusterings of several data sets.

    Both tables are data sets × numbers of clusters; a value is missing where the method does not
    give that number of clusters on that data set.

    Attributes
    ----------
    stability : pd.DataFrame
        Mean adjusted Rand index over the subsamples.
    cohesion : pd.DataFrame
        Mean cohesion over the patients.
    """

    stability: pd.DataFrame
    cohesion: pd.DataFrame

    @classmethod
    def of(cls, rows: list[tuple[pd.Series, dict[int, float]]], counts: list[int]) -> Quality:
        """The quality of data sets, from the mean stability and the cohesion of each."""
        stability = [stable for stable, _ in rows]
        cohesion = [cohesive for _, cohesive in rows]
        return cls(
            pd.DataFrame(stability, columns=counts, dtype=float),
            pd.DataFrame(cohesion, columns=counts, dtype=float),
        )


def mean_cohesion(graph: csr_matrix, full: Mapping[int, np.ndarray]) -> dict[int, float]:
    """Number of clusters → mean cohesion of that partition."""
    by_patient = {k: cohesion(graph, labels) for k, labels in full.items()}
    return {k: float(np.nanmean(values)) for k, values in by_patient.items()}


def null_quality(
    draws: Iterable[tuple[Tables, Build]], method: str, counts: list[int], resamples: int, seed: int
) -> Quality:
    """Quality of the same method's clusterings of data sets without clusters."""
    rows = []
    for draw, (tables, build) in enumerate(draws):
        graph = build(tables)
        settings = settings_for(method, graph, counts, seed)
        full = partitions(method, graph, settings, seed)
        resampled = resample(tables, build, method, settings, resamples, [seed, 2, draw])
        agreement = resampled.agreement(full)
        rows.append((agreement.mean(), mean_cohesion(graph, full)))
    return Quality.of(rows, counts)


def candidates(
    full: Mapping[int, np.ndarray],
    settings: Settings,
    gaps: np.ndarray,
    agreement: pd.DataFrame,
    cohesions: Mapping[int, float],
    null: Quality,
) -> pd.DataFrame:
    """The table from which the number of clusters is chosen.

    Parameters
    ----------
    full : mapping of int to np.ndarray
        Number of clusters → labels of all patients `[N]`.
    settings : dict
        Number of clusters → what makes the method give it.
    gaps : np.ndarray
        Eigengap after each number of clusters, from 1 on.
    agreement : pd.DataFrame
        As `Resampled.agreement` gives it.
    cohesions : mapping of int to float
        Number of clusters → mean cohesion.
    null : Quality
        That of data sets without clusters.

    Returns
    -------
    pd.DataFrame
        One row per number of clusters, with the columns `CANDIDATES` and `stable`: whether that
        number is stable by itself. `_lo` and `_hi` are 2.5 and 97.5 percentiles over subsamples,
        and the 95th percentile of data without clusters.
    """
    rows = []
    for k, labels in full.items():
        row = {"clusters": k, "setting": settings[k], "cohesion": cohesions[k]}
        row["smallest"] = int(np.bincount(labels[labels >= 0]).min())
        row["eigengap"] = float(gaps[k - 1]) if k <= len(gaps) else np.nan
        row |= _stability_columns(agreement[k], null.stability[k].dropna())
        row |= _with_upper("null_cohesion", null.cohesion[k].dropna())
        rows.append(row)
    table = pd.DataFrame(rows, columns=CANDIDATES)
    patients = max((len(labels) for labels in full.values()), default=0)
    return table.assign(stable=_is_stable(table, patients))


def _stability_columns(agreement: pd.Series, null: pd.Series) -> dict[str, float]:
    """Stability with its spread over subsamples, and corrected for data without clusters."""
    stability = agreement.mean()
    low, high = agreement.quantile([0.025, 0.975])
    columns = {"stability": stability, "stability_lo": low, "stability_hi": high}
    columns["corrected"] = corrected(stability, null.mean())
    return columns | _with_upper("null_stability", null)


def _with_upper(name: str, null: pd.Series) -> dict[str, float]:
    """Mean over data sets without clusters, and their 95th percentile."""
    return {name: null.mean(), f"{name}_hi": null.quantile(0.95)}


def _is_stable(table: pd.DataFrame, patients: int) -> pd.Series:
    """Which rows of the table of candidates are stable, the test over all numbers aside."""
    fewest, share = SMALLEST
    is_large = table["smallest"] >= max(fewest, share * patients)
    is_cohesive = ~(table["cohesion"] <= table["null_cohesion_hi"])  # true without null data
    exceeds_null = is_cohesive & (table["corrected"] > 0)
    return (table["stability"] >= FLOOR) & exceeds_null & is_large


def corrected(value: float, chance: float) -> float:
    """A value corrected for chance as Cohen's kappa is, (v − chance) / (1 − chance).

    It is 1 for the greatest possible value and 0 for what data without clusters give.
    """
    chance = chance if np.isfinite(chance) else 0.0
    return (value - chance) / max(1 - chance, 0.05)


def structure_p(observed: Quality, null: Quality) -> float:
    """Monte Carlo p-value of the hypothesis that the data have no clusters.

    The statistic is the greatest corrected cohesion among the numbers of clusters whose stability
    reaches `FLOOR`. Taking the maximum in the null data too corrects for trying many numbers.

    Parameters
    ----------
    observed : Quality
        Of the cohort: one row.
    null : Quality
        Of the data sets without clusters.

    Returns
    -------
    float
        The p-value; NaN where there are no null data sets.
    """
    if null.stability.empty:
        return float("nan")
    stability = pd.concat([observed.stability, null.stability])  # the cohort comes first
    cohesion = pd.concat([observed.cohesion, null.cohesion])
    over_chance = cohesion.apply(_corrected_column)
    best = over_chance.where(stability >= FLOOR).max(axis=1)  # [1 + data sets]
    best = best.fillna(-np.inf).to_numpy()
    at_least = (best[1:] >= best[0]).sum()
    return float((1 + at_least) / len(best))


def _corrected_column(column: pd.Series) -> list[float]:
    chance = column.mean()
    return [corrected(value, chance) for value in column]


def _rand_index(full: np.ndarray, part: np.ndarray | None) -> float:
    """Adjusted Rand index on the patients with a cluster in both; 0 without a partition."""
    if part is None:
        return 0.0
    both = (full >= 0) & (part >= 0)
    if both.sum() < 2:
        return 0.0
    return float(adjusted_rand_score(full[both], part[both]))
