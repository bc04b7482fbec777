"""From folds to trained nets, all folds, settings and seeds in one bank.

Two passes. The first trains each seed without one inner fold and follows the loss there; the
setting (learning rate, weight decay) and the epoch at which the mean curve of a fold's seeds is
lowest (possibly 0: the linear start itself) are the fold's own. The second trains every seed on all
training patients for that long. ValidationPatients-out patients are in no tensor.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphfuse.learn.bank.bank import Bank
from graphfuse.learn.bank.memory import Chunk, Size, chunks
from graphfuse.learn.fold_data import FoldData
from graphfuse.learn.random_draws import mask_sources, seed_of
from graphfuse.nn.net import Net, NetSpec
from graphfuse.schema import Recipe
from graphfuse.schema.recipe import TrainSection

log = logging.getLogger(__name__)

# sd of the normal prior of a temperature's logarithm around 0: a few patients held out move it
# little
LEAN = 0.5


@dataclass(frozen=True, eq=False)
class Trained:
    """The nets of one fold, their rotation folded back: `nets` (one per seed; one in all after 0
    epochs, where seeds do not differ), `epochs`, the `setting` chosen, its `curve` in the first
    pass, and the `temperature` to divide logits by."""

    spec: NetSpec
    nets: list[Net]
    epochs: int
    curve: list[float]
    setting: dict[str, float]
    temperature: float = 1.0


@dataclass(frozen=True, eq=False)
class Choice:
    """What the first pass found for a fold: the number of the setting, how many epochs, that
    setting's curve, and the temperature at which the probabilities are those that held-out patients
    bear out (Guo et al. 2017, arXiv 1706.04599)."""

    setting: int
    epochs: int
    curve: list[float]
    temperature: float = 1.0

    @classmethod
    def lowest(cls, curves: Tensor, temperatures: Sequence[float] = ()) -> Choice:
        """Of curves `[epochs + 1, settings]`: the lowest loss, the first of those that differ by
        less than 1e-4; with the temperature of each setting."""
        epochs, settings = curves.shape
        setting, epoch = divmod(int(np.argmin(np.round(curves.T.numpy(), 4))), epochs)
        curve = curves[:, setting][curves[:, setting].isfinite()].double().numpy().round(6).tolist()
        return cls(setting, epoch, curve, temperatures[setting] if len(temperatures) else 1.0)

    @property
    def loss(self) -> float:
        """The lowest held-out loss."""
        return min(self.curve, default=float("inf"))


def train(
    folds: list[FoldData], recipe: Recipe, seed: int, device: str, dtype=torch.float32
) -> list[Trained]:
    """All folds × settings × seeds, both passes."""
    section = recipe.train
    if section.stop == "last":
        choices = [Choice(0, section.epochs, [])] * len(folds)
    else:
        choices = first_pass(folds, section, seed, device, dtype)
        log.debug("epochs chosen on inner folds: %s", [c.epochs for c in choices])
    return second_pass(folds, choices, section, seed, device, dtype)


def first_pass(
    folds: list[FoldData],
    section: TrainSection,
    seed: int,
    device: str,
    dtype=torch.float32,
    epochs: int | None = None,
) -> list[Choice]:
    """Trains every setting and seed without one inner fold, for at most `epochs`, and follows the
    loss there."""
    settings, limit = section.settings, section.epochs if epochs is None else epochs
    curves = torch.full((limit + 1, len(folds), len(settings)), torch.inf)
    warmth = np.ones((len(folds), len(settings)))
    for chunk in _chunks(folds, section, seed, dtype, len(settings)):
        mine = [folds[f] for f in chunk.folds]
        bank, draws = _bank(mine, section, seed, device, dtype, chunk)
        held = _rows(
            [
                [fold.inner == s % (1 + fold.inner.max()) for s in range(section.seeds)]
                for fold in mine
            ]
        )
        whole = _rows([[np.ones(len(fold.inner))] * section.seeds for fold in mine])
        weight, validation = (
            each.repeat(1, len(chunk.settings), 1) for each in (whole - held, held)
        )
        rates = torch.tensor(settings, dtype=torch.float64)[chunk.settings].repeat_interleave(
            section.seeds, 0
        )
        options = {
            "validation": validation,
            "learning_rate": rates[:, 0],
            "weight_decay": rates[:, 1],
        }
        found = bank.train(weight, [limit] * len(mine), draws, **options)
        where = np.ix_(chunk.folds, chunk.settings)
        curves[: len(found.losses), *map(torch.from_numpy, where)] = found.losses.float()
        patients = [
            (h.any(0)[: len(fold.inner)] & fold.target.known).sum()
            for h, fold in zip(held, mine, strict=True)
        ]
        choices = mine[0].task.calibrations
        known = np.array(patients)[:, None]
        warmth[where] = calibration(found.calibrated.numpy(), known, choices)
    return [Choice.lowest(curves[:, f], warmth[f].tolist()) for f in range(len(folds))]


def calibration(losses: np.ndarray, patients: np.ndarray, choices: Sequence[float]) -> np.ndarray:
    """Of the C `choices`, the one with the lowest mean loss of `patients` `[…]` held out, `losses`
    `[…, C]`, under a prior that leans to 1 (`LEAN`)."""
    lean = np.log(choices) ** 2 / (2 * LEAN**2) / np.maximum(patients, 1)[..., None]
    return np.asarray(choices)[np.argmin(np.round(losses + lean, 6), axis=-1)]


def second_pass(
    folds: list[FoldData],
    choices: Sequence[Choice],
    section: TrainSection,
    seed: int,
    device: str,
    dtype=torch.float32,
) -> list[Trained]:
    """Trains every seed on all training patients, each fold with the setting and for the epochs
    chosen; a fold of 0 epochs stays in the bank, so that no other fold's digits depend on what it
    chose."""
    states = {
        f: [initial_net(fold, seed).to(dtype).state_dict()]
        for f, fold in enumerate(folds)
        if not choices[f].epochs
    }
    for chunk in _chunks(folds, section, seed, dtype, 1) if len(states) < len(folds) else ():
        mine, own = [folds[f] for f in chunk.folds], [choices[f] for f in chunk.folds]
        bank, draws = _bank(mine, section, seed, device, dtype, chunk)
        whole = _rows([[np.ones(len(fold.inner))] * section.seeds for fold in mine])
        rates = torch.tensor(
            [section.settings[choice.setting] for choice in own], dtype=torch.float64
        ).view(-1, 2, 1)
        options = {"learning_rate": rates[:, 0], "weight_decay": rates[:, 1]}
        bank.train(whole, [choice.epochs for choice in own], draws, **options)
        moved = [i for i, choice in enumerate(own) if choice.epochs]
        states |= {chunk.folds[i]: [bank.state(i, s) for s in range(section.seeds)] for i in moved}
    return [_trained(fold, states[f], choices[f], section) for f, fold in enumerate(folds)]


def _trained(
    fold: FoldData, states: list[dict[str, Tensor]], choice: Choice, section: TrainSection
) -> Trained:
    setting = dict(
        zip(("learning_rate", "weight_decay"), section.settings[choice.setting], strict=True)
    )
    return Trained(
        fold.spec,
        [unrotated(fold, state) for state in states],
        choice.epochs,
        choice.curve,
        setting,
        choice.temperature,
    )


def _chunks(
    folds: list[FoldData], section: TrainSection, seed: int, dtype: torch.dtype, settings: int
) -> list[Chunk]:
    """Sized by the fold with the most patients."""
    largest = max(folds, key=lambda fold: len(fold.inner))
    size = Size.of(initial_net(largest, seed), largest.inputs, dtype)
    return chunks(size, len(folds), settings, section.seeds, section.memory_gb * 1e9)


def _bank(
    folds: list[FoldData],
    section: TrainSection,
    seed: int,
    device: str,
    dtype: torch.dtype,
    chunk: Chunk,
) -> tuple[Bank, list[list[list[torch.Generator]]]]:
    seeds = range(section.seeds)
    nets = [[initial_net(fold, seed + s) for s in seeds] * len(chunk.settings) for fold in folds]
    draws = [[mask_sources(fold.channels, seed + s) for s in seeds] for fold in folds]
    options = {"dropout": section.dropout, "modality_dropout": section.modality_dropout}
    options |= {"amp": section.amp, "compiled": section.compile, "at_once": chunk.at_once}
    bank = Bank(
        nets,
        [f.inputs for f in folds],
        [f.target for f in folds],
        folds[0].task,
        device=device,
        dtype=dtype,
        **options,
    )
    return bank, draws


def initial_net(fold: FoldData, seed: int) -> Net:
    """A net at its start, built for the coordinates in which the fold's columns are given. Every
    part's first weights come from the seed, its slot and its channel's name."""

    def draw(slot: str, channel: int | None = None) -> None:
        name = "" if channel is None else fold.channels[channel]
        torch.default_generator.manual_seed(seed_of(seed, f"{slot} {name}"))

    turned = zip(fold.spec.features, fold.basis, strict=True)
    features = tuple(f if basis is None else basis.shape[1] for f, basis in turned)
    with torch.random.fork_rng(devices=[]):
        net = Net(fold.spec._replace(features=features), draw)
    with torch.no_grad():
        for m, encode in enumerate(net.encode):
            if encode.linear:
                encode.scale.fill_(max(fold.varying[m], 1) ** -0.5)
            if encode.hops:
                encode.gate.fill_(fold.gates[m, 0])
            net.patient_gate[m] = torch.from_numpy(fold.gates[m, 1:])
            if m in fold.prime:
                fold.prime[m](encode)
        said, (values, known, *_) = net.double().linear(fold.inputs), fold.target
        net.fuse.prime(said[known], fold.inputs.present[known], values[known])
    return net.float()


def unrotated(fold: FoldData, state: dict[str, Tensor]) -> Net:
    """The trained net over the columns themselves: each rotated encoder's weight becomes basis @
    weight."""
    net = Net(fold.spec)
    for m, basis in enumerate(fold.basis):
        if basis is not None:
            name = f"encode.{m}.weight"
            state[name] = (torch.from_numpy(basis) @ state[name].double()).to(state[name].dtype)
    net.to(next(iter(state.values())).dtype).load_state_dict(state)
    return net.eval()


def _rows(rows: list[list[np.ndarray]]) -> Tensor:
    """`[folds, seeds, n]` of ones and zeros, padded with zeros."""
    longest = max(len(r) for row in rows for r in row)
    return torch.tensor(
        np.array([[np.pad(r.astype(float), (0, longest - len(r))) for r in row] for row in rows])
    )
