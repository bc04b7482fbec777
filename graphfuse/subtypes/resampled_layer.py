"""A patient layer that can be fitted anew on some of its patients, or on data without clusters.

Columns are imputed and scaled once, on all patients and without labels; what depends on neighbours
(components, scales, neighbour lists, fusion) is fitted anew each time.
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
    """The tables on which a layer is fitted.

    Attributes
    ----------
    values : dict of str to np.ndarray
        Modality → standardised columns `[N, F]`.
    present : dict of str to np.ndarray
        Modality → bool `[N]`: which patient has it.
    patients : pd.Index
        Ids of the N patients.
    """

    values: dict[str, np.ndarray]
    present: dict[str, np.ndarray]
    patients: pd.Index

    def take(self, rows: np.ndarray) -> Tables:
        """The same for the patients at `rows`."""
        values = {m: v[rows] for m, v in self.values.items()}
        present = {m: p[rows] for m, p in self.present.items()}
        return Tables(values, present, self.patients[rows])

    def only(self, modalities: tuple[str, ...]) -> Tables:
        """The tables of some modalities."""
        values = {m: self.values[m] for m in modalities}
        present = {m: self.present[m] for m in modalities}
        return replace(self, values=values, present=present)

    def cloud(self, rng: np.random.Generator) -> Tables:
        """Patients drawn from one Gaussian with the covariance of these, across modalities too.

        The same patients lack the same modalities. Each is a random combination of all patients,
        the same one in every modality.
        """
        drawn = {m: np.zeros_like(v) for m, v in self.values.items()}
        centred = {m: self._centred(m) for m in self.values}
        count = len(self.patients)
        step = max(1, CELLS // count)
        for start in range(0, count, step):
            stop = min(start + step, count)
            mix = rng.standard_normal((stop - start, count))
            for m, has in self.present.items():
                receivers = has[start:stop]
                weights = mix[np.ix_(receivers, has)]
                scale = np.sqrt(max(has.sum(), 1))
                drawn[m][start:stop][receivers] = weights @ centred[m] / scale
        return Tables(drawn, self.present, self.patients)

    def _centred(self, modality: str) -> np.ndarray:
        """The columns of those who have a modality, less their means `[n, F]`."""
        own = self.values[modality][self.present[modality]]
        return own - own.mean(0)


Build = Callable[[Tables], csr_matrix]  # fits the layer on these patients and gives their graph


@dataclass(frozen=True, eq=False)
class Layered:
    """One layer of a recipe, over the patients of a cohort that have any of its modalities.

    A layer of the user's own edges is not fitted: its graph among some patients is the part of the
    whole graph among them.

    Attributes
    ----------
    name : str
        The layer's name.
    of : tuple of str
        Its modalities.
    spec : Spec
        How it is fitted.
    control : str
        The control of the graph that the recipe asks for.
    rows : np.ndarray
        int `[n]`: positions of its patients in the cohort.
    tables : Tables
        Those of its patients.
    seed : int
        Of the control and of data without clusters.
    """

    name: str
    of: tuple[str, ...]
    spec: Spec
    control: str
    rows: np.ndarray
    tables: Tables
    seed: int

    def builder(self) -> Build:
        """A function that gives the graph among any of these patients."""
        if self.spec.edges:
            return self._induced(self.control, self.seed)
        return self._fit(self.control, self.seed)

    def null(self, draw: int) -> tuple[Tables, Build]:
        """Data without clusters: patients of a Gaussian with the same covariance.

        For the user's own edges, it is a random graph in which every patient keeps the number of
        neighbours.
        """
        if self.spec.edges:
            return self.tables, self._induced("rewired", self.seed + 1 + draw)
        rng = np.random.default_rng([self.seed, 1, draw])
        return self.tables.cloud(rng), self.builder()

    def _fit(self, control: str, seed: int) -> Build:
        def build(tables: Tables) -> csr_matrix:
            layer = fit_layer(
                self.name, self.spec, tables.values, tables.present, tables.patients, control, seed
            )
            return symmetric(layer.lists())

        return build

    def _induced(self, control: str, seed: int) -> Build:
        whole = self._fit(control, seed)(self.tables)
        patients = self.tables.patients

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
    """The layer of a name, over the patients who have any of its modalities.

    Parameters
    ----------
    cohort : Cohort
    recipe : Recipe
    layer : str
        A modality, "snf" or "shared" of all modalities, or a layer that the recipe names.
    tables : Tables
        Of all patients, as `tables_of` gives them.
    seed : int
        Of the graph's control and of data without clusters.
    rows : np.ndarray, optional
        int `[n]`: positions of the patients to take in place of those who have the layer.

    Returns
    -------
    Layered

    Raises
    ------
    InputError
        For an unknown name, and where too few patients have the layer or one of its modalities.
    """
    modalities = tuple(cohort.modalities)
    known = dict.fromkeys((*modalities, *FUSED, *recipe.patient.layer))
    if layer not in known:
        raise InputError(
            f"layer {layer!r}: cohort {cohort.name!r} and recipe {recipe.name!r} have "
            f"none{nearest(layer, known)}"
        )
    spec = _spec(recipe.patient, layer, modalities)
    inside = _patients_of(layer, spec, tables.present)
    rows = np.flatnonzero(inside) if rows is None else rows
    chosen = tables.only(spec.of).take(rows)
    if spec.similarity in ("cosine", "euclidean"):
        chosen = replace(chosen, values=rotated(chosen.values))
    return Layered(layer, spec.of, spec, recipe.patient.control, rows, chosen, seed)


def _patients_of(layer: str, spec: Spec, present: Mapping[str, np.ndarray]) -> np.ndarray:
    """bool `[N]`: who is in a layer. Raises `InputError` where too few are."""
    if not spec.edges:
        for m in spec.of:
            count = present[m].sum()
            if count < LEAST:
                raise InputError(
                    f"modality {m!r}: {few(count)} patients have it; clusters need at least {LEAST}"
                )
    has_any = np.any([present[m] for m in spec.of], axis=0)
    inside = has_any | bool(spec.edges)
    if inside.sum() < LEAST:
        raise InputError(
            f"layer {layer!r}: {inside.sum()} patients are in it; clusters need at least {LEAST}"
        )
    return inside


def _spec(section: PatientSection, layer: str, modalities: tuple[str, ...]) -> Spec:
    """How the layer of this name is fitted."""
    named = {name: table for name, table in section.layer.items() if name == layer}
    alone = section.model_copy(update={"layers": [layer], "layer": named})
    return layer_specs(alone, modalities)[layer]


def tables_of(cohort: Cohort, recipe: Recipe) -> Tables:
    """Standardised columns of every modality, fitted on all patients without labels.

    With `[select] top` only the columns of greatest variance as measured are kept, except of
    records (EHR), whose columns have different units.

    Parameters
    ----------
    cohort : Cohort
    recipe : Recipe
        Its steps are used, without those that need labels.

    Returns
    -------
    Tables

    Raises
    ------
    InputError
        For steps and options that do not exist.
    """
    unlabelled = Learned.nothing(len(cohort))
    steps_of(recipe, cohort)  # checks the steps before anything is fitted
    values, present = {}, {}
    for name, modality in cohort.modalities.items():
        modality = _most_variable(modality, recipe.select.top)
        steps = unlabelled_steps(recipe, modality)
        pipeline = Pipeline.fit(modality, unlabelled, steps, cohort.groups)
        values[name] = pipeline.apply(modality)
        present[name] = pipeline.present(modality)
    return Tables(values, present, cohort.patients)


def _most_variable(modality: Modality, top: int | None) -> Modality:
    """The modality with only its `top` columns of greatest variance; of equals the first by id."""
    if top is None or modality.kind == "ehr" or top >= modality.table.shape[1]:
        return modality
    variance = modality.table.var(ddof=0).fillna(-1.0).to_numpy()
    names = np.asarray(modality.columns, dtype=str)
    order = np.lexsort((names, -variance))
    keep = np.sort(order[:top])
    symbols = tuple(modality.symbols[i] for i in keep)
    return replace(modality, table=modality.table.iloc[:, keep], symbols=symbols)


def rotated(tables: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tables with many more columns than rows, rotated into as many columns as rows.

    All inner products of rows stay as they are, and neighbours are found faster.
    """
    return {name: _rotated(values) for name, values in tables.items()}


def _rotated(values: np.ndarray) -> np.ndarray:
    rows, columns = values.shape
    if columns <= 1.5 * rows:
        return values
    power, axes = np.linalg.eigh(values @ values.T)
    return axes * np.sqrt(np.maximum(power, 0))
