"""Tables from files: one reader per format, patients as text in the index, one clear message when a
file is not usable."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data import delimited
from graphfuse.errors import Faults, InputError, examples, nearest

MAX_CELLS = 500_000_000  # a dense float64 table of 4 GB
_TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, zlib.error)
_SIGNS = {
    b"\x1f\x8b": "gzip", b"\x89HDF\r\n\x1a\n": "HDF5 (h5ad or h5mu)",
    b"MuData": "HDF5 (h5ad or h5mu)",
    b"PAR1": "Parquet", b"\x93NUMPY": "npy",
    b"PK\x03\x04": "zip (npz or an Excel workbook)", b"\xd0\xcf\x11\xe0": "old Excel workbook",
    b"%PDF": "PDF",
}  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What is asked of a file."""

    flipped: bool = False
    id_column: str | None = None
    columns: tuple[str, ...] | None = None
    layer: str | None = None
    modality: str | None = None


def read_table(
    path: str | Path,
    *,
    orient: str = "patients-in-rows",
    id_column: str | None = None,
    columns: list[str] | None = None,
    layer: str | None = None,
    modality: str | None = None,
    repeats: bool = False,
) -> pd.DataFrame:
    """The table at `path`, patients × columns, indexed by patient id as text.

    csv, tsv, txt (plain or .gz; delimiter seen by itself), parquet, npy or npz with ids, h5ad
    (`layer`), h5mu (`modality`, `layer`). `id_column`: default is the first column. `columns`: only
    these, in this order; where a name stands twice the first one wins. `repeats`: a patient may
    have many rows. Raises `InputError` with what is wrong, in which file, and the cure.
    """
    path = Path(path)
    kind = format_of(path)
    wanted = Wanted(
        orient == "patients-in-columns",
        id_column,
        None if columns is None else tuple(columns),
        layer,
        modality,
    )
    expected = _check_signs(path, kind)
    try:
        frame = _READERS[kind](path, wanted)
    except ImportError as error:
        raise InputError(
            f"{path}: reading {kind} needs a package that is not installed ({error})"
        ) from None
    except _DAMAGE as error:
        raise InputError(
            f"{path}: not readable as {expected}: damaged or cut short ({_first_line(error)})"
        ) from None
    return _with_clean_ids(frame, path, repeats)


def column_names(path: str | Path) -> list[str]:
    """Every column of a text table, the id column first; repeated names get .1, .2, … as in
    pandas."""
    path = Path(path)
    if format_of(path) != "text":
        return [str(name) for name in ("patient", *read_table(path).columns)]
    _check_signs(path, "text")
    return list(delimited.layout(path).names)


