"""How much memory a bank takes, and in which chunks it stays under a budget."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
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
    """Bytes of a fold's part of a bank.

    Parameters
    ----------
    shared : float
        What the fold's replicas share.
    own : float
        What each replica has of its own.
    step : float
        What each replica takes besides while a step is made.
    """

    shared: float
    own: float
    step: float

    @classmethod
    def of(cls, net: Net, inputs: Inputs, dtype: torch.dtype) -> Size:
        """The bytes of a fold's part, from what one replica keeps for its backward pass when it is
        run once."""
        item = torch.finfo(dtype).bits // 8
        mask = torch.ones(*inputs.present.shape, net.width, dtype=torch.float64)
        parameters = sum(p.numel() for p in net.parameters())
        kept = _kept_for_backward(net.double(), inputs, mask)  # in float64
        shared = 0
        for tensor in leaves(inputs):
            size = item if tensor.is_floating_point() else tensor.element_size()
            shared += tensor.numel() * size
        edges = _bytes(leaves(inputs.lists)) / INNER_FOLDS  # those of validation patients
        own = COPIES * parameters * item + RANDOM * mask.numel() + edges
        return cls(shared, own, SPREAD * kept * item / mask.element_size())


def _kept_for_backward(net: Net, inputs: Inputs, mask: Tensor) -> int:
    """Bytes of the tensors that autograd keeps, but for those that are there anyway."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        # an output kept with its own history would be a circle that nothing ever frees
        return tensor.detach()

    by_modality = net.level != "embedding"
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        # held until the sizes are noted, so that no storage is freed and its address used again
        output = net(inputs, mask, by_modality=by_modality)
    known = [*leaves(inputs), *net.parameters(), *net.buffers(), mask]
    for tensor in known:
        kept.pop(tensor.untyped_storage().data_ptr(), None)
    del output
    return sum(kept.values())


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@dataclass(frozen=True)
class Chunk:
    """Folds and settings that are trained in one bank, by number, and how many replicas of a fold
    make a step together."""

    folds: list[int]
    settings: list[int]
    at_once: int


def chunks(size: Size, folds: int, settings: int, seeds: int, budget: float) -> list[Chunk]:
    """Divide folds × settings × seeds into as few banks as fit into a budget.

    A bank gets fewer folds, then fewer settings, then fewer replicas at once.

    Parameters
    ----------
    size : Size
        Bytes of a fold's part.
    folds, settings, seeds : int
    budget : float
        Bytes.

    Returns
    -------
    list of Chunk

    Examples
    --------
    >>> size = Size(shared=100, own=10, step=40)
    >>> [chunk.folds for chunk in chunks(size, folds=3, settings=1, seeds=2, budget=500)]
    [[0, 1], [2]]
    """
    planned = HEADROOM * budget
    together, several, at_once = _largest(size, settings, seeds, planned)
    own = several * seeds * size.own
    least = size.shared + own + at_once * size.step
    if least > planned:
        log.warning(
            "a fold's seeds take %.2f GB, more than memory_gb = %.2f",
            least / HEADROOM / 1e9,
            budget / 1e9,
        )
    fold_groups = np.array_split(np.arange(folds), math.ceil(folds / together))
    setting_groups = np.array_split(np.arange(settings), math.ceil(settings / several))
    banks = [Chunk(f.tolist(), g.tolist(), at_once) for f in fold_groups for g in setting_groups]
    steps = math.ceil(several * seeds / at_once)
    if len(banks) * steps > 1:
        log.info(
            "%d folds × %d replicas in %d banks, %d parts each",
            folds,
            settings * seeds,
            len(banks),
            steps,
        )
    return banks


def _largest(size: Size, settings: int, seeds: int, budget: float) -> tuple[int, int, int]:
    """How many folds, settings of a fold, and replicas at once fit into a bank of `budget` bytes;
    at least one of each."""
    replicas = settings * seeds
    fold = size.shared + replicas * (size.own + size.step)
    folds = math.floor(budget / fold)
    if folds:
        return folds, settings, replicas
    room = budget - size.shared
    fitting = math.floor((room - size.step) / (seeds * size.own))
    several = min(settings, max(1, fitting))
    room -= several * seeds * size.own
    at_once = min(several * seeds, max(1, math.floor(room / size.step)))
    return 1, several, at_once
