"""A fitted net as a differentiable function of its patients' columns, their neighbours held fixed.

A column has two effects: its own, and that through its neighbours on the gene network. Gradients
are computed for both separately, and can be summed to the gradient of the column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.standardised_columns import Views
from graphfuse.nn.net import Inputs
from graphfuse.nn.registry import part


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients of the output in each of K directions (`Task.contrast`), at one point or averaged
    along a path.

    Attributes
    ----------
    own : dict of str to numpy.ndarray
        Modality → `[K, N or 1, F]`, through the column itself; one row where it is the same for all
        patients.
    x_smoothed : dict of str to numpy.ndarray
        Modality → `[K, N or 1, F]`, through the mean over the column's gene-network neighbours,
        where the modality's encoder uses it.
    signals : dict of str to numpy.ndarray
        Channel on a graph of its own → `[K, N, C, P]`, with respect to the values of its nodes (the
        gradients of its columns are in `own` already).
    error : float
        Share of the change that attributions by these gradients miss.
    """

    own: dict[str, np.ndarray]
    x_smoothed: dict[str, np.ndarray]
    signals: dict[str, np.ndarray] = field(default_factory=dict)
    error: float = 0.0

    @classmethod
    def of(cls, fitted: Fitted, gradients: list[Tensor], error: float = 0.0) -> Gradients:
        """Named arrays from the tensors of `Forward.gradients`.

        Parameters
        ----------
        fitted : Fitted
            The fold's model.
        gradients : list of torch.Tensor
            One for each modality, then one for each signal.
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
            has_both = gradient.ndim == 4  # [K, N, 2, F]
            own[name] = gradient[:, :, 0] if has_both else gradient
            if has_both:
                x_smoothed[name] = gradient[:, :, 1]
        rest = arrays[len(preparation.pipelines) :]
        signals = dict(zip(preparation.signals, rest, strict=True))
        return cls(own, x_smoothed, signals, error)

    def columns(self, fitted: Fitted, name: str) -> np.ndarray:
        """The gradient of a modality's columns: their own, and that through their neighbours.

        Parameters
        ----------
        fitted : Fitted
            The fold's model.
        name : str
            The modality.

        Returns
        -------
        numpy.ndarray
            `[K, N or 1, F]`.
        """
        total = self.own[name]
        if name in self.x_smoothed:
            transposed = fitted.preparation.gene_operators[name].T
            through_neighbours = [(transposed @ each.T).T for each in self.x_smoothed[name]]
            total = total + np.stack(through_neighbours)
        return total


class Forward:
    """A net's outputs in each direction, such as a class's logit less the mean over classes, as a
    function of patients' columns.

    Signals follow their modalities' columns, except for rows that are not continuous (who is active
    in a concept plane): those stay the patient's own, and so do the messages of neighbours.

    Parameters
    ----------
    fitted : Fitted
        A fold's model.
    net : int
        Index of the net, one for each seed.
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
            has = (pattern == number).astype(float)  # [N]
            self._has_pattern[number] = torch.from_numpy(has).to(device)
        self._present = torch.from_numpy(views.present)
        self.columns = self._stacked(views.own, views.x_smoothed)
        own = {name: torch.from_numpy(columns) for name, columns in views.own.items()}
        self._own_signals = {}
        for name, signal in fitted.preparation.signals.items():
            self._own_signals[name] = signal.inputs(own, self._present)

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
        x_smoothed = {}
        for name, operator in self.fitted.preparation.gene_operators.items():
            x_smoothed[name] = (operator @ own[name].T).T
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
        """The net's outputs as a function of the columns, the linear model included.

        Parameters
        ----------
        columns : list of torch.Tensor
            Per modality `[N, F]`, or `[N, 2, F]` with each column's network neighbours.
        signals : list of torch.Tensor, optional
            The encoders' inputs, as `signals` returns them; by default computed here.

        Returns
        -------
        torch.Tensor
            `[N, K]`, as `Task.contrast` has them.
        """
        return self.fitted.task.contrast(self.predictors(columns, signals))

    def predictors(self, columns: list[Tensor], signals: list[Tensor] | None = None) -> Tensor:
        """The same before anything is taken off, as `Task.output` needs them `[N, W]`."""
        signals = self.signals(columns) if signals is None else signals
        x = []
        for given, values in zip(columns, self.inputs.x, strict=False):
            x.append(given if values.shape[-1] else values)
        inputs = self.inputs._replace(x=(*x, *signals), start=self._start(columns))
        return self.fitted.run(self.net, inputs)

    def _start(self, columns: list[Tensor]) -> Tensor:
        """The linear predictors that the net starts from: computed from the columns where they
        depend on them, the patients' own elsewhere."""
        given = self.inputs.start  # [N, M, 2 + layers, K]
        by_modality = []
        for place, (values, slope) in enumerate(zip(columns, self._slopes, strict=True)):
            x = values[:, None] if values.dim() == 2 else values  # [N, 1 or 2, F]
            linear = self._linear(x, slope)
            lacking = linear.new_zeros(len(linear), 2 - x.shape[1], linear.shape[2])
            of_neighbours = given[:, place, 2:]
            by_modality.append(torch.cat([linear, lacking, of_neighbours], 1))
        start = torch.stack(by_modality, 1)
        of_signals = given[:, start.shape[1] :]
        return torch.cat([start, of_signals], 1)

    def _linear(self, x: Tensor, slope: Tensor) -> Tensor:
        """The linear predictors of a modality's columns `[N, 1 or 2, F]`, each patient's by the
        slopes of the modalities that it has."""
        predicted = 0
        for number, has in self._has_pattern.items():
            predicted = predicted + has[:, None, None] * (x @ slope[number])
        return predicted

    def signals(self, columns: list[Tensor]) -> list[Tensor]:
        """The encoders' inputs from the signals of patients with these columns.

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
        if not self._own_signals:
            return []
        preparation = self.fitted.preparation
        own = {}
        for name, values in zip(preparation.pipelines, columns, strict=True):
            own[name] = values.cpu() if values.dim() == 2 else values[:, 0].cpu()
        prepared = []
        for name, own_signal in self._own_signals.items():
            signal = preparation.signals[name]
            is_smooth = own_signal.new_zeros(own_signal.shape[1], 1)  # [C, 1]
            is_smooth[signal.smooth_rows] = 1
            moved = is_smooth * signal.inputs(own, self._present)
            kept = (1 - is_smooth) * own_signal
            encoder = part("encode", preparation.encoders[name])
            prepared.append(encoder.prepare(moved + kept).to(self.fitted.device))
        return prepared

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
        logits = self.logits(columns, signals).sum(0)  # [K]
        inputs = [*columns, *signals]
        options = {"retain_graph": True, "materialize_grads": True}
        by_direction = [torch.autograd.grad(logit, inputs, **options) for logit in logits]
        return [torch.stack(each) for each in zip(*by_direction, strict=True)]
