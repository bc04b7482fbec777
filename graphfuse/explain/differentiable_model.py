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

from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.views import Views
from graphfuse.nn.net import Inputs
from graphfuse.nn.registry import part


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients of what is attributed in each of K directions (`Task.contrast`), at one place or
    averaged along a path.

    Attributes
    ----------
    own : dict of str to numpy.ndarray
        Modality → `[K, N or 1, F]`, through the column itself; one row where all patients share it.
    x_smoothed : dict of str to numpy.ndarray
        Modality → `[K, N or 1, F]`, through the mean over the column's gene-network neighbours,
        where the modality's encoder looks there.
    signals : dict of str to numpy.ndarray
        Channel on a graph of its own → `[K, N, C, P]`, at what it shows (the part of its columns is
        in `own` already).
    error : float
        Share of the change that attributions by these gradients miss.
    """

    own: dict[str, np.ndarray]
    x_smoothed: dict[str, np.ndarray]
    signals: dict[str, np.ndarray] = field(default_factory=dict)
    error: float = 0.0

    @classmethod
    def of(cls, fitted: Fitted, gradients: list[Tensor], error: float = 0.0) -> Gradients:
        """From what `Forward.gradients` gives.

        Parameters
        ----------
        fitted : Fitted
            The model that they are of.
        gradients : list of torch.Tensor
            Per modality, then per signal.
        error : float
            Share of the change that attributions by these gradients miss.

        Returns
        -------
        Gradients
        """
        preparation = fitted.preparation
        arrays = [gradient.cpu().numpy() for gradient in gradients]
        own, x_smoothed = {}, {}
        for name, gradient in zip(preparation.pipelines, arrays, strict=False):
            if gradient.ndim == 4:  # both ways
                own[name], x_smoothed[name] = gradient[:, :, 0], gradient[:, :, 1]
            else:
                own[name] = gradient
        rest = arrays[len(preparation.pipelines) :]
        signals = dict(zip(preparation.signals, rest, strict=True))
        return cls(own, x_smoothed, signals, error)

    def columns(self, fitted: Fitted, name: str) -> np.ndarray:
        """The gradient by column of a modality, both ways together.

        Parameters
        ----------
        fitted : Fitted
            The model that it is of.
        name : str
            The modality.

        Returns
        -------
        numpy.ndarray
            `[K, N or 1, F]`.
        """
        total = self.own[name]
        if name in self.x_smoothed:
            back = fitted.preparation.gene_operators[name].T
            through_neighbours = [(back @ gradient.T).T for gradient in self.x_smoothed[name]]
            total = total + np.stack(through_neighbours)
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
        device, linear = fitted.device, fitted.linear
        self._slopes = [torch.tensor(slope, device=device) for slope in linear.slopes.values()]
        pattern = linear.pattern(views.present)
        self._has_pattern = {}
        for number in np.unique(pattern):
            has = (pattern == number).astype(float)
            self._has_pattern[number] = torch.from_numpy(has).to(device)
        self._present = torch.from_numpy(views.present)
        self.columns = self._stacked(views.own, views.x_smoothed)
        own = {name: torch.from_numpy(columns) for name, columns in views.own.items()}
        signals = fitted.preparation.signals
        self._here = {name: each.inputs(own, self._present) for name, each in signals.items()}

    def of(self, own: Mapping[str, np.ndarray]) -> list[Tensor]:
        """Columns of other values for the same patients.

        Parameters
        ----------
        own : mapping of str to numpy.ndarray
            Modality → `[N, F]`.

        Returns
        -------
        list of torch.Tensor
            What `logits` takes: per modality `[N, F]`, or `[N, 2, F]` with the mean over each
            column's network neighbours.
        """
        spread = self.fitted.preparation.gene_operators
        x_smoothed = {name: (operator @ own[name].T).T for name, operator in spread.items()}
        return self._stacked(own, x_smoothed)

    def _stacked(
        self, own: Mapping[str, np.ndarray], x_smoothed: Mapping[str, np.ndarray]
    ) -> list[Tensor]:
        """Per modality its columns, with those of their network neighbours where it has them."""
        stacked = []
        for name in self.fitted.preparation.pipelines:
            columns = torch.from_numpy(own[name])
            if name in x_smoothed:
                columns = torch.stack([columns, torch.from_numpy(x_smoothed[name])], 1)
            stacked.append(columns.to(self.fitted.device))
        return stacked

    def logits(self, columns: list[Tensor], signals: list[Tensor] | None = None) -> Tensor:
        """The linear predictors as a function of the columns, the linear start included.

        Parameters
        ----------
        columns : list of torch.Tensor
            Per modality `[N, F]`, or `[N, 2, F]` with each column's network neighbours.
        signals : list of torch.Tensor, optional
            What encoders see of the columns, as of `signals`; by default computed here.

        Returns
        -------
        torch.Tensor
            `[N, K]`, as `Task.contrast` has them.
        """
        signals = self.signals(columns) if signals is None else signals
        seen = []
        for given, values in zip(columns, self.inputs.x, strict=False):
            seen.append(given if values.shape[-1] else values)
        inputs = self.inputs._replace(x=(*seen, *signals), start=self._start(columns))
        logits = self.fitted.run(self.net, inputs)
        return self.fitted.task.contrast(logits)

    def _start(self, columns: list[Tensor]) -> Tensor:
        """The net's inputs from the linear start: computed from the columns where they reach it,
        the patients' own elsewhere."""
        given = self.inputs.start
        views = []
        for place, (values, slope) in enumerate(zip(columns, self._slopes, strict=True)):
            ways = values[:, None] if values.dim() == 2 else values
            linear = self._linear(ways, slope)
            lacking = linear.new_zeros(len(linear), 2 - ways.shape[1], linear.shape[2])
            views.append(torch.cat([linear, lacking, given[:, place, 2:]], 1))
        start = torch.stack(views, 1)
        return torch.cat([start, given[:, start.shape[1] :]], 1)

    def _linear(self, ways: Tensor, slope: Tensor) -> Tensor:
        """What a modality's columns `[N, ways, F]` add to the linear start, each patient by the
        slopes of the modalities that it has."""
        predicted = 0
        for number, has in self._has_pattern.items():
            predicted = predicted + has[:, None, None] * (ways @ slope[number])
        return predicted

    def signals(self, columns: list[Tensor]) -> list[Tensor]:
        """What encoders see of the signals of patients with these columns.

        Signals themselves are computed on the CPU, where they were fitted.

        Parameters
        ----------
        columns : list of torch.Tensor
            Per modality `[N, F]`, or `[N, 2, F]` with each column's network neighbours.

        Returns
        -------
        list of torch.Tensor
            Per signal `[N, C, P]`.
        """
        if not self._here:
            return []
        preparation = self.fitted.preparation
        own = {}
        for name, values in zip(preparation.pipelines, columns, strict=True):
            own[name] = values.cpu() if values.dim() == 2 else values[:, 0].cpu()
        seen = []
        for name, here in self._here.items():
            signal = preparation.signals[name]
            moves = here.new_zeros(here.shape[1], 1)
            moves[signal.smooth_rows] = 1
            shown = moves * signal.inputs(own, self._present) + (1 - moves) * here
            encoder = part("encode", preparation.encoders[name])
            seen.append(encoder.prepare(shown).to(self.fitted.device))
        return seen

    def gradients(self, columns: list[Tensor]) -> list[Tensor]:
        """Gradients of each direction's `logits` at these columns.

        Parameters
        ----------
        columns : list of torch.Tensor
            Per modality `[N, F]`, or `[N, 2, F]` with each column's network neighbours.

        Returns
        -------
        list of torch.Tensor
            Per modality `[K, N, F]`, or `[K, N, 2, F]` with its network neighbours, then per signal
            `[K, N, C, P]`.
        """
        columns = [each.detach().requires_grad_() for each in columns]
        signals = self.signals(columns)
        logits = self.logits(columns, signals).sum(0)
        at = [*columns, *signals]
        by_direction = []
        for logit in logits:
            gradient = torch.autograd.grad(logit, at, retain_graph=True, materialize_grads=True)
            by_direction.append(gradient)
        return [torch.stack(each) for each in zip(*by_direction, strict=True)]
