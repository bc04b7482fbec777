"""How far a clustering of patients survives other patients, and whether data without clusters would
look as good.

A partition of subsampled patients is compared with that of all patients on those they share. Smooth
data without clusters can be cut steadily too, along their longest axis: stability alone would call
subtypes in any cohort with a strong gradient. Stability and cohesion are therefore held against
data drawn from one Gaussian cloud of the same covariance, within and between modalities (as in John
et al. 2020, doi:10.1038/s41598-020-58766-1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from sklearn.metrics import adjusted_rand_score

from graphfuse.subtypes.clustering import Settings, cohesion, partitions, settle
from graphfuse.subtypes.resampled_layer import Build, Tables

SHARE = 0.8  # of the patients in a subsample
SMALLEST = 3, 0.02  # patients, and share of all, in the smallest cluster of a stable partition
FLOOR = 0.6  # a mean adjusted Rand index below this is not called stable, whatever chance gives
ALPHA = 0.05
# of stability: a coarser partition that merges steady clusters is as steady, so finer ones are not
# put back
EQUAL = 0.05
CANDIDATES = (
    "clusters", "setting", "smallest", "eigengap", "stability", "stability_lo", "stability_hi",
    "null_stability",
    "null_stability_hi", "corrected", "cohesion", "null_cohesion", "null_cohesion_hi",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Resampled:
    """Clusterings of subsamples: the rows of each one's patients, and their labels for every number
    of clusters."""

    rows: list[np.ndarray]
    labels: list[dict[int, np.ndarray]]

    def agreement(self, full: Mapping[int, np.ndarray]) -> pd.DataFrame:
        """Adjusted Rand index with the clustering of all patients, subsamples × numbers of
        clusters."""
        found = [
            {k: _agree(labels[rows], part.get(k)) for k, labels in full.items()}
            for rows, part in self
        ]
        return pd.DataFrame(found, columns=list(full), dtype=float)

    def __iter__(self):
        return zip(self.rows, self.labels, strict=True)


def resample(
    tables: Tables, build: Build, method: str, settings: Settings, count: int, seed: list[int]
) -> Resampled:
    """Clusterings of `count` subsamples of the patients, layer and clustering made anew on each."""
    rows, labels = [], []
    for b in range(count):
        rng = np.random.default_rng([*seed, b])
        rows.append(
            np.sort(
                rng.choice(len(tables.patients), round(SHARE * len(tables.patients)), replace=False)
            )
        )
        labels.append(partitions(method, build(tables.take(rows[-1])), settings, seed[0]))
    return Resampled(rows, labels)


@dataclass(frozen=True, eq=False)
class Weighed:
    """For data sets (rows) and numbers of clusters (columns): mean `stability` over subsamples, and
    mean `cohesion`; missing where the method does not give that number there."""

    stability: pd.DataFrame
    cohesion: pd.DataFrame

    @classmethod
    def of(cls, rows: list[tuple[pd.Series, dict[int, float]]], counts: list[int]) -> Weighed:
        """From each data set's mean stability and cohesion."""
        return cls(
            *(
                pd.DataFrame(list(part), columns=counts, dtype=float)
                for part in (zip(*rows) if rows else ((), ()))
            )
        )


def held_together(graph: csr_matrix, full: Mapping[int, np.ndarray]) -> dict[int, float]:
    """Number of clusters → mean cohesion of that partition."""
    return {k: float(np.nanmean(cohesion(graph, labels))) for k, labels in full.items()}


def without_clusters(
    draws: Iterable[tuple[Tables, Build]], method: str, counts: list[int], resamples: int, seed: int
) -> Weighed:
    """The same method on data sets without clusters."""
    rows = []
    for d, (tables, build) in enumerate(draws):
        graph = build(tables)
        settings = settle(method, graph, counts, seed)
        full = partitions(method, graph, settings, seed)
        agreement = resample(tables, build, method, settings, resamples, [seed, 2, d]).agreement(
            full
        )
        rows.append((agreement.mean(), held_together(graph, full)))
    return Weighed.of(rows, counts)


def candidates(
    full: Mapping[int, np.ndarray],
    settings: Settings,
    gaps: np.ndarray,
    agreement: pd.DataFrame,
    held: dict,
    null: Weighed,
) -> pd.DataFrame:
    """One row per number of clusters: stability with its spread over subsamples, cohesion (`held`),
    both without clusters (mean, and 95th percentile `_hi`), `corrected` stability, eigengap, and
    whether it is `stable` by itself."""
    rows = []
    for k in full:
        low, high = agreement[k].quantile([0.025, 0.975])
        chance, loose = null.stability[k].dropna(), null.cohesion[k].dropna()
        rows.append({
            "clusters": k,
            "setting": settings[k],
            "smallest": int(np.bincount(full[k][full[k] >= 0]).min()),
            "eigengap": float(gaps[k - 1]) if k <= len(gaps) else np.nan,
            "stability": agreement[k].mean(), "stability_lo": low, "stability_hi": high,
            "null_stability": chance.mean(), "null_stability_hi": chance.quantile(0.95),
            "corrected": corrected(agreement[k].mean(), chance.mean()),
            "cohesion": held[k], "null_cohesion": loose.mean(),
            "null_cohesion_hi": loose.quantile(0.95),
        })  # fmt: skip
    table = pd.DataFrame(rows, columns=CANDIDATES)
    count = max((len(labels) for labels in full.values()), default=0)
    large = table["smallest"] >= max(SMALLEST[0], SMALLEST[1] * count)
    beyond = ~(table["cohesion"] <= table["null_cohesion_hi"]) & (table["corrected"] > 0)
    return table.assign(stable=(table["stability"] >= FLOOR) & beyond & large)


