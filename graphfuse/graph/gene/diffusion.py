"""What reaches a gene over several rounds on the network, without everything becoming the mean of
everything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix


@dataclass(frozen=True, eq=False)
class Spread:
    """A linear operator `[F, F]`: x ↦ A x_{reach-1}, where x_k = (1 - a) A x_{k-1} + a x_0.

    `step`: A, one round on the network (see `GeneNetwork.smoothing`); `restart`: a. With reach = 1
    it is A itself. A feature without neighbours receives 0, so an empty network gives zeros. Of a
    walk of k ≥ 1 edges, the weight is a (1 - a)^(k-1), or (1 - a)^(k-1) for the longest, k = reach
    (personalised propagation, arXiv 1810.05997). It is applied, never written out: ten rounds on
    6,000 genes would be a full matrix.
    """

    step: csr_matrix
    reach: int = 1
    restart: float = 0.0

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        """What arrives at each feature, `[F, N]` → `[F, N]`."""
        return self.step @ self.before(values)

    @property
    def T(self) -> Spread:
        """The transposed operator, which takes gradients back to the values."""
        return Spread(self.step.T.tocsr(), self.reach, self.restart)

    def before(self, values: np.ndarray) -> np.ndarray:
        """x_{reach-1}, what each feature says in the last round, `[F, N]` → `[F, N]`."""
        said = values
        for _ in range(self.reach - 1):
            said = (1 - self.restart) * (self.step @ said) + self.restart * values
        return said
