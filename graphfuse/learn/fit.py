"""From cross-fitted folds to trained models, all folds and seeds in one bank.

Two passes. The first trains each seed without one inner fold and follows the loss there; the epoch at which the mean curve
of a fold's seeds is lowest (possibly 0: the linear start itself) is the fold's number of epochs. The second trains every seed
on all training patients for that many epochs. Held-out patients are in no tensor.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphfuse.graph.neighbours import Neighbours
from graphfuse.learn.assemble import Preparation, Views, tensor_lists
from graphfuse.learn.bank import Bank
from graphfuse.learn.linear import INNER, CrossFit
from graphfuse.learn.ridge import coordinates
from graphfuse.learn.start import LinearStart, shared_bias
from graphfuse.nn.net import Inputs, Net, Shape
from graphfuse.nn.parts import part
from graphfuse.schema import Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FoldData:
    """One fold as the bank sees it: `inputs` of its training patients, `codes` `[n]`, `inner` fold of each `[n]`, and `basis`:
    per modality `[F, r]`, the rotation in which its columns are given (`None` where they are given as they are).
    `gates` `[M, 1 + L]`: where the net's network and patient gates start; `prime`: channel's number → what puts a signal's
    fixed numbers into its encoder."""

    inputs: Inputs
    codes: Tensor
    inner: np.ndarray
    basis: tuple[np.ndarray | None, ...]
    gates: np.ndarray
    shape: Shape
    prime: dict[int, Callable]


@dataclass(frozen=True, eq=False)
class Trained:
    """The nets of one fold, their rotation folded back: `nets` (one per seed; one in all after 0
    epochs, where seeds do not differ), `epochs`, and the first pass's `curve`."""

    shape: Shape
    nets: list[Net]
    epochs: int
    curve: list[float]


def start_of(cross: CrossFit, modalities: tuple[str, ...], recipe: Recipe) -> LinearStart:
    """The linear start that the recipe's fusion takes: stacked, or each modality on its own for decision-level fusions; zeros
    where the recipe wants none."""
    start = cross.start(modalities, stacked=part("fuse", recipe.net.fuse).level != "decision")
    return start if recipe.net.start == "linear" else start.nothing()


def fold_data(cross: CrossFit, modalities: tuple[str, ...], recipe: Recipe) -> FoldData:
    """The bank's view of a fold's training patients, restricted to `modalities`."""
    preparation, training = cross.prepared(modalities), cross.training.only(modalities)
    basis, rotated = {}, {}
    for m in modalities:
        if part("encode", preparation.encoders[m]).linear:
            own, into = coordinates(cross.grams[m])
            basis[m] = training.own[m].T @ into
            hop = training.hop.get(m)
            rotated[m] = own if hop is None else np.stack([own, hop @ basis[m]], 1)
    start = start_of(cross, modalities, recipe)
    bias = shared_bias(start.held_bias, start.held_own_bias, training.present)
    lists = preparation.lists()
    inputs = net_inputs(preparation, preparation.seen(training, rotated), training, lists, start.views, bias)
    gates = with_rows(start.gates, len(preparation.channels), axis=0)
    rotations = tuple(basis.get(channel) for channel in preparation.channels)
    shape = shape_of(preparation, recipe, cross.classes)
    prime = {m: preparation.signals[c].prime for m, c in enumerate(preparation.channels) if c in preparation.signals}
    return FoldData(inputs, torch.from_numpy(cross.codes), cross.inner, rotations, gates, shape, prime)


def shape_of(preparation: Preparation, recipe: Recipe, classes: int) -> Shape:
    """What the recipe's net on this preparation is built from."""
    channels, net = preparation.channels, recipe.net
    encode = tuple(preparation.encoders[c] for c in channels)
    features = tuple(preparation.features(c) for c in channels)
    slots = (net.propagate, net.fuse, net.head)
    return Shape(encode, features, *slots, net.width, classes, preparation.depth, net.rounds, net.bridge != "none")


