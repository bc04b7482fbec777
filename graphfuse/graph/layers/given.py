"""Layers of one's own edges: kinship, hospital, anything that is known of pairs of patients."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.ids import patterns
from graphfuse.errors import InputError
from graphfuse.graph.edgelist import BROKEN, brief, opening
from graphfuse.graph.layers.layer import Layer, Spec, Tables, counts
from graphfuse.graph.neighbours import Neighbours

log = logging.getLogger(__name__)

PAIRS = (
    ("source", "target"),
    ("patient1", "patient2"),
    ("patient_a", "patient_b"),
    ("id1", "id2"),
    ("from", "to"),
)
WEIGHTS = ("weight", "score", "similarity")


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
        edges, cleaned = clean_edges(read_edges(path, patients), str(path))
        ids = pd.Index(patients.astype(str))
        place = [ids.get_indexer(edges[side]) for side in ("source", "target")]
        named = pd.unique(pd.concat([edges["source"], edges["target"]]))
        strangers = int((~np.isin(named, ids.to_numpy(object))).sum())
        if strangers == len(named):
            raise InputError(
                f"{path}: none of its {len(named):,} patients is among the {len(ids):,} "
                "training patients; "
                "check how ids are written in both (level = …, blanks, leading zeros)"
            )
        counted = {
            **cleaned,
            "unknown_patients": strangers,
            "unusable": int(((place[0] < 0) & (place[1] < 0)).sum()),
        }
        _say(name, counted)
        salt = hashlib.sha256("\0".join([*edges["source"], *edges["target"]]).encode()).hexdigest()[
            :32
        ]
        edges = edges if spec.weight == "similarity" else edges.assign(weight=1.0)
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
        known = (arrays[f"known_{key}"] for key in ("offsets", "index", "weight"))
        return cls(
            **base,
            salt=numbers["salt"],
            hashes=arrays["hashes"],
            known=Neighbours(*known, base["own"].senders),
        )


# ------------------------------------------------------------------------------------------ reading


def read_edges(path: Path, patients: pd.Index) -> pd.DataFrame:
    """The patient edges at `path` (csv, tsv, gz, parquet) as `source, target, weight`: ids as text,
    nothing cleaned.

    Columns are named source, target[, weight], or as in `PAIRS` and `WEIGHTS`. Without such names
    the first two columns are patients, and a third is the weight, if the first row holds two of
    `patients`. No weight column means 1. Raises `InputError` for files that cannot be read, columns
    that cannot be told and weights that are no numbers.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; give the patient edges (csv, tsv, gz or parquet: "
            "source, target[, weight])"
        )
    try:
        cells = pd.read_parquet(path) if path.suffix == ".parquet" else _text(path)
    except BROKEN as error:
        raise InputError(
            f"{path}: cannot be read as edges ({brief(error)}); give csv, tsv, gz or parquet"
        ) from None
    places = _places(cells.columns)
    if (
        places is None
        and cells.shape[1] > 1
        and len(cells)
        and all(_id(cell) in patients for cell in cells.iloc[0, :2])
    ):
        places = list(range(min(cells.shape[1], 3)))
    if places is None:
        raise InputError(
            f"{path}: none of its {cells.shape[1]} columns are called source and target[, "
            "weight]; name them so"
        )
    return _typed(path, cells.iloc[:, places])


def _text(path: Path) -> pd.DataFrame:
    """All cells as text; the first line is the heading if it has known names, else a row like the
    others."""
    sep, _ = opening(path)
    options = {
        "header": None,
        "dtype": str,
        "keep_default_na": False,
        "encoding": "utf-8-sig",
        "index_col": False,
    }
    cells = pd.read_csv(path, sep=sep, **options)
    first = cells.iloc[0].tolist()
    return cells if _places(first) is None else cells.iloc[1:].set_axis(first, axis=1)


def _places(names: Iterable) -> list[int] | None:
    """Where source, target and, if there is one, weight stand among known column names."""
    names = [str(name).strip().lower() for name in names]
    pair = next((pair for pair in PAIRS if pair[0] in names and pair[1] in names), None)
    return (
        pair
        and [names.index(name) for name in pair]
        + [names.index(name) for name in WEIGHTS if name in names][:1]
    )


