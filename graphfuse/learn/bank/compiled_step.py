"""A step of the bank as one compiled program."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from graphfuse.learn.bank.stacked_tensors import leaves, map_tensors

log = logging.getLogger(__name__)


class Compiled:
    """`work` on trees of tensors, compiled once for each combination of their shapes.

    `torch.compile` cannot see through `vmap` with rules of our own, so the step, its gradient
    included, is first written down as the plain operations that it makes. A fold that leaves the
    bank changes shapes: compiling takes a minute each time, and pays after thousands of steps.
    """

    def __init__(self, work: Callable):
        self.work = work
        self.programs: dict[tuple, Callable] = {}

    def __call__(self, *trees):
        given = leaves(trees)
        key = tuple((tuple(each.shape), each.dtype) for each in given)
        if key not in self.programs:
            self.programs[key] = torch.compile(self._plain(trees, given))
            log.info("compiling a step of the bank")
        return self.programs[key](*given)

    def _plain(self, trees: tuple, given: list[Tensor]) -> torch.fx.GraphModule:
        from torch.fx.experimental.proxy_tensor import make_fx

        def flat(*tensors: Tensor):
            rest = iter(tensors)
            return self.work(*map_tensors(trees, lambda _: next(rest)))

        return make_fx(flat)(*given)
