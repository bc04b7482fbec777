"""From tables to tensors: what is fitted before any net, and the inputs of the net. It is the only
bridge between `data`/`graph` (numpy, pandas) and `nn` (torch)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
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
from graphfuse.graph.layers.factory import Layer
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.patient_layers import fit_layers, isolated_lists, layer_lists
from graphfuse.learn.recipe_steps import steps_of
from graphfuse.learn.signals.net_channels import Signal, encoders_of
from graphfuse.learn.standardised_columns import Views
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Learned

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Preparation:
    """Everything that is fitted on the training patients before any net.

    Attributes
    ----------
    pipelines : dict of str to Pipeline
        Modality → its fitted steps.
    smoothing : dict of str to csr_matrix
        Modality → operator `[F, F]` that averages columns over gene-network neighbours.
    layers : dict of str to Layer
        Name → patient layer.
    encoders : dict of str to str
        Channel → name of its encoder.
    present : np.ndarray
        bool `[n, M]`: which training patient has which modality.
    depth : int
        Patient layers of each modality in the net, at least one; modalities with fewer layers get
        empty ones.
    control : str
        The control of the patient layers.
    signals : dict of str to Signal
        Channel → its graph and fixed numbers, for channels that are not modalities.
    variation : dict of str to int
        Modality → how many of its columns vary among the training patients. It is used in training
        and not saved.
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
        """Fits everything but signals, which need no inner folds (`PreparedFold.prepared`).

        Parameters
        ----------
        cohort : Cohort
            The training patients.
        learned : Learned
            What is to be learned of them.
        recipe : Recipe
        network : GeneNetwork, optional
            The gene network that encoders read.
        seed : int
            Of the patient layers.

        Returns
        -------
        preparation : Preparation
        views : Views
            Of the training patients.
        """
        encoders = encoders_of(recipe, cohort, network)
        steps = steps_of(recipe, cohort)
        pipelines = {}
        for name, modality in cohort.modalities.items():
            pipelines[name] = Pipeline.fit(modality, learned, steps[name], cohort.groups)
        nobody = np.zeros((0, len(pipelines)), bool)
        unlayered = cls(pipelines, {}, {}, encoders, nobody).with_network(cohort, network)
        views = unlayered.views(cohort)
        fitted = replace(unlayered, variation=views.variation())
        _warn_constant(fitted.variation)
        return fitted.with_layers(recipe, views, seed), views

    def with_network(self, cohort: Cohort, network: GeneNetwork | None) -> Preparation:
        """The same with operators of this gene network, for the encoders that read one."""
        smoothing = {}
        for name, pipeline in self.pipelines.items():
            if part("encode", self.encoders[name]).hops:
                symbols = cohort.modalities[name].symbols
                smoothing[name] = network.smoothing([symbols[c] for c in pipeline.owners])
        return replace(self, smoothing=smoothing)

    def with_layers(self, recipe: Recipe, views: Views, seed: int) -> Preparation:
        """The same with the recipe's patient layers, fitted on the training patients' views."""
        layers = fit_layers(recipe, views, seed)
        return self._layered(layers, recipe.patient.control, views.present)

    def controlled(self, control: str) -> Preparation:
        """The same with another control of its patient layers, which are not fitted anew."""
        layers = {name: replace(layer, control=control) for name, layer in self.layers.items()}
        return self._layered({} if control == "empty" else layers, control, self.present)

    def _layered(self, layers: dict[str, Layer], control: str, present: np.ndarray) -> Preparation:
        layered = replace(self, layers=layers, control=control, present=present)
        depth = max(1, *map(len, layered.layers_of.values()))
        return replace(layered, depth=depth)

    def views(self, cohort: Cohort) -> Views:
        """Standardised columns of any patients.

        A modality that the cohort lacks is absent for all of them, which causes a warning.
        """
        count = len(cohort)
        self._warn_absent(cohort)
        own = {}
        for name, pipeline in self.pipelines.items():
            if name in cohort.modalities:
                own[name] = pipeline.apply(cohort.modalities[name])
            else:
                own[name] = np.zeros((count, len(pipeline.owners)))
        present = self.has(cohort).to_numpy()
        return Views(own, self.smoothed(own), present, cohort.patients)

    def _warn_absent(self, cohort: Cohort) -> None:
        """Warns of each modality of the model that the cohort lacks."""
        unknown = sorted(cohort.modalities.keys() - self.pipelines.keys())
        note = ""
        if unknown:
            note = f" (the model does not know the cohort's {', '.join(map(repr, unknown))})"
        for name in sorted(self.pipelines.keys() - cohort.modalities.keys()):
            log.warning(
                "modality %r is absent for all %d patients: they are scored by the others%s",
                name,
                len(cohort),
                note,
            )

    def smoothed(self, own: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Standardised columns `[N, F]` averaged over each column's gene-network neighbours.

        Only modalities whose encoder reads the network have any.
        """
        operators = self.gene_operators
        return {name: (operator @ own[name].T).T for name, operator in operators.items()}

    def has(self, cohort: Cohort) -> pd.DataFrame:
        """Which patient has which of these modalities, bool `[N, M]`.

        A patient has a modality with a value in any of its fitted columns.
        """
        has = {}
        for name, pipeline in self.pipelines.items():
            if name in cohort.modalities:
                has[name] = pipeline.present(cohort.modalities[name])
            else:
                has[name] = np.zeros(len(cohort), bool)
        return pd.DataFrame(has, index=cohort.patients)

    def unused(self, cohort: Cohort) -> list[str]:
        """A message for each modality of the cohort that the model does not have."""
        messages = []
        for name in sorted(cohort.modalities.keys() - self.pipelines.keys()):
            messages.append(
                f"modality {name!r} is not used: the model was trained on none of that "
                f"name{nearest(name, self.pipelines)}"
            )
        return messages

    @property
    def gene_operators(self) -> dict[str, Diffusion]:
        """Modality → operator on its columns over the gene network, as far as its encoder reads."""
        operators = {}
        for name, smoothing in self.smoothing.items():
            encoder = part("encode", self.encoders[name])
            operators[name] = Diffusion(smoothing, encoder.reach, encoder.restart)
        return operators

    @property
    def layers_of(self) -> dict[str, list[str]]:
        """Modality → names of the patient layers that its states are passed along."""
        layers_of = {}
        for m in self.pipelines:
            layers_of[m] = [name for name, layer in self.layers.items() if m in layer.of]
        return layers_of

    @property
    def isolates_patients(self) -> bool:
        """Whether patients get messages from themselves only, as under the control `identity`.

        No stored state of a training patient is used then.
        """
        return self.control == "identity"

    def lists(self, views: Views | None = None) -> dict[str, list[Neighbours]]:
        """Neighbour lists of each modality, one for each of `depth` layers.

        In a layer of several modalities, only patients who have this one send and receive.

        Parameters
        ----------
        views : Views, optional
            Of new patients; by default the lists are those of the training patients.

        Returns
        -------
        dict of str to list of Neighbours
            Modality → lists, from training patients to N receivers.
        """
        receivers = self.present if views is None else views.present  # [N, M]
        if self.isolates_patients:
            lists = isolated_lists(self.layers_of, receivers)
            empty = Neighbours.empty(len(receivers), len(receivers))
        else:
            lists = layer_lists(self.layers, self.layers_of, self.present, views)
            empty = Neighbours.empty(len(receivers), len(self.present))
        for own in lists.values():
            own += [empty] * (self.depth - len(own))
        return lists

    def joins(self, modalities: Sequence[str], others: Sequence[str]) -> bool:
        """Whether a patient layer is made of both some `modalities` and some `others`."""
        layers = (set(layer.of) for layer in self.layers.values())
        return any(of & set(modalities) and of & set(others) for of in layers)

    def only(self, modalities: tuple[str, ...]) -> Preparation:
        """The preparation of some modalities, without signals.

        Of the layers, it has those that consist of these modalities only.
        """
        order = list(self.pipelines)
        columns = [order.index(m) for m in modalities]
        chosen = set(modalities)
        layers = {name: layer for name, layer in self.layers.items() if set(layer.of) <= chosen}
        pipelines = {m: self.pipelines[m] for m in modalities}
        smoothing = {m: self.smoothing[m] for m in modalities if m in self.smoothing}
        tables = {"pipelines": pipelines, "smoothing": smoothing}
        present = self.present[:, columns]
        return replace(self, **tables, layers=layers, present=present, signals={})

    def without_graphs(self) -> Preparation:
        """The same columns, with no patient layer and no gene network."""
        encoders = {
            channel: "table" if channel in self.smoothing else encoder
            for channel, encoder in self.encoders.items()
        }
        return replace(self, smoothing={}, layers={}, encoders=encoders, control="none")

    # ---------------------------------------------------------------------------- inputs of the net

    @property
    def channels(self) -> tuple[str, ...]:
        """What the net has an encoder for: modalities, then signals."""
        return (*self.pipelines, *self.signals)

    def features(self, channel: str) -> int | tuple[int, ...]:
        """The size that the channel's encoder is built with."""
        if channel in self.signals:
            return self.signals[channel].features
        if part("encode", self.encoders[channel]).sees == "nothing":
            return 0
        return len(self.pipelines[channel].owners)

    def varying(self, channel: str) -> int:
        """How many of the channel's columns are not constant among the training patients."""
        if channel in self.signals:
            return 0
        return self.variation[channel]

    def encoder_inputs(
        self, views: Views, rotated: Mapping[str, np.ndarray] | None = None
    ) -> tuple[torch.Tensor, ...]:
        """The input of each channel's encoder.

        Parameters
        ----------
        views : Views
            Of N patients.
        rotated : mapping of str to np.ndarray, optional
            Modality → its columns `[N, …]` in other coordinates, given in place of its own.

        Returns
        -------
        tuple of torch.Tensor
            float64, one per channel: columns `[N, F]`; with those averaged over the gene network
            `[N, 2, F]`; or what a signal gives.
        """
        columns = {m: torch.from_numpy(own) for m, own in views.own.items()}
        rotated = rotated or {}
        x = []
        for m, own in columns.items():
            if part("encode", self.encoders[m]).sees == "nothing":
                x.append(own[:, :0])
            elif m in rotated:
                x.append(torch.from_numpy(rotated[m]))
            elif m in views.x_smoothed:
                both = np.stack([views.own[m], views.x_smoothed[m]], 1)  # torch.stack is slower
                x.append(torch.from_numpy(both))
            else:
                x.append(own)
        present = torch.from_numpy(views.present)
        for name, signal in self.signals.items():
            encoder = part("encode", self.encoders[name])
            x.append(encoder.prepare(signal.inputs(columns, present)))
        return tuple(x)

    def channel_presence(self, present: np.ndarray) -> np.ndarray:
        """bool `[N, channels]`: who has each channel's input, from modalities `[N, M]`."""
        signals = [signal.present(present) for signal in self.signals.values()]
        return np.column_stack([present, *signals])


def _warn_constant(variation: Mapping[str, int]) -> None:
    """Warns once of each modality in which no column varies among the training patients."""
    for name, varying in variation.items():
        if varying:
            continue
        warn_once(
            log,
            f"modality {name!r}: in at least one training set, no column varies among those who "
            "have it; it counts as without columns there, and patients are scored by the others. "
            "Leave it out, or give it to more patients",
        )