def net_inputs(
    preparation: Preparation, x: tuple[Tensor, ...], views: Views, lists: dict[str, list[Neighbours]], start, bias
) -> Inputs:
    """The net's inputs: `x` as its encoders see it, `lists` by modality, `start` `[N, M, 2 + L, K]` and `bias` `[N, M, K]`.
    Signals have no linear start and no patient layer."""
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


def train(folds: list[FoldData], recipe: Recipe, seed: int, device: str, dtype=torch.float32) -> list[Trained]:
    """All folds × seeds, both passes."""
    settings = {"learning_rate": recipe.train.learning_rate, "weight_decay": recipe.train.weight_decay}
    seeds = range(recipe.train.seeds)
    inner = [torch.from_numpy(fold.inner) for fold in folds]
    held = _rows([[k == s % INNER for s in seeds] for k in inner])
    whole = _rows([[torch.ones(len(k)) for _ in seeds] for k in inner])

    def bank() -> tuple[Bank, list[list[torch.Generator]]]:
        nets = [[fresh(fold, seed + s) for s in seeds] for fold in folds]
        draws = [[torch.Generator().manual_seed(seed + s) for s in seeds] for _ in folds]
        return Bank(nets, [f.inputs for f in folds], [f.codes for f in folds], device=device, dtype=dtype), draws

    first, draws = bank()
    curves = first.train(whole - held, [recipe.train.epochs] * len(folds), draws, watch=held, **settings)
    epochs = np.argmin(np.round(curves.numpy(), 4), axis=0).tolist()  # the first of those that differ by less than 1e-4
    log.info("epochs chosen on inner folds: %s", epochs)
    second, draws = bank()
    second.train(whole, epochs, draws, **settings)
    return [
        Trained(
            fold.shape,
            [unrotated(fold, second.state(f, s)) for s in (seeds if epochs[f] else seeds[:1])],
            epochs[f],
            _finite(curves[:, f]),
        )
        for f, fold in enumerate(folds)
    ]


def fresh(fold: FoldData, seed: int) -> Net:
    """A net at its start, built for the coordinates in which the fold's columns are given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        turned = zip(fold.shape.features, fold.basis, strict=True)
        net = Net(fold.shape._replace(features=tuple(f if basis is None else basis.shape[1] for f, basis in turned)))
    with torch.no_grad():
        for m, encode in enumerate(net.encode):
            if encode.linear:
                encode.scale.fill_(max(fold.shape.features[m], 1) ** -0.5)
            if encode.hops:
                encode.gate.fill_(fold.gates[m, 0])
            net.patient_gate[m] = torch.from_numpy(fold.gates[m, 1:])
            if m in fold.prime:
                fold.prime[m](encode)
        net.double().fuse.prime(net.linear(fold.inputs), fold.inputs.present, fold.codes)
    return net.float()


def unrotated(fold: FoldData, state: dict[str, Tensor]) -> Net:
    """The trained net over the columns themselves: each rotated encoder's weight becomes basis @ weight."""
    net = Net(fold.shape)
    for m, basis in enumerate(fold.basis):
        if basis is not None:
            name = f"encode.{m}.weight"
            state[name] = (torch.from_numpy(basis) @ state[name].double()).to(state[name].dtype)
    net.to(next(iter(state.values())).dtype).load_state_dict(state)
    return net.eval()


def _rows(rows: list[list[Tensor]]) -> Tensor:
    """`[folds, seeds, n]` of ones and zeros, padded with zeros."""
    longest = max(len(r) for row in rows for r in row)
    out = torch.zeros(len(rows), len(rows[0]), longest)
    for f, row in enumerate(rows):
        for s, r in enumerate(row):
            out[f, s, : len(r)] = r
    return out


def _finite(curve: Tensor) -> list[float]:
    return [round(float(v), 6) for v in curve if torch.isfinite(v)]
