"""The base class of patient layers: fitted on n training patients, extended to new ones. Senders
are training patients only."""

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
    """The settings of one layer, with nothing left open; the keys are those of
    `[patient.layer.NAME]` in a recipe."""

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
    """One fitted layer.

    Parameters
    ----------
    name : str
    spec : Spec
        Its settings.
    control : str
        The kind of control graph, `"none"` for the layer itself.
    seed : int
        Of the control.
    own : Neighbours
        Lists of the training patients among themselves, before the control.
    about : dict
        How the layer was made (JSON): rule, thresholds, search and its recall.
    """

    kind: ClassVar[str]
    name: str
    spec: Spec
    control: str
    seed: int
    own: Neighbours
    about: dict

    @property
    def of(self) -> tuple[str, ...]:
        """The modalities whose messages go along the layer."""
        return self.spec.of

    def lists(self) -> Neighbours:
        """Lists of the n training patients among themselves, after the control."""
        return controls.control(self.control, self.own, self.seed)

    def extend(self, tables: Tables, present: Tables, patients: pd.Index) -> Neighbours:
        """Lists of q new patients, after the control; the layer itself does not change.

        Under `rewired` and `random`, the senders of a new patient are drawn at random, by its own
        values and the seed, as many as it has neighbours; under `identity` and `empty` it has none.

        Parameters
        ----------
        tables : mapping of str to np.ndarray
            Modality → standardised columns `[q, F]`.
        present : mapping of str to np.ndarray
            Modality → bool `[q]`; a modality in neither mapping is absent.
        patients : pd.Index
            Ids of the q patients.

        Returns
        -------
        Neighbours
            q receivers, n senders.
        """
        lists = self.attached(tables, present, patients)
        if self.control == "none":
            return lists
        if self.control in ("rewired", "random"):
            return self._with_random_senders(lists, tables)
        return Neighbours.empty(len(lists), lists.senders)

    @abstractmethod
    def attached(self, tables: Tables, present: Tables, patients: pd.Index) -> Neighbours:
        """Lists of q new patients before the control."""

    @property
    @abstractmethod
    def members(self) -> np.ndarray:
        """bool `[n]`: the training patients that are in the layer."""

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
        arrays, numbers = self.fitted()
        lists = {"offsets": self.own.offsets, "index": self.own.index, "weight": self.own.weight}
        spec = asdict(self.spec)
        spec["edges"] = self.spec.edges and Path(self.spec.edges).name
        about = {
            "kind": self.kind,
            "name": self.name,
            "spec": spec,
            "control": self.control,
            "seed": self.seed,
            "senders": self.own.senders,
            "fitted": numbers,
            "about": self.about,
        }
        return arrays | lists, about

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], about: dict) -> Layer:
        """The layer of `state`."""
        settings = dict(about["spec"])
        settings["of"] = tuple(settings["of"])
        spec = Spec(**settings)
        own = Neighbours(arrays["offsets"], arrays["index"], arrays["weight"], about["senders"])
        base = {key: about[key] for key in ("name", "control", "seed", "about")}
        return cls.restored(arrays, about["fitted"], spec=spec, own=own, **base)

    def _with_random_senders(self, lists: Neighbours, tables: Tables) -> Neighbours:
        """The lists with each receiver's senders drawn from the layer's members."""
        members = np.flatnonzero(self.members)
        index = lists.index.copy()
        for row in np.flatnonzero(lists.degree):
            start, stop = lists.offsets[row : row + 2]
            rng = np.random.default_rng([self.seed, *_seed_words(tables, self.of, row)])
            index[start:stop] = rng.choice(members, stop - start, replace=False)
        receivers, senders = len(lists), lists.senders
        return Neighbours.from_edges(lists.receivers, index, lists.weight, receivers, senders)


def _seed_words(tables: Tables, of: tuple[str, ...], row: int) -> list[int]:
    """The bytes of a patient's first 32 values in every modality, as whole numbers."""
    words = []
    for m in of:
        if m in tables:
            values = np.round(tables[m][row, :32], 9)
            words += np.frombuffer(values.tobytes(), np.uint32).tolist()
    return words


def counts(own: Neighbours, members: np.ndarray) -> dict:
    """How many patients are in a layer, its edges, their mean by patient, and how many of these
    patients have no neighbour (JSON)."""
    patients = int(members.sum())
    isolated = own.degree[members] == 0
    return {
        "patients": patients,
        "edges": own.edges,
        "mean_degree": own.edges / patients if patients else 0.0,
        "isolated": int(isolated.sum()),
    }
