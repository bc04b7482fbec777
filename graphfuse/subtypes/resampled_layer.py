"""A patient layer that can be made anew on any of its patients: for resampling, and for data
without clusters.

Columns are imputed and scaled once, on all patients and without labels; what depends on neighbours
(components, scales, lists, fusion) is fitted anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.errors import InputError, few, nearest
from graphfuse.graph.layers.factory import Spec, fit_layer, layer_specs
from graphfuse.learn.recipe_steps import steps_of, unlabelled_steps
from graphfuse.schema import PatientSection, Recipe
from graphfuse.subtypes.clustering import symmetric
from graphfuse.task.outcome import Learned

CELLS = 4_000_000  # random numbers held at once
LEAST = 8  # patients in a layer, and in each of its modalities
FUSED = ("snf", "shared")


@dataclass(frozen=True, eq=False)
class Tables:
    """What a layer is fitted on: modality → standardised columns `[N, F]`, modality → who has it
    `[N]`, and the patients."""

    values: dict[str, np.ndarray]
    present: dict[str, np.ndarray]
    patients: pd.Index

    def take(self, rows: np.ndarray) -> Tables:
        """The same for the patients at `rows`."""
        values = {m: v[rows] for m, v in self.values.items()}
        return Tables(values, {m: p[rows] for m, p in self.present.items()}, self.patients[rows])

    def only(self, modalities: tuple[str, ...]) -> Tables:
        """The tables of some modalities."""
        return replace(
            self,
            values={m: self.values[m] for m in modalities},
            present={m: self.present[m] for m in modalities},
        )

    def cloud(self, rng: np.random.Generator) -> Tables:
        """Patients drawn from one Gaussian with the covariance of these, across modalities too; the
        same patients lack the same modalities. Each is a random combination of all patients, the
        same one in every modality."""
        drawn = {m: np.zeros_like(v) for m, v in self.values.items()}
        centred = {
            m: v[self.present[m]] - v[self.present[m]].mean(0) for m, v in self.values.items()
        }
        count = len(self.patients)
        step = max(1, CELLS // count)
        for start in range(0, count, step):
            block = slice(start, min(start + step, count))
            mix = rng.standard_normal((block.stop - start, count))
            for m, has in self.present.items():
                drawn[m][block][has[block]] = (
                    mix[np.ix_(has[block], has)] @ centred[m] / np.sqrt(max(has.sum(), 1))
                )
        return Tables(drawn, self.present, self.patients)


Build = Callable[[Tables], csr_matrix]  # fits the layer on these patients and gives their graph


@dataclass(frozen=True, eq=False)
class Layered:
    """One layer of a recipe over the patients `rows` of a cohort that have any of its modalities
    `of`.

    A layer of one's own edges is not fitted: its graph among some patients is what it is among all.
    """

    name: str
    of: tuple[str, ...]
    spec: Spec
    control: str
    rows: np.ndarray
    tables: Tables
    seed: int

    def builder(self) -> Build:
        """Makes the graph of any of these patients."""
        return (
            self._induced(self.control, self.seed)
            if self.spec.edges
            else self._fit(self.control, self.seed)
        )

    def null(self, draw: int) -> tuple[Tables, Build]:
        """The same patients without clusters: a Gaussian cloud of the same covariance, or, for
        one's own edges, a graph in which everyone keeps the number of neighbours."""
        if self.spec.edges:
            return self.tables, self._induced("rewired", self.seed + 1 + draw)
        return self.tables.cloud(np.random.default_rng([self.seed, 1, draw])), self.builder()

    def _fit(self, control: str, seed: int) -> Build:
        def build(tables: Tables) -> csr_matrix:
            layer = fit_layer(
                self.name, self.spec, tables.values, tables.present, tables.patients, control, seed
            )
            return symmetric(layer.lists())

        return build

    def _induced(self, control: str, seed: int) -> Build:
        whole, patients = self._fit(control, seed)(self.tables), self.tables.patients

        def build(tables: Tables) -> csr_matrix:
            rows = patients.get_indexer(tables.patients)
            return whole[rows][:, rows].tocsr()

        return build


def layered(
    cohort: Cohort,
    recipe: Recipe,
    layer: str,
    tables: Tables,
    seed: int = 0,
    rows: np.ndarray | None = None,
) -> Layered:
    """The layer called `layer`: a modality, `"snf"` or `"shared"` of all, or one that the recipe
    names; over those who have any of its modalities, or the patients `rows`.

    Raises `InputError` for an unknown name and where too few patients have the layer or one of its
    modalities.
    """
    modalities = tuple(cohort.modalities)
    known = dict.fromkeys((*modalities, *FUSED, *recipe.patient.layer))
    if layer not in known:
        raise InputError(
            f"layer {layer!r}: cohort {cohort.name!r} and recipe {recipe.name!r} have "
            f"none{nearest(layer, known)}"
        )
    spec = _spec(recipe.patient, layer, modalities)
    inside = np.any([tables.present[m] for m in spec.of], axis=0) | bool(spec.edges)
    for m in () if spec.edges else spec.of:
        if tables.present[m].sum() < LEAST:
            raise InputError(
                f"modality {m!r}: {few(tables.present[m].sum())} patients have it; clusters "
                f"need at least {LEAST}"
            )
    if inside.sum() < LEAST:
        raise InputError(
            f"layer {layer!r}: {inside.sum()} patients are in it; clusters need at least {LEAST}"
        )
    rows = np.flatnonzero(inside) if rows is None else rows
    chosen = tables.only(spec.of).take(rows)
    if spec.similarity in ("cosine", "euclidean"):
        chosen = replace(chosen, values=turned(chosen.values))
    return Layered(layer, spec.of, spec, recipe.patient.control, rows, chosen, seed)


def _spec(section: PatientSection, layer: str, modalities: tuple[str, ...]) -> Spec:
    named = {name: table for name, table in section.layer.items() if name == layer}
    return layer_specs(section.model_copy(update={"layers": [layer], "layer": named}), modalities)[
        layer
    ]


def tables_of(cohort: Cohort, recipe: Recipe) -> Tables:
    """Standardised columns of every modality, fitted on all patients without labels; with `[select]
    top`, the columns of greatest variance as measured (EHR columns, whose units differ, all
    stay)."""
    nothing = Learned.nothing(len(cohort))
    steps_of(recipe, cohort)  # refuses, before anything is fitted, what cannot be
    values, present = {}, {}
    for name, modality in cohort.modalities.items():
        modality = _widest(modality, recipe.select.top)
        steps = unlabelled_steps(recipe, modality)
        pipeline = Pipeline.fit(modality, nothing, steps, cohort.groups)
        values[name], present[name] = pipeline.apply(modality), pipeline.present(modality)
    return Tables(values, present, cohort.patients)


def _widest(modality: Modality, top: int | None) -> Modality:
    if top is None or modality.kind == "ehr" or top >= modality.table.shape[1]:
        return modality
    variance = modality.table.var(ddof=0).fillna(-1.0).to_numpy()
    order = np.lexsort((np.asarray(modality.columns, dtype=str), -variance))
    keep = np.sort(order[:top])
    return replace(
        modality,
        table=modality.table.iloc[:, keep],
        symbols=tuple(modality.symbols[i] for i in keep),
    )


def turned(tables: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tables with more columns than rows on axes of their own, as many as rows: all inner products
    stay, the work shrinks."""
    found = {}
    for name, values in tables.items():
        found[name] = values
        if values.shape[1] > 1.5 * values.shape[0]:
            power, axes = np.linalg.eigh(values @ values.T)
            found[name] = axes * np.sqrt(np.maximum(power, 0))
    return found
