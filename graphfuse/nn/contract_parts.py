"""What is checked of encoders, propagators and heads, and of every part."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from graphfuse.nn.contract_checks import (
    Check,
    D,
    F,
    K,
    M,
    N,
    alone,
    bank,
    differ,
    forbidden,
    gradients,
    shape,
)
from graphfuse.nn.contract_samples import normal, sample, sample_lists
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.slots import Encode, Head, Propagate


def common_checks(cls: type[nn.Module]) -> Iterator[Check]:
    """What every part must keep to."""
    build, arguments = sample(cls)
    yield "no dropout, no batch statistics inside", lambda: forbidden(build())
    yield "the same call twice gives the same", lambda: _repeats(build(), arguments)
    if not getattr(cls, "loops", False):
        yield "a bank of replicas = the loop over them", lambda: bank(build, arguments)
    yield "gradients are finite and reach the parameters", lambda: gradients(build(), arguments)


def _repeats(module: nn.Module, arguments: tuple) -> str:
    first = module(*arguments)
    return differ(first, module(*arguments))


# ----------------------------------------------------------------------------------------- encoders


def encoder_checks(cls: type[Encode]) -> Iterator[Check]:
    """What an encoder must keep to."""
    build, (x,) = sample(cls)
    yield "what it sees becomes [N, T, D], T = its tokens", lambda: _gives_tokens(build(), x)
    yield "a patient alone = in a batch", lambda: differ(*alone(build(), x))
    if cls.linear:
        yield "a rotation of the columns folds into `weight`", lambda: _rotates(build(), x)
    if cls.hops:
        title = "with its gate closed, the network is not there"
        yield title, lambda: _ignores_the_network(build(), x)


def _gives_tokens(module: Encode, x: Tensor) -> str:
    expected = (N, module.tokens, D)
    return shape(module(x), expected)


def _rotates(module: Encode, x: Tensor) -> str:
    turn, _ = torch.linalg.qr(normal(F, F))
    before = module(x)
    with torch.no_grad():
        module.weight.copy_(turn.T @ module.weight)
    return differ(before, module(x @ turn))


def _ignores_the_network(module: Encode, x: Tensor) -> str:
    with torch.no_grad():
        module.gate.zero_()
    other_neighbours = x.clone()
    other_neighbours[:, 1:] += 1
    return differ(module(x), module(other_neighbours))


# -------------------------------------------------------------------------------------- propagators


def propagator_checks(cls: type[Propagate]) -> Iterator[Check]:
    """What a propagator must keep to."""
    build, (own, senders, _) = sample(cls)
    module, lists = build(), sample_lists()

    def message(lists: EdgeLists, states: Tensor = senders) -> Tensor:
        return module(own, states, (lists,) * M if cls.couples else lists)

    yield "states become a message of their shape", lambda: shape(message(lists), (*own.shape,))
    no_edges = lists._replace(weight=torch.zeros_like(lists.weight))
    others = lists.index.flip(0)
    other_ends = EdgeLists.build(lists.offsets, others, no_edges.weight, N)
    title = "an edge of weight 0 is no edge"
    yield title, lambda: differ(message(no_edges), message(other_ends))
    if cls.quiet:
        nothing = torch.zeros_like(own)
        yield "quiet: without edges, no message", lambda: differ(message(no_edges), nothing)
    order = torch.randperm(N)
    places = torch.argsort(order)[lists.index]
    reordered = EdgeLists.build(lists.offsets, places, lists.weight, N)
    title = "the order of the senders does not matter"
    yield title, lambda: differ(message(lists), message(reordered, senders[order]))


# -------------------------------------------------------------------------------------------- heads


def head_checks(cls: type[Head]) -> Iterator[Check]:
    """What a head must keep to."""
    build, (z,) = sample(cls)
    yield "[N, D] becomes [N, K]", lambda: shape(build()(z), (N, K))
    yield "a patient alone = in a batch", lambda: differ(*alone(build(), z))
    yield "starts at zero", lambda: _starts_at_zero(cls, z)


def _starts_at_zero(cls: type[Head], z: Tensor) -> str:
    head = cls(D, K).double()
    return "a new head must give zeros" if head(z).any() else ""
