"""Patient layers of similar patients, in one modality or in several joined."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from graphfuse.graph.layers.index import Pairs, Placed, Reference
from graphfuse.graph.layers.layer import Layer, Spec, Tables, counts
from graphfuse.graph.neighbour_lists import Neighbours


@dataclass(frozen=True, eq=False)
class SimilarityLayer(Layer):
    """Edges between similar patients, by one of four rules, all fitted on training patients.

    `nearest`: a patient's neighbours are the k most similar; `mutual`: only those of them that have
    it among their own k (for a new patient: to which it is nearer than their k-th); `mean-degree`:
    all at least as similar as `threshold`, at which training patients have k edges on average
    (MOGONET, doi:10.1038/s41467-021-23774-w); `radius`: all within a distance (1 - similarity, for
    Euclidean the distance). Ties go to the patient that comes first.

    Weights: `one`, or `similarity`: the similarity clipped at 0 (an edge of weight 0 is none), for
    Euclidean exp(-(d / bandwidth)²) with the mean distance of training patients to their k-th
    neighbour. A patient without any of the modalities has no edges.

    Parameters
    ----------
    reference : Reference
        The training patients.
    threshold : float or None
        The least similarity of an edge; `None` under `nearest` and `mutual`.
    bandwidth : float or None
        Of Euclidean weights.
    kth : np.ndarray or None
        float64 `[n]`: similarity of everyone's k-th neighbour (`mutual` only).
    """

    kind = "similarity"
    reference: Reference
    threshold: float | None = None
    bandwidth: float | None = None
    kth: np.ndarray | None = None

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
    ) -> SimilarityLayer:
        """From standardised columns of n training patients, modality → `[n, F]` (absent rows
        zero)."""
        reference = Reference.fit(spec.of, tables, present, spec.similarity, spec.space)
        nobody = Neighbours.empty(len(reference), len(reference))
        threshold = _threshold(reference, spec)
        layer = cls(name, spec, control, seed, nobody, {}, reference, threshold=threshold)
        near = None
        if layer.searches or layer.fades:
            near = reference.nearest(None, spec.neighbours)
        if layer.fades:
            layer = replace(layer, bandwidth=_bandwidth(near))
        if spec.rule == "mutual":
            layer = replace(layer, kth=_kth(near, spec.neighbours, len(reference)))
        pairs = near if layer.searches else reference.within(None, layer.threshold)
        kept = _both_ways(pairs, len(reference)) if spec.rule == "mutual" else pairs
        own = layer._weighed(kept, len(reference))
        return replace(layer, own=own, about=layer._described(pairs, own))

    @property
    def searches(self) -> bool:
        """Whether edges go to the k nearest, not to all within a threshold."""
        return self.spec.rule in ("nearest", "mutual")

    @property
    def fades(self) -> bool:
        """Whether weights decrease with the distance, on the scale of a bandwidth."""
        return self.spec.weight == "similarity" and self.spec.similarity == "euclidean"

    @property
    def members(self) -> np.ndarray:
        return self.reference.members

    def attached(self, tables: Tables, present: Tables, patients: pd.Index) -> Neighbours:
        queries = self.reference.place(tables, present, len(patients))
        pairs = self._chosen(queries)
        return self._weighed(pairs, len(patients))

    def _chosen(self, queries: Placed) -> Pairs:
        """The pairs of new patients and training patients that the rule joins."""
        if not self.searches:
            return self.reference.within(queries, self.threshold)
        near = self.reference.nearest(queries, self.spec.neighbours)
        if self.spec.rule == "nearest":
            return near
        return _kept(near, near.similarity > self.kth[near.sender])

    def _weighed(self, pairs: Pairs, receivers: int) -> Neighbours:
        """The pairs as lists, with the weights that the settings ask for."""
        weight = 1.0
        if self.fades:
            weight = _faded(-pairs.similarity, self.bandwidth)
        elif self.spec.weight == "similarity":
            weight = np.maximum(pairs.similarity, 0)
        ends = (pairs.receiver, pairs.sender)
        return Neighbours.from_edges(*ends, weight, receivers, len(self.reference))

    def _described(self, pairs: Pairs, own: Neighbours) -> dict:
        spec = self.spec
        about = {
            "kind": self.kind,
            "of": list(spec.of),
            "similarity": spec.similarity,
            "space": spec.space,
            "rule": spec.rule,
            "neighbours": spec.neighbours,
            "weight": spec.weight,
            "radius": spec.radius,
            "threshold": self.threshold,
            "bandwidth": self.bandwidth,
            "search": {"method": pairs.method, "recall": pairs.recall},
        }
        return about | counts(own, self.members)

    def fitted(self) -> tuple[dict[str, np.ndarray], dict]:
        arrays, about = self.reference.state()
        if self.kth is not None:
            arrays["kth"] = self.kth
        numbers = {"threshold": self.threshold, "bandwidth": self.bandwidth}
        return arrays, {"reference": about, **numbers}

    @classmethod
    def restored(cls, arrays: dict[str, np.ndarray], numbers: dict, **base) -> SimilarityLayer:
        reference = Reference.from_state(arrays, numbers["reference"])
        return cls(
            **base,
            reference=reference,
            kth=arrays.get("kth"),
            threshold=numbers["threshold"],
            bandwidth=numbers["bandwidth"],
        )


def _threshold(reference: Reference, spec: Spec) -> float | None:
    """The least similarity of an edge, finite; `None` for rules without one."""
    if spec.rule == "mean-degree":
        return max(reference.threshold(spec.neighbours), -1e100)
    if spec.rule == "radius":
        return -spec.radius if spec.similarity == "euclidean" else 1 - spec.radius
    return None


def _kept(pairs: Pairs, keep: np.ndarray) -> Pairs:
    """The pairs for which `keep` bool `[E]` holds."""
    receiver, sender = pairs.receiver[keep], pairs.sender[keep]
    return pairs._replace(receiver=receiver, sender=sender, similarity=pairs.similarity[keep])


def _both_ways(pairs: Pairs, count: int) -> Pairs:
    """The pairs whose reverse is a pair too."""
    forth = pairs.receiver * count + pairs.sender
    back = pairs.sender * count + pairs.receiver
    return _kept(pairs, np.isin(forth, back))


def _kth(near: Pairs, k: int, count: int) -> np.ndarray:
    """float64 `[n]`: the similarity of everyone's k-th neighbour, -inf where there are fewer."""
    least = np.full(count, np.inf)
    np.minimum.at(least, near.receiver, near.similarity)
    neighbours = np.bincount(near.receiver, minlength=count)
    return np.where(neighbours < k, -np.inf, least)


def _bandwidth(near: Pairs) -> float:
    """The mean over patients of the distance to the last of their nearest, 0 where there are
    none."""
    if not len(near.receiver):
        return 0.0
    least = np.full(near.receiver.max() + 1, np.inf)
    np.minimum.at(least, near.receiver, near.similarity)
    return float(-least[np.isfinite(least)].mean())


def _faded(distance: np.ndarray, bandwidth: float) -> np.ndarray:
    """exp(-(d / bandwidth)²); without a bandwidth, 1 for those at no distance."""
    if bandwidth > 0:
        relative = distance / bandwidth
        return np.exp(-(relative**2))
    return (distance <= 0).astype(float)
