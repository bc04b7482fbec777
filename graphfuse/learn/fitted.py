"""What a fold's training patients leave behind, and how it scores new patients."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from graphfuse.learn import fit
from graphfuse.learn.assemble import Preparation, Views, mean_operator
from graphfuse.learn.linear import CrossFit
from graphfuse.learn.start import shared_bias
from graphfuse.nn.net import Inputs, Net, Shape
from graphfuse.schema import Recipe


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fold's training patients leave behind.

    `slopes`: modality → `[F, K]`, `bias` `[K]`, `own_bias` `[M, K]`, `mix`: the linear start. `memory`: modality →
    the n training patients' own linear logits `[n, K]`. `states`: per seed, their states before each
    round of messages `[n, rounds, M, T, D]`.
    `nets`: one per seed.
    """

    preparation: Preparation
    slopes: dict[str, np.ndarray]
    bias: np.ndarray
    own_bias: np.ndarray
    mix: dict[str, float]
    memory: dict[str, np.ndarray]
    shape: Shape
    nets: list[Net]
    states: list[Tensor]
    epochs: int
    curve: list[float]

    @classmethod
    def gather(cls, cross: CrossFit, modalities: tuple[str, ...], recipe: Recipe, trained: fit.Trained) -> Fitted:
        """Of a cross-fitted fold and its trained nets."""
        start, views = fit.start_of(cross, modalities, recipe), cross.training.only(modalities)
        bare = cls(
            cross.prepared(modalities),
            {m: views.own[m].T @ start.alpha[m] for m in modalities},
            start.bias, start.own_bias, start.mix,
            {m: cross.grams[m] @ start.alpha[m] for m in modalities},
            trained.shape, trained.nets, [], trained.epochs, trained.curve,
        )  # fmt: skip
        inputs = bare.inputs(views, new=False)
        with torch.no_grad():
            states = [torch.stack(net.double().rounds_of(inputs)[:-1], 1).float() for net in trained.nets]
        return replace(bare, states=states)

    def inputs(self, views: Views, *, new: bool = True) -> Inputs:
        """The net's inputs, float64, for patients with these views: new ones, or the training patients themselves."""
        lists, ways = self.preparation.lists(views if new else None), []
        for m, own in views.own.items():
            slope, hop = self.slopes[m], views.hop.get(m)
            near = own @ slope
            far = np.zeros_like(near) if hop is None else hop @ slope
            heard = near if self.preparation.alone else self.memory[m]
            ways.append(np.stack([near, far, *(mean_operator(layer) @ heard for layer in lists[m])], 1))
        bias = shared_bias(self.bias[None], self.own_bias[None], views.present)
        return fit.net_inputs(self.preparation, self.preparation.seen(views), views, lists, np.stack(ways, 1), bias)

    def logits(self, views: Views) -> Tensor:
        """Of new patients, float64 `[seeds, N, K]`."""
        inputs = self.inputs(views)
        with torch.no_grad():
            return torch.stack([self.run(seed, inputs) for seed in range(len(self.nets))])

    def run(self, seed: int, inputs: Inputs) -> Tensor:
        """Logits `[N, K]` of one seed's net, float64, the training patients' stored states being heard."""
        senders = None if self.preparation.alone else self.states[seed].double()
        return self.nets[seed].double()(inputs, senders=senders)

    @property
    def trained_on(self) -> int:
        """How many patients the model was fitted on."""
        return len(next(iter(self.memory.values())))

    def gates(self) -> dict[str, dict[str, float]]:
        """Fitted gates per channel, the mean over seeds: `modality` (its weight in the linear start), `network`, and one for
        each patient layer, by its name (`patients`: the modality's own)."""
        found = {}
        for m, name in enumerate(self.preparation.channels):
            doors = {"modality": [self.mix["joint"] + self.mix[name]] if name in self.mix else []}
            for number, layer in enumerate(self.preparation.carried.get(name, ())):
                door = "patients" if layer == name else layer
                doors[door] = [net.patient_gate[m, number].item() for net in self.nets]
            doors["network"] = [net.encode[m].gate[0].item() for net in self.nets if net.encode[m].hops]
            found[name] = {door: float(np.mean(values)) for door, values in doors.items() if values}
        return found
