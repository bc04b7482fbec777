"""A fold as the bank is given it: tensors of its training patients only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.linear.kernel_sets import kernels
from graphfuse.learn.linear.kernels import allows_kernels, is_narrow
from graphfuse.learn.linear.linear_start import LinearStart
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.ridge import coordinates, coordinates_of_columns
from graphfuse.learn.linear.stacking import linear_start, no_start
from graphfuse.learn.patient_layers import tensor_lists
from graphfuse.learn.preparation import Preparation
from graphfuse.learn.standardised_columns import Views
from graphfuse.nn.net import Inputs, NetSpec
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task


@dataclass(frozen=True, eq=False)
class FoldData:
    """One fold as the bank is given it.

    Attributes
    ----------
    inputs : Inputs
        Of the net, for the n training patients.
    target : Target
        `[n]`: what is to be learned.
    task : Task
        The kind of outcome.
    inner : np.ndarray
        int `[n]`: inner fold of each patient.
    basis : tuple of np.ndarray or None
        Per channel, the rotation `[F, r]` in which its columns are given; None where they are given
        as they are.
    gates : np.ndarray
        `[M, 1 + L]`: initial values of the network gate and of the patient gates.
    spec : NetSpec
        What the net is built from.
    prime : dict of int to callable
        Number of a channel → function that puts a signal's fixed numbers into its encoder.
    channels : tuple of str
        Names of the M channels.
    varying : tuple of int
        Per channel, how many of its columns are not constant.
    """

    inputs: Inputs
    target: Target
    task: Task
    inner: np.ndarray
    basis: tuple[np.ndarray | None, ...]
    gates: np.ndarray
    spec: NetSpec
    prime: dict[int, Callable]
    channels: tuple[str, ...]
    varying: tuple[int, ...]


def start_of(fold: PreparedFold, modalities: tuple[str, ...], recipe: Recipe) -> LinearStart:
    """The linear start that the recipe's fusion takes.

    It is stacked for a fusion of embeddings, separate for each modality for other fusions, and zero
    where the recipe asks for none.

    Parameters
    ----------
    fold : PreparedFold
    modalities : tuple of str
        Those of the model.
    recipe : Recipe

    Returns
    -------
    LinearStart
    """
    stacked = part("fuse", recipe.net.fuse).level == "embedding"
    if recipe.net.start == "linear":
        return linear_start(fold, modalities, stacked)
    return no_start(fold, modalities, stacked, recipe.patient.gate)


@dataclass(frozen=True, eq=False)
class Rotated:
    """A modality's columns in the coordinates of the training patients.

    Attributes
    ----------
    own : np.ndarray
        Columns of the training patients in these coordinates `[n, r]`.
    basis : np.ndarray
        The rotation `[F, r]` that takes columns there.
    dual : np.ndarray or None
        Coefficients `[n, r]` of the patients in `basis`, where it was found from their kernel:
        basis = columnsᵀ @ dual.
    """

    own: np.ndarray
    basis: np.ndarray
    dual: np.ndarray | None = None


def rotated_columns(fold: PreparedFold, modality: str) -> Rotated:
    """A modality's columns in the coordinates of their kernel.

    Where no column varies, there is one coordinate in which all patients are 0.
    """
    return fold.results.tables.get(("rotated", modality), partial(_rotate, fold, modality))


def _rotate(fold: PreparedFold, modality: str) -> Rotated:
    columns = fold.views.own[modality]
    if allows_kernels(len(columns)) and not is_narrow(*columns.shape):
        kernel = kernels(fold, (modality,))[modality]
        own, dual = coordinates(kernel.own)
        basis = columns.T @ dual
    else:
        own, basis = coordinates_of_columns(columns)
        dual = None
    if own.shape[1]:
        return Rotated(own, basis, dual)
    rows, width = columns.shape
    return Rotated(np.zeros((rows, 1)), np.zeros((width, 1)))


def _is_rotated(fold: PreparedFold, modality: str, encoder: str) -> bool:
    """Whether an encoder is given rotated columns while it trains.

    A linear encoder is, as its weights can be rotated back, where either side of the table is small
    enough to find the coordinates.
    """
    columns = fold.views.own[modality]
    return part("encode", encoder).linear and allows_kernels(min(columns.shape))


def _rotated_input(fold: PreparedFold, modality: str) -> np.ndarray:
    """Rotated columns as a linear encoder is given them while it trains.

    They are `[n, r]`, or `[n, 2, r]` with those averaged over the gene network where the encoder
    reads it.
    """
    rotated = rotated_columns(fold, modality)
    if modality not in fold.views.x_smoothed:
        return rotated.own

    def both() -> np.ndarray:
        return np.stack([rotated.own, _rotated_x_smoothed(fold, modality, rotated)], 1)

    return fold.results.network.get(("rotated x_smoothed", modality), both)


def _rotated_x_smoothed(fold: PreparedFold, modality: str, rotated: Rotated) -> np.ndarray:
    """Columns averaged over the gene network, in the coordinates of the columns, `[n, r]`."""
    if rotated.dual is None:
        return fold.views.x_smoothed[modality] @ rotated.basis
    # x_smoothed @ columnsᵀ @ dual, of which the first product is a kernel that is there already
    return kernels(fold, (modality,))[modality].cross @ rotated.dual


def fold_data(fold: PreparedFold, modalities: tuple[str, ...], recipe: Recipe) -> FoldData:
    """A fold's training patients as the bank is given them.

    Parameters
    ----------
    fold : PreparedFold
    modalities : tuple of str
        Those of the model.
    recipe : Recipe

    Returns
    -------
    FoldData
    """
    preparation = fold.prepared(modalities)
    channels = preparation.channels
    views = fold.views.only(modalities)
    rotates = [m for m in modalities if _is_rotated(fold, m, preparation.encoders[m])]
    rotated = {m: _rotated_input(fold, m) for m in rotates}
    x = preparation.encoder_inputs(views, rotated)
    start = start_of(fold, modalities, recipe)
    inputs = net_inputs(preparation, x, views, preparation.lists(), start.views, start.bias)
    rotations = {m: rotated_columns(fold, m).basis for m in rotates}
    basis = tuple(rotations.get(channel) for channel in channels)
    gates = padded(start.gates, len(channels), axis=0)
    spec = net_spec(preparation, recipe, fold.task.width)
    signals = preparation.signals
    prime = {m: signals[c].prime for m, c in enumerate(channels) if c in signals}
    varying = tuple(preparation.varying(channel) for channel in channels)
    target = fold.task.tensors(fold.target)
    learned = (target, fold.task, fold.inner.first)
    return FoldData(inputs, *learned, basis, gates, spec, prime, channels, varying)


def net_spec(preparation: Preparation, recipe: Recipe, classes: int) -> NetSpec:
    """What the recipe's net on this preparation is built from, with so many outputs."""
    channels, net = preparation.channels, recipe.net
    encode = tuple(preparation.encoders[c] for c in channels)
    features = tuple(preparation.features(c) for c in channels)
    slots = (net.propagate, net.fuse, net.head)
    has_bridge = net.bridge != "none"
    sizes = (net.width, classes, preparation.depth, net.rounds)
    return NetSpec(encode, features, *slots, *sizes, has_bridge)


