"""From tables to tensors: what is fitted on training patients before any net, and what the net is shown.

The only bridge between `data`/`graph` (numpy, pandas) and `nn` (torch).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix

from graphfuse.data.cohort import Cohort
from graphfuse.data.transform import Pipeline
from graphfuse.errors import InputError, nearest
from graphfuse.graph.neighbours import Neighbours
from graphfuse.graph.network import GeneNetwork
from graphfuse.graph.patients import PatientLayer
from graphfuse.nn.lists import Lists
from graphfuse.nn.parts import part
from graphfuse.schema import Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Views:
    """Standardised columns of N patients: `own` modality → `[N, F]`; `hop` modality → mean over each column's gene-network
    neighbours `[N, F]`, where the modality's encoder looks there; `present` bool `[N, M]`."""

    own: dict[str, np.ndarray]
    hop: dict[str, np.ndarray]
    present: np.ndarray

    def take(self, rows: np.ndarray) -> Views:
        return Views({m: v[rows] for m, v in self.own.items()}, {m: v[rows] for m, v in self.hop.items()}, self.present[rows])


@dataclass(frozen=True, eq=False)
class Preparation:
    """Everything fitted on training patients before any net: pipelines, gene-network operators, patient layers.

    `smoothing`: modality → sparse `[F, F]`; `layers`: modality → patient layer; `encoders`: modality → part name.
    """

    pipelines: dict[str, Pipeline]
    smoothing: dict[str, csr_matrix]
    layers: dict[str, PatientLayer]
    encoders: dict[str, str]

    @classmethod
    def fit(
        cls, cohort: Cohort, codes: np.ndarray, recipe: Recipe, network: GeneNetwork | None, seed: int = 0
    ) -> tuple[Preparation, Views]:
        """Fitted on all patients of `cohort` (the training ones); also gives their views. `codes` `[N]` are their class
        codes, -1 for unlabelled."""
        encoders = encoders_of(recipe, cohort, network)
        pipelines, smoothing, layers = {}, {}, {}
        for name, modality in cohort.modalities.items():
            if not modality.present.any():
                raise InputError(f"modality {name!r}: no training patient has it; leave it out or change the folds")
            pipelines[name] = Pipeline.fit(modality, codes, recipe.select.top)
            if part("encode", encoders[name]).hops:
                symbols = [modality.symbols[column] for column in pipelines[name].owners]
                smoothing[name] = network.smoothing(symbols)
        bare = cls(pipelines, smoothing, {}, encoders)
        views = bare.views(cohort)
        for column, name in enumerate(cohort.modalities):
            if has_layer(recipe, name, cohort):
                present = views.present[:, column]
                layers[name] = PatientLayer.fit(name, views.own[name], present, recipe.patient, seed)
        return cls(pipelines, smoothing, layers, encoders), views

    def views(self, cohort: Cohort) -> Views:
        """Standardised columns of any patients. A modality that the cohort lacks is absent for all of them."""
        count = len(cohort)
        for name in self.pipelines.keys() - cohort.modalities.keys():
            log.warning("modality %r is absent for all %d patients: they are scored by the others", name, count)
        own = {
            name: pipeline.apply(cohort.modalities[name])
            if name in cohort.modalities
            else np.zeros((count, len(pipeline.owners)))
            for name, pipeline in self.pipelines.items()
        }
        hop = {name: (operator @ own[name].T).T for name, operator in self.smoothing.items()}
        present = [
            pipeline.present(cohort.modalities[name]) if name in cohort.modalities else np.zeros(count, bool)
            for name, pipeline in self.pipelines.items()
        ]
        return Views(own, hop, np.column_stack(present))

    def lists(self, views: Views | None, count: int) -> dict[str, Neighbours]:
        """Neighbour lists per modality: of new patients with these views, or (`None`) of the `count` training patients."""
        found = {}
        for column, name in enumerate(self.pipelines):
            if name not in self.layers:
                found[name] = Neighbours.empty(count if views is None else len(views.present), count)
            elif views is None:
                found[name] = self.layers[name].lists()
            else:
                found[name] = self.layers[name].extend(views.own[name], views.present[:, column])
        return found

    def only(self, modalities: tuple[str, ...]) -> Preparation:
        """The preparation of some modalities."""
        parts = (self.pipelines, self.smoothing, self.layers, self.encoders)
        return Preparation(*({m: table[m] for m in modalities if m in table} for table in parts))

    def without_graphs(self) -> Preparation:
        """The same columns, with no patient layer and no gene network."""
        plain = {m: "table" if m in self.smoothing else encoder for m, encoder in self.encoders.items()}
        return Preparation(self.pipelines, {}, {}, plain)

    def columns(self, name: str) -> int:
        return len(self.pipelines[name].owners)


def encoders_of(recipe: Recipe, cohort: Cohort, network: GeneNetwork | None) -> dict[str, str]:
    """Encoder name per modality. Keys of `encode` are modalities, entities (`gene`, …) or `default`; an encoder that
    looks along the gene network becomes `table` where there is none or no column has a gene in it."""
    wanted = recipe.net.encode if isinstance(recipe.net.encode, Mapping) else {"default": recipe.net.encode}
    entities = {"gene", "cpg", "mirna", "protein", "none"}
    known = {"default", *cohort.modalities, *entities}
    for key in wanted:
        if key not in known:
            raise InputError(f"recipe {recipe.name!r}: [net] encode names {key!r}{nearest(key, known)}")
    chosen = {}
    for name, modality in cohort.modalities.items():
        encoder = wanted.get(name, wanted.get(modality.entity, wanted.get("default", "table")))
        mapped = network is not None and not set(network.genes).isdisjoint(s for s in modality.symbols if s)
        chosen[name] = encoder if mapped or not part("encode", encoder).hops else "table"
    return chosen


def has_layer(recipe: Recipe, name: str, cohort: Cohort) -> bool:
    """Whether the recipe gives this modality a patient layer."""
    if recipe.net.propagate == "none" or recipe.patient.control == "empty":
        return False
    if recipe.patient.layers == "each":
        return True
    for layer in recipe.patient.layers:
        if layer not in cohort.modalities:
            raise InputError(f"recipe {recipe.name!r}: [patient] layers names {layer!r}{nearest(layer, cohort.modalities)}")
    return name in recipe.patient.layers


def tensor_lists(neighbours: Neighbours) -> Lists:
    """Neighbour lists as tensors, weights divided by each receiver's sum."""
    return Lists.build(
        torch.from_numpy(neighbours.offsets),
        torch.from_numpy(neighbours.index),
        torch.from_numpy(neighbours.mean_weights()),
        neighbours.senders,
    )


def mean_operator(neighbours: Neighbours) -> csr_matrix:
    """Sparse `[N, S]` that takes the mean over each receiver's senders."""
    shape = (len(neighbours), neighbours.senders)
    return csr_matrix((neighbours.mean_weights(), neighbours.index, neighbours.offsets), shape=shape)
