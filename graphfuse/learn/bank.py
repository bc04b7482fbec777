"""The bank: folds × seeds of one net, trained together as one tensor program.

Parameters are stacked `[folds, seeds, …]`; each fold's tables are held once and shared by its seeds. Folds differ a little in
patients and columns: they are padded with zeros, which no gradient reaches. Every replica keeps what a training of its own
would have: its own initial values, dropout masks, loss rows, gradient clipping and number of epochs.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy, pad

from graphfuse.nn.net import Inputs, Net

DROPOUT = 0.3  # share of an embedding's entries hidden in a training step
CLIP = 1.0  # largest gradient norm of a replica's step


class Bank:
    """R = folds × seeds replicas of one net.

    `nets[f][s]`: freshly built nets, one per replica, alike but for the number of columns; `inputs[f]`: what the fold shows
    (training patients only); `codes[f]` int `[n]`, -1 for unlabelled.
    """

    def __init__(
        self,
        nets: Sequence[Sequence[Net]],
        inputs: Sequence[Inputs],
        codes: Sequence[Tensor],
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        self.device, self.dtype = torch.device(device), dtype
        self.folds, self.seeds = len(nets), len(nets[0])
        self.patients = [len(c) for c in codes]
        self.net = copy.deepcopy(nets[0][0]).to("meta")
        states = [[net.state_dict() for net in row] for row in nets]
        self.shapes = [{name: value.shape for name, value in row[0].items()} for row in states]
        learned = {name for name, _ in nets[0][0].named_parameters()}
        stacked = {name: self._stack([[s[name] for s in row] for row in states]) for name in states[0][0]}
        self.parameters = {n: v.requires_grad_() for n, v in stacked.items() if n in learned}
        self.gates = {name for name in learned if name.endswith("gate")}
        self.buffers = {n: v for n, v in stacked.items() if n not in learned}
        self.inputs = self._stack_inputs(inputs)
        self.codes = torch.stack([pad(c, (0, max(self.patients) - len(c)), value=-1) for c in codes]).to(self.device)

    # ------------------------------------------------------------------------------------------- running

    def logits(self, masks: Tensor | None = None, own: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """`[folds, seeds, n, K]` for the training patients; `masks` `[folds, seeds, n, M, D]`; with `own` also those of each
        modality `[folds, seeds, n, M, K]`."""

        def one(state, inputs, mask):
            return functional_call(self.net, state, (inputs, mask), {"own": own})

        state = {**self.parameters, **self.buffers}
        axis = None if masks is None else 0
        return vmap(vmap(one, in_dims=(0, None, axis)), in_dims=(0, 0, axis))(state, self.inputs, masks)

    def watched(self, weight: Tensor) -> Tensor:
        """Mean cross-entropy `[folds, seeds]` of the net's logits over the rows that `weight` `[folds, seeds, n]` counts."""
        return self._mean_loss(self.logits(), weight)

    def losses(self, weight: Tensor, masks: Tensor | None = None) -> Tensor:
        """What training lowers `[folds, seeds]`: the same, and where the net decides by modality, theirs beside it."""
        if self.net.level == "embedding":
            return self._mean_loss(self.logits(masks), weight)
        logits, own = self.logits(masks, own=True)
        share = self.inputs.present / self.inputs.present.sum(2, keepdim=True).clamp(min=1)
        apart = [self._mean_loss(own[:, :, :, m], weight * share[:, None, :, m]) for m in range(share.shape[2])]
        return self._mean_loss(logits, weight) + sum(apart)

    def _mean_loss(self, logits: Tensor, weight: Tensor) -> Tensor:
        codes = self.codes[:, None].expand(weight.shape)
        rows = self.codes[:, None] >= 0
        each = cross_entropy(logits.flatten(0, 2), codes.clamp(min=0).flatten(), reduction="none").view(weight.shape)
        return (each * weight * rows).sum(2) / (weight * rows).sum(2).clamp(min=1e-12)

    def train(
        self,
        weight: Tensor,
        epochs: Sequence[int],
        draws: Sequence[Sequence[torch.Generator]],
        *,
        learning_rate: float,
        weight_decay: float,
        watch: Tensor | None = None,
        patience: int = 20,
    ) -> Tensor:
        """Trains fold f for `epochs[f]` epochs on the rows of `weight`; full batches, AdamW.

        With `watch` `[folds, seeds, n]`: the loss on those rows before every epoch is followed, and a fold stops once the
        mean over its seeds has not improved for `patience` epochs. Returns those curves `[epochs + 1, folds]` (inf after
        a fold stopped); empty without `watch`. `draws[f][s]` is the replica's own source of dropout masks.
        """
        weight = weight.to(self.device, self.dtype)
        optimiser = self._optimiser(learning_rate, weight_decay)
        limit = torch.tensor(list(epochs), device=self.device)
        curves, waited, best = [], torch.zeros_like(limit), torch.full(limit.shape, torch.inf, device=self.device)
        for epoch in range(int(limit.max()) + 1):
            alive = epoch < limit
            if watch is not None:
                seen = self._watched(watch.to(self.device, self.dtype))
                curves.append(torch.where(waited < patience, seen, torch.inf).cpu())
                waited = torch.where(waited >= patience, waited, torch.where(seen < best, 0, waited + 1))
                best = torch.minimum(best, seen)
                alive &= waited < patience
            if not alive.any():
                break
            self._step(optimiser, weight, self._masks(draws), alive)
        return torch.stack(curves) if curves else torch.zeros(0, self.folds)

    def _step(self, optimiser, weight: Tensor, masks: Tensor, alive: Tensor) -> None:
        kept = {name: value.detach().clone() for name, value in self.parameters.items()} if not alive.all() else {}
        optimiser.zero_grad()
        self.losses(weight, masks).sum().backward()
        self._clip()
        optimiser.step()
        with torch.no_grad():
            for name, value in kept.items():
                going = alive.view(-1, *(1,) * (value.dim() - 1))
                self.parameters[name].copy_(torch.where(going, self.parameters[name], value))

    def _watched(self, watch: Tensor) -> Tensor:
        with torch.no_grad():
            return self.watched(watch).mean(1)

    def _clip(self) -> None:
        grads = [p.grad for p in self.parameters.values() if p.grad is not None]
        norm = sum(g.flatten(2).square().sum(2) for g in grads).sqrt()
        factor = (CLIP / norm.clamp(min=CLIP)).nan_to_num(0.0)
        for grad in grads:
            grad.mul_(factor.view(*factor.shape, *(1,) * (grad.dim() - 2)))

    def _optimiser(self, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
        gates = [value for name, value in self.parameters.items() if name in self.gates]
        weights = [value for name, value in self.parameters.items() if name not in self.gates]
        return torch.optim.AdamW(
            [
                {"params": weights, "lr": learning_rate, "weight_decay": weight_decay},
                {"params": gates, "lr": learning_rate, "weight_decay": 0.0},
            ]
        )

    def _masks(self, draws: Sequence[Sequence[torch.Generator]]) -> Tensor:
        modalities, width = self.inputs.present.shape[-1], self.net.width
        rows = []
        for count, row in zip(self.patients, draws, strict=True):
            kept = [torch.rand(count, modalities, width, generator=g) >= DROPOUT for g in row]
            rows.append(pad(torch.stack(kept), (0, 0, 0, 0, 0, max(self.patients) - count)))
        return torch.stack(rows).to(self.device, self.dtype) / (1 - DROPOUT)

    # ----------------------------------------------------------------------------------- results, padding

    def state(self, fold: int, seed: int) -> dict[str, Tensor]:
        """A replica's own state dict, its padding cut off, on the CPU."""
        every = {**self.parameters, **self.buffers}
        return {
            name: every[name][fold, seed][tuple(slice(n) for n in shape)].detach().cpu().clone()
            for name, shape in self.shapes[fold].items()
        }

    def _stack(self, rows: list[list[Tensor]]) -> Tensor:
        """`[folds, seeds, …]` from tensors of one rank, padded with zeros to the largest shape."""
        largest = [max(t.shape[d] for row in rows for t in row) for d in range(rows[0][0].dim())]
        grown = [torch.stack([_grown(t.detach(), largest) for t in row]) for row in rows]
        return torch.stack(grown).to(self.device, self.dtype)

    def _stack_inputs(self, inputs: Sequence[Inputs]) -> Inputs:
        rows = max(self.patients)
        lists = []
        for column in zip(*(i.lists for i in inputs), strict=True):
            edges = max(len(each.index) for each in column)
            grown = [each.padded(rows, rows, edges).to(self.device, self.dtype) for each in column]
            lists.append(type(grown[0])(*map(torch.stack, zip(*grown, strict=True))))
        x = tuple(self._stack([[t] for t in column])[:, 0] for column in zip(*(i.x for i in inputs), strict=True))
        rest = [self._stack([[getattr(i, f)] for i in inputs])[:, 0] for f in ("present", "start", "bias")]
        return Inputs(x, *rest, tuple(lists))


def _grown(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    more = [n for have, want in zip(reversed(tensor.shape), reversed(shape), strict=True) for n in (0, want - have)]
    return pad(tensor, more) if any(more) else tensor
