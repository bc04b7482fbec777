"""Validation patients of a bank: they count in no training loss of a replica, but stay in its
patient layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from graphfuse.learn.bank.stacked_tensors import (
    map_tensors,
    stacked,
    stacked_inputs,
    stacked_targets,
)
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.net import Inputs
from graphfuse.task.outcome import Target


class ValidationPatients(NamedTuple):
    """Each replica's validation patients, at most h.

    Parameters
    ----------
    rows : Tensor of int64, [folds, replicas, h]
        Their places among the fold's patients.
    weight : Tensor, [folds, replicas, h]
        How much each counts; 0 beyond a replica's own patients.
    target : Target of Tensor, [folds, replicas, h]
    inputs : Inputs
        Their inputs but for the columns, which the encoders have seen among the fold's.
    """

    rows: Tensor
    weight: Tensor
    target: Target
    inputs: Inputs

    @classmethod
    def of(
        cls, inputs: Sequence[Inputs], targets: Sequence[Target], validation: Tensor, device, dtype
    ) -> ValidationPatients:
        """The patients with a weight in `validation` `[folds, replicas, n]`.

        Most replicas of a fold share their patients; each set of patients is made once.
        """
        numbers, sets = _distinct_sets(validation)  # [folds, replicas], fold and rows of each
        each_target = [targets[f].take(rows) for f, rows in sets]
        each_inputs = [_take(inputs[f], rows) for f, rows in sets]
        (rows,) = stacked([[rows for _, rows in sets]])  # [sets, h]
        rows = rows.to(device)
        target = stacked_targets(each_target, device, dtype)
        shown = stacked_inputs(each_inputs, device, dtype, senders=validation.shape[2])
        counts = torch.tensor([len(rows) for _, rows in sets])
        counted = torch.arange(rows.shape[1]) < counts[:, None]

        def by_replica(each: Tensor) -> Tensor:
            return each[numbers.to(each.device)]

        trees = (rows, target, shown, counted.to(device))
        rows, target, shown, counted = map_tensors(trees, by_replica)
        weight = validation.to(device, dtype).gather(2, rows) * counted
        return cls(rows, weight, target, shown)


def _distinct_sets(validation: Tensor) -> tuple[Tensor, list[tuple[int, Tensor]]]:
    """Which set of patients each replica has `[folds, replicas]`, and of each set its fold and its
    rows `[h]`."""
    folds, replicas, _ = validation.shape
    numbers = torch.zeros(folds, replicas, dtype=torch.long)
    known: dict[tuple, int] = {}
    sets = []
    for f, r in product(range(folds), range(replicas)):
        (rows,) = validation[f, r].nonzero(as_tuple=True)
        key = (f, *rows.tolist())
        if key not in known:
            known[key] = len(sets)
            sets.append((f, rows))
        numbers[f, r] = known[key]
    return numbers, sets


def _take(inputs: Inputs, rows: Tensor) -> Inputs:
    """Some patients' inputs but for the columns."""
    lists = tuple(_edges_to(each, rows) for each in inputs.lists)
    return Inputs((), inputs.present[rows], inputs.start[rows], inputs.bias[rows], lists)


def _edges_to(lists: EdgeLists, rows: Tensor) -> EdgeLists:
    """The edges whose receivers are at `rows`, which become the receivers in this order."""
    counts = lists.offsets.diff()[rows]
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    shift = lists.offsets[rows] - offsets[:-1]
    edges = shift.repeat_interleave(counts) + torch.arange(int(offsets[-1]))
    senders = len(lists.back_offsets) - 1
    return EdgeLists.build(offsets, lists.index[edges], lists.weight[edges], senders)
