"""How much memory a bank takes, and in which chunks it stays under a budget."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphfuse.learn.bank.stacked_tensors import leaves
from graphfuse.learn.linear.inner_folds import INNER_FOLDS
from graphfuse.nn.net import Inputs, Net

log = logging.getLogger(__name__)

# of a replica's parameters: values, both moments, the gradient, two while a step is made, the net
# they come from
COPIES = 8
SPREAD = 3.0  # bytes at a step's peak for each byte kept for its backward pass (measured: at most)
# bytes of a dropout mask's entry: as drawn, as compared, as applied, as it serves every setting
RANDOM = 13
HEADROOM = 0.8  # of a budget is planned with: allocators keep what is freed


@dataclass(frozen=True)
class Size:
    """Bytes of a fold's share of a bank: `shared` by its replicas, each replica's `own`, and those
    of its `step` while it is made."""

    shared: float
    own: float
    step: float

    @classmethod
    def of(cls, net: Net, inputs: Inputs, dtype: torch.dtype) -> Size:
        """Of what one replica keeps for the backward pass, found by running it once."""
        kept: dict[int, int] = {}

        def note(tensor: Tensor) -> Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return (
                tensor.detach()
            )  # an output kept with its own history is a circle that nothing ever frees

        mask = torch.ones(*inputs.present.shape, net.width, dtype=torch.float64)
        net = net.double()
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            said = net(inputs, mask, by_modality=net.level != "embedding")
        known = [*leaves(inputs), *net.parameters(), *net.buffers(), mask]
        for tensor in known:
            kept.pop(tensor.untyped_storage().data_ptr(), None)
        item = torch.finfo(dtype).bits // 8
        shared = sum(
            t.numel() * (item if t.is_floating_point() else t.element_size())
            for t in leaves(inputs)
        )
        count = sum(p.numel() for p in net.parameters())
        step = SPREAD * sum(kept.values()) * item / said[0].element_size()
        held = sum(t.numel() * t.element_size() for t in leaves(inputs.lists)) / INNER_FOLDS
        return cls(shared, COPIES * count * item + RANDOM * mask.numel() + held, step)


@dataclass(frozen=True)
class Chunk:
    """Folds and settings of one bank, by number, and how many replicas of a fold make a step
    together."""

    folds: list[int]
    settings: list[int]
    at_once: int


def chunks(size: Size, folds: int, settings: int, seeds: int, budget: float) -> list[Chunk]:
    """Folds × settings × seeds of that size in as few banks as fit into `budget` bytes: with fewer
    folds, then fewer settings, then fewer replicas at once."""
    whole = size.shared + settings * seeds * (size.own + size.step)
    limit, budget = budget, HEADROOM * budget
    together, several, at_once = math.floor(budget / whole), settings, settings * seeds
    if not together:
        together, room = 1, budget - size.shared
        several = min(settings, max(1, math.floor((room - size.step) / (seeds * size.own))))
        at_once = min(
            several * seeds, max(1, math.floor((room - several * seeds * size.own) / size.step))
        )
    least = size.shared + several * seeds * size.own + at_once * size.step
    if least > budget:
        log.warning(
            "a fold's seeds take %.2f GB, more than memory_gb = %.2f",
            least / HEADROOM / 1e9,
            limit / 1e9,
        )
    found = [
        Chunk(f.tolist(), g.tolist(), at_once)
        for f in np.array_split(np.arange(folds), math.ceil(folds / together))
        for g in np.array_split(np.arange(settings), math.ceil(settings / several))
    ]
    steps = math.ceil(several * seeds / at_once)
    if len(found) * steps > 1:
        log.info(
            "%d folds × %d replicas in %d banks, %d parts each",
            folds,
            settings * seeds,
            len(found),
            steps,
        )
    return found
