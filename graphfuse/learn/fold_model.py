"""What a fold's training patients leave behind, and how it scores new patients."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from graphfuse.learn import fold_data
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.bank.stacked_tensors import map_tensors
from graphfuse.learn.bank.training import Trained
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.stacked_ridge import Linear
from graphfuse.learn.views import Views
from graphfuse.nn.net import Inputs, Net, NetSpec
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe
from graphfuse.task.task import Task


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fold's training patients leave behind, for the `task` that they learned.

    `linear`: the linear start. `states`: per seed, the training patients' states before each round
    of messages `[n, rounds, M, T, D]`. `nets`: one per seed; `setting`: the learning rate and
    weight decay they were trained with; `temperature`: what logits are divided by; `device`: where
    nets and states are.
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
        """Of a prepared fold and its trained nets."""
        start, views = fold_data.start_of(fold, modalities, recipe), fold.views.only(modalities)
        bare = cls(
            fold.task,
            fold.prepared(modalities),
            start.linear,
            trained.spec, trained.nets, [], trained.epochs, trained.curve, trained.setting,
            trained.temperature,
        )  # fmt: skip
        shown = (
            bare.preparation,
            bare.preparation.encoder_inputs(views),
            views,
            bare.preparation.lists(),
        )
        inputs = fold_data.net_inputs(*shown, start.views, start.bias)
        with torch.no_grad():
            states = [net.double().sender_states(inputs).float() for net in trained.nets]
        return replace(bare, states=states)

    def on(self, device: str) -> Fitted:
        """The same, computing on that device."""
        if device == self.device:
            return self
        nets = [copy.deepcopy(net).to(device) for net in self.nets]
        states = [each.to(device) for each in self.states]
        return replace(self, nets=nets, states=states, device=device)

    def inputs(self, views: Views, *, new: bool = True) -> Inputs:
        """The net's inputs, float64, for patients with these views: new ones, or the training
        patients themselves."""
        lists = self.preparation.lists(views if new else None)
        start, bias = self.linear.views(views, lists, self.preparation.isolates_patients)
        found = fold_data.net_inputs(
            self.preparation, self.preparation.encoder_inputs(views), views, lists, start, bias
        )
        return map_tensors(found, lambda tensor: tensor.to(self.device))

    def output(self, views: Views) -> np.ndarray:
        """What is predicted of new patients, float64 `[N, O]`, the mean over seeds."""
        return self.averaged(self.predictors(views))

    def averaged(self, predictors: Tensor) -> np.ndarray:
        """The mean over seeds of what predictors `[seeds, N, W]`, not calibrated, stand for."""
        return self.task.output(predictors.numpy(), self.temperature).mean(0)

    def predictors(self, views: Views) -> Tensor:
        """Of new patients, float64 `[seeds, N, W]`, not calibrated; on the CPU."""
        inputs = self.inputs(views)
        with torch.no_grad():
            return torch.stack([self.run(seed, inputs) for seed in range(len(self.nets))]).cpu()

    def run(self, seed: int, inputs: Inputs) -> Tensor:
        """Logits `[N, K]` of one seed's net, float64, not calibrated, the training patients' stored
        states being heard."""
        senders = None if self.preparation.isolates_patients else self.states[seed].double()
        return self.nets[seed].double()(inputs, senders=senders)

    @property
    def trained_on(self) -> int:
        """How many patients the model was fitted on."""
        return len(self.preparation.present)

    def gates(self) -> dict[str, dict[str, float]]:
        """Fitted gates per channel, the mean over seeds: `modality` (its weight in the linear
        start, or in a fusion that weighs them), `network`, and one for each patient layer, by its
        name (`patients`: the modality's own)."""
        found, mix, weighs = {}, self.linear.shares(), part("fuse", self.spec.fuse).weighs
        for m, name in enumerate(self.preparation.channels):
            doors = {"modality": [mix["joint"] + mix[name]] if name in mix else []}
            if weighs:
                doors["modality"] = [net.fuse.weights[m].item() for net in self.nets]
            for number, layer in enumerate(self.preparation.layers_of.get(name, ())):
                door = "patients" if layer == name else layer
                doors[door] = [net.patient_gate[m, number].item() for net in self.nets]
            doors["network"] = [
                net.encode[m].gate[0].item() for net in self.nets if net.encode[m].hops
            ]
            found[name] = {door: float(np.mean(values)) for door, values in doors.items() if values}
        return found
