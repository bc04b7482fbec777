"""A model fitted on the training patients of a fold, and its output for new patients."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from graphfuse.learn import fold_data
from graphfuse.learn.bank.stacked_tensors import map_tensors
from graphfuse.learn.bank.training import Trained
from graphfuse.learn.linear.linear_start import Linear
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.preparation import Preparation
from graphfuse.learn.standardised_columns import Views
from graphfuse.nn.net import Inputs, Net, NetSpec
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe
from graphfuse.task.task import Task


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model fitted on the training patients of a fold.

    Attributes
    ----------
    task : Task
        The kind of outcome that was learned.
    preparation : Preparation
        Fitted steps, patient layers and signals.
    linear : Linear
        The linear start.
    spec : NetSpec
        What the nets are built from.
    nets : list of Net
        One per seed.
    states : list of Tensor
        Per seed, the training patients' states before each round of messages
        `[n, rounds, M, T, D]`.
    epochs : int
        How long the nets were trained.
    curve : list of float
        Loss on inner folds after each epoch.
    setting : dict of str to float
        The `learning_rate` and `weight_decay` that the nets were trained with.
    temperature : float
        What logits are divided by.
    device : str
        Where nets and states are.
    """

    task: Task
    preparation: Preparation
    linear: Linear
    spec: NetSpec
    nets: list[Net]
    states: list[Tensor]
    epochs: int
    curve: list[float]
    setting: dict[str, float]
    temperature: float = 1.0
    device: str = "cpu"

    @classmethod
    def gather(
        cls, fold: PreparedFold, modalities: tuple[str, ...], recipe: Recipe, trained: Trained
    ) -> Fitted:
        """The model of a prepared fold and its trained nets.

        Parameters
        ----------
        fold : PreparedFold
        modalities : tuple of str
            Those of the model.
        recipe : Recipe
        trained : Trained
            The nets of all seeds.

        Returns
        -------
        Fitted
        """
        preparation = fold.prepared(modalities)
        views = fold.views.only(modalities)
        start = fold_data.start_of(fold, modalities, recipe)
        x = preparation.encoder_inputs(views)
        lists = preparation.lists()
        inputs = fold_data.net_inputs(preparation, x, views, lists, start.views, start.bias)
        with torch.no_grad():
            states = [net.double().sender_states(inputs).float() for net in trained.nets]
        return cls(
            fold.task,
            preparation,
            start.linear,
            trained.spec,
            trained.nets,
            states,
            trained.epochs,
            trained.curve,
            trained.setting,
            trained.temperature,
        )

    def on(self, device: str) -> Fitted:
        """The same model on that device, such as "cpu" or "cuda"."""
        if device == self.device:
            return self
        nets = [copy.deepcopy(net).to(device) for net in self.nets]
        states = [each.to(device) for each in self.states]
        return replace(self, nets=nets, states=states, device=device)

    def inputs(self, views: Views, *, new: bool = True) -> Inputs:
        """The net's inputs, float64, on the model's device.

        Parameters
        ----------
        views : Views
            Of N patients.
        new : bool
            Whether they are new patients; otherwise they are the training patients themselves.

        Returns
        -------
        Inputs
        """
        preparation = self.preparation
        lists = preparation.lists(views if new else None)
        start, bias = self.linear.views(views, lists, preparation.isolates_patients)
        x = preparation.encoder_inputs(views)
        inputs = fold_data.net_inputs(preparation, x, views, lists, start, bias)
        return map_tensors(inputs, lambda tensor: tensor.to(self.device))

    def output(self, views: Views) -> np.ndarray:
        """Everything that is predicted of new patients, float64 `[N, O]`, the mean over seeds."""
        return self.averaged(self.predictors(views))

    def averaged(self, predictors: Tensor) -> np.ndarray:
        """The output `[N, O]` of the nets' predictors `[seeds, N, W]`, the mean over seeds.

        Predictors are calibrated here, and probabilities are averaged, not logits.
        """
        return self.task.output(predictors.numpy(), self.temperature).mean(0)

    def predictors(self, views: Views) -> Tensor:
        """Output of the nets before calibration, float64 `[seeds, N, W]`, on the CPU."""
        inputs = self.inputs(views)
        with torch.no_grad():
            by_seed = [self.run(seed, inputs) for seed in range(len(self.nets))]
            return torch.stack(by_seed).cpu()

    def run(self, seed: int, inputs: Inputs) -> Tensor:
        """Output of one seed's net before calibration, float64 `[N, W]`.

        Patients get messages from the stored states of the training patients.
        """
        senders = None if self.preparation.isolates_patients else self.states[seed].double()
        return self.nets[seed].double()(inputs, senders=senders)

    @property
    def trained_on(self) -> int:
        """How many patients the model was fitted on."""
        return len(self.preparation.present)

    def gates(self) -> dict[str, dict[str, float]]:
        """Fitted gates of each channel, the mean over seeds.

        Returns
        -------
        dict of str to dict of str to float
            Channel → its gates, those that it has: `modality`, its weight in the linear start or in
            a fusion that weights modalities; `patients`, the modality's own patient layer; other
            patient layers by their name; and `network`, the gene network.
        """
        channels = self.preparation.channels
        return {name: self._gates_of(m, name) for m, name in enumerate(channels)}

    def _gates_of(self, m: int, name: str) -> dict[str, float]:
        """Gates of the channel of this number and name."""
        by_seed = {"modality": self._modality_weights(m, name)}
        for number, layer in enumerate(self.preparation.layers_of.get(name, ())):
            gate = "patients" if layer == name else layer
            by_seed[gate] = [net.patient_gate[m, number].item() for net in self.nets]
        encoders = [net.encode[m] for net in self.nets]
        by_seed["network"] = [each.gate[0].item() for each in encoders if each.hops]
        return {gate: float(np.mean(values)) for gate, values in by_seed.items() if values}

    def _modality_weights(self, m: int, name: str) -> list[float]:
        """Weights of a channel in the fusion, one per seed, or its weight in the linear start."""
        if part("fuse", self.spec.fuse).weighs:
            return [net.fuse.weights[m].item() for net in self.nets]
        shares = self.linear.shares()
        return [shares["joint"] + shares[name]] if name in shares else []