def net_inputs(
    preparation: Preparation,
    x: tuple[Tensor, ...],
    views: Views,
    lists: dict[str, list[Neighbours]],
    start: np.ndarray,
    bias: np.ndarray,
) -> Inputs:
    """The net's inputs for N patients.

    Parameters
    ----------
    preparation : Preparation
    x : tuple of Tensor
        Input of each channel's encoder.
    views : Views
        Of the patients.
    lists : dict of str to list of Neighbours
        Modality → neighbour lists of its layers.
    start : np.ndarray
        Linear start of the modalities `[N, M, 2 + L, K]`; signals have none.
    bias : np.ndarray
        Bias of the modalities `[N, M, K]`; signals have none.

    Returns
    -------
    Inputs
    """
    channels = preparation.channels
    present = preparation.channel_presence(views.present).astype(float)  # [N, channels]
    senders = next(iter(lists.values()))[0].senders
    empty = [Neighbours.empty(len(views.present), senders)] * preparation.depth  # of a signal
    by_channel = [lists.get(channel, empty) for channel in channels]
    edges = tuple(tensor_lists(each) for layers in by_channel for each in layers)
    start = padded(start, len(channels))
    bias = padded(bias, len(channels))
    tensors = map(torch.from_numpy, (present, start, bias))
    return Inputs(x, *tensors, edges)


def padded(values: np.ndarray, count: int, axis: int = 1) -> np.ndarray:
    """`values` with zeros appended along `axis` up to `count`."""
    width = [(0, 0)] * values.ndim
    width[axis] = (0, count - values.shape[axis])
    return np.pad(values, width)
