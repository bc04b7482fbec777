"""Trees of tensors with a leading axis of folds or replicas: padded and stacked, picked, and run
together or one after another."""

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
    """Stack tensors of one rank, padded with zeros to the largest size.

    Parameters
    ----------
    rows : sequence of sequences of Tensor
        A row for each fold, a tensor for each replica.

    Returns
    -------
    Tensor, [folds, replicas, ...]

    Examples
    --------
    >>> import torch
    >>> stacked([[torch.tensor([1, 2])], [torch.tensor([3])]])
    tensor([[[1, 2]],
            [[3, 0]]])
    """
    sizes = torch.tensor([tensor.shape for row in rows for tensor in row])
    largest = sizes.amax(0).tolist()
    folds = []
    for row in rows:
        replicas = [_padded(tensor.detach(), largest) for tensor in row]
        folds.append(torch.stack(replicas))
    return torch.stack(folds)


def stacked_inputs(
    inputs: Sequence[Inputs], device: torch.device, dtype: torch.dtype, senders: int | None = None
) -> Inputs:
    """The inputs of several folds as one, with a leading axis of folds; `senders`: how many
    patients may be neighbours (by default as many as there are receivers)."""

    def together(tensors: Sequence[Tensor]) -> Tensor:
        return _stacked_folds(tensors).to(device, dtype)

    patients = max(len(each.present) for each in inputs)
    senders = senders or patients
    lists = []
    for of_folds in zip(*(each.lists for each in inputs), strict=True):
        edges = max(len(each.index) for each in of_folds)
        padded = [each.padded(patients, senders, edges) for each in of_folds]
        tensors = (torch.stack(each) for each in zip(*padded, strict=True))
        lists.append(EdgeLists(*tensors).to(device, dtype))
    x = (together(of_folds) for of_folds in zip(*(each.x for each in inputs), strict=True))
    return Inputs(
        x=tuple(x),
        present=together([each.present for each in inputs]),
        start=together([each.start for each in inputs]),
        bias=together([each.bias for each in inputs]),
        lists=tuple(lists),
    )


def stacked_targets(targets: Sequence[Target], device, dtype: torch.dtype) -> Target:
    """The targets of several folds as one `[folds, n]`; nothing is known of patients added."""

    def together(tensors: Sequence[Tensor]) -> Tensor | tuple:
        if isinstance(tensors[0], tuple):  # a field that this kind of outcome has not
            return ()
        values = _stacked_folds(tensors).to(device)
        return values.to(dtype) if values.is_floating_point() else values

    return Target(*(together(of_folds) for of_folds in zip(*targets, strict=True)))


def map_tensors(tree, change: Callable[[Tensor], Tensor]):
    """The tree of tuples and dicts with every tensor changed.

    >>> import torch
    >>> map_tensors((torch.tensor(1), {"a": torch.tensor(2)}), lambda each: each * 10)
    (tensor(10), {'a': tensor(20)})
    """
    if isinstance(tree, dict):
        return {key: map_tensors(value, change) for key, value in tree.items()}
    if isinstance(tree, tuple):
        changed = [map_tensors(each, change) for each in tree]
        is_named = hasattr(tree, "_fields")
        return type(tree)(*changed) if is_named else tuple(changed)
    return change(tree)


def leaves(tree) -> list[Tensor]:
    """All tensors of a tree."""
    tensors: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        tensors.append(tensor)
        return tensor

    map_tensors(tree, note)
    return tensors


def batched(work: Callable, *trees):
    """`work` on every element of the trees' first axis, as one program."""
    return vmap(work)(*trees)


def looped(work: Callable, *trees):
    """The same, one after another, for work that does not run under `vmap`."""
    first_tensor = next(iter(trees[0].values()))
    results = []
    for i in range(len(first_tensor)):
        own = [map_tensors(tree, lambda leaf, i=i: leaf[i]) for tree in trees]
        results.append(work(*own))
    return _joined(results)


def _joined(results: list):
    """One tree from trees of the same form, their tensors stacked."""
    if isinstance(results[0], tuple):
        return tuple(_joined(list(each)) for each in zip(*results, strict=True))
    return torch.stack(results)


def _stacked_folds(tensors: Sequence[Tensor]) -> Tensor:
    """`[folds, …]` from a tensor for each fold, padded with zeros."""
    return stacked([tensors])[0]


def _padded(tensor: Tensor, size: Sequence[int]) -> Tensor:
    """The tensor with zeros at the end of every axis, up to `size`."""
    more = []
    for have, want in zip(tensor.shape, size, strict=True):
        more = [0, want - have, *more]  # `pad` begins with the last axis
    return pad(tensor, more) if any(more) else tensor
