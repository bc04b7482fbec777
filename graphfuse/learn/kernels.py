"""Inner products among training patients, and what patient layers and the gene network make of
them.

A ridge regression on columns smoothed by graphs, φ = (x + g · A x + Σ_l γ_l · S_l x) / (1 + g + Σ
γ), with the gene network's mean A over columns and layer l's mean S_l over patients, needs no
smoothed table: its kernel comes from those of x and A x. Its gates g and γ are 0 for a plain
regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, vstack

from graphfuse.graph.neighbours import Neighbours
from graphfuse.learn.assemble import Preparation, Views, mean_operator


@dataclass(frozen=True, eq=False)
class Kernels:
    """Of the n patients of a fit, per modality: `own` `[n, n]` inner products of their columns,
    `cross` those of their network neighbours' means with their columns, `hop` of those means among
    themselves (both only where an encoder looks along the network), and `means`, per layer the
    sparse `[n, n]` that averages over a patient's neighbours."""

    own: dict[str, np.ndarray]
    cross: dict[str, np.ndarray]
    hop: dict[str, np.ndarray]
    means: dict[str, list[csr_matrix]]

    @classmethod
    def of(cls, views: Views, means: dict[str, list[csr_matrix]]) -> Kernels:
        """From patients' views and their neighbours."""
        return cls(
            {m: own @ own.T for m, own in views.own.items()},
            {m: hop @ views.own[m].T for m, hop in views.hop.items()},
            {m: hop @ hop.T for m, hop in views.hop.items()},
            means,
        )

    @property
    def depth(self) -> int:
        """Patient layers of each modality."""
        return len(next(iter(self.means.values())))

    def smoothed(self, m: str, gates: np.ndarray) -> np.ndarray:
        """The kernel `[n, n]` of the modality's columns smoothed through `gates` `[1 + L]`: the
        network's, each layer's."""
        own, network = self._heard(m, self.own[m], gates[1:]), gates[0]
        if network:
            own = own + network * self.cross[m]
        whole = self._heard(m, own.T, gates[1:]).T
        if network:
            through = self._heard(m, self.cross[m].T, gates[1:]) + network * self.hop[m]
            whole = whole + network * through
        return whole / (1 + gates.sum()) ** 2

    def _heard(self, m: str, rows: np.ndarray, gates: np.ndarray) -> np.ndarray:
        """rows + Σ_l γ_l S_l rows."""
        return sum(
            (g * (mean @ rows) for g, mean in zip(gates, self.means[m], strict=True) if g), rows
        )

    def spread(self, m: str, gates: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`alpha` `[n, J]` on the smoothed kernel as coefficients on the patients' own columns and
        on their network neighbours' means, so that smoothed logits are those of x + g · A x + Σ γ_l
        S_l x."""
        scale = (1 + gates.sum()) ** 2
        own = sum(
            (g * (mean.T @ alpha) for g, mean in zip(gates[1:], self.means[m], strict=True) if g),
            alpha,
        )
        return own / scale, gates[0] * alpha / scale

    def views(self, m: str, own: np.ndarray, hop: np.ndarray) -> np.ndarray:
        """Logits `[n, 2 + L, J]` of every patient's own columns, network neighbours and patient
        neighbours by layer, from coefficients `[n, J]`."""
        near = self.own[m] @ own
        far = np.zeros_like(near)
        if m in self.hop:
            far = self.cross[m] @ own
            if hop.any():
                near, far = near + self.cross[m].T @ hop, far + self.hop[m] @ hop
        return np.stack([near, far, *(mean @ near for mean in self.means[m])], 1)


def slope_of(views: Views, m: str, own: np.ndarray, hop: np.ndarray) -> np.ndarray:
    """Weights `[F, K]` of the modality's columns, from coefficients `[n, K]` on training patients
    with these views."""
    found = views.own[m].T @ own
    return found + views.hop[m].T @ hop if hop.any() else found


def means_of(preparation: Preparation) -> dict[str, list[csr_matrix]]:
    """Modality → per layer, the mean over each training patient's neighbours."""
    return {m: [mean_operator(each) for each in found] for m, found in preparation.lists().items()}


def means_around(
    preparation: Preparation, views: Views, train: np.ndarray
) -> dict[str, list[csr_matrix]]:
    """The same over n patients of whom those at `train` fitted the preparation and the others, with
    these views of all n, attach to them: nobody hears the others."""
    others = np.setdiff1d(np.arange(len(views.present)), train)
    order = np.argsort(np.r_[train, others])
    place = csr_matrix(
        (np.ones(len(train)), (np.arange(len(train)), train)), shape=(len(train), len(order))
    )
    own, hop = ({m: rows[others] for m, rows in part.items()} for part in (views.own, views.hop))
    attached = preparation.lists(Views(own, hop, views.present[others], views.patients[others]))

    def mean(among: Neighbours, around: Neighbours) -> csr_matrix:
        return (
            vstack([mean_operator(among), mean_operator(around)]).tocsr()[order] @ place
        ).tocsr()

    among = preparation.lists()
    return {m: [mean(*pair) for pair in zip(among[m], attached[m], strict=True)] for m in among}
