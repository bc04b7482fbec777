"""Subtype discovery: clusters of patients on one patient layer, how many, how steady, and what they
mean.

No outcome is read before the clusters stand: columns are imputed and scaled without labels,
`[select] top` keeps the columns of greatest variance, and outcomes are only held against the
finished partition.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError, few, nearest
from graphfuse.schema import Recipe
from graphfuse.schema.arguments import Seed, checked
from graphfuse.subtypes import associations, stability
from graphfuse.subtypes import clustering as clustering
from graphfuse.subtypes.ordered_differences import differences
from graphfuse.subtypes.resampled_layer import LEAST, Layered, Tables, layered, tables_of
from graphfuse.subtypes.result import Subtypes, provenance
from graphfuse.subtypes.stability import Choice, Resampled

log = logging.getLogger(__name__)

MOST = 8  # clusters tried, unless more are asked for


@checked
def subtypes(
    cohort: Cohort,
    recipe: Recipe | None = None,
    *,
    layer: str = "snf",
    method: str = "spectral",
    clusters: int | None = None,
    resolution: float | None = None,
    resamples: int = 50,
    nulls: int = 20,
    seed: Seed = 0,
) -> Subtypes:
    """Clusters of the patients of `cohort` on one patient layer of `recipe`: a modality, `"snf"`
    (all fused), `"shared"`, or a layer that the recipe names.

    `method`: `"spectral"`, or `"leiden"` (`graphfuse[cluster]`), whose `resolution` may be given.
    `clusters`: their number; by default the one that stands out by stability, and 1 where none
    does. `resamples`: subsamples of 80 % of the patients; `nulls`: data sets without clusters
    against which all is held (0: none; then only the size of stability counts, and smooth data will
    look clustered). Raises `InputError` for an unknown layer or method, too few patients, and a
    number of clusters that cannot be had.
    """
    recipe = recipe or Recipe(name="default")
    asked = {"layer": layer, "method": method, "clusters": clusters, "resolution": resolution}
    asked |= {"resamples": resamples, "nulls": nulls, "seed": seed}
    _check(asked)
    tables = tables_of(cohort, recipe)
    where = layered(cohort, recipe, layer, tables, seed)
    tried = _try(where, asked)
    table, choice = _weigh(where, tried, asked)
    log.info("%s, layer %r, %s: %s", cohort.name, layer, method, choice.why)
    labels, again = tried.labels(choice.clusters), tried.again
    confidence, jaccard = stability.membership(labels, again, choice.clusters)
    several = choice.clusters > 1
    whole = _everyone(len(cohort), where.rows, labels, -1)
    return Subtypes(
        cohort=cohort.name,
        patients=cohort.patients,
        modalities=where.of,
        labels=whole,
        confidence=_everyone(len(cohort), where.rows, confidence, np.nan)
        if several
        else np.full(len(cohort), np.nan),
        table=table,
        choice=choice,
        clusters=_clusters(tried.graph, labels, jaccard),
        contribution=_contribution(cohort, recipe, tables, where, tried, labels, asked)
        if several
        else associations.NOTHING,
        survival=associations.separations(whole, cohort.outcomes) if several else {},
        association=associations.associations(whole, cohort.outcomes, where.of) if several else {},
        about=provenance(cohort, recipe, asked),
        differences=differences(whole, cohort.outcomes, where.of) if several else {},
    )


@dataclass(frozen=True, eq=False)
class _Tried:
    """Every number of clusters on the whole layer and on its subsamples."""

    graph: csr_matrix
    settings: clustering.Settings
    full: dict[int, np.ndarray]
    again: Resampled

    def labels(self, clusters: int) -> np.ndarray:
        """Labels for a number of clusters; 1 is always to be had."""
        one = np.where(self.graph.getnnz(1) > 0, 0, -1)
        return self.full.get(clusters, one)


def _try(where: Layered, asked: dict) -> _Tried:
    method, clusters, seed = asked["method"], asked["clusters"], asked["seed"]
    linked, name = len(where.rows), where.name
    if clusters is not None and clusters >= linked:
        raise InputError(
            f"clusters = {clusters}: layer {name!r} has {few(linked)} patients; ask for "
            "fewer clusters"
        )
    graph = where.builder()(where.tables)
    if not graph.nnz:
        raise InputError(
            f"layer {name!r} has no edges (control = {where.control!r}); clusters need some"
        )
    counts = range(2, max(min(MOST, linked // 10), clusters or 2) + 1)
    settings = clustering.settle(method, graph, counts, seed, asked["resolution"])
    full = clustering.partitions(method, graph, settings, seed)
    if clusters is not None and clusters not in full:
        raise InputError(
            f"clusters = {clusters}: {method} finds no such partition of layer {name!r}, "
            f"but {sorted(full) or 'one cluster'}"
        )
    settings = {k: settings[k] for k in full}
    again = stability.resample(
        where.tables, where.builder(), method, settings, asked["resamples"], [seed, 3]
    )
    return _Tried(graph, settings, full, again)


def _weigh(where: Layered, tried: _Tried, asked: dict) -> tuple[pd.DataFrame, Choice]:
    """The table of candidates and the choice among them."""
    nulls, seed, counts = asked["nulls"], asked["seed"], list(tried.full)
    few = max(
        2, asked["resamples"] // 20
    )  # a noisier chance is a wider one: this errs on the safe side
    null = stability.without_clusters(
        map(where.null, range(nulls)), asked["method"], counts, few, seed
    )
    agreement, held = (
        tried.again.agreement(tried.full),
        stability.held_together(tried.graph, tried.full),
    )
    by_eigengap, gaps = clustering.eigengap(tried.graph, max([MOST, *counts]))
    table = stability.candidates(tried.full, tried.settings, gaps, agreement, held, null)
    p = stability.structure_p(stability.Weighed.of([(agreement.mean(), held)], counts), null)
    given = asked["clusters"] if asked["resolution"] is None else counts[0]
    return table, stability.choose(table, p, nulls, by_eigengap, given)


def _contribution(
    cohort: Cohort, recipe: Recipe, tables: Tables, where: Layered, tried: _Tried, labels, asked
) -> pd.DataFrame:
    """How much each modality's own clusters share with the layer's, on all patients and on the same
    subsamples."""
    method, seed, clusters = asked["method"], asked["seed"], int(labels.max()) + 1
    own, alone = {}, {}
    for m in [m for m in where.of if tables.present[m].sum() >= LEAST]:
        mine = layered(cohort, recipe, m, tables, seed, where.rows)
        build, graph = mine.builder(), mine.builder()(mine.tables)
        settings = clustering.settle(method, graph, [clusters], seed)
        own[m] = clustering.partitions(method, graph, settings, seed).get(
            clusters, np.full(len(labels), -1)
        )
        parts = [
            clustering.partitions(method, build(mine.tables.take(rows)), settings, seed)
            for rows in tried.again.rows
        ]
        alone[m] = Resampled(tried.again.rows, parts)
    return associations.contribution(labels, own, tried.again, alone, clusters)


def _clusters(graph: csr_matrix, labels: np.ndarray, jaccard: pd.DataFrame) -> pd.DataFrame:
    """One row per cluster: its patients, its Jaccard index over subsamples with its spread, and its
    cohesion."""
    held = clustering.cohesion(graph, labels)
    rows = []
    for c in range(int(labels.max()) + 1):
        low, high = jaccard[c].quantile([0.025, 0.975])
        own = labels == c
        spread = {"jaccard": jaccard[c].mean(), "jaccard_lo": low, "jaccard_hi": high}
        rows.append(
            {
                "cluster": c,
                "patients": int(own.sum()),
                **spread,
                "cohesion": float(held[own].mean()),
            }
        )
    return pd.DataFrame(rows)


def _everyone(count: int, rows: np.ndarray, values: np.ndarray, absent) -> np.ndarray:
    whole = np.full(count, absent, dtype=values.dtype)
    whole[rows] = values
    return whole


def _check(asked: dict) -> None:
    method, clusters, resolution = asked["method"], asked["clusters"], asked["resolution"]
    if method not in clustering.METHODS:
        raise InputError(f"method {method!r} is not known{nearest(method, clustering.METHODS)}")
    if clusters is not None and clusters < 2:
        raise InputError(f"clusters = {clusters}: at least 2 are needed")
    if resolution is not None and (
        method != "leiden" or clusters is not None or not resolution > 0
    ):
        raise InputError(
            "resolution is a number above 0 for method = 'leiden', in place of clusters"
        )
    if asked["resamples"] < 2 or asked["nulls"] < 0:
        raise InputError(
            f"resamples = {asked['resamples']}, nulls = {asked['nulls']}: at least 2 and 0 "
            "are needed"
        )
