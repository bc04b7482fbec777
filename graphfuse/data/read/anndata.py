"""Tables from AnnData and MuData, in files or in memory."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data import memory
from graphfuse.data.read.check_id_column import check_first_column
from graphfuse.data.read.request import Wanted, known, names_as_text, pick
from graphfuse.errors import Faults, InputError, examples, nearest

_CURE = "Name columns = […], those you need, such as the most variable ones"


def read_h5ad(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of an AnnData file."""
    import anndata

    is_partial = wanted.columns is not None and not wanted.flipped
    _require_whole(path, ("X",) if is_partial else ())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = anndata.read_h5ad(path, backed="r" if is_partial else None)
        try:
            return _annotated(data, wanted, path)
        finally:
            data.file.close()


def read_h5mu(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of one modality of a MuData file, or columns of its `.obs`."""
    import mudata

    _require_whole(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = mudata.read_h5mu(path)
        asked = set(wanted.columns or ())
        if asked and wanted.modality is None and asked <= set(data.obs.columns):
            ids = _ids(data, wanted, path)
            return observations(data, list(wanted.columns), path).set_axis(ids, axis=0)
        only = next(iter(data.mod)) if len(data.mod) == 1 else None
        name = wanted.modality or only
        if name is None:
            raise InputError(
                f'{path}: holds several modalities ({", ".join(data.mod)}); say modality = "…"'
            )
        if name not in data.mod:
            raise InputError(f"{path}: no modality {name!r}{nearest(name, data.mod)}")
        return _annotated(data.mod[name], wanted, path)


def _require_whole(path: Path, but: tuple[str, ...] = ()) -> None:
    """Raises `InputError` where the unpacked contents of an HDF5 file are more than memory holds;
    `but`: top groups that are not read."""
    import h5py

    sizes: list[int] = []

    def add_size(name: str, part) -> None:
        top = name.split("/")[0]
        if isinstance(part, h5py.Dataset) and top not in but:
            sizes.append(part.size * part.dtype.itemsize)

    with h5py.File(path, "r") as file:
        file.visititems(add_size)
    free = memory.available()
    needed = sum(sizes)
    if free is not None and needed > free:
        raise InputError(
            f"{path}: what it holds takes {memory.in_gb(needed)} of memory, and "
            f"{memory.in_gb(free)} are free. {_CURE}, or save it with fewer layers"
        )


def _annotated(data, wanted: Wanted, path: Path) -> pd.DataFrame:
    """Patients × columns of an AnnData: its values, or for named columns also those of `.obs`."""
    if wanted.flipped:
        return pick(values_of(data, wanted.layer, path), wanted, path, None)
    ids = _ids(data, wanted, path)
    if not wanted.columns:
        return values_of(data, wanted.layer, path).set_axis(ids, axis=0)
    names = known(wanted.columns, [*data.obs.columns, *data.var_names], path)
    _check_once(names, data, path)
    observed = [name for name in names if name in data.obs]
    measured = [name for name in names if name not in data.obs]
    frames = [observations(data, observed, path)]
    if measured:
        positions = pd.Series(range(data.n_vars), data.var_names)
        values = data[:, positions[measured].to_numpy()]
        frames.append(values_of(values, wanted.layer, path))
    numbered = [frame.reset_index(drop=True) for frame in frames]  # ids may still be repeated
    return pd.concat(numbered, axis=1)[names].set_axis(ids, axis=0)


def _check_once(names: list[str], data, path: Path) -> None:
    """Raises `InputError` where a named column appears twice among the variables, or also in
    `.obs`."""
    faults = Faults(str(path))
    repeated = set(data.var_names[data.var_names.duplicated()])
    only_measured = [name for name in names if name not in data.obs]
    twice = [name for name in only_measured if name in repeated]
    if twice:
        faults.add(
            f"{len(twice)} columns appear more than once ({examples(twice)}); keep or average one "
            "each (var_names_make_unique tells them apart)"
        )
    both = [name for name in names if name in data.obs and name in data.var_names]
    if both:
        faults.add(
            f"{len(both)} columns stand both in .obs and among the variables ({examples(both)}); "
            "rename those of .obs"
        )
    faults.stop()


def _ids(data, wanted: Wanted, path: Path) -> pd.Index:
    """The ids of the rows: names of observations, or the wanted column of `.obs`."""
    names, column = data.obs_names, wanted.id_column
    if column is None:
        others = list(map(str, data.obs.columns))
        check_first_column(path, names.name, names, others, data.obs.__getitem__)
        return names
    if column == names.name:
        return names
    if column not in data.obs:
        known_columns = nearest(column, data.obs.columns)
        raise InputError(f"{path}: .obs has no id column {column!r}{known_columns}")
    return pd.Index(data.obs[column].astype(object))


def observations(data, columns: list[str], where: Path | str) -> pd.DataFrame:
    """Columns of `.obs` as a csv file would give them: categories as their values.

    Parameters
    ----------
    data
        An AnnData or MuData.
    columns
        Names of columns.
    where
        The file or object, for messages.

    Raises
    ------
    InputError
        Where one is not there.
    """
    faults = Faults(str(where))
    for name in columns:
        if name not in data.obs:
            faults.add(f".obs has no column {name!r}{nearest(name, data.obs.columns)}")
    faults.stop()
    plain = {name: _without_categories(data.obs[name]) for name in columns}
    return pd.DataFrame(plain, index=data.obs_names)


def _without_categories(column: pd.Series) -> pd.Series:
    """A column with its values in place of pandas' categories."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(object).infer_objects()
    return column


def values_of(data, layer: str | None, where: Path | str) -> pd.DataFrame:
    """The values of an AnnData as a dense frame.

    Parameters
    ----------
    data
        An AnnData, in memory or backed by its file; its values may be sparse.
    layer
        Which layer; None: `.X`.
    where
        The file or object, for messages.

    Raises
    ------
    InputError
        Where the layer is not there, there are no values, or memory does not hold them as a dense
        table.
    """
    if layer is not None and layer not in data.layers:
        raise InputError(f"{where}: no layer {layer!r}{nearest(layer, data.layers.keys())}")
    needed = data.n_obs * data.n_vars * np.dtype(float).itemsize
    memory.require(where, data.n_obs, data.n_vars, needed, _CURE)
    if layer is None and data.X is None:
        layers = examples(data.layers.keys()) or "none"
        raise InputError(f"{where}: holds no values in .X; name a layer (known: {layers})")
    if data.isbacked:
        data = data.to_memory()
    frame = data.to_df(layer=layer)
    return frame.set_axis(names_as_text(frame.columns), axis=1)