def corrected(value: float, chance: float) -> float:
    """(v − chance) / (1 − chance), as in Cohen's kappa: 1 for the most there can be, 0 for what
    data without clusters give."""
    chance = chance if np.isfinite(chance) else 0.0
    return (value - chance) / max(1 - chance, 0.05)


def structure_p(observed: Weighed, null: Weighed) -> float:
    """How often data without clusters pass for clusters as good, at whatever number suits them
    best: a Monte Carlo test of the greatest corrected cohesion among the numbers whose stability
    reaches `FLOOR`, so that trying many numbers is paid for.

    `observed` has one row. NaN without nulls.
    """
    if null.stability.empty:
        return float("nan")
    steady, held = (
        pd.concat([getattr(o, part) for o in (observed, null)])
        for part in ("stability", "cohesion")
    )
    over = held.apply(lambda column: [corrected(value, column.mean()) for value in column])
    best = over.where(steady >= FLOOR).max(axis=1).fillna(-np.inf).to_numpy()
    return float((1 + (best[1:] >= best[0]).sum()) / len(best))


@dataclass(frozen=True)
class Choice:
    """The number of clusters and why: `by_stability` is `None` where no number is stable,
    `by_eigengap` may be 1; `p`: see `structure_p`; `stable`: whether the chosen number is; `given`:
    whether it was asked for."""

    clusters: int
    by_stability: int | None
    by_eigengap: int
    stable: bool
    given: bool
    p: float
    why: str


RULE = (
    "a number of clusters is stable where its mean adjusted Rand index over subsamples is "
    f"at least {FLOOR} and above the "
    "mean of the data sets without clusters, its clusters hold together (cohesion) more "
    "than in 95 % of these, none holds "
    f"less than {SMALLEST[0]} patients or {SMALLEST[1]:.0%} of them, and the test over all "
    f"numbers gives p <= {ALPHA} (or the "
    "least that so many data sets can give). Of the stable ones the greatest stability "
    "corrected for data without clusters "
    f"is taken, of those within {EQUAL} of it the greatest number"
)


def choose(
    table: pd.DataFrame, p: float, nulls: int, by_eigengap: int, given: int | None
) -> Choice:
    """The number of clusters by `RULE`, 1 where none is stable, or the one `given`; `table`: as
    `candidates` gives it."""
    beyond = not p > max(ALPHA, 1 / (1 + nulls))
    stable = table[table["stable"]] if beyond else table[:0]
    equals = stable["corrected"] >= stable["corrected"].max() - EQUAL
    best = int(stable.loc[equals, "clusters"].max()) if len(stable) else None
    chosen = given or best or 1
    steady = chosen in set(stable["clusters"])
    return Choice(
        chosen,
        best,
        by_eigengap,
        steady,
        given is not None,
        p,
        _why(chosen, best, by_eigengap, steady, given),
    )


def _why(chosen: int, best: int | None, by_eigengap: int, steady: bool, given: int | None) -> str:
    gap = f"the eigengap says {by_eigengap}"
    if given is not None:
        found = "no number of clusters is stable" if best is None else f"stability says {best}"
        return (
            f"{given} clusters were asked for, which {'are' if steady else 'are not'} stable; "
            f"{found}, {gap}"
        )
    if best is None:
        return (
            "no stable subtypes: no number of clusters is steadier than data without clusters; "
            f"{gap}"
        )
    return f"{chosen} clusters by stability; {gap}" + (
        "" if best == by_eigengap else ": the two disagree"
    )


def membership(
    labels: np.ndarray, resampled: Resampled, clusters: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """Of one partition of all patients: the share of subsamples with a patient in which it stays
    with its cluster `[N]` (NaN without a cluster), and every cluster's Jaccard index with its match
    in each subsample (Hennig 2007, doi:10.1016/j.csda.2006.11.025), subsamples × clusters. Matches
    are one to one, of greatest overlap."""
    stays, seen, jaccard = np.zeros(len(labels)), np.zeros(len(labels)), []
    for rows, part in resampled:
        whole, again = labels[rows], part.get(clusters)
        again = np.full(len(rows), -1) if again is None else again
        table = np.zeros((clusters, max(clusters, again.max(initial=-1) + 1)))
        both = (whole >= 0) & (again >= 0)
        np.add.at(table, (whole[both], again[both]), 1)
        mine, match = linear_sum_assignment(-table)
        seen[rows] += whole >= 0
        stays[rows] += (again == match[np.maximum(whole, 0)]) & both
        union = np.bincount(whole[whole >= 0], minlength=clusters) + np.array(
            [(again == m).sum() for m in match]
        )
        jaccard.append(table[mine, match] / np.maximum(union - table[mine, match], 1))
    with np.errstate(invalid="ignore"):
        return np.where(seen > 0, stays / np.maximum(seen, 1), np.nan), pd.DataFrame(
            jaccard, columns=range(clusters)
        )


def _agree(full: np.ndarray, part: np.ndarray | None) -> float:
    if part is None:
        return 0.0
    both = (full >= 0) & (part >= 0)
    return float(adjusted_rand_score(full[both], part[both])) if both.sum() > 1 else 0.0
