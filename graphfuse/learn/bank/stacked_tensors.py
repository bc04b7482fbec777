"""Trees of tensors with a leading axis of folds or replicas: padded and stacked, picked, and run
together or in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn.functional import pad

from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.net import Inputs
from graphfuse.task.outcome import Target


def stacked(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    """`[folds, replicas, …]` from tensors of one rank, padded with zeros to the largest shape."""
    largest = [max(t.shape[d] for row in rows for t in row) for d in range(rows[0][0].dim())]
    return torch.stack([torch.stack([_grown(t.detach(), largest) for t in row]) for row in rows])


def stacked_inputs(
    inputs: Sequence[Inputs], device: torch.device, dtype: torch.dtype, senders: int | None = None
) -> Inputs:
    """Inputs of several folds as one, fold by fold; `senders`: how many there are to hear (default:
    as many as hear)."""

    def together(tensors: Sequence[Tensor]) -> Tensor:
        return stacked([[t] for t in tensors])[:, 0].to(device, dtype)

    rows, lists = max(len(i.present) for i in inputs), []
    for column in zip(*(i.lists for i in inputs), strict=True):
        edges = max(len(each.index) for each in column)
        grown = [each.padded(rows, senders or rows, edges).to(device, dtype) for each in column]
        lists.append(EdgeLists(*map(torch.stack, zip(*grown, strict=True))))
    x = tuple(together(column) for column in zip(*(i.x for i in inputs), strict=True))
    return Inputs(
        x,
        *(together([getattr(i, f) for i in inputs]) for f in ("present", "start", "bias")),
        tuple(lists),
    )


def stacked_targets(targets: Sequence[Target], device, dtype: torch.dtype) -> Target:
    """Targets of several folds as one `[folds, n]`; nothing is known of who is added."""

    def together(tensors: Sequence[Tensor]) -> Tensor:
        found = stacked([[each] for each in tensors])[:, 0].to(device)
        return found.to(dtype) if found.is_floating_point() else found

    fields = zip(*targets, strict=True)
    return Target(*(() if isinstance(each[0], tuple) else together(each) for each in fields))


def map_tensors(tree, change: Callable[[Tensor], Tensor]):
    """The tree of tuples and dicts with every tensor changed."""
    if isinstance(tree, dict):
        return {key: map_tensors(value, change) for key, value in tree.items()}
    if isinstance(tree, tuple):
        changed = [map_tensors(each, change) for each in tree]
        return type(tree)(*changed) if hasattr(tree, "_fields") else tuple(changed)
    return change(tree)


def leaves(tree) -> list[Tensor]:
    """All tensors of a tree."""
    found: list[Tensor] = []
    map_tensors(tree, lambda each: found.append(each) or each)
    return found


def batched(work: Callable, *trees):
    """`work` on every element of the trees' first axis, as one program."""
    return vmap(work)(*trees)


def looped(work: Callable, *trees):
    """The same, one after the other, for work that does not run under `vmap`."""
    count = len(next(iter(trees[0].values())))

    def one(i: int):
        return work(*(map_tensors(tree, lambda leaf: leaf[i]) for tree in trees))

    found = [one(i) for i in range(count)]
    return _joined(found)


def _joined(found: list):
    if isinstance(found[0], tuple):
        return tuple(_joined(list(each)) for each in zip(*found, strict=True))
    return torch.stack(found)


def _grown(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    more = [
        n
        for have, want in zip(reversed(tensor.shape), reversed(shape), strict=True)
        for n in (0, want - have)
    ]
    return pad(tensor, more) if any(more) else tensor
