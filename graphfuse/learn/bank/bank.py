"""The bank: folds × settings × seeds of one net, trained together as one tensor program.

Parameters are one tensor `[folds, replicas, P]`, a replica's own lying side by side; each fold's
tables are held once and shared by its replicas. Folds differ a little in patients and columns: they
are padded with zeros, which no gradient reaches. Every replica keeps what a training of its own
would have: its own initial values, dropout masks, loss rows, learning rate, weight decay, gradient
clipping and number of epochs.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from graphfuse.learn.bank.adamw import AdamW
from graphfuse.learn.bank.compiled_step import Compiled
from graphfuse.learn.bank.stacked_tensors import (
    batched,
    looped,
    map_tensors,
    stacked,
    stacked_inputs,
    stacked_targets,
)
from graphfuse.learn.bank.stopping import EarlyStopping
from graphfuse.learn.bank.validation import ValidationPatients
from graphfuse.nn.net import Inputs, Net
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task

DROPOUT = 0.3  # share of an embedding's entries hidden in a training step


class ValidationLosses(NamedTuple):
    """What was seen of the patients held out: `losses` `[epochs + 1, folds, settings]` before every
    epoch (inf after a stop), and where that was lowest, `calibrated` `[folds, settings,
    calibrations]` at each of the task's calibrations."""

    losses: Tensor
    calibrated: Tensor


class FoldTensors(NamedTuple):
    """What replicas see, fold by fold: `inputs`, `target` `[folds, n]`, the rows that count in
    training `weight` `[folds, replicas, n]`, the patients `held` out that are watched, and the
    nets' buffers `[folds, replicas, …]`."""

    inputs: Inputs
    target: Target
    buffers: dict[str, Tensor]
    weight: Tensor | tuple = ()
    held: ValidationPatients | tuple = ()

    def part(self, replicas: slice) -> FoldTensors:
        """What some of the replicas see."""
        own = map_tensors((self.buffers, self.weight, self.held), lambda each: each[:, replicas])
        return FoldTensors(self.inputs, self.target, *own)


class TrainingStep(nn.Module):
    """The net in a training step, and, with nothing hidden, on patients held out; its encoders run
    once."""

    def __init__(self, net: Net):
        super().__init__()
        self.net = net

    def forward(
        self, inputs: Inputs, held: ValidationPatients | tuple, hidden: dict[str, Tensor], own: bool
    ):
        """What the net says of the training patients, and its logits of those held out."""
        encoded = self.net.encoded(inputs)
        said = self.net(inputs, by_modality=own, encoded=encoded, **hidden)
        if not held:
            return said, ()
        with torch.no_grad():
            senders = self.net.sender_states(inputs, encoded)
            return said, self.net(held.inputs, senders=senders, encoded=encoded[held.rows])


