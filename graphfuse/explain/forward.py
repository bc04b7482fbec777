"""A fitted net as a differentiable function of its patients' columns, their neighbours held fixed.

A column acts twice: through itself, and through its neighbours on the gene network. Gradients are
given for both ways apart, and can be followed back to the column together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from graphfuse.learn.assemble import Views
from graphfuse.learn.fitted import Fitted
from graphfuse.nn.net import Inputs
from graphfuse.nn.parts import part


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients of what is attributed in each of K directions (`Task.contrast`), at one place or
    averaged along a path.

    Attributes
    ----------
    own : dict of str to numpy.ndarray
        Modality → `[K, N or 1, F]`, through the column itself; one row where all patients share it.
    hop : dict of str to numpy.ndarray
        Modality → `[K, N or 1, F]`, through the mean over the column's gene-network neighbours,
        where the modality's encoder looks there.
    signals : dict of str to numpy.ndarray
        Channel on a graph of its own → `[K, N, C, P]`, at what it shows (the part of its columns is
        in `own` already).
    error : float
        Share of the change that attributions by these gradients miss.
    """

    own: dict[str, np.ndarray]
    hop: dict[str, np.ndarray]
    signals: dict[str, np.ndarray] = field(default_factory=dict)
    error: float = 0.0

    @classmethod
    def of(cls, fitted: Fitted, gradients: list[Tensor], error: float = 0.0) -> Gradients:
        """From what `Forward.gradients` gives."""
        own, hop = {}, {}
        for name, gradient in zip(fitted.preparation.pipelines, gradients, strict=False):
            both = gradient.cpu().numpy()
            own[name] = both if both.ndim == 3 else both[:, :, 0]
            if both.ndim == 4:
                hop[name] = both[:, :, 1]
        rest = gradients[len(fitted.preparation.pipelines) :]
        signals = zip(fitted.preparation.signals, rest, strict=True)
        return cls(own, hop, {name: each.cpu().numpy() for name, each in signals}, error)

    def columns(self, fitted: Fitted, name: str) -> np.ndarray:
        """Gradient by column of a modality, both ways together `[K, N or 1, F]`."""
        total = self.own[name]
        if name in self.hop:
            back = fitted.preparation.spread[name].T
            total = total + np.stack([(back @ g.T).T for g in self.hop[name]])
        return total


class Forward:
    """What one of a model's nets says of each direction, as a class's logit less the mean over
    classes, as a function of patients' columns.

    Signals follow their modalities' columns, but for the rows that jump (who is active in a concept
    plane): those stay the patient's own, and so does what the patients' neighbours send.

    Parameters
    ----------
    fitted : Fitted
        A fold's model.
    net : int
        Which of its nets, one for each seed.
    inputs : Inputs
        The net's inputs of these patients.
    views : Views
        Their standardised columns.

    Attributes
    ----------
    columns : list of torch.Tensor
        The patients' own columns, per modality `[N, F]`, or `[N, 2, F]` with the mean over each
        column's network neighbours.
    """

    def __init__(self, fitted: Fitted, net: int, inputs: Inputs, views: Views):
        self.fitted, self.net, self.inputs = fitted, net, inputs
        device = fitted.device
        self._slopes = [torch.tensor(s, device=device) for s in fitted.linear.slopes.values()]
        pattern = fitted.linear.pattern(views.present)
        self._has_pattern = {
            number: torch.from_numpy((pattern == number).astype(float)).to(device)
            for number in np.unique(pattern)
        }
        self._present = torch.from_numpy(views.present)
        self.columns = self._stacked(views.own, views.hop)
        own = {m: torch.from_numpy(v) for m, v in views.own.items()}
        signals = fitted.preparation.signals
        self._here = {name: each.inputs(own, self._present) for name, each in signals.items()}

    def of(self, own: Mapping[str, np.ndarray]) -> list[Tensor]:
        """What `logits` takes, of modality → columns `[N, F]`."""
        spread = self.fitted.preparation.spread
        hop = {name: (operator @ own[name].T).T for name, operator in spread.items()}
        return self._stacked(own, hop)

    def _stacked(
        self, own: Mapping[str, np.ndarray], hop: Mapping[str, np.ndarray]
    ) -> list[Tensor]:
        found = []
        for name in self.fitted.preparation.pipelines:
            columns = torch.from_numpy(own[name])
            if name in hop:
                columns = torch.stack([columns, torch.from_numpy(hop[name])], 1)
            found.append(columns.to(self.fitted.device))
        return found

    def logits(self, columns: list[Tensor], signals: list[Tensor] | None = None) -> Tensor:
        """The linear predictors `[N, K]`, as `Task.contrast` has them, as a function of the
        columns, the linear start included; `signals`: what is shown of the columns, where it is
        known already."""
        views = []
        for m, (given, slope) in enumerate(zip(columns, self._slopes, strict=True)):
            ways = given[:, None] if given.dim() == 2 else given
            linear = sum(
                has[:, None, None] * (ways @ slope[number])
                for number, has in self._has_pattern.items()
            )
            lacking = linear.new_zeros(len(linear), 2 - ways.shape[1], linear.shape[2])
            views.append(torch.cat([linear, lacking, self.inputs.start[:, m, 2:]], 1))
        start = torch.stack(views, 1)
        start = torch.cat([start, self.inputs.start[:, start.shape[1] :]], 1)
        seen = [
            given if x.shape[-1] else x for given, x in zip(columns, self.inputs.x, strict=False)
        ]
        signals = self.signals(columns) if signals is None else signals
        logits = self.fitted.run(self.net, self.inputs._replace(x=(*seen, *signals), start=start))
        return self.fitted.task.contrast(logits)

    def signals(self, columns: list[Tensor]) -> list[Tensor]:
        """What encoders see `[N, C, P]` of the signals of patients with these columns. Signals
        themselves are computed on the CPU, where they were fitted."""
        if not self._here:
            return []
        own = {
            m: c.cpu() if c.dim() == 2 else c[:, 0].cpu()
            for m, c in zip(self.fitted.preparation.pipelines, columns, strict=True)
        }
        found, preparation, device = [], self.fitted.preparation, self.fitted.device
        for name, here in self._here.items():
            signal, moves = preparation.signals[name], here.new_zeros(here.shape[1], 1)
            moves[signal.smooth_rows] = 1
            shown = moves * signal.inputs(own, self._present) + (1 - moves) * here
            found.append(part("encode", preparation.encoders[name]).prepare(shown).to(device))
        return found

    def gradients(self, columns: list[Tensor]) -> list[Tensor]:
        """Gradients of each direction's `logits` at these columns: per modality `[K, N, F]`, or
        `[K, N, 2, F]` with its network neighbours, then per signal `[K, N, C, P]`."""
        columns = [each.detach().requires_grad_() for each in columns]
        signals = self.signals(columns)
        logits = self.logits(columns, signals).sum(0)
        by_direction = [
            torch.autograd.grad(
                logit, [*columns, *signals], retain_graph=True, materialize_grads=True
            )
            for logit in logits
        ]
        return [torch.stack(each) for each in zip(*by_direction, strict=True)]
