"""Patient layers from a file of edges: kinship, hospital, anything that is known of pairs."""

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
from graphfuse.graph.read_edges import in_words
from graphfuse.graph.read_patient_edges import clean_patient_edges, read_patient_edges

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class GivenLayer(Layer):
    """Undirected edges read from a file: a patient's neighbours are the training patients that the
    file joins it to.

    A new patient has those edges of the file that join it to a training patient, as the file was
    at fitting. For this the layer keeps the first 8 bytes of a salted sha256 of every id in the
    file with such an edge (`hashes` int64 `[u]`, sorted) and its edges (`known`, u receivers). No
    id can be read from them, but who has an id can find out whether it is in the file. The edges
    hold whether or not a patient has a modality. Weights are those of the file; 1 under weight =
    "one".
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
        edges, left_out = clean_patient_edges(read_patient_edges(path, patients), str(path))
        ids = pd.Index(patients.astype(str))
        place = [ids.get_indexer(edges[side]) for side in ("source", "target")]
        counted = {**left_out, **_unknown(path, edges, ids, place)}
        _log_left_out(name, counted)
        salt = _salt(edges)
        if spec.weight != "similarity":
            edges = edges.assign(weight=1.0)
        hashes, known = _known(edges, place, len(ids), salt)
        own = _neighbours_of(_hashed(ids, salt), hashes, known)
        about = {"kind": cls.kind, "of": list(spec.of), "weight": spec.weight, "cleaned": counted}
        about |= {"keeps": "salted hashes of the file's patient ids"} | counts(own, own.degree >= 0)
        return cls(name, spec, control, seed, own, about, salt, hashes, known)

    @property
    def members(self) -> np.ndarray:
        return np.bincount(self.known.index, minlength=self.known.senders) > 0

    def attached(self, tables: Tables, present: Tables, patients: pd.Index) -> Neighbours:
        return _neighbours_of(_hashed(patients, self.salt), self.hashes, self.known)

    def fitted(self) -> tuple[dict[str, np.ndarray], dict]:
        known = {f"known_{key}": getattr(self.known, key) for key in ("offsets", "index", "weight")}
        return {"hashes": self.hashes, **known}, {"salt": self.salt}

    @classmethod
    def restored(cls, arrays: dict[str, np.ndarray], numbers: dict, **base) -> GivenLayer:
        offsets, index, weight = (arrays[f"known_{key}"] for key in ("offsets", "index", "weight"))
        known = Neighbours(offsets, index, weight, base["own"].senders)
        return cls(**base, salt=numbers["salt"], hashes=arrays["hashes"], known=known)


def _unknown(
    path: Path, edges: pd.DataFrame, ids: pd.Index, place: list[np.ndarray]
) -> dict[str, int]:
    """Counts of the file's patients that are no training patients, and of edges between such.

    `place`: two of int `[E]`, the position of each end among the training patients, -1 for none.
    Raises `InputError` where no patient of the file is a training patient.
    """
    named = pd.unique(pd.concat([edges["source"], edges["target"]]))
    is_known = np.isin(named, ids.to_numpy(object))
    if not is_known.any():
        raise InputError(
            f"{path}: none of its {len(named):,} patients is among the {len(ids):,} "
            "training patients; "
            "check how ids are written in both (level = …, blanks, leading zeros)"
        )
    unusable = (place[0] < 0) & (place[1] < 0)
    return {"unknown_patients": int((~is_known).sum()), "unusable": int(unusable.sum())}


def _log_left_out(name: str, counted: dict[str, int]) -> None:
    log.info("patient layer %s: edges read; left out: %s", name, in_words(counted) or "none")


# -------------------------------------------------------------------------------------- hashed ids


def _salt(edges: pd.DataFrame) -> str:
    """A salt that depends on all ids of the file."""
    every_id = "\0".join([*edges["source"], *edges["target"]])
    return hashlib.sha256(every_id.encode()).hexdigest()[:32]


def _hashed(ids: pd.Index, salt: str) -> np.ndarray:
    """int64 `[q]`: the first 8 bytes of sha256 of salt and id."""
    salted = [f"{salt}\0{name}".encode() for name in ids]
    digests = [hashlib.sha256(text).digest()[:8] for text in salted]
    return np.frombuffer(b"".join(digests), ">i8").astype(np.int64)


def _known(
    edges: pd.DataFrame, place: list[np.ndarray], n: int, salt: str
) -> tuple[np.ndarray, Neighbours]:
    """Hashes of everyone with an edge to a training patient, sorted, and those edges."""
    ends = pd.concat([edges["source"], edges["target"]]).to_numpy()
    other = np.concatenate([place[1], place[0]])
    weight = np.tile(edges["weight"].to_numpy(float), 2)
    keep = other >= 0
    number, names = pd.factorize(ends[keep])
    hashes = _hashed(pd.Index(names), salt)
    count = len(hashes)
    order = np.argsort(hashes)
    row_of = np.empty(count, np.int64)
    row_of[order] = np.arange(count)
    receiver = row_of[number]
    known = Neighbours.from_edges(receiver, other[keep], weight[keep], count, n)
    return hashes[order], known


def _neighbours_of(asked: np.ndarray, hashes: np.ndarray, known: Neighbours) -> Neighbours:
    """The edges of the patients with these hashes `[q]`; none for who is not among the `known`."""
    offsets = np.append(known.offsets, known.offsets[-1])  # one more row, empty
    with_empty_row = Neighbours(offsets, known.index, known.weight, known.senders)
    row = np.searchsorted(hashes, asked)
    row[~np.isin(asked, hashes)] = len(known)
    return with_empty_row.take(row)
