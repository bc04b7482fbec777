"""Layers of one's own edges: kinship, hospital, anything that is known of pairs of patients."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.errors import InputError
from graphfuse.graph.layers.layer import Layer, Spec, Tables, counts
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.graph.patient_edges import clean_patient_edges, read_patient_edges

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class GivenLayer(Layer):
    """Edges read from a file, undirected: a patient hears the training patients whom the file joins
    it to.

    A new patient has those edges of the file that join it to a training patient, as the file stood
    at fitting. For this the layer keeps the first 8 bytes of a salted sha256 of every id in the
    file with such an edge (`hashes` int64 `[u]`, sorted) beside its edges (`known`, u receivers).
    No id can be read from them, but who has an id can ask whether it is there. The edges hold
    whether or not a patient has a modality. Weights: those of the file; 1 under weight = "one".
    """

    kind = "given"
    salt: str
    hashes: np.ndarray
    known: Neighbours

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
    ) -> GivenLayer:
        """From the file `spec.edges`. Raises `InputError` for a file that cannot be used, or names
        no training patient."""
        path = Path(spec.edges)
        edges, cleaned = clean_patient_edges(read_patient_edges(path, patients), str(path))
        ids = pd.Index(patients.astype(str))
        place = [ids.get_indexer(edges[side]) for side in ("source", "target")]
        unusable = (place[0] < 0) & (place[1] < 0)
        named = pd.unique(pd.concat([edges["source"], edges["target"]]))
        strangers = int((~np.isin(named, ids.to_numpy(object))).sum())
        if strangers == len(named):
            raise InputError(
                f"{path}: none of its {len(named):,} patients is among the {len(ids):,} "
                "training patients; "
                "check how ids are written in both (level = …, blanks, leading zeros)"
            )
        counted = {**cleaned, "unknown_patients": strangers, "unusable": int(unusable.sum())}
        _log_left_out(name, counted)
        every_id = "\0".join([*edges["source"], *edges["target"]])
        salt = hashlib.sha256(every_id.encode()).hexdigest()[:32]
        if spec.weight != "similarity":
            edges = edges.assign(weight=1.0)
        hashes, known = _known(edges, place, len(ids), salt)
        own = _looked_up(hashes, known, _hashed(ids, salt))
        about = {"kind": cls.kind, "of": list(spec.of), "weight": spec.weight, "cleaned": counted}
        about |= {"keeps": "salted hashes of the file's patient ids"} | counts(own, own.degree >= 0)
        return cls(name, spec, control, seed, own, about, salt, hashes, known)

    @property
    def members(self) -> np.ndarray:
        return np.bincount(self.known.index, minlength=self.known.senders) > 0

    def attached(self, tables: Tables, present: Tables, patients: pd.Index) -> Neighbours:
        return _looked_up(self.hashes, self.known, _hashed(patients, self.salt))

    def fitted(self) -> tuple[dict[str, np.ndarray], dict]:
        known = {f"known_{key}": getattr(self.known, key) for key in ("offsets", "index", "weight")}
        return {"hashes": self.hashes, **known}, {"salt": self.salt}

    @classmethod
    def restored(cls, arrays: dict[str, np.ndarray], numbers: dict, **base) -> GivenLayer:
        offsets, index, weight = (arrays[f"known_{key}"] for key in ("offsets", "index", "weight"))
        known = Neighbours(offsets, index, weight, base["own"].senders)
        return cls(**base, salt=numbers["salt"], hashes=arrays["hashes"], known=known)


def _log_left_out(name: str, counted: dict[str, int]) -> None:
    left_out = ", ".join(f"{what} {count:,}" for what, count in counted.items() if count)
    log.info("patient layer %s: edges read; left out: %s", name, left_out or "none")


# --------------------------------------------------------------------------------------- who is who


def _hashed(ids: pd.Index, salt: str) -> np.ndarray:
    """int64 `[q]`: the first 8 bytes of sha256 of salt and id."""
    digests = [hashlib.sha256(f"{salt}\0{name}".encode()).digest()[:8] for name in ids]
    return np.frombuffer(b"".join(digests), ">i8").astype(np.int64)


def _known(
    edges: pd.DataFrame, place: list[np.ndarray], n: int, salt: str
) -> tuple[np.ndarray, Neighbours]:
    """Hashes of everyone with an edge to a training patient, sorted, and those edges."""
    ends = pd.concat([edges["source"], edges["target"]]).to_numpy()
    other = np.concatenate([place[1], place[0]])
    weight = np.tile(edges["weight"].to_numpy(float), 2)
    keep = other >= 0
    codes, names = pd.factorize(ends[keep])
    hashes = _hashed(pd.Index(names), salt)
    count = len(hashes)
    order = np.argsort(hashes)
    row = np.empty(count, np.int64)
    row[order] = np.arange(count)
    known = Neighbours.from_edges(row[codes], other[keep], weight[keep], count, n)
    return hashes[order], known


def _looked_up(hashes: np.ndarray, known: Neighbours, asked: np.ndarray) -> Neighbours:
    """The edges of those asked for; nobody for who is not there."""
    offsets = np.append(known.offsets, known.offsets[-1])  # one more row, empty
    with_nobody = Neighbours(offsets, known.index, known.weight, known.senders)
    place = np.searchsorted(hashes, asked)
    is_known = np.isin(asked, hashes)
    return with_nobody.take(np.where(is_known, place, len(known)))