class Bank:
    """R replicas of one net on each of several folds: its seeds, setting by setting.

    `nets[f][r]`: freshly built nets, one per replica, alike but for the number of columns;
    `inputs[f]`: what the fold shows (training patients only); `targets[f]`: of tensors `[n]`, which
    the `task` teaches. `dropout`: the share of an embedding's entries that a training step hides;
    `modality_dropout`: how often it drops a modality of a patient, though never all of them.
    `at_once`: of how many replicas of a fold activations are in memory together (default: all).
    `amp`: in bfloat16 where that is faster; `compiled`: by `torch.compile`.
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
        self.task, self.patients = task, [len(target.values) for target in targets]
        self.given = inputs, targets
        self.net = copy.deepcopy(nets[0][0]).to("meta")
        self._training_step = TrainingStep(self.net)
        self._together = looped if any(each.loops for each in self.net.propagate) else batched
        self._step = Compiled(self._look) if compiled else self._look
        states = [[net.state_dict() for net in row] for row in nets]
        self.shapes = [{name: value.shape for name, value in row[0].items()} for row in states]
        every = {
            name: stacked([[s[name] for s in row] for row in states]).to(self.device, dtype)
            for name in states[0][0]
        }
        learned = sorted(
            (name for name, _ in self.net.named_parameters()), key=is_gate
        )  # gates last: they do not decay
        self.sizes = {name: every[name].shape[2:] for name in learned}
        self.decayed = sum(size.numel() for name, size in self.sizes.items() if not is_gate(name))
        self.values = torch.cat([every[name].flatten(2) for name in learned], 2)
        target = stacked_targets(targets, self.device, dtype)
        buffers = {name: value for name, value in every.items() if name not in self.sizes}
        self.calibrations = torch.tensor(task.calibrations, dtype=dtype, device=self.device)
        self.shown = FoldTensors(stacked_inputs(inputs, self.device, dtype), target, buffers)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Name → `[folds, replicas, …]`, views of `values`."""
        return self._named(self.values)

    def state(self, fold: int, replica: int) -> dict[str, Tensor]:
        """A replica's own state dict, its padding cut off, on the CPU."""
        every = {**self.parameters, **self.shown.buffers}
        return {
            name: every[name][fold, replica][tuple(slice(n) for n in shape)].detach().cpu().clone()
            for name, shape in self.shapes[fold].items()
        }

    # -------------------------------------------------------------------------------------- running

    def logits(self) -> Tensor:
        """`[folds, replicas, n, K]` for the training patients, nothing hidden."""
        return self._said(self.values, self.shown, {}, own=False)[0]

    def losses(self, weight: Tensor) -> Tensor:
        """What training lowers `[folds, replicas]`, over the rows that `weight` `[folds, replicas,
        n]` counts."""
        return self._losses(self.values, self.shown._replace(weight=weight), {})[0]

    def _named(self, values: Tensor) -> dict[str, Tensor]:
        parts = values.split([size.numel() for size in self.sizes.values()], -1)
        return {
            n: part.view(part.shape[:-1] + size)
            for (n, size), part in zip(self.sizes.items(), parts, strict=True)
        }

    def _said(self, values: Tensor, shown: FoldTensors, hidden: dict[str, Tensor], own: bool):
        state = {
            f"net.{name}": value for name, value in {**self._named(values), **shown.buffers}.items()
        }
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
            said = self._each(state, hidden, shown.held, shown.inputs, own)
        return map_tensors(said, lambda logits: logits.to(self.dtype))

    def _each(
        self,
        state: dict[str, Tensor],
        hidden: dict[str, Tensor],
        held: ValidationPatients | tuple,
        inputs: Inputs,
        own: bool,
    ):
        def fold(state, hidden, held, inputs):
            def one(state, hidden, held):
                return functional_call(self._training_step, state, (inputs, held, hidden, own))

            return self._together(one, state, hidden, held)

        return self._together(fold, state, hidden, held, inputs)

    def _losses(
        self, values: Tensor, shown: FoldTensors, hidden: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """Mean loss in training `[folds, replicas]`, where the net decides by modality with theirs
        beside it; and the mean of the patients held out at every calibration `[folds, replicas,
        calibrations]`."""
        apart = self.net.level != "embedding"
        said, watched = self._said(values, shown, hidden, apart)
        logits, own = said if apart else (said, None)
        target, weight, held = map_tensors(shown.target, _for_replicas), shown.weight, shown.held
        loss = mean_loss(self.task, logits, target, weight)
        if apart:
            share = shown.inputs.present / shown.inputs.present.sum(2, keepdim=True).clamp(min=1)
            loss = loss + sum(
                mean_loss(self.task, own[:, :, :, m], target, weight * share[:, None, :, m])
                for m in range(share.shape[2])
            )
        if not held:
            return loss, None
        return loss, self._tempered(watched, held)

    def _tempered(self, logits: Tensor, held: ValidationPatients) -> Tensor:
        """Mean loss of those held out at every calibration `[folds, replicas, calibrations]`, at
        one go."""
        each = self.task.calibrated_loss(logits, held.target, self.calibrations)
        return mean_over(each, (held.weight * held.target.known)[:, :, None])

    def _look(
        self, values: Tensor, shown: FoldTensors, hidden: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """Gradient of what training lowers `[folds, replicas, P]`, and those watched `[folds,
        replicas, calibrations]`."""
        grads, seen = [], []
        for part in (slice(r, r + self.at_once) for r in range(0, self.replicas, self.at_once)):
            own = values[:, part].detach().requires_grad_()
            masks = map_tensors(hidden, lambda mask, part=part: mask[:, part])
            loss, watched = self._losses(own, shown.part(part), masks)
            grads += torch.autograd.grad(loss.sum(), own)
            seen.append(watched)
        if len(grads) == 1:
            return grads[0], seen[0]
        return torch.cat(grads, 1), None if seen[0] is None else torch.cat(seen, 1)

    # ------------------------------------------------------------------------------------- training

    def train(
        self,
        weight: Tensor,
        epochs: Sequence[int],
        draws: Sequence[Sequence[Sequence[torch.Generator]]],
        *,
        learning_rate: float | Tensor,
        weight_decay: float | Tensor,
        validation: Tensor | None = None,
        patience: int = 10,
    ) -> ValidationLosses:
        """Trains fold f for `epochs[f]` epochs on the rows of `weight` `[folds, replicas, n]`; full
        batches, AdamW.

        `learning_rate` and `weight_decay` may differ by replica, `[folds, replicas]`. `draws[f][s]`
        are a replica's own sources of dropout masks, one a modality; of G settings × S seeds, the S
        rows of sources serve every setting. With `validation` `[folds, replicas, n]` the loss on
        those rows is computed before every epoch, and a fold's setting stops once its mean over the
        seeds has not improved for `patience` epochs. Returns those losses; the curves are empty
        without `validation`.
        """
        seeds = len(draws[0])
        settings = self.replicas // seeds
        held = (
            ()
            if validation is None
            else ValidationPatients.of(*self.given, validation, self.device, self.dtype)
        )
        shown = self.shown._replace(weight=weight.to(self.device, self.dtype), held=held)
        descent = AdamW(
            self.values,
            self.decayed,
            self._by_replica(learning_rate),
            self._by_replica(weight_decay),
        )
        stop = EarlyStopping(torch.tensor(epochs), settings, patience, self.task.calibrations)
        curves = []
        for epoch in range(max(epochs) + (validation is not None)):
            grad, watched = self._step(descent.values, shown, self.masks(draws, settings))
            if watched is not None:
                curves.append(
                    stop.see(watched.unflatten(1, (settings, seeds)).mean(2).cpu(), epoch)
                )
            going = stop.going(epoch)
            if not going.any():
                break
            # a fold that is done stays: were it dropped, the others' sums would round otherwise, as
            # its data have it
            descent.step(grad, going.repeat_interleave(seeds, 1).to(self.device))
        self.values = descent.values
        return ValidationLosses(
            torch.stack(curves) if curves else torch.zeros(0, self.folds, settings), stop.calibrated
        )

    def _by_replica(self, value: float | Tensor) -> Tensor:
        value = torch.as_tensor(value, dtype=self.dtype, device=self.device)
        return value.expand(self.folds, self.replicas)

    def masks(
        self, draws: Sequence[Sequence[Sequence[torch.Generator]]], settings: int
    ) -> dict[str, Tensor]:
        """What the next step hides, each replica's and modality's drawn from a source of its own:
        `mask` `[folds, replicas, n, M, D]`, 0 or 1 / (1 - dropout), and `kept` `[folds, replicas,
        n, M]` where modalities are dropped."""
        present = self.shown.inputs.present.cpu() > 0
        shape, hidden = (self.folds, len(draws[0]), *present.shape[1:]), {}
        entries, whole = torch.zeros(*shape, self.net.width), torch.zeros(shape)
        for f, row in enumerate(draws):
            for s, sources in enumerate(row):
                for m, source in enumerate(sources):
                    if self.dropout > 0:
                        entries[f, s, : self.patients[f], m].uniform_(generator=source)
                    if self.modality_dropout > 0:
                        whole[f, s, : self.patients[f], m].uniform_(generator=source)
        if self.dropout:
            hidden["mask"] = (
                (entries >= self.dropout).to(self.device).to(self.dtype).div_(1 - self.dropout)
            )
        if self.modality_dropout:
            kept = whole >= self.modality_dropout
            nothing = ~(kept & present[:, None]).any(3, keepdim=True)
            hidden["kept"] = (kept | nothing).to(self.device)
        return map_tensors(hidden, lambda mask: mask.repeat(1, settings, *(1,) * (mask.dim() - 2)))


def is_gate(name: str) -> bool:
    """Whether a parameter of that name is a gate: gates do not decay."""
    return name.endswith("gate")


def mean_loss(task: Task, predictor: Tensor, target: Target, weight: Tensor) -> Tensor:
    """Mean loss `[folds, replicas]` of predictors `[folds, replicas, n, W]` over the rows that are
    known and that `weight` `[folds, replicas, n]` counts; `target` `[folds, replicas or 1, n]`."""
    target = map_tensors(target, lambda each: each.expand(weight.shape))
    return mean_over(task.net_loss(predictor, target), weight * target.known)


def mean_over(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean over the last axis; 0 where nothing has a weight."""
    return (values * weight).sum(-1) / weight.sum(-1).clamp(min=1e-12)


def _for_replicas(each: Tensor) -> Tensor:
    """`[folds, 1, n]` of `[folds, n]`."""
    return each[:, None]
