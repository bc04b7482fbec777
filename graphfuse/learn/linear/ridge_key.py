"""Which ridge regression is meant, and which results it shares with those on other graphs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.linear.result_cache import Memo


@dataclass(frozen=True)
class RidgeKey:
    """The ridge regression on the sum of some modalities' kernels.

    Attributes
    ----------
    modalities : tuple of str
        Whose kernels are summed.
    gates : tuple of tuple of float
        By modality, how strongly its columns are smoothed along the gene network and along each of
        its patient layers, without the zeros at the end.
    first : int
        Level of the penalty at which the search begins.
    """

    modalities: tuple[str, ...]
    gates: tuple[tuple[float, ...], ...]
    first: int = 0

    @classmethod
    def of_one(cls, modality: str, gates: np.ndarray, first: int = 0) -> RidgeKey:
        """The regression on one modality, smoothed through `gates` `[1 + L]`."""
        opened = np.flatnonzero(gates)
        count = int(opened[-1]) + 1 if len(opened) else 0
        return cls((modality,), (tuple(gates[:count].tolist()),), first)

    def gates_of(self, modality: str, depth: int) -> np.ndarray:
        """A modality's gates `[1 + L]`, of L = `depth` patient layers."""
        gates = np.zeros(1 + depth)
        opened = self.gates[self.modalities.index(modality)]
        gates[: len(opened)] = opened
        return gates

    @property
    def is_along_network(self) -> bool:
        """Whether anything is smoothed along the gene network."""
        return any(each[0] != 0 for each in self.gates if each)

    @property
    def is_along_layers(self) -> bool:
        """Whether anything is smoothed along a patient layer."""
        return any(len(each) > 1 for each in self.gates)


def results_along(fold: PreparedFold, keys: Iterable[RidgeKey]) -> Memo:
    """The results that depend on no other graphs than those that these smooth along."""
    keys = list(keys)
    is_along_network = any(key.is_along_network for key in keys)
    is_along_layers = any(key.is_along_layers for key in keys)
    return fold.results.of(is_along_network, is_along_layers)


def level_before(level: int) -> int:
    """Where a search around a level of the penalty begins."""
    return max(level - 1, 0)
