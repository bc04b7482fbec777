"""Diffusion on the gene network: averages over neighbours, repeated with restarts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix


@dataclass(frozen=True, eq=False)
class Diffusion:
    """A linear operator `[F, F]` that averages columns over a network for several rounds.

    It maps x to A x_{reach-1}, where x_0 = x and x_k = (1 - a) A x_{k-1} + a x_0 (personalised
    propagation, Gasteiger et al. 2019, arXiv 1810.05997). The restarts keep genes apart: without
    them, many rounds leave every gene the same mean. Values come along a walk of k edges with
    weight a (1 - a)^(k-1), or (1 - a)^(k-1) for the longest, k = reach. A column without neighbours
    gets 0. The operator is applied, never written out: ten rounds on 6,000 genes would be a full
    matrix.

    Parameters
    ----------
    step : csr_matrix
        A `[F, F]`, one round on the network (see `GeneNetwork.smoothing`).
    reach : int
        How many rounds; with 1, the operator is A itself.
    restart : float
        a, the share of its own values that a column keeps in each round but the last.
    """

    step: csr_matrix
    reach: int = 1
    restart: float = 0.0

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        """The diffused values, `[F, N]` → `[F, N]`."""
        return self.step @ self.messages(values)

    @property
    def T(self) -> Diffusion:
        """The transposed operator, which takes gradients back to the values."""
        return Diffusion(self.step.T.tocsr(), self.reach, self.restart)

    def messages(self, values: np.ndarray) -> np.ndarray:
        """x_{reach-1}, what each column sends to its neighbours in the last round, `[F, N]` →
        `[F, N]`."""
        sent = values
        for _ in range(self.reach - 1):
            arriving = self.step @ sent
            sent = (1 - self.restart) * arriving + self.restart * values
        return sent
