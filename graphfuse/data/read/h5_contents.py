"""What an AnnData or MuData file holds, without its values: modalities, and columns of `.obs`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """One table of an annotated file, as `read_table` is asked for it.

    `modality`: of a MuData, None for an AnnData and for a MuData's own `.obs`. `columns`: those of
    `.obs`, where these are the table; None for the values.
    """

    modality: str | None
    columns: tuple[str, ...] | None = None


def parts_of(path: Path, kind: str) -> list[Part]:
    """The tables of an h5ad or h5mu file: values of each modality, then what is known of the rows.

    What a MuData's own `.obs` repeats of a modality (`rna:batch`) is left to the modality, and what
    two modalities say of the same rows to the first of them.
    """
    if kind == "h5ad":
        return [Part(None), *_observed(None, _open(path, kind).obs)]
    data = _open(path, kind)
    pulled = {f"{name}:{column}" for name, each in data.mod.items() for column in each.obs}
    own = data.obs[[column for column in data.obs if column not in pulled]]
    parts = [Part(str(name)) for name in data.mod] + _observed(None, own)
    said = {column: set(own.index) for column in own}  # column → the rows it is known for
    for name, each in data.mod.items():
        rows = set(each.obs_names)
        new = [column for column in each.obs if not rows <= said.get(column, set())]
        parts += _observed(str(name), each.obs[new])
        said |= {column: rows | said.get(column, set()) for column in new}
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
    columns = tuple(map(str, observations.columns))
    return [Part(modality, columns)] if columns else []
