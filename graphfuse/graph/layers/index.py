"""`Reference`: training patients as points in one or several modalities, in which the neighbours of
a layer are searched for.

Several modalities are set side by side, each scaled to the same total variance among training
patients (Gower: the same total weight). Two patients are compared on the modalities that both have,
so patients are searched by their pattern of presence: every pair of patterns is one plain search
among the columns shared. A squared Euclidean distance over s of M modalities counts M / s times.
Patients without a modality in common are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from graphfuse.graph.knn.search import nearest
from graphfuse.graph.knn.similar_pairs import threshold, within
from graphfuse.graph.layers.layer import Tables
from graphfuse.graph.layers.points import METRIC, Space, normalised
from graphfuse.graph.neighbour_lists import strongest

LEAST = -1e100  # below every similarity


class Pairs(NamedTuple):
    """Candidate edges: `receiver` and `sender` int64 `[E]` in any order; `similarity` float64
    `[E]`; the `method` of the search and its `recall`, `None` where it is exact."""

    receiver: np.ndarray
    sender: np.ndarray
    similarity: np.ndarray
    method: str = "exact"
    recall: float | None = None


class Placed(NamedTuple):
    """Patients' points `[q, d]`, one block per modality, and `present` bool `[q, M]`."""

    blocks: list[np.ndarray]
    present: np.ndarray


