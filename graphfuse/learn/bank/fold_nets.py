"""A fold's nets before and after training: built from seeds, and turned back to the columns."""

from __future__ import annotations

import torch
from torch import Tensor

from graphfuse.learn.fold_data import FoldData
from graphfuse.learn.random_draws import seed_of
from graphfuse.nn.net import Net


def initial_net(fold: FoldData, seed: int) -> Net:
    """Build a fold's net as it is before training.

    It is built for the coordinates in which the fold's columns are given. Every part's first
    weights depend on the seed, the part's slot and its channel's name alone.

    Parameters
    ----------
    fold : FoldData
    seed : int

    Returns
    -------
    Net
        In float32.
    """

    def draw(slot: str, channel: int | None = None) -> None:
        name = "" if channel is None else fold.channels[channel]
        torch.default_generator.manual_seed(seed_of(seed, f"{slot} {name}"))

    features = list(fold.spec.features)
    for m, basis in enumerate(fold.basis):
        if basis is not None:
            features[m] = basis.shape[1]
    with torch.random.fork_rng(devices=[]):
        net = Net(fold.spec._replace(features=tuple(features)), draw)
    with torch.no_grad():
        for m in range(len(features)):
            _set_channel(net, m, fold)
        _prime_fusion(net.double(), fold)
    return net.float()


def _set_channel(net: Net, m: int, fold: FoldData) -> None:
    """Put what the linear model and the fold know into channel m's gates and buffers."""
    encode, (network_gate, *patient_gates) = net.encode[m], fold.gates[m]
    if encode.linear:
        encode.scale.fill_(max(fold.varying[m], 1) ** -0.5)
    if encode.hops:
        encode.gate.fill_(network_gate)
    net.patient_gate[m] = torch.tensor(patient_gates)
    if m in fold.prime:
        fold.prime[m](encode)


def _prime_fusion(net: Net, fold: FoldData) -> None:
    """Start the fusion from what the linear models predict of labelled patients."""
    known, values = fold.target.known, fold.target.values
    logits = net.linear(fold.inputs)
    net.fuse.prime(logits[known], fold.inputs.present[known], values[known])


def unrotated(fold: FoldData, state: dict[str, Tensor]) -> Net:
    """The trained net over the columns themselves: each rotated encoder's weight becomes basis @
    weight."""
    net = Net(fold.spec)
    for m, basis in enumerate(fold.basis):
        if basis is not None:
            name = f"encode.{m}.weight"
            weight = state[name]
            turned = torch.from_numpy(basis) @ weight.double()
            state[name] = turned.to(weight.dtype)
    dtype = next(iter(state.values())).dtype
    net.to(dtype).load_state_dict(state)
    return net.eval()
