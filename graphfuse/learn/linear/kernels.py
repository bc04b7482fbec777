"""Inner products among training patients, and what patient layers and the gene network make of
them.

A ridge regression on columns smoothed by graphs, φ = (x + g · A x + Σ_l γ_l · S_l x) / (1 + g + Σ
γ), with the gene network's mean A over columns and layer l's mean S_l over patients, needs no
smoothed table: its kernel comes from those of x and A x. Its gates g and γ are 0 for a plain
regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, vstack

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.assemble import Preparation
from graphfuse.learn.linear.ridge import Dense, Factored
from graphfuse.learn.views import Views

MOST_PATIENTS = 20_000  # a kernel of 3.2 GB for each modality


# patients from whom, where columns are half as many at most, everything is found on the side of the
# columns; below, a kernel takes no second
MANY = 2_000


def is_narrow(patients: int, columns: int) -> bool:
    """Whether a table is worked with on the side of its columns."""
    return patients >= MANY and columns <= patients / 2


def allows_kernels(patients: int) -> bool:
    """Whether kernels among so many patients are kept."""
    return patients <= MOST_PATIENTS


def require_kernels(cohort: Cohort) -> None:
    """Raises `InputError` where a cohort has too many patients for kernels among them."""
    if not allows_kernels(len(cohort)):
        raise InputError(
            f"cohort {cohort.name!r}: {len(cohort):,} training patients; linear starts are solved "
            "from patients × patients kernels, which are kept up to "
            f'{MOST_PATIENTS:,} patients. Train without one ([net] start = "none" in the recipe), '
            "or on a part of them"
        )


@dataclass(frozen=True, eq=False)
class Kernel:
    """Of the n patients of a fit, in one modality: `own` `[n, n]` inner products of their columns;
    `cross` those of their network neighbours' means with their columns, and `hop` of those means
    among themselves (`None` where no encoder looks along the network); and `means`, per layer the
    sparse `[n, n]` that averages over a patient's neighbours."""

    own: np.ndarray
    cross: np.ndarray | None
    hop: np.ndarray | None
    means: list[csr_matrix]

    def smoothed(self, gates: np.ndarray) -> Dense:
        """The kernel of the columns smoothed through `gates` `[1 + L]`: the network's, each
        layer's."""
        own, network = around(self.own, self.means, gates[1:]), gates[0]
        if network:
            own = own + network * self.cross
        whole = around(own.T, self.means, gates[1:]).T
        if network:
            through = around(self.cross.T, self.means, gates[1:]) + network * self.hop
            whole = whole + network * through
        return Dense(whole / (1 + gates.sum()) ** 2)

    def near(self, own: np.ndarray, hop: np.ndarray) -> np.ndarray:
        """Logits `[n, J]` of every patient's own columns, from coefficients `[n, J]` on columns and
        on network neighbours' means."""
        found = self.own @ own
        return found + self.cross.T @ hop if hop.any() else found

    def views(self, own: np.ndarray, hop: np.ndarray) -> np.ndarray:
        """Logits `[n, 2 + L, J]` of every patient's own columns, network neighbours and patient
        neighbours by layer, from coefficients `[n, J]`."""
        near = self.near(own, hop)
        far = np.zeros_like(near)
        if self.cross is not None:
            far = self.cross @ own
        if hop.any():
            far = far + self.hop @ hop
        return np.stack([near, far, *(mean @ near for mean in self.means)], 1)


