"""Patients whom a bank watches: held out of a replica's loss, but not of its patient layers."""

from __future__ import annotations

from collections.abc import Sequence
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
    """The patients that each replica watches, h at most: `rows` `[folds, replicas, h]`, their place
    among the fold's patients, `weight` and `target` `[folds, replicas, h]`, and their `inputs` but
    for the columns."""

    rows: Tensor
    weight: Tensor
    target: Target
    inputs: Inputs

    @classmethod
    def of(
        cls, inputs: Sequence[Inputs], targets: Sequence[Target], validation: Tensor, device, dtype
    ) -> ValidationPatients:
        """Those with a weight in `validation` `[folds, replicas, n]`; most replicas of a fold share
        their patients."""
        found: dict[tuple, int] = {}
        parts, place = [], torch.zeros(validation.shape[:2], dtype=torch.long)
        for f, r in torch.cartesian_prod(*map(torch.arange, validation.shape[:2])).tolist():
            rows = validation[f, r].nonzero().flatten()
            key = (f, *rows.tolist())
            if key not in found:
                found[key] = len(parts)
                parts.append((rows, targets[f].take(rows), _patients(inputs[f], rows)))
            place[f, r] = found[key]
        rows = stacked([[part[0]] for part in parts])[:, 0]
        target = stacked_targets([part[1] for part in parts], device, dtype)
        shown = stacked_inputs(
            [part[2] for part in parts], device, dtype, senders=validation.shape[2]
        )
        rows, target, shown = map_tensors(
            (rows.to(device), target, shown), lambda each: each[place.to(each.device)]
        )
        counted = (
            torch.arange(rows.shape[2])
            < torch.tensor([len(part[0]) for part in parts])[place][..., None]
        )
        weight = validation.to(device, dtype).gather(2, rows) * counted.to(device)
        return cls(rows, weight, target, shown)


def _patients(inputs: Inputs, rows: Tensor) -> Inputs:
    lists = tuple(_heard(each, rows) for each in inputs.lists)
    return Inputs((), inputs.present[rows], inputs.start[rows], inputs.bias[rows], lists)


def _heard(lists: EdgeLists, rows: Tensor) -> EdgeLists:
    """What these receivers hear."""
    counts = lists.offsets.diff()[rows]
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    edges = torch.repeat_interleave(lists.offsets[rows] - offsets[:-1], counts) + torch.arange(
        int(offsets[-1])
    )
    return EdgeLists.build(
        offsets, lists.index[edges], lists.weight[edges], len(lists.back_offsets) - 1
    )
