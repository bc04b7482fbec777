"""Inner products among training patients, smoothed along patient layers and the gene network.

A ridge regression on smoothed columns, φ = (x + g · A x + Σ_l γ_l · S_l x) / (1 + g + Σ γ), with
the gene network's mean A over columns and layer l's mean S_l over patients, needs no smoothed
table: its kernel comes from the inner products of x and A x. The gates g and γ are 0 for a plain
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
from graphfuse.learn.linear.ridge import Dense, Factored
from graphfuse.learn.preparation import Preparation
from graphfuse.learn.standardised_columns import Views

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
    """Inner products of the columns of n patients in one modality.

    Attributes
    ----------
    own : np.ndarray
        `[n, n]`: of the columns x among themselves.
    cross : np.ndarray or None
        `[n, n]`: of the columns averaged over the gene network, A x, with x; `None` where no
        encoder reads the network.
    smoothed : np.ndarray or None
        `[n, n]`: of A x among themselves.
    means : list of csr_matrix
        For each patient layer, the mean over a patient's neighbours `[n, n]`.
    """

    own: np.ndarray
    cross: np.ndarray | None
    smoothed: np.ndarray | None
    means: list[csr_matrix]

    def along(self, gates: np.ndarray) -> Dense:
        """The kernel of the columns smoothed through `gates` `[1 + L]`: the network's, then each
        layer's."""
        network, layers = gates[0], gates[1:]
        rows = add_neighbours(self.own, self.means, layers)
        if network:
            rows = rows + network * self.cross
        both = add_neighbours(rows.T, self.means, layers).T
        if network:
            through = add_neighbours(self.cross.T, self.means, layers) + network * self.smoothed
            both = both + network * through
        return Dense(both / (1 + gates.sum()) ** 2)

    def own_logits(self, own: np.ndarray, smoothed: np.ndarray) -> np.ndarray:
        """Logits `[n, J]` from every patient's own columns, by coefficients `[n, J]` on x and on
        A x."""
        logits = self.own @ own
        return logits + self.cross.T @ smoothed if smoothed.any() else logits

    def views(self, own: np.ndarray, smoothed: np.ndarray) -> np.ndarray:
        """Logits `[n, 2 + L, J]` from every patient's own columns, columns averaged over the
        network, and neighbours in each layer, by coefficients `[n, J]` on x and on A x."""
        from_own = self.own_logits(own, smoothed)
        from_network = np.zeros_like(from_own)
        if self.cross is not None:
            from_network = self.cross @ own
        if smoothed.any():
            from_network = from_network + self.smoothed @ smoothed
        return _with_neighbours(from_own, from_network, self.means)


@dataclass(frozen=True, eq=False)
class Narrow:
    """The same for a table with few columns, whose kernels are never written out.

    Attributes
    ----------
    own : np.ndarray
        Columns x `[n, F]`.
    x_smoothed : np.ndarray or None
        Columns averaged over the gene network, A x `[n, F]`.
    means : list of csr_matrix
        As `Kernel.means`.
    """

    own: np.ndarray
    x_smoothed: np.ndarray | None
    means: list[csr_matrix]

    def along(self, gates: np.ndarray) -> Factored:
        """As `Kernel.along`."""
        table = add_neighbours(self.own, self.means, gates[1:])
        if gates[0]:
            table = table + gates[0] * self.x_smoothed
        return Factored(table / (1 + gates.sum()))

    def own_logits(self, own: np.ndarray, smoothed: np.ndarray) -> np.ndarray:
        """As `Kernel.own_logits`."""
        return self.own @ self._slope(own, smoothed)

    def views(self, own: np.ndarray, smoothed: np.ndarray) -> np.ndarray:
        """As `Kernel.views`."""
        slope = self._slope(own, smoothed)
        from_own = self.own @ slope
        from_network = np.zeros_like(from_own)
        if self.x_smoothed is not None:
            from_network = self.x_smoothed @ slope
        return _with_neighbours(from_own, from_network, self.means)

    def _slope(self, own: np.ndarray, smoothed: np.ndarray) -> np.ndarray:
        slope = self.own.T @ own
        return slope + self.x_smoothed.T @ smoothed if smoothed.any() else slope


