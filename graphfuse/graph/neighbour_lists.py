"""`Neighbours`: ragged neighbour lists (CSR), the form of every patient layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The neighbours of N receivers: the senders of the messages that each gets.

    The edges of receiver i are `offsets[i] : offsets[i + 1]`. Senders are training patients only.

    Parameters
    ----------
    offsets : np.ndarray
        int64 `[N + 1]`.
    index : np.ndarray
        int64 `[E]`: the sender of each edge, in 0 … `senders` - 1.
    weight : np.ndarray
        float64 `[E]`.
    senders : int
        How many senders there are.
    """

    offsets: np.ndarray
    index: np.ndarray
    weight: np.ndarray
    senders: int

    @classmethod
    def empty(cls, receivers: int, senders: int) -> Neighbours:
        """No edges at all."""
        offsets = np.zeros(receivers + 1, np.int64)
        none = np.zeros(0, np.int64)
        return cls(offsets, none, np.zeros(0), senders)

    @classmethod
    def from_edges(cls, receiver, sender, weight, receivers: int, senders: int) -> Neighbours:
        """Lists from edges in any order.

        Parameters
        ----------
        receiver, sender : array-like
            int `[E]`.
        weight : array-like or float
            `[E]`, or one for all. Edges of weight 0, infinite or NaN are dropped.
        receivers, senders : int
            How many there are.

        Returns
        -------
        Neighbours
            Sorted by receiver, then sender.
        """
        receiver = np.asarray(receiver, np.int64)
        sender = np.asarray(sender, np.int64)
        weight = np.broadcast_to(np.asarray(weight, float), receiver.shape)
        keep = np.isfinite(weight) & (weight != 0)
        receiver, sender, weight = receiver[keep], sender[keep], weight[keep]
        order = np.lexsort((sender, receiver))
        degree = np.bincount(receiver, minlength=receivers)
        return cls(_offsets(degree), sender[order], weight[order].copy(), senders)

    @classmethod
    def identity(cls, has: np.ndarray) -> Neighbours:
        """Each of N patients is its own only neighbour; where `has` bool `[N]` is False, it has
        none."""
        rows = np.flatnonzero(has)
        return cls.from_edges(rows, rows, 1.0, len(has), len(has))

    @classmethod
    def union(cls, lists: Sequence[Neighbours]) -> Neighbours:
        """Every edge of any of these lists once, with its greatest weight. All have the same
        receivers and senders."""
        first = lists[0]
        receiver = np.concatenate([each.receivers for each in lists])
        sender = np.concatenate([each.index for each in lists])
        weight = np.concatenate([each.weight for each in lists])
        order = np.lexsort((-weight, sender, receiver))
        receiver, sender, weight = receiver[order], sender[order], weight[order]
        is_first = np.ones(len(order), bool)
        is_first[1:] = (np.diff(receiver) != 0) | (np.diff(sender) != 0)
        receiver, sender, weight = receiver[is_first], sender[is_first], weight[is_first]
        return cls.from_edges(receiver, sender, weight, len(first), first.senders)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def edges(self) -> int:
        """How many edges there are."""
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
        """float64 `[E]`: weights divided by each receiver's sum, so that aggregating takes a
        mean."""
        total = np.bincount(self.receivers, np.abs(self.weight), minlength=len(self))
        return self.weight / total[self.receivers]

    def take(self, rows: np.ndarray) -> Neighbours:
        """The lists of the receivers at `rows`."""
        rows = np.asarray(rows, np.int64)
        degree = self.degree[rows]
        offsets = _offsets(degree)
        shift = self.offsets[rows] - offsets[:-1]
        edges = np.arange(offsets[-1]) + np.repeat(shift, degree)
        return Neighbours(offsets, self.index[edges], self.weight[edges], self.senders)

    def among(self, receivers: np.ndarray, senders: np.ndarray) -> Neighbours:
        """The edges into `receivers` (bool `[N]`) from `senders` (bool `[senders]`), whose numbers
        stay."""
        keep = receivers[self.receivers] & senders[self.index]
        return self.where(keep)

    def where(self, keep: np.ndarray) -> Neighbours:
        """The edges for which `keep` bool `[E]` holds."""
        degree = np.bincount(self.receivers[keep], minlength=len(self))
        return Neighbours(_offsets(degree), self.index[keep], self.weight[keep], self.senders)

    def transposed(self) -> Neighbours:
        """Every edge the other way: senders become receivers."""
        return Neighbours.from_edges(
            self.index, self.receivers, self.weight, self.senders, len(self)
        )

    def symmetric(self) -> Neighbours:
        """Every edge both ways, with the greater weight of the two; for lists whose receivers and
        senders are the same patients."""
        return Neighbours.union([self, self.transposed()])

    def __repr__(self) -> str:
        return (
            f"Neighbours({len(self):,} receivers, {self.senders:,} senders, {self.edges:,} edges)"
        )


def _offsets(degree: np.ndarray) -> np.ndarray:
    """int64 `[N + 1]`: where the edges of each receiver begin, from the number of its edges."""
    offsets = np.zeros(len(degree) + 1, np.int64)
    np.cumsum(degree, out=offsets[1:])
    return offsets


def strongest(
    receiver: np.ndarray, sender: np.ndarray, value: np.ndarray, count: int
) -> np.ndarray:
    """The candidates of greatest value of every receiver.

    Parameters
    ----------
    receiver, sender : np.ndarray
        int64 `[E]`, in any order.
    value : np.ndarray
        float64 `[E]`; ties go to the sender that comes first.
    count : int
        How many each receiver keeps.

    Returns
    -------
    np.ndarray
        int64, positions among the candidates, sorted by receiver, then value.
    """
    order = np.lexsort((sender, -value, receiver))
    ordered = receiver[order]
    start = np.searchsorted(ordered, ordered)
    rank = np.arange(len(order)) - start
    return order[rank < count]