@dataclass(frozen=True, eq=False)
class Reference:
    """Training patients placed in the spaces of their modalities.

    A greater similarity is nearer: cosine, correlation and Gower as such, for Euclidean minus the
    distance.

    Parameters
    ----------
    of : tuple of str
        The modalities.
    similarity : str
        `"cosine"`, `"correlation"`, `"euclidean"` or `"gower"`.
    spaces : list of Space
        Of each modality.
    placed : Placed
        The training patients' points.
    """

    of: tuple[str, ...]
    similarity: str
    spaces: list[Space]
    placed: Placed

    @classmethod
    def fit(
        cls, of: tuple[str, ...], tables: Tables, present: Tables, similarity: str, space: str
    ) -> Reference:
        """From standardised columns `[n, F]` of the training patients (absent rows zero)."""
        joined = len(of) > 1
        has = {m: np.asarray(present[m], bool) for m in of}
        # in a modality that nobody has, nobody can be compared
        measured = tuple(m for m in of if has[m].any())
        of = measured or of[:1]
        spaces, blocks = [], []
        for m in of:
            fitted = Space.fit(tables[m], has[m], similarity, space, joined)
            spaces.append(fitted)
            blocks.append(fitted.place(tables[m]))
        flags = np.column_stack([has[m] for m in of])
        return cls(of, similarity, spaces, Placed(blocks, flags))

    def __len__(self) -> int:
        return len(self.placed.present)

    @property
    def metric(self) -> str:
        """The metric of the search."""
        return METRIC[self.similarity]

    @property
    def members(self) -> np.ndarray:
        """bool `[n]`: who has any of the modalities."""
        return self.placed.present.any(1)

    def place(self, tables: Tables, present: Tables, count: int) -> Placed:
        """`count` new patients in the fitted spaces; a modality that is in neither mapping is
        absent."""
        flags, blocks = [], []
        for m, space, ours in zip(self.of, self.spaces, self.placed.blocks, strict=True):
            if m in tables and m in present:
                flags.append(np.asarray(present[m], bool))
                blocks.append(space.place(tables[m]))
            else:
                flags.append(np.zeros(count, bool))
                blocks.append(np.zeros((count, ours.shape[1])))
        return Placed(blocks, np.column_stack(flags))

    def nearest(self, queries: Placed | None, count: int) -> Pairs:
        """The `count` nearest training patients of each query; of the training patients themselves
        where `None`, each without itself."""
        parts, methods, recalls = [], set(), []
        for rows, senders, ours, theirs, own in self._sides(queries):
            wanted = min(count, len(senders))
            result = nearest(ours, theirs, wanted, self.metric, own=own)
            exists = result.index >= 0
            receiver, _ = np.nonzero(exists)
            sender = result.index[exists]
            parts.append((rows[receiver], senders[sender], result.similarity[exists]))
            methods.add(result.method)
            if result.recall is not None:
                recalls.append(result.recall)
        pairs = _together(parts)
        if len(parts) > 1:
            best = strongest(*pairs, count)
            pairs = tuple(column[best] for column in pairs)
        method = ", ".join(sorted(methods)) or "exact"
        return Pairs(*pairs, method, min(recalls, default=None))

    def within(self, queries: Placed | None, least: float) -> Pairs:
        """All training patients at least as similar as `least`, as the search has it."""
        parts, least = [], max(least, LEAST)
        for rows, senders, ours, theirs, own in self._sides(queries):
            receiver, sender, similarity = within(ours, theirs, least, self.metric, own=own)
            parts.append((rows[receiver], senders[sender], similarity))
        return Pairs(*_together(parts))

    def threshold(self, mean_degree: float) -> float:
        """The similarity at or above which training patients, of those who have any of the
        modalities, have on average `mean_degree` others each; the least of all where there are
        fewer pairs."""
        wanted = max(1, round(mean_degree * int(self.members.sum())))
        patterns, bounds = 0, []
        for rows, _, _, points, own in self._sides(None):
            if own is None:
                continue
            n = len(rows)
            patterns += 1
            if n * (n - 1) >= wanted:
                bounds.append(threshold(points, wanted / n, self.metric))
        if patterns == 1 and bounds:
            return bounds[0]
        # The pairs inside one pattern are some of all: the wanted-th of all is at least the
        # wanted-th of those.
        least = max(bounds, default=LEAST)
        similarity = self.within(None, least).similarity
        if not len(similarity):
            return -np.inf
        at = min(wanted, len(similarity)) - 1
        descending = -np.partition(-similarity, at)
        return float(descending[at])

    def distances(self) -> np.ndarray:
        """float64 `[n, n]` among the training patients, one modality: Euclidean, or 1 -
        similarity."""
        points = normalised(self.placed.blocks[0], self.similarity)
        if self.metric == "dot":
            distance = np.clip(1 - points @ points.T, 0, None)
        else:
            distance = cdist(points, points, self.metric)
        if self.metric == "cityblock":
            distance /= points.shape[1]
        np.fill_diagonal(distance, 0)
        return distance

    def distance_of(self, similarity: np.ndarray) -> np.ndarray:
        """Distances ≥ 0 of similarities that a search gave."""
        distance = -similarity if self.metric == "euclidean" else 1 - similarity
        return np.maximum(distance, 0)

    # --------------------------------------------------------------------------------------- saving

    def state(self, prefix: str = "") -> tuple[dict[str, np.ndarray], dict]:
        """Arrays, each name behind `prefix`, and JSON."""
        arrays = {f"{prefix}present": self.placed.present.astype(np.uint8)}
        for i, (space, block) in enumerate(zip(self.spaces, self.placed.blocks, strict=True)):
            kept = {"points": block, "components": space.components, "spread": space.spread}
            for key, values in kept.items():
                if values is not None:
                    arrays[f"{prefix}{key}{i}"] = np.ascontiguousarray(values)
        scales = [float(space.scale) for space in self.spaces]
        return arrays, {"of": self.of, "similarity": self.similarity, "scales": scales}

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], about: dict, prefix: str = "") -> Reference:
        """The reference of `state`."""
        similarity, blocks, spaces = about["similarity"], [], []
        for i, scale in enumerate(about["scales"]):
            components = arrays.get(f"{prefix}components{i}")
            spread = arrays.get(f"{prefix}spread{i}")
            spaces.append(Space(similarity, components, spread, scale))
            blocks.append(arrays[f"{prefix}points{i}"])
        placed = Placed(blocks, arrays[f"{prefix}present"].astype(bool))
        return cls(tuple(about["of"]), similarity, spaces, placed)

    # ------------------------------------------------------------------------------------- patterns

    def _sides(self, queries: Placed | None) -> Iterator[tuple]:
        """(rows, senders, their points, own places) of every two patterns of presence that share a
        modality."""
        asked = self.placed if queries is None else queries
        patterns = list(_patterns(self.placed.present))
        for pattern, rows in _patterns(asked.present):
            for other, senders in patterns:
                shared = np.flatnonzero(pattern & other)
                if not len(shared):
                    continue
                is_own = queries is None and (pattern == other).all()
                own = np.arange(len(rows)) if is_own else None
                ours = self._beside(asked, rows, shared)
                theirs = self._beside(self.placed, senders, shared)
                yield rows, senders, ours, theirs, own

    def _beside(self, placed: Placed, rows: np.ndarray, shared: np.ndarray) -> np.ndarray:
        """Points `[rows, columns]` in the modalities shared, side by side, with equal weights."""
        blocks = [placed.blocks[i][rows] for i in shared]
        if self.metric == "cityblock":
            # the search takes a mean over columns; this makes it a mean over modalities
            width = sum(block.shape[1] for block in blocks)
            shares = [width / (len(blocks) * block.shape[1]) for block in blocks]
            blocks = [block * share for block, share in zip(blocks, shares, strict=True)]
        if self.metric == "euclidean":
            factor = np.sqrt(len(self.of) / len(shared))
            blocks = [block * factor for block in blocks]
        return normalised(np.hstack(blocks), self.similarity)


def _patterns(present: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(pattern bool `[M]`, rows that have it) of every pattern of presence but the empty one."""
    unique, number = np.unique(present, axis=0, return_inverse=True)
    for i, pattern in enumerate(unique):
        if pattern.any():
            yield pattern, np.flatnonzero(number.ravel() == i)


def _together(parts: list[tuple]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(receiver, sender, similarity) of all parts."""
    nobody = np.zeros(0, np.int64)
    none = (nobody, nobody, np.zeros(0))
    return tuple(np.concatenate(column) for column in zip(none, *parts, strict=True))