def format_of(path: Path) -> str:
    """text | parquet | npy | npz | h5ad | h5mu, by the file's name. Raises `InputError` for
    anything else."""
    name = path.name.lower()
    if name.endswith(_TEXT):
        return "text"
    kind = path.suffix.lower().lstrip(".")
    if kind in _READERS:
        return kind
    cure = (
        "save it as csv first"
        if kind in ("xlsx", "xls", "ods", "rds", "rdata")
        else "known: " + ", ".join(_KNOWN)
    )
    raise InputError(f"{path}: no reader for {path.suffix or 'a name without an ending'}; {cure}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _check_signs(path: Path, kind: str) -> str:
    """The format in words. Raises `InputError` where the file is absent, empty or, by its first
    bytes, another format."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    with open(path, "rb") as file:
        head = file.read(512)
    if not head:
        raise InputError(f"{path}: the file is empty; obtain it again")
    found = next((words for sign, words in _SIGNS.items() if head.startswith(sign)), "text")
    text = "gzip" if path.name.lower().endswith(".gz") else "text"
    expected = {"text": text, "h5ad": "HDF5 (h5ad or h5mu)", "h5mu": "HDF5 (h5ad or h5mu)",
    "parquet": "Parquet",
                "npy": "npy", "npz": "zip (npz or an Excel workbook)"}[kind]  # fmt: skip
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(
            f"{path}: a web page, not a table (often a login or error page); download the "
            "file again"
        )
    if found != expected:
        raise InputError(
            f"{path}: expected {expected}, but the file is {found}; give it the right "
            "ending or convert it"
        )
    return expected


def _with_clean_ids(frame: pd.DataFrame, path: Path, repeats: bool) -> pd.DataFrame:
    """The frame with stripped text ids and text columns; raises `InputError` for blank or repeated
    ones."""
    faults = Faults(str(path))
    index = pd.Index(_as_text(frame.index), name="patient", dtype=object)
    columns = pd.Index([str(c).strip() for c in frame.columns], dtype=object)
    blank = np.flatnonzero(index == "")
    if len(blank):
        faults.add(
            f"{len(blank)} rows have no patient id (rows {examples(blank + 1)}); fill or "
            "remove them"
        )
    once = (
        [("columns", columns)]
        if repeats
        else [("patient ids", index[index != ""]), ("columns", columns)]
    )
    for what, labels in once:
        twice = labels[labels.duplicated()].unique()
        if len(twice):
            at = (
                f"rows {examples(np.flatnonzero(index.isin(twice)) + 1)}"
                if what == "patient ids"
                else examples(twice)
            )
            faults.add(
                f"{len(twice)} {what} stand more than once ({at}); keep or average one each"
                " (or is the table the other way round: orient? or one measurement a row: series?)"
            )
    faults.stop()
    return frame.set_axis(index, axis=0).set_axis(columns, axis=1)


def _as_text(labels) -> list[str]:
    """Ids as written: 7 stays '7', 7.0 too, bytes are decoded, a missing id becomes ''."""
    out = []
    for label in labels:
        if isinstance(label, bytes):
            label = label.decode("utf-8", "replace")
        elif isinstance(label, float | np.floating):
            label = (
                "" if np.isnan(label) else f"{label:.0f}" if float(label).is_integer() else label
            )
        out.append("" if label is None or label is pd.NA else str(label).strip())
    return out


def _pick(frame: pd.DataFrame, wanted: Wanted, path: Path, id_column: str | None) -> pd.DataFrame:
    """Id column to the index, turned if flipped, then the wanted columns."""
    if id_column is not None:
        if id_column not in frame.columns:
            raise InputError(
                f"{path}: no id column {id_column!r}{nearest(id_column, frame.columns)}"
            )
        frame = frame.set_index(id_column)
    if wanted.flipped:
        frame = delimited.turned(frame)
    return (
        frame
        if wanted.columns is None
        else frame[delimited.known(wanted.columns, frame.columns, path)]
    )


# -------------------------------------------------------------------------------------- the readers


def _read_text(path: Path, wanted: Wanted) -> pd.DataFrame:
    if not wanted.flipped:
        return delimited.read(path, wanted.id_column, wanted.columns)
    return _pick(delimited.read(path, wanted.id_column, None), wanted, path, None)


def _read_parquet(path: Path, wanted: Wanted) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    if wanted.id_column in frame.index.names and wanted.id_column is not None:
        return _pick(frame, wanted, path, None)
    indexed = not isinstance(frame.index, pd.RangeIndex)
    first = None if indexed or frame.empty else frame.columns[0]
    return _pick(frame, wanted, path, wanted.id_column or first)


def _read_npy(path: Path, wanted: Wanted) -> pd.DataFrame:
    values = np.load(path, allow_pickle=False)
    beside = [path.with_name(f"{path.stem}.ids{ending}") for ending in (".txt", ".csv")]
    found = next((file for file in beside if file.is_file()), None)
    if found is None:
        raise InputError(
            f"{path}: no patient ids; put one id a line into {beside[0].name} beside it"
        )
    ids = [
        line.split(",")[0].strip().strip('"')
        for line in found.read_text("utf-8-sig").splitlines()
        if line.strip()
    ]
    if len(ids) == len(values) + 1:  # a heading
        ids = ids[1:]
    return _pick(_framed(values, ids, None, path), wanted, path, None)


def _read_npz(path: Path, wanted: Wanted) -> pd.DataFrame:
    with np.load(path, allow_pickle=False) as bundle:
        for name in ("values", "ids"):
            if name not in bundle:
                raise InputError(
                    f"{path}: no array {name!r}{nearest(name, bundle.files)}; save values, "
                    "ids, columns"
                )
        columns = bundle.get("columns")
        return _pick(_framed(bundle["values"], bundle["ids"], columns, path), wanted, path, None)


def _framed(values: np.ndarray, ids, columns, path: Path) -> pd.DataFrame:
    """A frame of a plain array; raises `InputError` where the shapes do not meet."""
    if values.ndim != 2:
        raise InputError(f"{path}: expected values [patients, columns], got shape {values.shape}")
    columns = [f"f{i}" for i in range(values.shape[1])] if columns is None else columns
    if values.shape != (len(ids), len(columns)):
        raise InputError(
            f"{path}: values are {values.shape}, but there are {len(ids)} ids and "
            f"{len(columns)} columns"
        )
    return pd.DataFrame(values, index=list(ids), columns=list(columns))


def _read_h5ad(path: Path, wanted: Wanted) -> pd.DataFrame:
    import anndata

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _annotated(anndata.read_h5ad(path), wanted, path)


def _read_h5mu(path: Path, wanted: Wanted) -> pd.DataFrame:
    import mudata

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = mudata.read_h5mu(path)
        if (
            wanted.columns
            and wanted.modality is None
            and set(wanted.columns) <= set(data.obs.columns)
        ):
            return data.obs[list(wanted.columns)].set_axis(_observed_ids(data, wanted, path))
        name = wanted.modality or (next(iter(data.mod)) if len(data.mod) == 1 else None)
        if name is None:
            raise InputError(
                f'{path}: holds several modalities ({", ".join(data.mod)}); say modality = "…"'
            )
        if name not in data.mod:
            raise InputError(f"{path}: no modality {name!r}{nearest(name, data.mod)}")
        return _annotated(data.mod[name], wanted, path)


def _observed_ids(data, wanted: Wanted, path: Path) -> pd.Index:
    if wanted.id_column is None or wanted.id_column == data.obs_names.name:
        return data.obs_names
    if wanted.id_column not in data.obs:
        raise InputError(
            f"{path}: .obs has no id column "
            f"{wanted.id_column!r}{nearest(wanted.id_column, data.obs.columns)}"
        )
    return pd.Index(data.obs[wanted.id_column])


def _annotated(data, wanted: Wanted, path: Path) -> pd.DataFrame:
    """Patients × columns of an AnnData: its values, or for named columns also those of `.obs`."""
    ids = _observed_ids(data, wanted, path)
    if wanted.columns:
        names = delimited.known(wanted.columns, [*data.obs.columns, *data.var_names], path)
        observed = [name for name in names if name in data.obs]
        data_part = data[:, [name for name in names if name not in data.obs]]
        frame = pd.concat([data.obs[observed], _dense(data_part, wanted.layer, path)], axis=1)[
            names
        ]
    else:
        frame = _dense(data, wanted.layer, path)
    return frame.set_axis(ids, axis=0)


def _dense(data, layer: str | None, path: Path) -> pd.DataFrame:
    """The values as a frame; raises `InputError` for an unknown layer or a table too large to be
    dense."""
    if layer is not None and layer not in data.layers:
        raise InputError(f"{path}: no layer {layer!r}{nearest(layer, data.layers.keys())}")
    if data.n_obs * data.n_vars > MAX_CELLS:
        raise InputError(
            f"{path}: {data.n_obs:,} × {data.n_vars:,} is too large for a dense table; name "
            "columns = […]"
        )
    return data.to_df(layer=layer)


_READERS: dict[str, Callable[[Path, Wanted], pd.DataFrame]] = {
    "text": _read_text,
    "parquet": _read_parquet,
    "npy": _read_npy,
    "npz": _read_npz,
    "h5ad": _read_h5ad,
    "h5mu": _read_h5mu,
}
_KNOWN = (*_TEXT[:4], ".parquet", ".npy", ".npz", ".h5ad", ".h5mu")
