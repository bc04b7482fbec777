"""From folds to trained nets: all folds, settings and seeds in one bank, in two passes.

The first pass trains each seed without one inner fold and follows the loss there. Each fold takes
the setting (learning rate, weight decay) and the epoch at which the curve, averaged over seeds, is
lowest (possibly epoch 0: the linear model itself). The second pass trains every seed on all
training patients for that long. Test patients are in no tensor.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphfuse.learn.bank.bank import Bank, ValidationLosses
from graphfuse.learn.bank.dropout_masks import Generators
from graphfuse.learn.bank.fold_nets import initial_net, unrotated
from graphfuse.learn.bank.memory import Chunk, Size, chunks
from graphfuse.learn.bank.validated_choice import Choice, calibration
from graphfuse.learn.fold_data import FoldData
from graphfuse.learn.random_draws import mask_sources
from graphfuse.nn.net import Net, NetSpec
from graphfuse.schema import Recipe
from graphfuse.schema.recipe import TrainSection

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Trained:
    """The nets of one fold, over the columns themselves.

    Parameters
    ----------
    spec : NetSpec
    nets : list of Net
        One per seed; one in all after 0 epochs, where seeds do not differ.
    epochs : int
        For how many epochs they trained.
    curve : list of float
        The validation loss before each epoch of the first pass, averaged over seeds.
    setting : dict of str to float
        The learning rate and weight decay chosen.
    temperature : float
        What logits are to be divided by.
    """

    spec: NetSpec
    nets: list[Net]
    epochs: int
    curve: list[float]
    setting: dict[str, float]
    temperature: float = 1.0


def train(
    folds: list[FoldData], recipe: Recipe, seed: int, device: str, dtype=torch.float32
) -> list[Trained]:
    """Train all folds, settings and seeds of a recipe.

    Parameters
    ----------
    folds : list of FoldData
    recipe : Recipe
        Its `[train]` section says how.
    seed : int
        The first of the recipe's seeds.
    device : str
    dtype : torch.dtype

    Returns
    -------
    list of Trained
        One for each fold.
    """
    section = recipe.train
    if section.stop == "last":
        choices = [Choice(0, section.epochs, [])] * len(folds)
    else:
        choices = first_pass(folds, section, seed, device, dtype)
        log.debug("epochs by early stopping: %s", [c.epochs for c in choices])
    return second_pass(folds, choices, section, seed, device, dtype)


# --------------------------------------------------------------------------------- the first pass


def first_pass(
    folds: list[FoldData],
    section: TrainSection,
    seed: int,
    device: str,
    dtype=torch.float32,
    epochs: int | None = None,
) -> list[Choice]:
    """Train every setting and seed without one inner fold, for at most `epochs` (by default the
    section's), and choose by the loss there."""
    count = len(section.settings)
    limit = section.epochs if epochs is None else epochs
    curves = torch.full((limit + 1, len(folds), count), torch.inf)
    temperatures = np.ones((len(folds), count))
    for chunk in _chunks(folds, section, seed, dtype, count):
        own = [folds[f] for f in chunk.folds]
        bank, generators = _bank(own, section, seed, device, dtype, chunk)
        followed = _follow(bank, own, section, chunk, generators, limit)
        place = np.ix_(chunk.folds, chunk.settings)
        rows, columns = (torch.from_numpy(each) for each in place)
        curves[: len(followed.losses), rows, columns] = followed.losses.float()
        temperatures[place] = _temperatures(own, section.seeds, followed)
    by_fold = zip(curves.unbind(1), temperatures.tolist(), strict=True)
    return [Choice.lowest(*each) for each in by_fold]


def _follow(
    bank: Bank,
    folds: list[FoldData],
    section: TrainSection,
    chunk: Chunk,
    generators: Generators,
    epochs: int,
) -> ValidationLosses:
    """Train a chunk's folds and settings, each seed without one inner fold."""
    seeds, settings = section.seeds, len(chunk.settings)
    validation = _padded(_validation_rows(folds, seeds))  # [folds, seeds, n]
    weight = _padded(_all_rows(folds, seeds)) - validation
    rates = torch.tensor(section.settings, dtype=torch.float64)[chunk.settings]
    rates = rates.repeat_interleave(seeds, 0)  # [replicas, 2]
    return bank.train(
        weight.repeat(1, settings, 1),
        [epochs] * len(folds),
        generators,
        validation=validation.repeat(1, settings, 1),
        learning_rate=rates[:, 0],
        weight_decay=rates[:, 1],
    )


def _validation_rows(folds: list[FoldData], seeds: int) -> list[list[np.ndarray]]:
    """bool `[n]` of each fold and seed: the inner fold that the seed does not train on."""
    return [[fold.inner == s % (1 + fold.inner.max()) for s in range(seeds)] for fold in folds]


def _temperatures(folds: list[FoldData], seeds: int, followed: ValidationLosses) -> np.ndarray:
    """The temperature of each fold and setting."""
    counts = []
    for fold, rows in zip(folds, _validation_rows(folds, seeds), strict=True):
        validated = torch.from_numpy(np.any(rows, axis=0))
        counts.append(int((validated & fold.target.known).sum()))
    choices = folds[0].task.calibrations
    return calibration(followed.calibrated.numpy(), np.array(counts)[:, None], choices)


# -------------------------------------------------------------------------------- the second pass


def second_pass(
    folds: list[FoldData],
    choices: Sequence[Choice],
    section: TrainSection,
    seed: int,
    device: str,
    dtype=torch.float32,
) -> list[Trained]:
    """Train every seed on all training patients, each fold with the setting and for the epochs
    chosen.

    A fold of 0 epochs stays in the bank, so that no other fold's digits depend on what it chose.
    """
    states = {}
    for f, fold in enumerate(folds):
        if choices[f].epochs == 0:
            states[f] = [initial_net(fold, seed).to(dtype).state_dict()]
    if len(states) < len(folds):
        for chunk in _chunks(folds, section, seed, dtype, 1):
            own = [folds[f] for f in chunk.folds]
            bank, generators = _bank(own, section, seed, device, dtype, chunk)
            _train_as_chosen(bank, own, [choices[f] for f in chunk.folds], section, generators)
            for i, f in enumerate(chunk.folds):
                if choices[f].epochs:
                    states[f] = [bank.state(i, s) for s in range(section.seeds)]
    return [_trained(fold, states[f], choices[f], section) for f, fold in enumerate(folds)]


def _train_as_chosen(
    bank: Bank,
    folds: list[FoldData],
    choices: list[Choice],
    section: TrainSection,
    generators: Generators,
) -> None:
    weight = _padded(_all_rows(folds, section.seeds))
    settings = [section.settings[choice.setting] for choice in choices]
    rates = torch.tensor(settings, dtype=torch.float64)[..., None]  # [folds, 2, 1]
    epochs = [choice.epochs for choice in choices]
    rate, decay = rates[:, 0], rates[:, 1]
    bank.train(weight, epochs, generators, learning_rate=rate, weight_decay=decay)


def _trained(
    fold: FoldData, states: list[dict[str, Tensor]], choice: Choice, section: TrainSection
) -> Trained:
    learning_rate, weight_decay = section.settings[choice.setting]
    setting = {"learning_rate": learning_rate, "weight_decay": weight_decay}
    nets = [unrotated(fold, state) for state in states]
    return Trained(fold.spec, nets, choice.epochs, choice.curve, setting, choice.temperature)


# ------------------------------------------------------------------------------------------- banks


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
    """A chunk's bank of new nets, and the generators of its masks."""
    seeds = range(seed, seed + section.seeds)
    nets = [[initial_net(fold, s) for s in seeds] * len(chunk.settings) for fold in folds]
    generators = [[mask_sources(fold.channels, s) for s in seeds] for fold in folds]
    bank = Bank(
        nets,
        [fold.inputs for fold in folds],
        [fold.target for fold in folds],
        folds[0].task,
        device=device,
        dtype=dtype,
        dropout=section.dropout,
        modality_dropout=section.modality_dropout,
        amp=section.amp,
        compiled=section.compile,
        at_once=chunk.at_once,
    )
    return bank, generators


def _all_rows(folds: list[FoldData], seeds: int) -> list[list[np.ndarray]]:
    """Ones `[n]` of each fold and seed."""
    return [[np.ones(len(fold.inner))] * seeds for fold in folds]


def _padded(rows: list[list[np.ndarray]]) -> Tensor:
    """float64 `[folds, seeds, n]`, padded with zeros."""
    longest = max(len(own) for of_fold in rows for own in of_fold)
    padded = np.zeros((len(rows), len(rows[0]), longest))
    for f, of_fold in enumerate(rows):
        for s, own in enumerate(of_fold):
            padded[f, s, : len(own)] = own
    return torch.from_numpy(padded)