def _typed(path: Path, cells: pd.DataFrame) -> pd.DataFrame:
    edges = pd.DataFrame(
        {side: list(map(_id, cells.iloc[:, i])) for i, side in enumerate(("source", "target"))},
        dtype=object,
    )
    if cells.shape[1] < 3:
        return edges.assign(weight=1.0)
    raw = cells.iloc[:, 2].reset_index(drop=True)
    weight = pd.to_numeric(raw, errors="coerce").astype(float)
    blank = raw.isna() | raw.astype(str).str.strip().str.lower().isin(
        ["", "na", "nan", "n/a", "null"]
    )
    odd = raw[weight.isna() & ~blank]
    if len(odd):
        raise InputError(
            f"{path}: {len(odd):,} weights are no numbers (they look like {patterns(odd)}); "
            "mend them"
        )
    return edges.assign(weight=weight)


def _id(cell: object) -> str:
    """An id as written: 7 and 7.0 of a table of numbers are '7', a missing one is ''."""
    if isinstance(cell, float | np.floating):
        return "" if np.isnan(cell) else f"{cell:.0f}" if float(cell).is_integer() else str(cell)
    return "" if cell is None or cell is pd.NA else str(cell).strip()


# ----------------------------------------------------------------------------------------- cleaning


def clean_edges(edges: pd.DataFrame, where: str = "") -> tuple[pd.DataFrame, dict[str, int]]:
    """Undirected edges that mean something, each once with its greatest weight, and counts of those
    left out, in this order: `blank_id`, `self_loop`, `missing_weight` (NaN, infinite),
    `nonpositive_weight`, `duplicate` (either way round).

    Raises `InputError` when none is left.
    """
    source, target, weight = (edges[key].to_numpy() for key in ("source", "target", "weight"))
    faulty = {
        "blank_id": (source == "") | (target == ""),
        "self_loop": source == target,
        "missing_weight": ~np.isfinite(weight),
        "nonpositive_weight": ~(weight > 0),
    }
    keep, cleaned = np.ones(len(edges), bool), {}
    for what, bad in faulty.items():
        cleaned[what] = int((keep & bad).sum())
        keep &= ~bad
    if not keep.any():
        why = (
            ", ".join(f"{what} {count:,}" for what, count in cleaned.items() if count)
            or "the list is empty"
        )
        raise InputError(
            f"{where}: none of {len(edges):,} edges is left ({why}); mend the file, or "
            "leave the layer out"
        )
    turn = source > target
    ends = {
        "source": np.where(turn, target, source),
        "target": np.where(turn, source, target),
        "weight": weight,
    }
    tidy = pd.DataFrame(ends)[keep].sort_values(
        ["source", "target", "weight"], ascending=[True, True, False]
    )
    once = tidy.drop_duplicates(["source", "target"], ignore_index=True)
    return once, {**cleaned, "duplicate": len(tidy) - len(once)}


def _say(name: str, counted: dict[str, int]) -> None:
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
    ends, other = (
        pd.concat([edges["source"], edges["target"]]).to_numpy(),
        np.concatenate([place[1], place[0]]),
    )
    weight = np.tile(edges["weight"].to_numpy(float), 2)
    keep = other >= 0
    codes, names = pd.factorize(ends[keep])
    hashes = _hashed(pd.Index(names), salt)
    order = np.argsort(hashes)
    row = np.empty(len(order), np.int64)
    row[order] = np.arange(len(order))
    return hashes[order], Neighbours.from_edges(
        row[codes], other[keep], weight[keep], len(order), n
    )


def _looked_up(hashes: np.ndarray, known: Neighbours, asked: np.ndarray) -> Neighbours:
    """The edges of those asked for; nobody for who is not there."""
    nobody = np.append(known.offsets, known.offsets[-1])  # one more row, empty
    place = np.searchsorted(hashes, asked)
    found = np.isin(asked, hashes)
    return Neighbours(nobody, known.index, known.weight, known.senders).take(
        np.where(found, place, len(known))
    )
