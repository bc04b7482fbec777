"""Ragged neighbour lists (CSR): the one form of every patient layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each of N receivers, the list of senders it hears from.

    `offsets` int64 `[N + 1]`, `index` int64 `[E]` (sender of each edge, in `0 … senders - 1`), `weight` float64 `[E]`;
    the edges of receiver i are `offsets[i] : offsets[i + 1]`. Senders are training patients only.
    """

    offsets: np.ndarray
    index: np.ndarray
    weight: np.ndarray
    senders: int

    @classmethod
    def empty(cls, receivers: int, senders: int) -> Neighbours:
        """No edges at all."""
        return cls(np.zeros(receivers + 1, np.int64), np.zeros(0, np.int64), np.zeros(0), senders)

    @classmethod
    def from_edges(cls, receiver, sender, weight, receivers: int, senders: int) -> Neighbours:
        """Lists from edge arrays `[E]`; sorted by receiver, then sender. Edges of weight 0 or NaN are dropped."""
        receiver, sender = np.asarray(receiver, np.int64), np.asarray(sender, np.int64)
        weight = np.broadcast_to(np.asarray(weight, float), receiver.shape)
        keep = np.isfinite(weight) & (weight != 0)
        receiver, sender, weight = receiver[keep], sender[keep], weight[keep]
        order = np.lexsort((sender, receiver))
        offsets = np.zeros(receivers + 1, np.int64)
        np.cumsum(np.bincount(receiver, minlength=receivers), out=offsets[1:])
        return cls(offsets, sender[order], weight[order].copy(), senders)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def edges(self) -> int:
        return len(self.index)

    @property
    def degree(self) -> np.ndarray:
        """int64 `[N]`: how many senders each receiver has."""
        return np.diff(self.offsets)

    @property
    def receivers(self) -> np.ndarray:
        """int64 `[E]`: receiver of each edge."""
        return np.repeat(np.arange(len(self)), self.degree)

    def mean_weights(self) -> np.ndarray:
        """float64 `[E]`: weights divided by each receiver's sum, so that aggregating takes a mean."""
        total = np.bincount(self.receivers, np.abs(self.weight), minlength=len(self))
        return self.weight / total[self.receivers]

    def take(self, rows: np.ndarray) -> Neighbours:
        """The lists of the receivers at `rows`."""
        parts = [np.arange(self.offsets[r], self.offsets[r + 1]) for r in rows]
        edges = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        offsets = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)
        return Neighbours(offsets, self.index[edges], self.weight[edges], self.senders)

    def __repr__(self) -> str:
        return f"Neighbours({len(self):,} receivers, {self.senders:,} senders, {self.edges:,} edges)"