def _with_neighbours(
    from_own: np.ndarray, from_network: np.ndarray, means: list[csr_matrix]
) -> np.ndarray:
    """`[n, 2 + L, J]`: both, and what each layer averages of the first."""
    from_layers = [mean @ from_own for mean in means]
    return np.stack([from_own, from_network, *from_layers], 1)


def summed(kernels: Sequence[Dense | Factored]) -> Dense | Factored:
    """The sum of kernels."""
    if all(isinstance(each, Factored) for each in kernels):
        table = kernels[0].table if len(kernels) == 1 else np.hstack([k.table for k in kernels])
        if is_narrow(*table.shape):
            return Factored(table)
    dense = [k.table @ k.table.T if isinstance(k, Factored) else k.values for k in kernels]
    return Dense(sum(dense))


def add_neighbours(rows: np.ndarray, means: list[csr_matrix], gates: np.ndarray) -> np.ndarray:
    """rows + Σ_l γ_l S_l rows."""
    total = rows
    for gate, mean in zip(gates, means, strict=True):
        if gate:
            total = total + gate * (mean @ rows)
    return total


def unsmoothed_coefficients(
    means: list[csr_matrix], gates: np.ndarray, alpha: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients on x and on A x that stand for coefficients on a smoothed kernel.

    Parameters
    ----------
    means : list of csr_matrix
        For each patient layer, the mean over a patient's neighbours `[n, n]`.
    gates : np.ndarray
        `[1 + L]`: the network's, then each layer's.
    alpha : np.ndarray
        Coefficients `[n, J]` on `Kernel.along(gates)`.

    Returns
    -------
    own, smoothed : np.ndarray
        `[n, J]` each: with them, the logits of x + g · A x + Σ γ_l S_l x are those of the smoothed
        kernel.
    """
    scale = (1 + gates.sum()) ** 2
    transposed = [mean.T for mean in means]
    own = add_neighbours(alpha, transposed, gates[1:])
    return own / scale, gates[0] * alpha / scale


def slope_of(views: Views, m: str, own: np.ndarray, smoothed: np.ndarray) -> np.ndarray:
    """Weights `[F, J]` of the columns of modality `m`, from coefficients `[n, J]` of the training
    patients with these views, on their own columns and on those averaged over the gene network."""
    slope = views.own[m].T @ own
    return slope + views.x_smoothed[m].T @ smoothed if smoothed.any() else slope


def mean_operator(neighbours: Neighbours) -> csr_matrix:
    """Sparse `[N, S]` that takes the mean over each receiver's senders."""
    entries = (neighbours.mean_weights(), neighbours.index, neighbours.offsets)
    return csr_matrix(entries, shape=(len(neighbours), neighbours.senders))


def means_of(preparation: Preparation) -> dict[str, list[csr_matrix]]:
    """By modality and layer, the mean over each training patient's neighbours."""
    lists = preparation.lists()
    return {m: [mean_operator(each) for each in layers] for m, layers in lists.items()}


def means_around(
    preparation: Preparation, views: Views, train: np.ndarray
) -> dict[str, list[csr_matrix]]:
    """The means over neighbours for n patients of whom some fitted the preparation.

    Parameters
    ----------
    preparation : Preparation
        Fitted on the patients at `train`. The others attach to them and are nobody's neighbours;
        under the control `identity` every patient is its only neighbour.
    views : Views
        Columns of all n patients.
    train : np.ndarray
        Rows of the patients on whom it was fitted.

    Returns
    -------
    dict of str to list of csr_matrix
        By modality and layer, sparse `[n, n]`.
    """
    if preparation.isolates_patients:
        lists = preparation.lists(views)
        return {m: [mean_operator(each) for each in layers] for m, layers in lists.items()}
    patients = len(views.present)
    others = np.setdiff1d(np.arange(patients), train)
    order = np.argsort(np.r_[train, others])
    ones = np.ones(len(train))
    place = csr_matrix((ones, (np.arange(len(train)), train)), shape=(len(train), patients))
    among = preparation.lists()
    attached = preparation.lists(views.take(others))
    means = {}
    for m, layers in among.items():
        pairs = zip(layers, attached[m], strict=True)
        stacked = [vstack([mean_operator(one), mean_operator(two)]).tocsr() for one, two in pairs]
        means[m] = [(rows[order] @ place).tocsr() for rows in stacked]
    return means
