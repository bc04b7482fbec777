"""From a cross-fitted fold to what a bank is shown of it: its training patients, in no tensor those
held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphfuse.graph.neighbours import Neighbours
from graphfuse.learn.assemble import Preparation, Views, tensor_lists
from graphfuse.learn.linear import CrossFit
from graphfuse.learn.start import LinearStart
from graphfuse.nn.net import Inputs, Shape
from graphfuse.nn.parts import part
from graphfuse.schema import Recipe


@dataclass(frozen=True, eq=False)
class FoldData:
    """One fold as the bank sees it: `inputs` of its training patients, `codes` `[n]`, `inner` fold
    of each `[n]`, and `basis`: per modality `[F, r]`, the rotation in which its columns are given
    (`None` where they are given as they are). `gates` `[M, 1 + L]`: where the net's network and
    patient gates start; `prime`: channel's number → what puts a signal's fixed numbers into its
    encoder. `channels`: their names; `varying`: how many columns of each are not constant."""

    inputs: Inputs
    codes: Tensor
    inner: np.ndarray
    basis: tuple[np.ndarray | None, ...]
    gates: np.ndarray
    shape: Shape
    prime: dict[int, Callable]
    channels: tuple[str, ...]
    varying: tuple[int, ...]


def start_of(cross: CrossFit, modalities: tuple[str, ...], recipe: Recipe) -> LinearStart:
    """The linear start that the recipe's fusion takes: stacked, or each modality on its own where
    the net decides by them; zeros where the recipe wants none."""
    start = cross.start(modalities, stacked=part("fuse", recipe.net.fuse).level == "embedding")
    return start if recipe.net.start == "linear" else start.nothing(recipe.patient.gate)


def fold_data(cross: CrossFit, modalities: tuple[str, ...], recipe: Recipe) -> FoldData:
    """The bank's view of a fold's training patients, restricted to `modalities`."""
    preparation, training = cross.prepared(modalities), cross.training.only(modalities)
    basis, rotated = {}, {}
    for m in modalities:
        if part("encode", preparation.encoders[m]).linear:
            own, into = cross.coordinates(m)
            basis[m] = training.own[m].T @ into
            hop = training.hop.get(m)
            rotated[m] = own if hop is None else np.stack([own, hop @ basis[m]], 1)
    start = start_of(cross, modalities, recipe)
    lists = preparation.lists()
    inputs = net_inputs(
        preparation, preparation.seen(training, rotated), training, lists, start.views, start.bias
    )
    gates = with_rows(start.gates, len(preparation.channels), axis=0)
    rotations = tuple(basis.get(channel) for channel in preparation.channels)
    shape = shape_of(preparation, recipe, cross.classes)
    prime = {
        m: preparation.signals[c].prime
        for m, c in enumerate(preparation.channels)
        if c in preparation.signals
    }
    codes = torch.from_numpy(cross.codes)
    channels = preparation.channels
    varying = tuple(preparation.varying(channel) for channel in channels)
    return FoldData(inputs, codes, cross.inner, rotations, gates, shape, prime, channels, varying)


def shape_of(preparation: Preparation, recipe: Recipe, classes: int) -> Shape:
    """What the recipe's net on this preparation is built from."""
    channels, net = preparation.channels, recipe.net
    encode = tuple(preparation.encoders[c] for c in channels)
    features = tuple(preparation.features(c) for c in channels)
    slots = (net.propagate, net.fuse, net.head)
    return Shape(
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
        torch.from_numpy(preparation.here(views.present).astype(float)),
        torch.from_numpy(with_rows(start, count)),
        torch.from_numpy(with_rows(bias, count)),
        tuple(tensor_lists(each) for layers in heard for each in layers),
    )


def with_rows(values: np.ndarray, count: int, axis: int = 1) -> np.ndarray:
    """`values` with zeros appended along `axis` up to `count`."""
    more = [(0, count - values.shape[axis] if a == axis else 0) for a in range(values.ndim)]
    return np.pad(values, more)
