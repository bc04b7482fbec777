"""Integrated gradients of a fitted model over the columns of its modalities, its neighbours held
fixed.

Integrated gradients (arXiv 1703.01365) from the training mean (0 in standardised columns) to the
patient, of every class's logit less the mean logit. A column acts twice: through itself and through
its neighbours on the gene network; both are followed back to the column. Attributions of a patient
and class sum to the logit's change from the baseline (completeness); the number of path steps grows
until they do to 1 %.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from graphfuse.data.cohort import Cohort
from graphfuse.errors import GraphfuseError
from graphfuse.learn.assemble import Views
from graphfuse.learn.fitted import Fitted
from graphfuse.nn.net import Inputs, Net
from graphfuse.nn.parts import part

log = logging.getLogger(__name__)

COMPLETE = 0.01  # largest share of the logits' change that attributions may miss
# what they may miss, with a warning, where the net has kinks (leaky ReLUs) that steps do not smooth
TOLERATED = 0.05
STEPS = (1, 8, 32, 128, 512)


@dataclass(frozen=True, eq=False)
class Slopes:
    """Path-averaged gradients of each class's centred logit: modality → `[K, N or 1, F]`, through
    the column itself (`own`) and through its gene-network neighbours' mean (`hop`); one row where
    all patients share it. `error`: the completeness error. `shown`: signal → `[K, N, C, P]`, at
    what it shows (its columns' part is in `own` already)."""

    own: dict[str, np.ndarray]
    hop: dict[str, np.ndarray]
    error: float
    shown: dict[str, np.ndarray] = field(default_factory=dict)

    def columns(self, fitted: Fitted, name: str) -> np.ndarray:
        """Gradient by column, both ways together `[K, N or 1, F]`."""
        total = self.own[name]
        if name in self.hop:
            back = fitted.preparation.spread[name].T
            total = total + np.stack([(back @ g.T).T for g in self.hop[name]])
        return total


@dataclass(frozen=True, eq=False)
class Attribution:
    """What one replica's columns do for each class, over patients weighted by their probability of
    that class.

    `push`: modality → `[K, columns]`, mean attribution: how far the column moves patients of the
    class towards it. `lean`: modality → `[K, columns]`, mean gradient: its sign says whether a high
    value speaks for (+) or against (-) the class. Behind them: the `slopes`, the patients' `views`,
    and their `weight` `[N, K]` in the mean of each class (columns sum to 1).
    """

    push: dict[str, np.ndarray]
    lean: dict[str, np.ndarray]
    slopes: Slopes
    views: Views
    weight: np.ndarray


def attribute(fitted: Fitted, net: int, cohort: Cohort) -> Attribution:
    """Attributions of one of the model's nets on the patients of `cohort`; no labels are read."""
    views = fitted.preparation.views(cohort)
    inputs = fitted.inputs(views)
    with torch.no_grad():
        logits = fitted.run(net, inputs).cpu()
        probability = torch.softmax(logits / fitted.temperature, -1).numpy()
    weight = probability / probability.sum(0)
    found = slopes(fitted, net, inputs, views)
    push, lean = {}, {}
    for name, pipeline in fitted.preparation.pipelines.items():
        gradient = found.columns(fitted, name)
        by_class = zip(weight.T, gradient, strict=True)
        pushed, leaned = zip(
            *(
                (w @ (views.own[name] * g), w @ np.broadcast_to(g, views.own[name].shape))
                for w, g in by_class
            )
        )
        push[name] = _by_column(np.stack(pushed), pipeline.owners, len(pipeline.columns))
        lean[name] = _by_column(np.stack(leaned), pipeline.owners, len(pipeline.columns))
    return Attribution(push, lean, found, views, weight)


def slopes(fitted: Fitted, net: int, inputs: Inputs, views: Views) -> Slopes:
    """Path-averaged gradients, with as many steps as completeness asks for. Raises `GraphfuseError`
    where 512 do not do."""
    if _still_linear(fitted, net, inputs):
        return _linear_slopes(fitted, fitted.nets[net], views)
    path = _Path(fitted, net, inputs, views)
    for steps in STEPS:
        gradients = path.gradients(steps)
        error = path.error(gradients)
        if error <= COMPLETE:
            return _split(fitted, gradients, error)
    if error <= TOLERATED:
        log.warning(
            "integrated gradients miss %.1f %% of the logits' change after %d steps",
            100 * error,
            STEPS[-1],
        )
        return _split(fitted, gradients, error)
    raise GraphfuseError(
        f"integrated gradients miss {error:.1%} of the logits' change after {STEPS[-1]} "
        "steps; the net is not smooth "
        "enough to attribute. Train it for fewer epochs or with a smaller learning rate"
    )


class _Path:
    """The straight path from the training mean to the patients, and the net's gradients along it.

    `columns`: per modality `[N, F]`, or `[N, 2, F]` with the network neighbours' mean. Signals
    follow their modalities' columns along the path, but for the rows that jump (who is active in a
    concept plane): those stay the patient's own.
    """

    def __init__(self, fitted: Fitted, net: int, inputs: Inputs, views: Views):
        self.fitted, self.net, self.inputs = fitted, net, inputs
        device = fitted.device
        self.slope = [torch.tensor(s, device=device) for s in fitted.linear.slopes.values()]
        pattern = fitted.linear.pattern(views.present)
        self.which = {
            number: torch.from_numpy((pattern == number).astype(float)).to(device)
            for number in np.unique(pattern)
        }
        self.present = torch.from_numpy(views.present)
        own = {m: torch.from_numpy(v) for m, v in views.own.items()}
        hop = {m: torch.from_numpy(v) for m, v in views.hop.items()}
        columns = [torch.stack([v, hop[m]], 1) if m in hop else v for m, v in own.items()]
        self.columns = [each.to(device) for each in columns]
        signals = fitted.preparation.signals
        self.here = {name: signal.inputs(own, self.present) for name, signal in signals.items()}

    def logits(self, columns: list[Tensor], shown: list[Tensor] | None = None) -> Tensor:
        """Centred logits `[N, K]` as a function of the columns, the linear start included; `shown`:
        what the signals show of them."""
        views = []
        for m, (given, slope) in enumerate(zip(columns, self.slope, strict=True)):
            ways = given[:, None] if given.dim() == 2 else given
            linear = sum(
                own[:, None, None] * (ways @ slope[number]) for number, own in self.which.items()
            )
            silent = linear.new_zeros(len(linear), 2 - ways.shape[1], linear.shape[2])
            views.append(torch.cat([linear, silent, self.inputs.start[:, m, 2:]], 1))
        start = torch.stack(views, 1)
        start = torch.cat([start, self.inputs.start[:, start.shape[1] :]], 1)
        seen = [
            given if x.shape[-1] else x for given, x in zip(columns, self.inputs.x, strict=False)
        ]
        shown = self.shown(columns) if shown is None else shown
        logits = self.fitted.run(self.net, self.inputs._replace(x=(*seen, *shown), start=start))
        return logits - logits.mean(1, keepdim=True)

    def shown(self, columns: list[Tensor]) -> list[Tensor]:
        """What encoders see `[N, C, P]` of the signals of patients with these columns. Signals
        themselves are computed on the CPU, where they were fitted."""
        if not self.here:
            return []
        own = {
            m: c.cpu() if c.dim() == 2 else c[:, 0].cpu()
            for m, c in zip(self.fitted.preparation.pipelines, columns, strict=True)
        }
        found, preparation, device = [], self.fitted.preparation, self.fitted.device
        for name, here in self.here.items():
            signal, moves = preparation.signals[name], here.new_zeros(here.shape[1], 1)
            moves[signal.smooth_rows] = 1
            shown = moves * signal.inputs(own, self.present) + (1 - moves) * here
            found.append(part("encode", preparation.encoders[name]).prepare(shown).to(device))
        return found

    def gradients(self, steps: int) -> list[Tensor]:
        """Per modality `[K, N, (1 + hops,) F]`, then per signal `[K, N, C, P]`: the mean over
        midpoints of the path."""
        total = None
        for step in range(steps):
            columns = [(each * (step + 0.5) / steps).requires_grad_() for each in self.columns]
            shown = self.shown(columns)
            logits = self.logits(columns, shown).sum(0)
            found = [
                torch.autograd.grad(
                    v, [*columns, *shown], retain_graph=True, materialize_grads=True
                )
                for v in logits
            ]
            found = [torch.stack(by_class) for by_class in zip(*found, strict=True)]
            total = found if total is None else [a + b for a, b in zip(total, found, strict=True)]
        return [t / steps for t in total]

    def error(self, gradients: list[Tensor]) -> float:
        """Share of the logits' change that the attributions miss."""
        with torch.no_grad():
            change = self.logits(self.columns) - self.logits(
                [torch.zeros_like(each) for each in self.columns]
            )
            given = sum(
                (g * c).flatten(2).sum(2) for g, c in zip(gradients, self.columns, strict=False)
            ).T
            return float((change - given).abs().sum() / change.abs().sum().clamp(min=1e-12))


def _still_linear(fitted: Fitted, net: int, inputs: Inputs) -> bool:
    """Whether the net gives exactly its gated linear model: no weight behind its gates has left its
    start."""
    module = fitted.nets[net]
    with torch.no_grad():
        return module.level == "embedding" and torch.equal(
            fitted.run(net, inputs), module.double().linear(inputs).sum(1)
        )


def _linear_slopes(fitted: Fitted, net: Net, views: Views) -> Slopes:
    own, hop, which = {}, {}, fitted.linear.pattern(views.present)
    which = which[:1] if (which == which[0]).all() else which
    for m, (name, slope) in enumerate(fitted.linear.slopes.items()):
        own[name] = (slope - slope.mean(2, keepdims=True))[which].transpose(2, 0, 1)
        if net.encode[m].hops:
            hop[name] = own[name] * net.encode[m].gate[0].item()
    return Slopes(own, hop, 0.0)


def _split(fitted: Fitted, gradients: list[Tensor], error: float) -> Slopes:
    own, hop = {}, {}
    for name, gradient in zip(fitted.preparation.pipelines, gradients, strict=False):
        both = gradient.cpu().numpy()
        own[name] = both if both.ndim == 3 else both[:, :, 0]
        if both.ndim == 4:
            hop[name] = both[:, :, 1]
    shown = zip(
        fitted.preparation.signals, gradients[len(fitted.preparation.pipelines) :], strict=True
    )
    return Slopes(own, hop, error, {name: gradient.cpu().numpy() for name, gradient in shown})


def _by_column(values: np.ndarray, owners: np.ndarray, columns: int) -> np.ndarray:
    """Sums `[K, F]` over what each input column became `[K, columns]`; unselected columns get 0."""
    return np.stack([np.bincount(owners, row, minlength=columns) for row in values])
