"""What a training step hides: dropout of an embedding's entries, and of whole modalities."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# of each fold and seed, a generator for each channel
Generators = Sequence[Sequence[Sequence[torch.Generator]]]


def draw_uniform(generators: Generators, patients: Sequence[int], *size: int) -> Tensor:
    """Uniform numbers `[folds, seeds, n, M, …]` of the `size` `(n, M, …)`: each fold's, seed's and
    channel's from a generator of its own, and zeros beyond a fold's `patients`."""
    numbers = torch.zeros(len(generators), len(generators[0]), *size)
    for f, seeds in enumerate(generators):
        for s, channels in enumerate(seeds):
            for m, generator in enumerate(channels):
                own = numbers[f, s, : patients[f], m]
                own.uniform_(generator=generator)
    return numbers


def kept_modalities(numbers: Tensor, present: Tensor, share: float) -> Tensor:
    """Which modalities a step keeps, bool `[folds, seeds, n, M]`: all of a patient who would lose
    every modality, else those whose number is at least `share`; `present` bool `[folds, n, M]`."""
    kept = numbers >= share
    loses_all = ~(kept & present[:, None]).any(3, keepdim=True)
    return kept | loses_all
