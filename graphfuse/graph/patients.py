"""Patient layers: who resembles whom in a modality, fitted on training patients, extended to new ones.

Senders are always training patients. The search is exact, in float64; similarities are rounded to 1e-12 before they
are compared, and ties go to the sender that comes first by id, so that a patient finds the same neighbours alone and in
a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.distance import cdist

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError
from graphfuse.graph import controls, convert
from graphfuse.graph.neighbours import Neighbours
from graphfuse.graph.network import GeneNetwork
from graphfuse.schema import PatientSection

LATENT = 30  # components of the latent space in which neighbours are sought


@dataclass(frozen=True, eq=False)
class PatientGraph:
    """The graphs of a whole cohort, to look at and to take elsewhere; training fits its own in every fold.

    `layers`: modality → neighbour lists among all patients; `network`: the gene network on the genes measured, or `None`;
    `features`: modality → standardised columns `[N, F]`, named by `feature_names`.
    """

    cohort: Cohort
    layers: dict[str, Neighbours]
    network: GeneNetwork | None
    features: dict[str, np.ndarray]
    feature_names: dict[str, list[str]]

    def to_hetero(self):
        """A PyG `HeteroData` with patients, genes and every relation."""
        return convert.to_hetero(self)

    def to_networkx(self, layer: str):
        """A networkx graph of one layer, or of the gene network (`"genes"`)."""
        return convert.to_networkx(self, layer)

    def to_anndata(self, modality: str | None = None):
        """An AnnData of one modality (default: the first) with every layer in `obsp`."""
        return convert.to_anndata(self, modality)

    def to_frames(self) -> dict:
        """Nodes and edges as pandas tables."""
        return convert.to_frames(self)

    def write(self, folder):
        """All of these, in every format, with a README."""
        return convert.write(self, folder)

    def __repr__(self) -> str:
        lines = [f"PatientGraph({self.cohort.name}: {len(self.cohort):,} patients)"]
        lines += [f"  layer {name}: {found.edges:,} edges" for name, found in self.layers.items()]
        return "\n".join([*lines, f"  {self.network!r}" if self.network is not None else "  no gene network"])


@dataclass(frozen=True, eq=False)
class PatientLayer:
    """One fitted layer over n training patients.

    `reference` float64 `[n, d]`: their points, normalised so that similarity is a dot product or a distance;
    `present` bool `[n]`: who has the modality; `components` `[F, d]` of the latent space, or `None` for raw columns;
    `spread` `[F]`: Gower's range of every column among training patients.
    """

    name: str
    similarity: str
    neighbours: int
    control: str
    seed: int
    reference: np.ndarray
    present: np.ndarray
    components: np.ndarray | None
    spread: np.ndarray | None = None

    @classmethod
    def fit(cls, name: str, values: np.ndarray, present: np.ndarray, section: PatientSection, seed: int = 0) -> PatientLayer:
        """From standardised columns `[n, F]` of the training patients (absent rows zero)."""
        gower = section.similarity == "gower"
        latent = section.space == "latent" and values.shape[1] > LATENT and not gower
        components = principal_components(values[present], LATENT) if latent else None
        spread = np.ptp(values[present], axis=0) if gower else None
        reference = _points(values, components, spread, section.similarity)
        kept = (section.similarity, section.neighbours, section.control, seed)
        return cls(name, *kept, reference, present, components, spread)

    def lists(self) -> Neighbours:
        """Neighbour lists of the training patients themselves, each without itself."""
        found = self._search(self.reference, self.present, alone=True)
        return controls.control(self.control, found, self.seed)

    def extend(self, values: np.ndarray, present: np.ndarray) -> Neighbours:
        """Neighbour lists of q new patients with standardised columns `[q, F]`; the layer itself does not change.

        Under the controls `rewired` and `random`, a new patient hears from senders drawn by chance from its own values'
        bytes and the seed, as many as it has neighbours.
        """
        found = self._search(_points(values, self.components, self.spread, self.similarity), present, alone=False)
        if self.control == "empty":
            return Neighbours.empty(len(values), len(self.reference))
        if self.control in ("rewired", "random"):
            return self._by_chance(found, values)
        return found

    def _search(self, points: np.ndarray, present: np.ndarray, alone: bool) -> Neighbours:
        senders = np.flatnonzero(self.present)
        receivers = np.flatnonzero(present)
        count = min(self.neighbours, len(senders) - alone)
        if count < 1 or not len(receivers):
            return Neighbours.empty(len(points), len(self.reference))
        chosen = np.empty((len(receivers), count), np.int64)
        for start in range(0, len(receivers), 1024):
            rows = receivers[start : start + 1024]
            near = np.round(self._similarity(points[rows], self.reference[senders]), 12)
            if alone:
                near[rows[:, None] == senders[None]] = -np.inf
            chosen[start : start + 1024] = senders[np.argsort(-near, axis=1, kind="stable")[:, :count]]
        flat = np.repeat(receivers, count)
        return Neighbours.from_edges(flat, chosen.ravel(), 1.0, len(points), len(self.reference))

    def _similarity(self, queries: np.ndarray, reference: np.ndarray) -> np.ndarray:
        if self.similarity == "gower":
            return 1 - cdist(queries, reference, "cityblock") / queries.shape[1]
        product = queries @ reference.T
        if self.similarity == "euclidean":
            return 2 * product - (queries**2).sum(1)[:, None] - (reference**2).sum(1)[None]
        return product

    def _by_chance(self, found: Neighbours, values: np.ndarray) -> Neighbours:
        senders = np.flatnonzero(self.present)
        index = found.index.copy()
        for row in range(len(found)):
            start, stop = found.offsets[row : row + 2]
            own = np.frombuffer(np.round(values[row], 9).tobytes(), np.uint32)
            rng = np.random.default_rng([self.seed, *own[:64].tolist()])
            index[start:stop] = rng.choice(senders, stop - start, replace=False)
        return Neighbours.from_edges(found.receivers, index, 1.0, len(found), found.senders)


def principal_components(values: np.ndarray, count: int) -> np.ndarray:
    """The leading right singular vectors `[F, d]` of `values` `[n, F]`, d ≤ count, found on its smaller side."""
    n, width = values.shape
    count = min(count, n, width)
    if not count:
        raise InputError("a patient layer in latent space needs training patients with the modality")
    if width <= n:
        return eigh(values.T @ values, subset_by_index=(width - count, width - 1))[1][:, ::-1]
    power, left = eigh(values @ values.T, subset_by_index=(n - count, n - 1))
    keep = power > max(power[-1], 0) * 1e-12
    return (values.T @ (left[:, keep] / np.sqrt(power[keep])))[:, ::-1]


def _points(values: np.ndarray, components: np.ndarray | None, spread: np.ndarray | None, similarity: str) -> np.ndarray:
    """Where similarity is a dot product or a distance: rows of unit length, centred first for correlation; raw points for
    Euclidean; columns over their training range for Gower (Gower 1971, doi:10.2307/2528823)."""
    if spread is not None:
        return np.divide(values, spread, out=np.zeros_like(values), where=spread > 0)
    points = values if components is None else values @ components
    if similarity == "correlation":
        points = points - points.mean(1, keepdims=True)
    if similarity == "euclidean":
        return points
    length = np.linalg.norm(points, axis=1, keepdims=True)
    return np.divide(points, length, out=np.zeros_like(points), where=length > 0)
