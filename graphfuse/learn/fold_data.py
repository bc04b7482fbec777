"""From a cross-fitted fold to what a bank is shown of it: its training patients, in no tensor those
held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.linear.kernel_sets import kernels
from graphfuse.learn.linear.kernels import allows_kernels, is_narrow
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.ridge import coordinates, coordinates_of_columns
from graphfuse.learn.linear.stacked_ridge import LinearStart
from graphfuse.learn.linear.stacking import linear_start, no_start
from graphfuse.learn.patient_layers import tensor_lists
from graphfuse.learn.views import Views
from graphfuse.nn.net import Inputs, NetSpec
from graphfuse.nn.registry import part
from graphfuse.schema import Recipe
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task


@dataclass(frozen=True, eq=False)
class FoldData:
    """One fold as the bank sees it: `inputs` of its training patients, the `target` `[n]` that a
    `task` teaches, and the `inner` fold of each `[n]`.

    `basis`: per modality `[F, r]`, the rotation in which its columns are given (`None` where they
    are given as they are). `gates` `[M, 1 + L]`: where the net's network and patient gates start;
    `prime`: channel's number → what puts a signal's fixed numbers into its encoder. `channels`:
    their names; `varying`: how many columns of each are not constant.
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
    """The linear start that the recipe's fusion takes: stacked, or each modality on its own where
    the net decides by them; zeros where the recipe wants none."""
    stacked = part("fuse", recipe.net.fuse).level == "embedding"
    if recipe.net.start == "linear":
        return linear_start(fold, modalities, stacked)
    return no_start(fold, modalities, stacked, recipe.patient.gate)


@dataclass(frozen=True, eq=False)
class Turned:
    """A modality's columns in their own coordinates: `own` `[n, r]` those of the training patients,
    and `basis` `[F, r]`, the rotation that takes columns there."""

    own: np.ndarray
    basis: np.ndarray


def turned(fold: PreparedFold, modality: str) -> Turned:
    """A modality's columns in the coordinates of their kernel; where no column varies, one
    coordinate in which all are 0."""
    return fold.results.tables.get(("turned", modality), partial(_turned, fold, modality))


def _turned(fold: PreparedFold, modality: str) -> Turned:
    columns = fold.views.own[modality]
    if allows_kernels(len(columns)) and not is_narrow(*columns.shape):
        own, into = coordinates(kernels(fold, (modality,))[modality].own)
        basis = columns.T @ into
    else:
        own, basis = coordinates_of_columns(columns)
    if own.shape[1]:
        return Turned(own, basis)
    return Turned(np.zeros((len(columns), 1)), np.zeros((columns.shape[1], 1)))


def _is_turned(fold: PreparedFold, modality: str, encoder: str) -> bool:
    """Whether an encoder is given the columns in coordinates of their own while it trains: a linear
    one, which may be folded back, where either side of the table is small enough to find them."""
    columns = fold.views.own[modality]
    return part("encode", encoder).linear and allows_kernels(min(columns.shape))


def _rotated(fold: PreparedFold, modality: str) -> np.ndarray:
    """A modality's columns as a linear encoder is shown them while it trains: `[n, r]`, or, where
    it looks along the gene network, `[n, 2, r]` with those of the network neighbours."""
    own = turned(fold, modality)
    x_smoothed = fold.views.x_smoothed.get(modality)
    if x_smoothed is None:
        return own.own
    return fold.results.network.get(
        ("turned x_smoothed", modality), lambda: np.stack([own.own, x_smoothed @ own.basis], 1)
    )


def fold_data(fold: PreparedFold, modalities: tuple[str, ...], recipe: Recipe) -> FoldData:
    """The bank's view of a fold's training patients, restricted to `modalities`."""
    preparation, views = fold.prepared(modalities), fold.views.only(modalities)
    linear = [m for m in modalities if _is_turned(fold, m, preparation.encoders[m])]
    rotated = {m: _rotated(fold, m) for m in linear}
    start = start_of(fold, modalities, recipe)
    lists = preparation.lists()
    inputs = net_inputs(
        preparation,
        preparation.encoder_inputs(views, rotated),
        views,
        lists,
        start.views,
        start.bias,
    )
    gates = with_rows(start.gates, len(preparation.channels), axis=0)
    basis = {m: turned(fold, m).basis for m in linear}
    rotations = tuple(basis.get(channel) for channel in preparation.channels)
    spec = net_spec(preparation, recipe, fold.task.width)
    prime = {
        m: preparation.signals[c].prime
        for m, c in enumerate(preparation.channels)
        if c in preparation.signals
    }
    target = fold.task.tensors(fold.target)
    channels = preparation.channels
    varying = tuple(preparation.varying(channel) for channel in channels)
    inner = fold.inner.first
    shown = inputs, target, fold.task, inner, rotations
    return FoldData(*shown, gates, spec, prime, channels, varying)


def net_spec(preparation: Preparation, recipe: Recipe, classes: int) -> NetSpec:
    """What the recipe's net on this preparation is built from."""
    channels, net = preparation.channels, recipe.net
    encode = tuple(preparation.encoders[c] for c in channels)
    features = tuple(preparation.features(c) for c in channels)
    slots = (net.propagate, net.fuse, net.head)
    return NetSpec(
        encode,
        features,
        *slots,
        net.width,
        classes,
        preparation.depth,
        net.rounds,
        net.bridge != "none",
    )


def net_inputs(
    preparation: Preparation,
    x: tuple[Tensor, ...],
    views: Views,
    lists: dict[str, list[Neighbours]],
    start,
    bias,
) -> Inputs:
    """The net's inputs: `x` as its encoders see it, `lists` by modality, `start` `[N, M, 2 + L, K]`
    and `bias` `[N, M, K]`. Signals have no linear start and no patient layer."""
    count = len(preparation.channels)
    nobody = Neighbours.empty(len(views.present), next(iter(lists.values()))[0].senders)
    heard = [lists.get(channel, [nobody] * preparation.depth) for channel in preparation.channels]
    return Inputs(
        x,
        torch.from_numpy(preparation.channel_presence(views.present).astype(float)),
        torch.from_numpy(with_rows(start, count)),
        torch.from_numpy(with_rows(bias, count)),
        tuple(tensor_lists(each) for layers in heard for each in layers),
    )


def with_rows(values: np.ndarray, count: int, axis: int = 1) -> np.ndarray:
    """`values` with zeros appended along `axis` up to `count`."""
    more = [(0, count - values.shape[axis] if a == axis else 0) for a in range(values.ndim)]
    return np.pad(values, more)
