"""Gradients of a net's outputs by what arrives along edges, the patients' own columns held fixed.

Of all graphs at once: means over neighbours in the gene network, signals that arrive along the
relations of a signalling graph, the weights of edges between patients, and their neighbours' linear
predictors. Where all of it is scaled from 0, which is a net without edges, to 1, and gradients are
averaged on the way, they are integrated gradients of the edges.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphfuse.explain.differentiable_model import Gradients
from graphfuse.explain.method import FoldNet

GRAPH = "signalling"  # the signal whose edges are ranked
NOTHING = 1e-6  # change of outputs, summed over patients, below which nothing arrives


@dataclass(frozen=True, eq=False)
class EdgeGradients:
    """Gradients in each of K directions by what arrives along edges, at one scale of it or averaged
    over scales.

    Attributes
    ----------
    x_smoothed : dict of str to numpy.ndarray
        Modality → `[K, N, F]`, by the means of its columns over neighbours in the gene network.
    signal : numpy.ndarray or None
        `[K, N, C, P]`, by the signals of a signalling graph; 0 for those that no edge brings.
    weights : list of numpy.ndarray
        By the weights of the edges of each modality's patient layers, `[K, E]` each, as in
        `Inputs.lists`.
    predictors : numpy.ndarray
        `[K, N, M, L, W]`, by the linear predictors of neighbours in L patient layers.
    error : float
        Share of the change of outputs between no edges and all that attributions by these gradients
        miss.
    """

    x_smoothed: dict[str, np.ndarray]
    signal: np.ndarray | None
    weights: list[np.ndarray]
    predictors: np.ndarray
    error: float = 0.0

    @property
    def of_genes(self) -> Gradients:
        """Those of gene networks alone, as attributions of their edges take them."""
        signals = {} if self.signal is None else {GRAPH: self.signal}
        return Gradients({}, self.x_smoothed, signals)


class Arriving:
    """A net's outputs as a function of what arrives along the edges of its graphs.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.

    Attributes
    ----------
    leaves : list of torch.Tensor
        What arrives: of each modality that reads the gene network its columns' means over
        neighbours `[N, F]`; of a signalling graph the signals along its relations `[N, C, P]`; the
        weights of each modality's edges in each patient layer `[E]`; and last the linear
        predictors of patients' neighbours `[N, M, L, W]`.
    """

    def __init__(self, net: FoldNet):
        self._preparation = net.fitted.preparation
        self._forward, self._inputs = net.forward, net.forward.inputs
        self._columns = net.forward.columns
        self._signals = net.forward.signals(self._columns)
        names = list(self._preparation.pipelines)
        smoothed = [m for m, each in enumerate(self._columns) if each.dim() == 3]
        self._smoothed = {names[m]: m for m in smoothed}
        self.leaves = [self._columns[m][:, 1] for m in smoothed]
        self._graph = None
        signals = self._preparation.signals
        if GRAPH in signals:
            self._graph = list(signals).index(GRAPH)
            self.leaves.append(self._signals[self._graph][:, signals[GRAPH].edge_rows])
        self.leaves += [edges.weight for edges in self._inputs.lists]
        self.leaves.append(self._inputs.start[:, :, 2:])

    def outputs(self, leaves: Sequence[Tensor]) -> Tensor:
        """The outputs `[N, K]` where this arrives in place of `self.leaves`."""
        left = iter(leaves)
        columns, signals = list(self._columns), list(self._signals)
        for m in self._smoothed.values():
            columns[m] = torch.stack([columns[m][:, 0], next(left)], 1)
        if self._graph is not None:
            arrived = next(left)
            own = signals[self._graph][:, : -arrived.shape[1] or None]
            signals[self._graph] = torch.cat([own, arrived], 1)
        lists = tuple(edges._replace(weight=next(left)) for edges in self._inputs.lists)
        start = torch.cat([self._inputs.start[:, :, :2], next(left)], 2)
        moved = copy.copy(self._forward)
        moved.inputs = self._inputs._replace(lists=lists, start=start)
        return moved.logits(columns, signals)

    def gradients(self, scale: float = 1.0) -> list[Tensor]:
        """The gradients `[K, …]` by each leaf where all of them are scaled."""
        leaves = [(scale * each).detach().requires_grad_() for each in self.leaves]
        outputs = self.outputs(leaves).sum(0)  # [K]
        options = {"retain_graph": True, "materialize_grads": True, "allow_unused": True}
        by_direction = [torch.autograd.grad(output, leaves, **options) for output in outputs]
        return [torch.stack(each) for each in zip(*by_direction, strict=True)]

    def at_patients(self) -> EdgeGradients:
        """Gradients where all arrives as it does."""
        return self._named(self.gradients(), 0.0)

    def averaged(self, steps: int) -> EdgeGradients:
        """The mean of gradients over so many midpoints of the path from no edges to all."""
        means = [torch.zeros_like(each) for each in self.gradients()]
        for step in range(steps):
            here = self.gradients((step + 0.5) / steps)
            means = [mean + each / steps for mean, each in zip(means, here, strict=True)]
        return self._named(means, self._missed(means))

    def _missed(self, gradients: list[Tensor]) -> float:
        """The share of the patients' changes between no edges and all that gradients miss."""
        with torch.no_grad():
            without = self.outputs([torch.zeros_like(each) for each in self.leaves])
            change = (self.outputs(self.leaves) - without).T  # [K, N]
            attributed = torch.zeros_like(change)
            edges = iter(self._inputs.lists)
            for gradient, leaf in zip(gradients, self.leaves, strict=True):
                products = gradient * leaf  # [K, N, …], or [K, E]
                if leaf.dim() > 1:
                    attributed += products.flatten(2).sum(2)
                else:
                    attributed.index_add_(1, next(edges).receiver, products)
            missed = (change - attributed).abs().sum()
            return float(missed / change.abs().sum().clamp(min=NOTHING))

    def _named(self, gradients: list[Tensor], error: float) -> EdgeGradients:
        """Gradients by what they are of."""
        left = iter([each.cpu().numpy() for each in gradients])
        x_smoothed = {name: next(left) for name in self._smoothed}
        signal = None
        if self._graph is not None:
            arrived = next(left)  # [K, N, channels that edges bring, P]
            channels = self._signals[self._graph].shape[1]
            own = [(0, 0), (0, 0), (channels - arrived.shape[2], 0), (0, 0)]
            signal = np.pad(arrived, own)
        weights = [next(left) for _ in self._inputs.lists]
        return EdgeGradients(x_smoothed, signal, weights, next(left), error)


def edge_contributions(
    net: FoldNet, gradients: EdgeGradients, name: str, number: int, predictors: np.ndarray
) -> np.ndarray:
    """What the edges of a patient layer add to outputs.

    Parameters
    ----------
    net : FoldNet
        A fold's net with its tested patients.
    gradients : EdgeGradients
        Of this net.
    name : str
        The modality.
    number : int
        Which of its layers.
    predictors : numpy.ndarray
        The senders' linear predictors `[E, W]`.

    Returns
    -------
    numpy.ndarray
        `[K, E]`: gradient by the weight × weight, through states and linear predictors.
    """
    channel = list(net.fitted.preparation.pipelines).index(name)
    layers = gradients.predictors.shape[3]
    place = channel * layers + number
    edges = net.inputs.lists[place]
    weight, receiver = edges.weight.cpu().numpy(), edges.receiver.cpu().numpy()
    by_predictor = gradients.predictors[:, receiver, channel, number]  # [K, E, W]
    linear = np.einsum("kew,ew->ke", by_predictor, predictors)
    return weight * (gradients.weights[place] + linear)
