"""The tables in an AnnData or MuData file, without reading their values."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """One table of an annotated file, by the arguments with which `read_table` reads it.

    `modality`: of a MuData, None for an AnnData and for a MuData's own `.obs`. `columns`: those of
    `.obs`, where these are the table; None for the values.
    """

    modality: str | None
    columns: tuple[str, ...] | None = None


def parts_of(path: Path, kind: str) -> list[Part]:
    """The tables of an h5ad or h5mu file: the values of each modality, then the columns of `.obs`.

    Columns that a MuData's own `.obs` repeats from a modality (`rna:batch`) are left to the
    modality, and columns that two modalities have for the same rows to the first of them.
    """
    data = _open(path, kind)
    if kind == "h5ad":
        return [Part(None), *_observed(None, data.obs)]
    repeated = set()
    for name, each in data.mod.items():
        repeated |= {f"{name}:{column}" for column in each.obs}
    own = data.obs[[column for column in data.obs if column not in repeated]]
    parts = [Part(str(name)) for name in data.mod]
    parts += _observed(None, own)
    rows_of: dict[str, set] = {column: set(own.index) for column in own}  # where it is known
    for name, each in data.mod.items():
        rows = set(each.obs_names)
        new = [column for column in each.obs if not rows <= rows_of.get(column, set())]
        parts += _observed(str(name), each.obs[new])
        for column in new:
            rows_of[column] = rows | rows_of.get(column, set())
    return parts


def _open(path: Path, kind: str):
    """The file without its values, where they can stay on disk."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "h5ad":
            import anndata

            return anndata.read_h5ad(path, backed="r")
        import mudata

        return mudata.read_h5mu(path, backed="r")


def _observed(modality: str | None, observations) -> list[Part]:
    """The table of the columns of `.obs`, where there are any."""
    columns = tuple(map(str, observations.columns))
    return [Part(modality, columns)] if columns else []
