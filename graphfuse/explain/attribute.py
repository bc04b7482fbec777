"""Integrated gradients of a fitted model over the columns of its modalities, its neighbours held fixed.

Integrated gradients (arXiv 1703.01365) from the training mean (0 in standardised columns) to the patient, of every class's
logit less the mean logit. A column acts twice: through itself and through its neighbours on the gene network; both are
followed back to the column. Attributions of a patient and class sum to the logit's change from the baseline (completeness);
the number of path steps doubles until they do to 1 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphfuse.data.cohort import Cohort
from graphfuse.errors import GraphfuseError
from graphfuse.learn.assemble import Views
from graphfuse.learn.fitted import Fitted
from graphfuse.nn.net import Inputs, Net

COMPLETE = 0.01  # largest share of the logits' change that attributions may miss
STEPS = (1, 8, 32, 128)


@dataclass(frozen=True, eq=False)
class Slopes:
    """Path-averaged gradients of each class's centred logit: modality → `[K, N or 1, F]`, through the column itself
    (`own`) and through its gene-network neighbours' mean (`hop`); one row where all patients share it. `error`: the
    completeness error."""

    own: dict[str, np.ndarray]
    hop: dict[str, np.ndarray]
    error: float

    def columns(self, fitted: Fitted, name: str) -> np.ndarray:
        """Gradient by column, both ways together `[K, N or 1, F]`."""
        total = self.own[name]
        if name in self.hop:
            operator = fitted.preparation.smoothing[name]
            total = total + np.stack([(operator.T @ g.T).T for g in self.hop[name]])
        return total


@dataclass(frozen=True, eq=False)
class Attribution:
    """What one replica's columns do for each class, over patients weighted by their probability of that class.

    `push`: modality → `[K, columns]`, mean attribution: how far the column moves patients of the class towards it.
    `lean`: modality → `[K, columns]`, mean gradient: its sign says whether a high value speaks for (+) or against (-)
    the class. Behind them: the `slopes`, the patients' `views`, and their `weight` `[N, K]` in the mean of each class
    (columns sum to 1).
    """

    push: dict[str, np.ndarray]
    lean: dict[str, np.ndarray]
    slopes: Slopes
    views: Views
    weight: np.ndarray


def attribute(fitted: Fitted, net: int, cohort: Cohort) -> Attribution:
    """Attributions of one of the model's nets on the patients of `cohort`; no labels are read."""
    views = fitted.preparation.views(cohort)
    inputs = fitted.inputs(views, fitted.preparation.lists(views, fitted.trained_on))
    states, module = fitted.states[net].double(), fitted.nets[net].double()
    with torch.no_grad():
        probability = torch.softmax(module(inputs, senders=states), -1).numpy()
    weight = probability / probability.sum(0)
    found = slopes(fitted, module, states, inputs, views)
    push, lean = {}, {}
    for name, pipeline in fitted.preparation.pipelines.items():
        gradient = found.columns(fitted, name)
        by_class = zip(weight.T, gradient, strict=True)
        pushed, leaned = zip(
            *((w @ (views.own[name] * g), w @ np.broadcast_to(g, views.own[name].shape)) for w, g in by_class)
        )
        push[name] = _by_column(np.stack(pushed), pipeline.owners, len(pipeline.columns))
        lean[name] = _by_column(np.stack(leaned), pipeline.owners, len(pipeline.columns))
    return Attribution(push, lean, found, views, weight)


def slopes(fitted: Fitted, net: Net, states: Tensor, inputs: Inputs, views: Views) -> Slopes:
    """Path-averaged gradients, with as many steps as completeness asks for. Raises `GraphfuseError` where 128 do not do."""
    if _still_linear(net, states, inputs):
        return _linear_slopes(fitted, net)
    path = _Path(fitted, net, states, inputs)
    for steps in STEPS:
        gradients = path.gradients(steps)
        error = path.error(gradients)
        if error <= COMPLETE:
            return _split(fitted, gradients, error)
    raise GraphfuseError(
        f"integrated gradients miss {error:.1%} of the logits' change after {STEPS[-1]} steps; the net is not smooth "
        "enough to attribute. Train it for fewer epochs or with a smaller learning rate"
    )


class _Path:
    """The straight path from the training mean to the patients, and the net's gradients along it."""

    def __init__(self, fitted: Fitted, net: Net, states: Tensor, inputs: Inputs):
        self.net, self.states, self.inputs = net, states, inputs
        self.slope = [torch.tensor(s) for s in fitted.slopes.values()]

    def logits(self, x: list[Tensor]) -> Tensor:
        """Centred logits `[N, K]` as a function of the columns, the linear start included."""
        views = []
        for m, (columns, slope) in enumerate(zip(x, self.slope, strict=True)):
            ways = columns[:, None] if columns.dim() == 2 else columns
            linear = ways @ slope
            silent = linear.new_zeros(len(linear), 2 - ways.shape[1], linear.shape[2])
            views.append(torch.cat([linear, silent, self.inputs.start[:, m, 2:]], 1))
        logits = self.net(self.inputs._replace(x=tuple(x), start=torch.stack(views, 1)), senders=self.states)
        return logits - logits.mean(1, keepdim=True)

    def gradients(self, steps: int) -> list[Tensor]:
        """Per modality `[K, N, (1 + hops,) F]`, the mean over midpoints of the path."""
        total = None
        for step in range(steps):
            x = [(columns * (step + 0.5) / steps).requires_grad_() for columns in self.inputs.x]
            logits = self.logits(x).sum(0)
            found = [torch.autograd.grad(value, x, retain_graph=True) for value in logits]
            found = [torch.stack(by_class) for by_class in zip(*found, strict=True)]
            total = found if total is None else [a + b for a, b in zip(total, found, strict=True)]
        return [t / steps for t in total]

    def error(self, gradients: list[Tensor]) -> float:
        """Share of the logits' change that the attributions miss."""
        with torch.no_grad():
            change = self.logits(list(self.inputs.x)) - self.logits([torch.zeros_like(x) for x in self.inputs.x])
            given = sum((g * x).flatten(2).sum(2) for g, x in zip(gradients, self.inputs.x, strict=True)).T
            return float((change - given).abs().sum() / change.abs().sum().clamp(min=1e-12))


def _still_linear(net: Net, states: Tensor, inputs: Inputs) -> bool:
    """Whether the net gives exactly its gated linear model: no weight behind its gates has left its start."""
    with torch.no_grad():
        return not net.decides and torch.equal(net(inputs, senders=states), net.linear(inputs).sum(1))


def _linear_slopes(fitted: Fitted, net: Net) -> Slopes:
    own, hop = {}, {}
    for m, (name, slope) in enumerate(fitted.slopes.items()):
        own[name] = (slope - slope.mean(1, keepdims=True)).T[:, None]
        if net.encode[m].hops:
            hop[name] = own[name] * net.encode[m].gate[0].item()
    return Slopes(own, hop, 0.0)


def _split(fitted: Fitted, gradients: list[Tensor], error: float) -> Slopes:
    own, hop = {}, {}
    for name, gradient in zip(fitted.slopes, gradients, strict=True):
        both = gradient.numpy()
        own[name] = both if both.ndim == 3 else both[:, :, 0]
        if both.ndim == 4:
            hop[name] = both[:, :, 1]
    return Slopes(own, hop, error)


def _by_column(values: np.ndarray, owners: np.ndarray, columns: int) -> np.ndarray:
    """Sums `[K, F]` over what each input column became `[K, columns]`; unselected columns get 0."""
    return np.stack([np.bincount(owners, row, minlength=columns) for row in values])
