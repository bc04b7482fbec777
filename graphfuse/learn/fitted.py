"""What a fold's training patients leave behind, and how it scores new patients."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from graphfuse.graph.neighbours import Neighbours
from graphfuse.learn import fit
from graphfuse.learn.assemble import Preparation, Views, mean_operator, tensor_lists
from graphfuse.learn.linear import CrossFit, shared_bias
from graphfuse.nn.net import Inputs, Net, Shape
from graphfuse.schema import Recipe


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fold's training patients leave behind.

    `slopes`: modality → `[F, K]`, `bias` `[K]`, `own_bias` `[M, K]`, `mix`: the linear start. `memory`: modality →
    the n training patients' own linear logits `[n, K]`. `states`: per seed, their encoded states `[n, M, T, D]`.
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
        start = fit.start_of(cross, modalities, recipe)
        own, preparation = cross.training.own, cross.preparation.only(modalities)
        bare = cls(
            preparation,
            {m: own[m].T @ start.alpha[m] for m in modalities},
            start.bias, start.own_bias, start.mix,
            {m: cross.grams[m] @ start.alpha[m] for m in modalities},
            trained.shape, trained.nets, [], trained.epochs, trained.curve,
        )  # fmt: skip
        columns = [list(own).index(m) for m in modalities]
        views = Views(
            {m: own[m] for m in modalities},
            {m: v for m, v in cross.training.hop.items() if m in modalities},
            cross.training.present[:, columns],
        )
        inputs = bare.inputs(views, preparation.lists(None, len(views.present)))
        with torch.no_grad():
            states = [net.double().states(inputs).float() for net in trained.nets]
        return replace(bare, states=states)

    def inputs(self, views: Views, lists: dict[str, Neighbours]) -> Inputs:
        """The net's inputs, float64, for patients with these views and neighbour lists."""
        parts, x = [], []
        for m in views.own:
            own, hop = views.own[m], views.hop.get(m)
            slope = self.slopes[m]
            far = np.zeros((len(own), slope.shape[1])) if hop is None else hop @ slope
            around = mean_operator(lists[m]) @ self.memory[m]
            parts.append(np.stack([own @ slope, far, around], 1)[:, None])
            x.append(torch.from_numpy(own if hop is None else np.stack([own, hop], 1)))
        bias = shared_bias(self.bias[None], self.own_bias[None], views.present)
        return Inputs(
            tuple(x),
            torch.from_numpy(views.present.astype(float)),
            torch.from_numpy(np.concatenate(parts, 1)),
            torch.from_numpy(bias),
            tuple(tensor_lists(lists[m]) for m in views.own),
        )

    def logits(self, views: Views) -> Tensor:
        """Of new patients, float64 `[seeds, N, K]`."""
        inputs = self.inputs(views, self.preparation.lists(views, self.trained_on))
        with torch.no_grad():
            return torch.stack(
                [net.double()(inputs, senders=h.double()) for net, h in zip(self.nets, self.states, strict=True)]
            )

    @property
    def trained_on(self) -> int:
        """How many patients the model was fitted on."""
        return len(next(iter(self.memory.values())))

    def gates(self) -> dict[str, dict[str, float]]:
        """Fitted gates per modality, the mean over seeds: `modality` (its weight in the linear start), `patients`,
        `network`."""
        found = {}
        for m, name in enumerate(self.slopes):
            doors = {
                "modality": [self.mix["joint"] + self.mix[name]],
                "patients": [net.patient_gate[m].item() for net in self.nets] if name in self.preparation.layers else [],
                "network": [net.encode[m].gate[0].item() for net in self.nets if net.encode[m].hops],
            }
            found[name] = {door: float(np.mean(values)) for door, values in doors.items() if values}
        return found
