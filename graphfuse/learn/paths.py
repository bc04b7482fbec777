"""What a cross-fitted ridge regression found along its penalties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfuse.learn.kernels import Kernels


@dataclass(frozen=True, eq=False)
class World:
    """Kernels of all training patients of a fold, and which fits stand on them (inner folds,
    partition by partition, or `WHOLE`)."""

    kernels: Kernels
    fits: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Walk:
    """Where a search over penalties ended: the penalty's `level`, `held_out` logits `[partitions,
    n, K]` and their `loss`, and for every world alphas `[n, fits, K]` and intercepts `[fits, K]`.
    `seconds`: what it took."""

    level: int
    held_out: np.ndarray
    loss: float
    ends: list[tuple[np.ndarray, np.ndarray]]
    seconds: float
