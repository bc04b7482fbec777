"""One patient layer: fitted on n training patients, extended to new ones; senders are training
patients only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from graphfuse.graph import controls
from graphfuse.graph.neighbour_lists import Neighbours

Tables = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Spec:
    """What one layer is, with nothing left open; the keys are those of `[patient.layer.NAME]`."""

    of: tuple[str, ...]
    combine: str = "join"
    edges: str | None = None
    similarity: str = "cosine"
    space: str = "latent"
    neighbours: int = 10
    rule: str = "nearest"
    radius: float | None = None
    weight: str = "one"


@dataclass(frozen=True, eq=False)
class Layer(ABC):
    """One fitted layer: `spec`, its `control` graph and `seed`, the lists `own` of the training
    patients before the control, and `about`, what is worth saying of it (JSON)."""

    kind: ClassVar[str]
    name: str
    spec: Spec
    control: str
    seed: int
    own: Neighbours
    about: dict

    @property
    def of(self) -> tuple[str, ...]:
        """The modalities whose states go along the layer."""
        return self.spec.of

    def lists(self) -> Neighbours:
        """Lists of the n training patients among themselves, after the control."""
        return controls.control(self.control, self.own, self.seed)

    def extend(self, tables: Tables, present: Tables, patients: pd.Index) -> Neighbours:
        """Lists of q new patients, after the control; the layer itself does not change.

        `tables`: modality → standardised columns `[q, F]`; `present`: modality → bool `[q]`; a
        modality in neither is absent. Under `rewired` and `random`, a new patient hears from
        senders drawn by chance from its own values' bytes and the seed, as many as it has
        neighbours; under `identity` and `empty` from no training patient.
        """
        found = self.attached(tables, present, patients)
        if self.control in ("rewired", "random"):
            return self._by_chance(found, tables)
        return found if self.control == "none" else Neighbours.empty(len(found), found.senders)

    @abstractmethod
    def attached(self, tables: Tables, present: Tables, patients: pd.Index) -> Neighbours:
        """Lists of q new patients before the control."""

    @property
    @abstractmethod
    def members(self) -> np.ndarray:
        """bool `[n]`: the training patients whom the layer knows."""

    @abstractmethod
    def fitted(self) -> tuple[dict[str, np.ndarray], dict]:
        """What the kind of layer needs to attach new patients, as arrays and JSON."""

    @classmethod
    @abstractmethod
    def restored(cls, arrays: dict[str, np.ndarray], numbers: dict, **base) -> Layer:
        """The layer of `fitted` and the fields that all layers share."""

    def state(self) -> tuple[dict[str, np.ndarray], dict]:
        """The layer as arrays and JSON: its lists, so that nothing is searched twice, and what new
        patients need. No patient's id is in it, and no folder of a file."""
        arrays, numbers, edges = *self.fitted(), self.spec.edges
        lists = {"offsets": self.own.offsets, "index": self.own.index, "weight": self.own.weight}
        kept = {
            "kind": self.kind,
            "name": self.name,
            "spec": asdict(self.spec) | {"edges": edges and Path(edges).name},
            "control": self.control,
            "seed": self.seed,
        }
        return arrays | lists, {
            **kept,
            "senders": self.own.senders,
            "fitted": numbers,
            "about": self.about,
        }

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], about: dict) -> Layer:
        """The layer of `state`."""
        spec = Spec(**about["spec"] | {"of": tuple(about["spec"]["of"])})
        own = Neighbours(arrays["offsets"], arrays["index"], arrays["weight"], about["senders"])
        base = {key: about[key] for key in ("name", "control", "seed", "about")}
        return cls.restored(arrays, about["fitted"], spec=spec, own=own, **base)

    def _by_chance(self, found: Neighbours, tables: Tables) -> Neighbours:
        members = np.flatnonzero(self.members)
        index = found.index.copy()
        for row in np.flatnonzero(found.degree):
            start, stop = found.offsets[row : row + 2]
            rng = np.random.default_rng([self.seed, *_words(tables, self.of, row)])
            index[start:stop] = rng.choice(members, stop - start, replace=False)
        return Neighbours.from_edges(
            found.receivers, index, found.weight, len(found), found.senders
        )


def _words(tables: Tables, of: tuple[str, ...], row: int) -> list[int]:
    """The bytes of a patient's first values in every modality, as whole numbers."""
    values = [np.round(tables[m][row], 9).tobytes() for m in of if m in tables]
    return [word for each in values for word in np.frombuffer(each, np.uint32)[:64].tolist()]


def counts(own: Neighbours, members: np.ndarray) -> dict:
    """How many patients a layer knows, how many edges it has, and who of those patients hears
    nobody (JSON)."""
    known = int(members.sum())
    return {
        "patients": known,
        "edges": own.edges,
        "mean_degree": own.edges / known if known else 0.0,
        "isolated": int((own.degree[members] == 0).sum()),
    }
