"""Subtype discovery: clusters of patients on one patient layer, their number and their stability.

No outcome is read before the clusters are final: columns are imputed and scaled without labels,
`[select] top` keeps the columns of greatest variance, and outcomes are compared with the finished
partition only.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError, few, nearest
from graphfuse.schema import Recipe
from graphfuse.schema.check_arguments import Seed, checked
from graphfuse.subtypes import associations, clustering, stability
from graphfuse.subtypes.number_choice import Choice, choose
from graphfuse.subtypes.outcome_differences import differences
from graphfuse.subtypes.patient_stability import membership
from graphfuse.subtypes.resampled_layer import LEAST, Build, Layered, Tables, layered, tables_of
from graphfuse.subtypes.result import Subtypes, provenance
from graphfuse.subtypes.stability import Resampled

log = logging.getLogger(__name__)

MOST = 8  # the greatest number of clusters tried, unless more are asked for
NOT_ASSOCIATED = {  # fields of the result where there is one cluster
    "contribution": associations.NO_CONTRIBUTION,
    "survival": {},
    "association": {},
    "differences": {},
}


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
    """Clusters patients on one patient layer, without labels, and measures how stable they are.

    Parameters
    ----------
    cohort : Cohort
        The patients; their outcomes are compared with the clusters afterwards.
    recipe : Recipe, optional
        Its steps, its `[select] top` and its patient layers are used; default: the defaults.
    layer : str
        A modality, "snf" (all modalities fused), "shared", or a layer that the recipe names.
    method : str
        "spectral", or "leiden", which needs `graphfuse[cluster]`.
    clusters : int, optional
        Number of clusters, at least 2. By default the most stable number, or 1 where no number is
        stable.
    resolution : float, optional
        Of "leiden", above 0, in place of `clusters`.
    resamples : int
        How many subsamples of 80 % of the patients, at least 2.
    nulls : int
        How many data sets without clusters the stability is compared with. With 0 only its size
        counts, and smooth data will look clustered.
    seed : int
        Of all random numbers.

    Returns
    -------
    Subtypes

    Raises
    ------
    InputError
        For an unknown layer or method, too few patients, and a number of clusters that the method
        does not give.

    Examples
    --------
    >>> from graphfuse.data.synth import planted
    >>> cohort = planted(60, {"rna": 40}, effect=3.0).cohort
    >>> result = subtypes(cohort, layer="rna", clusters=2, resamples=5, nulls=0)
    >>> result.frame().shape
    (60, 3)
    """
    recipe = recipe or Recipe(name="default")
    request = _Request(layer, method, clusters, resolution, resamples, nulls, seed)
    request.check()
    tables = tables_of(cohort, recipe)
    where = layered(cohort, recipe, layer, tables, seed)
    tried = _try(where, request)
    table, choice = _choose(where, tried, request)
    log.info("%s, layer %r, %s: %s", cohort.name, layer, method, choice.why)
    labels = tried.labels(choice.clusters)
    confidence, jaccard = membership(labels, tried.resampled, choice.clusters)
    if choice.clusters > 1:
        associated = _associated(cohort, recipe, tables, where, tried, labels, request)
    else:
        confidence = np.full(len(labels), np.nan)
        associated = NOT_ASSOCIATED
    clusters_table = _clusters_table(tried.graph, labels, jaccard)
    about = provenance(cohort, recipe, asdict(request))
    return Subtypes(
        cohort=cohort.name,
        patients=cohort.patients,
        modalities=where.of,
        labels=_of_all_patients(len(cohort), where.rows, labels, -1),
        confidence=_of_all_patients(len(cohort), where.rows, confidence, np.nan),
        table=table,
        choice=choice,
        clusters=clusters_table,
        about=about,
        **associated,
    )


@dataclass(frozen=True)
class _Request:
    """The parameters of `subtypes`, by the same names."""

    layer: str
    method: str
    clusters: int | None
    resolution: float | None
    resamples: int
    nulls: int
    seed: int

    def check(self) -> None:
        """Raises `InputError` for parameters that are impossible for any cohort."""
        if self.method not in clustering.METHODS:
            cure = nearest(self.method, clustering.METHODS)
            raise InputError(f"method {self.method!r} is not known{cure}")
        if self.clusters is not None and self.clusters < 2:
            raise InputError(f"clusters = {self.clusters}: at least 2 are needed")
        if self.resolution is not None:
            takes_resolution = self.method == "leiden" and self.clusters is None
            if not takes_resolution or not self.resolution > 0:
                raise InputError(
                    "resolution is a number above 0 for method = 'leiden', in place of clusters"
                )
        if self.resamples < 2 or self.nulls < 0:
            raise InputError(
                f"resamples = {self.resamples}, nulls = {self.nulls}: at least 2 and 0 are needed"
            )


@dataclass(frozen=True, eq=False)
class _Tried:
    """The clusterings of a layer into every number of clusters.

    `full`: number of clusters → labels `[n]`; `resampled`: the same on subsamples.
    """

    graph: csr_matrix
    settings: clustering.Settings
    full: dict[int, np.ndarray]
    resampled: Resampled

    def labels(self, clusters: int) -> np.ndarray:
        """Labels for a number of clusters; 1 is always possible."""
        one_cluster = np.where(self.graph.getnnz(1) > 0, 0, -1)
        return self.full.get(clusters, one_cluster)


def _try(where: Layered, request: _Request) -> _Tried:
    """The layer clustered into every number of clusters, as a whole and on subsamples."""
    method, clusters, seed = request.method, request.clusters, request.seed
    build = where.builder()
    graph = _whole_graph(where, build, clusters)
    most = max(min(MOST, len(where.rows) // 10), clusters or 2)
    counts = range(2, most + 1)
    settings = clustering.settings_for(method, graph, counts, seed, request.resolution)
    full = clustering.partitions(method, graph, settings, seed)
    if clusters is not None and clusters not in full:
        raise InputError(
            f"clusters = {clusters}: {method} finds no such partition of layer {where.name!r}, "
            f"but {sorted(full) or 'one cluster'}"
        )
    settings = {k: settings[k] for k in full}
    resampled = stability.resample(
        where.tables, build, method, settings, request.resamples, [seed, 3]
    )
    return _Tried(graph, settings, full, resampled)


def _whole_graph(where: Layered, build: Build, clusters: int | None) -> csr_matrix:
    """The graph of all patients; raises `InputError` where it cannot have so many clusters."""
    patients = len(where.rows)
    if clusters is not None and clusters >= patients:
        raise InputError(
            f"clusters = {clusters}: layer {where.name!r} has {few(patients)} patients; ask for "
            "fewer clusters"
        )
    graph = build(where.tables)
    if not graph.nnz:
        raise InputError(
            f"layer {where.name!r} has no edges (control = {where.control!r}); clusters need some"
        )
    return graph


def _choose(where: Layered, tried: _Tried, request: _Request) -> tuple[pd.DataFrame, Choice]:
    """The table of candidates and the choice among them."""
    counts = list(tried.full)
    # Fewer subsamples make the null stability noisier and its spread wider: the choice errs on the
    # safe side.
    resamples = max(2, request.resamples // 20)
    draws = map(where.null, range(request.nulls))
    null = stability.null_quality(draws, request.method, counts, resamples, request.seed)
    agreement = tried.resampled.agreement(tried.full)
    cohesions = stability.mean_cohesion(tried.graph, tried.full)
    by_eigengap, gaps = clustering.eigengap(tried.graph, max([MOST, *counts]))
    table = stability.candidates(tried.full, tried.settings, gaps, agreement, cohesions, null)
    observed = stability.Quality.of([(agreement.mean(), cohesions)], counts)
    p = stability.structure_p(observed, null)
    given = request.clusters if request.resolution is None else counts[0]
    return table, choose(table, p, request.nulls, by_eigengap, given)


def _associated(
    cohort: Cohort,
    recipe: Recipe,
    tables: Tables,
    where: Layered,
    tried: _Tried,
    labels: np.ndarray,
    request: _Request,
) -> dict:
    """How a partition is associated with modalities and outcomes: fields of `Subtypes`."""
    whole = _of_all_patients(len(cohort), where.rows, labels, -1)
    outcomes = cohort.outcomes
    return {
        "contribution": _contribution(cohort, recipe, tables, where, tried, labels, request),
        "survival": associations.separations(whole, outcomes),
        "association": associations.associations(whole, outcomes, where.of),
        "differences": differences(whole, outcomes, where.of),
    }


def _contribution(
    cohort: Cohort,
    recipe: Recipe,
    tables: Tables,
    where: Layered,
    tried: _Tried,
    labels: np.ndarray,
    request: _Request,
) -> pd.DataFrame:
    """How much each modality's own clusters share with the layer's.

    It is measured on all patients and on the same subsamples.
    """
    method, seed = request.method, request.seed
    clusters = int(labels.max()) + 1
    subsamples = tried.resampled.rows
    own, alone = {}, {}
    for modality in where.of:
        if tables.present[modality].sum() < LEAST:
            continue
        layer = layered(cohort, recipe, modality, tables, seed, where.rows)
        build = layer.builder()
        graph = build(layer.tables)
        settings = clustering.settings_for(method, graph, [clusters], seed)
        full = clustering.partitions(method, graph, settings, seed)
        own[modality] = full.get(clusters, np.full(len(labels), -1))
        parts = []
        for rows in subsamples:
            graph = build(layer.tables.take(rows))
            parts.append(clustering.partitions(method, graph, settings, seed))
        alone[modality] = Resampled(subsamples, parts)
    return associations.contribution(labels, own, tried.resampled, alone, clusters)


def _clusters_table(graph: csr_matrix, labels: np.ndarray, jaccard: pd.DataFrame) -> pd.DataFrame:
    """One row per cluster: its patients, its Jaccard index over subsamples, and its cohesion."""
    cohesion = clustering.cohesion(graph, labels)
    rows = []
    for cluster in range(int(labels.max()) + 1):
        own = labels == cluster
        low, high = jaccard[cluster].quantile([0.025, 0.975])
        rows.append({
            "cluster": cluster,
            "patients": int(own.sum()),
            "jaccard": jaccard[cluster].mean(), "jaccard_lo": low, "jaccard_hi": high,
            "cohesion": float(cohesion[own].mean()),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _of_all_patients(count: int, rows: np.ndarray, values: np.ndarray, absent) -> np.ndarray:
    """Values `[n]` of the patients at `rows`, as `[N]` with `absent` for all others."""
    whole = np.full(count, absent, dtype=values.dtype)
    whole[rows] = values
    return whole
