"""Random generators seeded by a seed and the name of what they draw for.

A net's initial weights and dropout masks of a modality depend on the seed and on that modality's
name, not on the number or the order of the modalities.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


def seed_of(seed: int, name: str) -> int:
    """A seed of 63 bits from a seed and a name."""
    sequence = np.random.SeedSequence([seed, *name.encode()])
    state = sequence.generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))


def mask_sources(channels: Sequence[str], seed: int) -> list[torch.Generator]:
    """The generators from which a replica draws its dropout masks, one per channel."""
    seeds = [seed_of(seed, f"mask {name}") for name in channels]
    return [torch.Generator().manual_seed(each) for each in seeds]
