"""The layer in which all modalities are fused: similarity network fusion as a patient layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from graphfuse.errors import InputError
from graphfuse.graph.layers.index import Pairs, Reference
from graphfuse.graph.layers.layer import Layer, Spec, Tables, counts
from graphfuse.graph.layers.snf import (
    MU,
    NEIGHBOURS,
    ROUNDS,
    affinity,
    exponent,
    fuse,
    near_distance,
)
from graphfuse.graph.neighbour_lists import Neighbours, strongest

MOST = 5_000  # training patients; see `room`
ROWS = 4_096  # new patients attached at once


@dataclass(frozen=True, eq=False)
class FusedLayer(Layer):
    """Similarity network fusion of the modalities; a patient's neighbours are the k others of
    greatest value in its row of the fused matrix.

    Distances are Euclidean or 1 - similarity, in units of the training patients' mean distance to
    their 20 nearest. Weights: `one`, or `similarity`: the fused value; only their ratios within a
    patient mean anything.

    New patients are attached by an approximation, since fusion itself has no rule for them. In
    every modality that a new patient has, its affinities to its 20 nearest training patients, on
    scales fitted on training patients, are divided by their sum and multiplied by the fused matrix,
    of which everyone's half for itself and 20 strongest others are kept (`carry`). The mean over
    those modalities is its row, and its k greatest values are its neighbours.

    Parameters
    ----------
    references : list of Reference
        Of each modality, the training patients.
    near : list of np.ndarray
        Of each modality, float64 `[n]`: the mean distance of every training patient to its nearest.
    units : list of float
        Of each modality, what distances are divided by.
    carry : Neighbours
        The kept part of the fused matrix `[n, n]`.
    """

    kind = "fused"
    references: list[Reference]
    near: list[np.ndarray]
    units: list[float]
    carry: Neighbours

    @classmethod
    def fit(
        cls,
        name: str,
        spec: Spec,
        tables: Tables,
        present: Tables,
        patients: pd.Index,
        control: str,
        seed: int,
    ) -> FusedLayer:
        """From standardised columns of n training patients, modality → `[n, F]`. Raises
        `InputError` beyond `MOST`."""
        room(name, len(patients), len(spec.of))
        measured = [m for m in spec.of if np.any(present[m])]
        measured = measured or list(spec.of[:1])
        of_points = (tables, present, spec.similarity, spec.space)
        references = [Reference.fit((m,), *of_points) for m in measured]
        scaled = [_scaled(reference) for reference in references]
        affinities, near, units = (list(column) for column in zip(*scaled, strict=True))
        has = np.column_stack([reference.members for reference in references])
        fused = fuse(affinities, has)
        members = has.any(1)
        carry = _kept_part(fused, members)
        pairs = _top(fused, spec.neighbours)
        own = _lists(pairs, spec.weight, len(fused))
        about = _described(cls.kind, spec) | {"units": dict(zip(measured, units, strict=True))}
        about |= {"search": {"method": "exact", "recall": None}, "extension": "approximate"}
        about |= counts(own, members)
        return cls(name, spec, control, seed, own, about, references, near, units, carry)

    @property
    def members(self) -> np.ndarray:
        of_modalities = [reference.members for reference in self.references]
        return np.column_stack(of_modalities).any(1)

    def attached(self, tables: Tables, present: Tables, patients: pd.Index) -> Neighbours:
        count, n = len(patients), len(self.carry)
        steps, has = self._steps(tables, present, count)
        kept = (self.carry.weight, self.carry.index, self.carry.offsets)
        carry = csr_array(kept, shape=(n, n))
        nobody = np.zeros(0, np.int64)
        parts = [(nobody, nobody, np.zeros(0))]
        for start in range(0, count, ROWS):
            some = steps[start : start + ROWS]
            fused = (some @ carry).tocoo()
            receiver, sender = fused.row, fused.col
            value = np.round(fused.data / has[receiver + start], 15)
            best = strongest(receiver, sender, value, self.spec.neighbours)
            parts.append((receiver[best] + start, sender[best], value[best]))
        receiver, sender, value = (np.concatenate(column) for column in zip(*parts, strict=True))
        return _lists(Pairs(receiver, sender, value), self.spec.weight, count, n)

    def _steps(self, tables: Tables, present: Tables, count: int) -> tuple[csr_array, np.ndarray]:
        """The sum over modalities of `_step` for new patients, and how many modalities each has."""
        steps = csr_array((count, len(self.carry)))
        has = np.zeros(count)
        for i, reference in enumerate(self.references):
            placed = reference.place(tables, present, count)
            near = reference.nearest(placed, NEIGHBOURS)
            steps = steps + self._step(i, near, count)
            has += placed.present[:, 0]
        return steps, has

    def _step(self, i: int, near: Pairs, count: int) -> csr_array:
        """Sparse `[q, n]`: affinities to the nearest training patients in modality i, rows summing
        to 1."""
        receiver, sender = near.receiver, near.sender
        distance = self.references[i].distance_of(near.similarity) / self.units[i]
        neighbours = np.bincount(receiver, minlength=count)
        total_distance = np.bincount(receiver, distance, count)
        mean = total_distance / np.maximum(neighbours, 1)
        power = exponent(distance, mean[receiver], self.near[i][sender])
        least = np.full(count, np.inf)
        np.minimum.at(least, receiver, power)
        # the sum divides out what is common, so nothing underflows
        weight = np.exp(least[receiver] - power)
        total = np.bincount(receiver, weight, count)
        weight /= total[receiver]
        ends = (receiver, sender)
        return csr_array((weight, ends), shape=(count, len(self.carry)))

    def fitted(self) -> tuple[dict[str, np.ndarray], dict]:
        arrays, abouts = {}, []
        for i, reference in enumerate(self.references):
            own, about = reference.state(f"{i}_")
            arrays |= own | {f"{i}_near": self.near[i]}
            abouts.append(about)
        carry = {f"carry_{key}": getattr(self.carry, key) for key in ("offsets", "index", "weight")}
        return arrays | carry, {"references": abouts, "units": self.units}

    @classmethod
    def restored(cls, arrays: dict[str, np.ndarray], numbers: dict, **base) -> FusedLayer:
        references, near = [], []
        for i, about in enumerate(numbers["references"]):
            references.append(Reference.from_state(arrays, about, f"{i}_"))
            near.append(arrays[f"{i}_near"])
        offsets, index, weight = (arrays[f"carry_{key}"] for key in ("offsets", "index", "weight"))
        carry = Neighbours(offsets, index, weight, len(offsets) - 1)
        return cls(**base, references=references, near=near, units=numbers["units"], carry=carry)


def _described(kind: str, spec: Spec) -> dict:
    """How the layer was asked for, and the settings of the fusion (JSON)."""
    return {
        "kind": kind,
        "of": list(spec.of),
        "similarity": spec.similarity,
        "space": spec.space,
        "rule": "nearest",
        "neighbours": spec.neighbours,
        "weight": spec.weight,
        "fusion": {"neighbours": NEIGHBOURS, "mu": MU, "rounds": ROUNDS},
    }


def room(name: str, patients: int, modalities: int) -> None:
    """Raises `InputError` for more than `MOST` patients, with the memory that fusion would take."""
    if patients > MOST:
        matrices = 3 * modalities + 4
        gigabytes = 8 * patients**2 * matrices / 1e9
        raise InputError(
            f"patient layer {name!r}: similarity network fusion holds about {matrices} "
            "matrices of patients × patients, "
            f"8 bytes × {patients:,}² × {matrices} = "
            f"{gigabytes:,.0f} GB; it stops at {MOST:,}; "
            'join the modalities instead: layers = "shared", or combine = "join"'
        )


def _scaled(reference: Reference) -> tuple[np.ndarray, np.ndarray, float]:
    """(affinity `[n, n]`, 0 for patients without the modality; mean distance to the nearest `[n]`;
    unit) of one modality."""
    n = len(reference)
    rows = np.flatnonzero(reference.members)
    among = np.ix_(rows, rows)
    distance = reference.distances()[among]
    mean = float(near_distance(distance).mean()) if len(rows) else 0.0
    unit = mean if mean > 0 else 1.0
    distance /= unit
    weights, near = np.zeros((n, n)), np.zeros(n)
    weights[among] = affinity(distance)
    near[rows] = near_distance(distance)
    return weights, near, unit


def _top(fused: np.ndarray, count: int) -> Pairs:
    """The `count` others of greatest value in everyone's row; ties go to the first, and values of 0
    are left out."""
    n = len(fused)
    ranked = np.round(fused * n, 12)
    np.fill_diagonal(ranked, -np.inf)
    width = min(count, max(n - 1, 0))
    index = np.argsort(-ranked, axis=1, kind="stable")[:, :width]
    receiver, sender = np.repeat(np.arange(n), width), index.ravel()
    keep = ranked[receiver, sender] > 0
    receiver, sender = receiver[keep], sender[keep]
    return Pairs(receiver, sender, fused[receiver, sender])


def _lists(pairs: Pairs, weight: str, receivers: int, senders: int | None = None) -> Neighbours:
    """Pairs as a layer's edges; by default with as many senders as receivers."""
    value = pairs.similarity
    if weight != "similarity":
        value = (value > 0).astype(float)
    if senders is None:
        senders = receivers
    return Neighbours.from_edges(pairs.receiver, pairs.sender, value, receivers, senders)


def _kept_part(fused: np.ndarray, members: np.ndarray) -> Neighbours:
    """The part of the fused matrix that new patients are multiplied by: of every row, half on the
    diagonal, and the other half on the strongest others."""
    n, rows = len(fused), np.flatnonzero(members)
    top = _top(fused, NEIGHBOURS)
    total = np.bincount(top.receiver, top.similarity, n)
    to_others = top.similarity / (2 * total[top.receiver])
    to_itself = np.full(len(rows), 0.5)
    receiver = np.concatenate([top.receiver, rows])
    sender = np.concatenate([top.sender, rows])
    weight = np.concatenate([to_others, to_itself])
    return Neighbours.from_edges(receiver, sender, weight, n, n)