@dataclass(frozen=True, eq=False)
class Narrow:
    """The same of a table with few columns, whose kernels are never written out: `own` `[n, F]` its
    columns, `hop` `[n, F]` the means over their network neighbours (or `None`), and `means`."""

    own: np.ndarray
    hop: np.ndarray | None
    means: list[csr_matrix]

    def smoothed(self, gates: np.ndarray) -> Factored:
        """As `Kernel.smoothed`."""
        table = around(self.own, self.means, gates[1:])
        if gates[0]:
            table = table + gates[0] * self.hop
        return Factored(table / (1 + gates.sum()))

    def near(self, own: np.ndarray, hop: np.ndarray) -> np.ndarray:
        """As `Kernel.near`."""
        return self.own @ self._slope(own, hop)

    def views(self, own: np.ndarray, hop: np.ndarray) -> np.ndarray:
        """As `Kernel.views`."""
        slope = self._slope(own, hop)
        near = self.own @ slope
        far = np.zeros_like(near) if self.hop is None else self.hop @ slope
        return np.stack([near, far, *(mean @ near for mean in self.means)], 1)

    def _slope(self, own: np.ndarray, hop: np.ndarray) -> np.ndarray:
        found = self.own.T @ own
        return found + self.hop.T @ hop if hop.any() else found


def summed(kernels: Sequence[Dense | Factored]) -> Dense | Factored:
    """The sum of kernels."""
    if all(isinstance(each, Factored) for each in kernels):
        table = kernels[0].table if len(kernels) == 1 else np.hstack([k.table for k in kernels])
        if is_narrow(*table.shape):
            return Factored(table)
    dense = [k.table @ k.table.T if isinstance(k, Factored) else k.values for k in kernels]
    return Dense(sum(dense))


def around(rows: np.ndarray, means: list[csr_matrix], gates: np.ndarray) -> np.ndarray:
    """rows + Σ_l γ_l S_l rows."""
    return sum((g * (mean @ rows) for g, mean in zip(gates, means, strict=True) if g), rows)


def spread(
    means: list[csr_matrix], gates: np.ndarray, alpha: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`alpha` `[n, J]` on the smoothed kernel as coefficients on the patients' own columns and
    on their network neighbours' means, so that smoothed logits are those of x + g · A x + Σ γ_l
    S_l x."""
    scale = (1 + gates.sum()) ** 2
    own = sum(
        (g * (mean.T @ alpha) for g, mean in zip(gates[1:], means, strict=True) if g),
        alpha,
    )
    return own / scale, gates[0] * alpha / scale


def slope_of(views: Views, m: str, own: np.ndarray, hop: np.ndarray) -> np.ndarray:
    """Weights `[F, K]` of the modality's columns, from coefficients `[n, K]` on training patients
    with these views."""
    found = views.own[m].T @ own
    return found + views.x_smoothed[m].T @ hop if hop.any() else found


def mean_operator(neighbours: Neighbours) -> csr_matrix:
    """Sparse `[N, S]` that takes the mean over each receiver's senders."""
    shape = (len(neighbours), neighbours.senders)
    return csr_matrix(
        (neighbours.mean_weights(), neighbours.index, neighbours.offsets), shape=shape
    )


def means_of(preparation: Preparation) -> dict[str, list[csr_matrix]]:
    """Modality → per layer, the mean over each training patient's neighbours."""
    return {m: [mean_operator(each) for each in found] for m, found in preparation.lists().items()}


def means_around(
    preparation: Preparation, views: Views, train: np.ndarray
) -> dict[str, list[csr_matrix]]:
    """The same over n patients of whom those at `train` fitted the preparation and the others, with
    these views of all n, attach to them: nobody hears the others. Under the control `identity` all
    hear themselves."""
    if preparation.isolates_patients:
        found = preparation.lists(views).items()
        return {m: [mean_operator(each) for each in lists] for m, lists in found}
    others = np.setdiff1d(np.arange(len(views.present)), train)
    order = np.argsort(np.r_[train, others])
    place = csr_matrix(
        (np.ones(len(train)), (np.arange(len(train)), train)), shape=(len(train), len(order))
    )
    own, hop = (
        {m: rows[others] for m, rows in part.items()} for part in (views.own, views.x_smoothed)
    )
    attached = preparation.lists(Views(own, hop, views.present[others], views.patients[others]))

    def mean(among: Neighbours, around: Neighbours) -> csr_matrix:
        return (
            vstack([mean_operator(among), mean_operator(around)]).tocsr()[order] @ place
        ).tocsr()

    among = preparation.lists()
    return {m: [mean(*pair) for pair in zip(among[m], attached[m], strict=True)] for m in among}
