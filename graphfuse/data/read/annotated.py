"""Tables from AnnData and MuData files."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from graphfuse.data.read.wanted import Wanted, known
from graphfuse.errors import InputError, nearest

MAX_CELLS = 500_000_000  # a dense float64 table of 4 GB


def read_h5ad(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of an AnnData file."""
    import anndata

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _annotated(anndata.read_h5ad(path), wanted, path)


def read_h5mu(path: Path, wanted: Wanted) -> pd.DataFrame:
    """The table of one modality of a MuData file, or columns of its `.obs`."""
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
        names = known(wanted.columns, [*data.obs.columns, *data.var_names], path)
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
