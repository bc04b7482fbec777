"""The bank: all replicas of a net (folds × settings × seeds) trained as one tensor program.

Cross-validation trains one small net many times: for each fold, each setting (a learning rate and a
weight decay) and each seed. One after the other, nets of this size leave a processor idle. Side by
side, they are a few large operations:

      fold 1: columns, labels, edges       fold 2: columns, labels, edges      held once for each
        │                                    │                                 fold
        ├── setting 1, seed 1                ├── setting 1, seed 1
        ├── setting 1, seed 2                ├── setting 1, seed 2             R replicas of a fold
        ├── setting 2, seed 1                ├── setting 2, seed 1             = settings × seeds
        └── setting 2, seed 2                └── setting 2, seed 2

                       ┌───── P parameters ─────┐
    values      fold 1 │ setting 1, seed 1      │      one row for each replica:
                       │ setting 1, seed 2      │      values [folds, R, P]
                       │ ...                    │
                fold 2 │ setting 1, seed 1      │
                       │ ...                    │

    one step    values ──► vmap over folds( vmap over replicas( net ) ) ──► logits [folds, R, n, K]
                       ──► loss of each replica                             [folds, R]
                       ──► gradient of their sum                            [folds, R, P]
                       ──► AdamW, in place

The sum of the losses has each replica's own gradient in that replica's row, as no loss depends on
another replica's parameters. So every replica learns what it would learn alone: it keeps its own
initial values, dropout masks, training patients, learning rate, weight decay, gradient clipping and
number of epochs (tests compare the bank with a plain loop). Folds differ a little in patients and
columns; they are padded with zeros, which no gradient reaches.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import functional_call

from graphfuse.learn.bank.adamw import AdamW
from graphfuse.learn.bank.compiled_step import Compiled
from graphfuse.learn.bank.dropout_masks import Generators, draw_uniform, kept_modalities
from graphfuse.learn.bank.flat_parameters import FlatParameters
from graphfuse.learn.bank.losses import mean_loss, mean_loss_of_each, mean_over
from graphfuse.learn.bank.stacked_tensors import (
    batched,
    looped,
    map_tensors,
    stacked_inputs,
    stacked_targets,
)
from graphfuse.learn.bank.stopping import EarlyStopping
from graphfuse.learn.bank.training_step import FoldTensors, TrainingStep
from graphfuse.learn.bank.validation_patients import ValidationPatients
from graphfuse.nn.net import Inputs, Net
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task

DROPOUT = 0.3  # share of an embedding's entries hidden in a training step


class ValidationLosses(NamedTuple):
    """Losses on validation patients during training.

    Parameters
    ----------
    losses : Tensor, [epochs + 1, folds, settings]
        The mean over seeds before every epoch; infinite after a stop.
    calibrated : Tensor, [folds, settings, calibrations]
        Where that was lowest: the losses at each of the task's calibrations.
    """

    losses: Tensor
    calibrated: Tensor


class Bank:
    """R replicas of one net on each of several folds: its seeds, setting by setting.

    Parameters
    ----------
    nets : sequence of sequences of Net
        `nets[f][r]` is freshly built for fold f and replica r; all are alike but for the number of
        columns.
    inputs : sequence of Inputs
        Each fold's training patients.
    targets : sequence of Target
        Each fold's outcomes, of tensors `[n]`.
    task : Task
        What is learned.
    device : str
    dtype : torch.dtype
    dropout : float
        The share of an embedding's entries that a training step hides.
    modality_dropout : float
        How often a training step drops a modality of a patient, though never all of them.
    at_once : int, optional
        Of how many replicas of a fold activations are in memory together; by default of all.
    amp : bool
        Whether to compute in bfloat16 where that is faster.
    compiled : bool
        Whether to compile steps by `torch.compile`.

    Attributes
    ----------
    values : Tensor, [folds, replicas, P]
        All parameters, a replica's in a row.
    """

    def __init__(
        self,
        nets: Sequence[Sequence[Net]],
        inputs: Sequence[Inputs],
        targets: Sequence[Target],
        task: Task,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        dropout: float = DROPOUT,
        modality_dropout: float = 0.0,
        at_once: int | None = None,
        amp: bool = False,
        compiled: bool = False,
    ):
        self.device, self.dtype, self.amp = torch.device(device), dtype, amp
        self.dropout, self.modality_dropout = dropout, modality_dropout
        self.folds, self.replicas = len(nets), len(nets[0])
        self.at_once = at_once or self.replicas
        self.task, self.given = task, (inputs, targets)
        self.patients = [len(target.values) for target in targets]
        self.net = copy.deepcopy(nets[0][0]).to("meta")
        self._training_step = TrainingStep(self.net)
        in_turn = any(each.loops for each in self.net.propagate)
        self._together = looped if in_turn else batched
        self._step = Compiled(self._gradient) if compiled else self._gradient
        self._flat = FlatParameters(nets, self.device, dtype)
        self.values = self._flat.values
        self.calibrations = torch.tensor(task.calibrations, dtype=dtype, device=self.device)
        self.shown = FoldTensors(
            stacked_inputs(inputs, self.device, dtype),
            stacked_targets(targets, self.device, dtype),
            self._flat.buffers,
        )

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Name → `[folds, replicas, …]`, views of `values`."""
        return self._flat.named(self.values)

    def state(self, fold: int, replica: int) -> dict[str, Tensor]:
        """A replica's own state dict, its padding cut off, on the CPU."""
        return self._flat.state(self.values, fold, replica)

    # ------------------------------------------------------------------------------------ computing

    def logits(self) -> Tensor:
        """`[folds, replicas, n, K]` of the training patients, without dropout."""
        output, _ = self._outputs(self.values, self.shown, {}, by_modality=False)
        return output

    def losses(self, weight: Tensor) -> Tensor:
        """What training lowers `[folds, replicas]`, over the patients that `weight` `[folds,
        replicas, n]` counts, without dropout."""
        loss, _ = self._losses(self.values, self.shown._replace(weight=weight), {})
        return loss

    def _outputs(
        self, values: Tensor, shown: FoldTensors, masks: dict[str, Tensor], by_modality: bool
    ):
        """What `TrainingStep` returns, of all folds and replicas."""
        tensors = {**self._flat.named(values), **shown.buffers}
        state = {f"net.{name}": value for name, value in tensors.items()}

        def fold(state, masks, validation, inputs):
            def replica(state, masks, validation):
                arguments = (inputs, validation, masks, by_modality)
                return functional_call(self._training_step, state, arguments)

            return self._together(replica, state, masks, validation)

        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
            outputs = self._together(fold, state, masks, shown.validation, shown.inputs)
        return map_tensors(outputs, lambda each: each.to(self.dtype))

    def _losses(
        self, values: Tensor, shown: FoldTensors, masks: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """Training losses `[folds, replicas]` and validation losses `[folds, replicas,
        calibrations]`.

        A net that decides by modality learns each modality's own outputs too.
        """
        by_modality = self.net.level != "embedding"
        output, validated = self._outputs(values, shown, masks, by_modality)
        logits, own = output if by_modality else (output, None)
        target = map_tensors(shown.target, lambda each: each[:, None])  # [folds, 1, n]
        loss = mean_loss(self.task, logits, target, shown.weight)
        if by_modality:
            present = shown.inputs.present
            loss = loss + mean_loss_of_each(self.task, own, target, shown.weight, present)
        if not shown.validation:
            return loss, None
        return loss, self._validation_losses(validated, shown.validation)

    def _validation_losses(self, logits: Tensor, validation: ValidationPatients) -> Tensor:
        """`[folds, replicas, calibrations]`, at one go."""
        losses = self.task.calibrated_loss(logits, validation.target, self.calibrations)
        weight = validation.weight * validation.target.known
        return mean_over(losses, weight[:, :, None])

    def _gradient(
        self, values: Tensor, shown: FoldTensors, masks: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of what training lowers `[folds, replicas, P]`, and validation losses, of
        `at_once` replicas at a time."""
        grads, validated = [], []
        for start in range(0, self.replicas, self.at_once):
            some = slice(start, start + self.at_once)
            own = values[:, some].detach().requires_grad_()
            own_masks = map_tensors(masks, lambda mask, some=some: mask[:, some])
            loss, losses = self._losses(own, shown.part(some), own_masks)
            grads += torch.autograd.grad(loss.sum(), own)
            validated.append(losses)
        if len(grads) == 1:
            return grads[0], validated[0]
        without = validated[0] is None
        return torch.cat(grads, 1), None if without else torch.cat(validated, 1)

    # ------------------------------------------------------------------------------------- training

    def train(
        self,
        weight: Tensor,
        epochs: Sequence[int],
        generators: Generators,
        *,
        learning_rate: float | Tensor,
        weight_decay: float | Tensor,
        validation: Tensor | None = None,
        patience: int = 10,
    ) -> ValidationLosses:
        """Train all replicas by AdamW, each step on all of a replica's patients.

        Parameters
        ----------
        weight : Tensor, [folds, replicas, n]
            How much each patient counts in training.
        epochs : sequence of int
            For how many epochs each fold trains.
        generators : sequence
            `generators[f][s]`: of fold f and seed s, a source of dropout masks for each channel.
            They serve every setting.
        learning_rate, weight_decay : float or Tensor, [folds, replicas]
        validation : Tensor, [folds, replicas, n], optional
            How much each patient counts in the loss that is followed before every epoch.
        patience : int
            After how many epochs without a lower validation loss, averaged over seeds, a fold's
            setting stops.

        Returns
        -------
        ValidationLosses
            Curves are empty without `validation`.
        """
        seeds = len(generators[0])
        settings = self.replicas // seeds
        shown = self._shown_in_training(weight, validation)
        rate, decay = self._by_replica(learning_rate), self._by_replica(weight_decay)
        descent = AdamW(self.values, self._flat.decayed, rate, decay)
        stop = EarlyStopping(torch.tensor(epochs), settings, patience, self.task.calibrations)
        curves = [torch.zeros(0, self.folds, settings)]
        for epoch in range(max(epochs) + (validation is not None)):
            masks = self.masks(generators, settings)
            grad, validated = self._step(descent.values, shown, masks)
            if validated is not None:
                losses = validated.unflatten(1, (settings, seeds)).mean(2)
                curve = stop.see(losses.cpu(), epoch)
                curves.append(curve[None])
            going = stop.going(epoch)  # [folds, settings]
            if not going.any():
                break
            # a fold that is done stays: were it dropped, the others' sums would round otherwise
            alive = going.repeat_interleave(seeds, 1)
            descent.step(grad, alive.to(self.device))
        self.values = descent.values
        return ValidationLosses(torch.cat(curves), stop.calibrated)

    def _shown_in_training(self, weight: Tensor, validation: Tensor | None) -> FoldTensors:
        shown = self.shown._replace(weight=weight.to(self.device, self.dtype))
        if validation is None:
            return shown
        patients = ValidationPatients.of(*self.given, validation, self.device, self.dtype)
        return shown._replace(validation=patients)

    def masks(self, generators: Generators, settings: int) -> dict[str, Tensor]:
        """Draw what the next step hides: `mask` `[folds, replicas, n, M, D]`, 0 or 1 / (1 -
        dropout), and `kept` `[folds, replicas, n, M]` where modalities are dropped."""
        present = self.shown.inputs.present.cpu() > 0  # [folds, n, M]
        size, masks = present.shape[1:], {}
        if self.dropout:
            numbers = draw_uniform(generators, self.patients, *size, self.net.width)
            kept = (numbers >= self.dropout).to(self.device)
            mask = kept.to(self.dtype).div_(1 - self.dropout)
            masks["mask"] = mask.repeat(1, settings, 1, 1, 1)
        if self.modality_dropout:
            numbers = draw_uniform(generators, self.patients, *size)
            kept = kept_modalities(numbers, present, self.modality_dropout).to(self.device)
            masks["kept"] = kept.repeat(1, settings, 1, 1)
        return masks

    def _by_replica(self, value: float | Tensor) -> Tensor:
        value = torch.as_tensor(value, dtype=self.dtype, device=self.device)
        return value.expand(self.folds, self.replicas)
