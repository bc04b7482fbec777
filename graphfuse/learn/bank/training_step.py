"""What the replicas of a bank are given, and what one of them computes in a training step."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from graphfuse.learn.bank.stacked_tensors import map_tensors
from graphfuse.learn.bank.validation_patients import ValidationPatients
from graphfuse.nn.net import Inputs, Net
from graphfuse.task.outcome import Target


class FoldTensors(NamedTuple):
    """What a bank's nets are given.

    Parameters
    ----------
    inputs : Inputs
        Each fold's training patients, with a leading axis of folds.
    target : Target of Tensor, [folds, n]
    buffers : dict of str to Tensor, each [folds, replicas, ...]
        The nets' buffers.
    weight : Tensor, [folds, replicas, n]
        How much each patient counts in training; `()` outside training.
    validation : ValidationPatients
        The patients that losses are followed on; `()` without any.
    """

    inputs: Inputs
    target: Target
    buffers: dict[str, Tensor]
    weight: Tensor | tuple = ()
    validation: ValidationPatients | tuple = ()

    def part(self, replicas: slice) -> FoldTensors:
        """What some of the replicas are given."""
        of_replicas = self.buffers, self.weight, self.validation
        taken = map_tensors(of_replicas, lambda each: each[:, replicas])
        return FoldTensors(self.inputs, self.target, *taken)


class TrainingStep(nn.Module):
    """One replica in a training step: the net on its training patients, with masks, and on its
    validation patients, without; the encoders run once for both."""

    def __init__(self, net: Net):
        super().__init__()
        self.net = net

    def forward(
        self,
        inputs: Inputs,
        validation: ValidationPatients | tuple,
        masks: dict[str, Tensor],
        by_modality: bool,
    ):
        """The net's output for training patients, and logits of validation patients (`()` without
        any)."""
        encoded = self.net.encoded(inputs)
        output = self.net(inputs, by_modality=by_modality, encoded=encoded, **masks)
        if not validation:
            return output, ()
        with torch.no_grad():
            senders = self.net.sender_states(inputs, encoded)
            own = encoded[validation.rows]
            return output, self.net(validation.inputs, senders=senders, encoded=own)
