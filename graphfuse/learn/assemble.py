"""From tables to tensors: what is fitted on training patients before any net, and what the net is
shown.

The only bridge between `data`/`graph` (numpy, pandas) and `nn` (torch).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_matrix

from graphfuse.data.cohort import Cohort
from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.errors import nearest, warn_once
from graphfuse.graph.gene.diffusion import Diffusion
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.graph.layers.factory import Layer, fit_layer, layer_specs
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.recipe_steps import steps_of
from graphfuse.learn.signals.channels import Signal, encoders_of
from graphfuse.learn.views import Views
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Learned

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Preparation:
    """Everything fitted on training patients before any net: pipelines, gene-network operators,
    patient layers, signals.

    `smoothing`: modality → sparse `[F, F]`; `layers`: name → patient layer; `encoders`: channel →
    part name; `present` bool `[n, M]`: which training patient has which modality; `depth`: patient
    layers of each modality in the net, at least one (those that have fewer get empty ones);
    `control`: of these layers; `signals`: channels on a graph of their own; `variation`: how many
    columns of each modality vary among the training patients (not saved: only training asks).
    """

    pipelines: dict[str, Pipeline]
    smoothing: dict[str, csr_matrix]
    layers: dict[str, Layer]
    encoders: dict[str, str]
    present: np.ndarray
    depth: int = 1
    control: str = "none"
    signals: dict[str, Signal] = field(default_factory=dict)
    variation: dict[str, int] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        cohort: Cohort,
        learned: Learned,
        recipe: Recipe,
        network: GeneNetwork | None,
        seed: int = 0,
    ) -> tuple[Preparation, Views]:
        """Fitted on all patients of `cohort` (the training ones), of whom `learned` is to be
        learned; also gives their views. Signals come later: they need no inner folds
        (`PreparedFold.prepared`)."""
        encoders = encoders_of(recipe, cohort, network)
        steps = steps_of(recipe, cohort)
        pipelines = {
            name: Pipeline.fit(modality, learned, steps[name], cohort.groups)
            for name, modality in cohort.modalities.items()
        }
        nobody = np.zeros((0, len(pipelines)), bool)
        bare = cls(pipelines, {}, {}, encoders, nobody).with_network(cohort, network)
        views = bare.views(cohort)
        found = replace(bare, variation=views.variation())
        _tell_blank(found.variation)
        return found.with_layers(recipe, views, seed), views

    def with_network(self, cohort: Cohort, network: GeneNetwork | None) -> Preparation:
        """With operators of this gene network, where an encoder looks along it."""
        smoothing = {}
        for name, pipeline in self.pipelines.items():
            if part("encode", self.encoders[name]).hops:
                symbols = [cohort.modalities[name].symbols[c] for c in pipeline.owners]
                smoothing[name] = network.smoothing(symbols)
        return replace(self, smoothing=smoothing)

    def with_layers(self, recipe: Recipe, views: Views, seed: int) -> Preparation:
        """With the recipe's patient layers, fitted on the training patients, who have these
        views."""
        layers = fit_layers(recipe, views, seed)
        return self._layered(layers, recipe.patient.control, views.present)

    def controlled(self, control: str) -> Preparation:
        """With another control of the same patient layers, which are not fitted anew."""
        layers = {name: replace(layer, control=control) for name, layer in self.layers.items()}
        return self._layered({} if control == "empty" else layers, control, self.present)

    def _layered(self, layers: dict[str, Layer], control: str, present: np.ndarray) -> Preparation:
        found = replace(self, layers=layers, control=control, present=present)
        return replace(found, depth=max(1, *map(len, found.layers_of.values())))

    def views(self, cohort: Cohort) -> Views:
        """Standardised columns of any patients. A modality that the cohort lacks is absent for all
        of them."""
        count, besides = len(cohort), sorted(cohort.modalities.keys() - self.pipelines.keys())
        other = (
            f" (the model does not know the cohort's {', '.join(map(repr, besides))})"
            if besides
            else ""
        )
        for name in sorted(self.pipelines.keys() - cohort.modalities.keys()):
            log.warning(
                "modality %r is absent for all %d patients: they are scored by the others%s",
                name,
                count,
                other,
            )
        own = {
            name: pipeline.apply(cohort.modalities[name])
            if name in cohort.modalities
            else np.zeros((count, len(pipeline.owners)))
            for name, pipeline in self.pipelines.items()
        }
        return Views(own, self.smoothed(own), self.has(cohort).to_numpy(), cohort.patients)

    def smoothed(self, own: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Modality → mean over each column's gene-network neighbours `[N, F]`, from standardised
        columns `own`."""
        return {name: (operator @ own[name].T).T for name, operator in self.gene_operators.items()}

    def has(self, cohort: Cohort) -> pd.DataFrame:
        """Which patient has which of these modalities, with a value in any column that was fitted:
        bool `[N, M]`."""
        nobody = np.zeros(len(cohort), bool)
        has = {
            m: p.present(cohort.modalities[m]) if m in cohort.modalities else nobody
            for m, p in self.pipelines.items()
        }
        return pd.DataFrame(has, index=cohort.patients)

    def unused(self, cohort: Cohort) -> list[str]:
        """What to say of each modality of the cohort that none of these is."""
        return [
            (
                f"modality {name!r} is not used: the model was trained on none of that "
                f"name{nearest(name, self.pipelines)}"
            )
            for name in sorted(cohort.modalities.keys() - self.pipelines.keys())
        ]

    @property
    def gene_operators(self) -> dict[str, Diffusion]:
        """Modality → what its columns hear over the gene network, as far as its encoder reaches."""
        seen = {m: part("encode", self.encoders[m]) for m in self.smoothing}
        return {m: Diffusion(self.smoothing[m], e.reach, e.restart) for m, e in seen.items()}

    @property
    def layers_of(self) -> dict[str, list[str]]:
        """Modality → names of the layers along which its states go."""
        return {
            m: [name for name, layer in self.layers.items() if m in layer.of]
            for m in self.pipelines
        }

    @property
    def isolates_patients(self) -> bool:
        """Whether patients hear themselves only, as the control `identity` has it: then no stored
        state is heard."""
        return self.control == "identity"

    def lists(self, views: Views | None = None) -> dict[str, list[Neighbours]]:
        """Modality → neighbour lists, one for each of `depth` layers: of new patients with these
        views, or (`None`) of the training patients. In a layer of several modalities, only patients
        who have this one hear and are heard."""
        present = dict(
            zip(self.pipelines, self.present.T if views is None else views.present.T, strict=True)
        )
        there = dict(zip(self.pipelines, self.present.T, strict=True))
        if self.isolates_patients:
            itself = {m: Neighbours.identity(has) for m, has in present.items()}
            found = {m: [itself[m]] * len(names) for m, names in self.layers_of.items()}
        else:
            whole = {name: self._heard(layer, views) for name, layer in self.layers.items()}
            found = {
                m: [
                    whole[n] if self.layers[n].of == (m,) else whole[n].among(present[m], there[m])
                    for n in names
                ]
                for m, names in self.layers_of.items()
            }
        rows = len(self.present) if views is None else len(views.present)
        nobody = Neighbours.empty(rows, rows if self.isolates_patients else len(self.present))
        return {m: lists + [nobody] * (self.depth - len(lists)) for m, lists in found.items()}

    def _heard(self, layer: Layer, views: Views | None) -> Neighbours:
        return (
            layer.lists() if views is None else layer.extend(views.own, views.has, views.patients)
        )

    def only(self, modalities: tuple[str, ...]) -> Preparation:
        """The preparation of some modalities, without signals; of the layers, those that only these
        modalities make."""
        columns = [list(self.pipelines).index(m) for m in modalities]
        pipelines, smoothing = (
            {m: t[m] for m in modalities if m in t} for t in (self.pipelines, self.smoothing)
        )
        layers = {
            name: layer for name, layer in self.layers.items() if set(layer.of) <= set(modalities)
        }
        return replace(
            self,
            pipelines=pipelines,
            smoothing=smoothing,
            layers=layers,
            present=self.present[:, columns],
            signals={},
        )

    def without_graphs(self) -> Preparation:
        """The same columns, with no patient layer and no gene network."""
        plain = {
            m: "table" if m in self.smoothing else encoder for m, encoder in self.encoders.items()
        }
        return replace(self, smoothing={}, layers={}, encoders=plain, control="none")

    # ---------------------------------------------------------------------------- what the net sees

    @property
    def channels(self) -> tuple[str, ...]:
        """Modalities, then signals: what the net has an encoder for."""
        return (*self.pipelines, *self.signals)

    def features(self, channel: str) -> int | tuple[int, ...]:
        """What the channel's encoder is built with."""
        if channel in self.signals:
            return self.signals[channel].features
        return (
            0
            if part("encode", self.encoders[channel]).sees == "nothing"
            else len(self.pipelines[channel].owners)
        )

    def varying(self, channel: str) -> int:
        """How many of the channel's columns are not constant among the training patients."""
        if channel in self.signals:
            return 0
        return self.variation[channel]

    def encoder_inputs(
        self, views: Views, rotated: Mapping[str, np.ndarray] | None = None
    ) -> tuple[torch.Tensor, ...]:
        """What each channel's encoder sees of these patients, float64; `rotated`: modality → its
        columns `[N, …]` in other coordinates."""
        columns = {m: torch.from_numpy(own) for m, own in views.own.items()}
        x = []
        for m, own in columns.items():
            given = torch.from_numpy(rotated[m]) if rotated and m in rotated else own
            if part("encode", self.encoders[m]).sees == "nothing":
                given = own[:, :0]
            elif m in views.x_smoothed and given is own:
                given = torch.stack([own, torch.from_numpy(views.x_smoothed[m])], 1)
            x.append(given)
        present = torch.from_numpy(views.present)
        shown = {name: signal.inputs(columns, present) for name, signal in self.signals.items()}
        return *x, *(
            part("encode", self.encoders[name]).prepare(each) for name, each in shown.items()
        )

    def channel_presence(self, present: np.ndarray) -> np.ndarray:
        """bool `[N, channels]` from `present` `[N, M]`: who has what the channel shows."""
        return np.column_stack(
            [present, *(signal.present(present) for signal in self.signals.values())]
        )


def _tell_blank(variation: Mapping[str, int]) -> None:
    """Tells once of each modality in which no column varies among the training patients."""
    blank = [name for name, varying in variation.items() if not varying]
    for name in blank:
        warn_once(
            log,
            f"modality {name!r}: in at least one training set, no column varies among those who "
            "have it; it counts as without columns there, and patients are scored by the others. "
            "Leave it out, or give it to more patients",
        )


def fit_layers(recipe: Recipe, views: Views, seed: int) -> dict[str, Layer]:
    """The recipe's patient layers on training patients with these views; none where nothing would
    go along them."""
    if recipe.net.propagate == "none" or recipe.patient.control == "empty":
        return {}
    specs = layer_specs(recipe.patient, tuple(views.own))
    return {
        name: fit_layer(
            name, spec, views.own, views.has, views.patients, recipe.patient.control, seed
        )
        for name, spec in specs.items()
    }


def tensor_lists(neighbours: Neighbours) -> EdgeLists:
    """Neighbour lists as tensors, weights divided by each receiver's sum."""
    return EdgeLists.build(
        torch.from_numpy(neighbours.offsets),
        torch.from_numpy(neighbours.index),
        torch.from_numpy(neighbours.mean_weights()),
        neighbours.senders,
    )
