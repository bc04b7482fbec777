"""Where chance comes from: generators seeded by a seed and the name of what they draw for.

A net's first weights and dropout masks of a modality depend on the seed and on that modality's
name, never on how many modalities there are or in which order they stand.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


def seed_of(seed: int, name: str) -> int:
    """A seed of 63 bits from a seed and a name."""
    drawn = np.random.SeedSequence([seed, *name.encode()]).generate_state(1, np.uint64)
    return int(drawn[0] >> np.uint64(1))


def mask_sources(channels: Sequence[str], seed: int) -> list[torch.Generator]:
    """The generators from which a replica draws its dropout masks, one a channel."""
    return [torch.Generator().manual_seed(seed_of(seed, f"mask {name}")) for name in channels]
