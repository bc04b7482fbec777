"""Tables, ids, symbols and labels of an AnnData or MuData in memory, as frames and series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from graphfuse.data.read.anndata import observations, values_of
from graphfuse.data.read.check_id_column import check_first_column
from graphfuse.errors import Faults, InputError, nearest


def ids_of(adata, id_column: str | None) -> pd.Index:
    """Ids of patients: names of observations, or a column of `.obs`.

    Raises
    ------
    InputError
        Where the column is not there, or observations are numbered beside a column named as ids
        are.
    """
    if id_column is not None:
        return pd.Index(observations(adata, [id_column], "AnnData")[id_column])
    names, others = adata.obs_names, list(map(str, adata.obs.columns))
    check_first_column(
        "AnnData",
        names.name,
        names,
        others,
        adata.obs.__getitem__,
        cure='name it: id_column="{}"',
        warns=False,
    )
    return names


def check_kind(data, attribute: str, expected: str) -> None:
    """Raises `InputError` for an object without the attribute of the expected kind."""
    if isinstance(data, pd.DataFrame) or not hasattr(data, attribute):
        raise InputError(f"{expected} (got {type(data).__name__}); Cohort.from_frames takes frames")


def table_of(adata, layer: str | None, ids: pd.Index, where: str) -> pd.DataFrame:
    """The values as a dense frame indexed by `ids`.

    Raises
    ------
    InputError
        Where the layer is not there, or there is more than a dense table can hold.
    """
    return values_of(adata, layer, where).set_axis(ids, axis=0)


def symbols_of(adata, column: str | None, where: str) -> dict[str, str]:
    """Name of variable → gene symbol from a column of `.var`; variables without one are left out.

    Raises
    ------
    InputError
        Where the column is not there.
    """
    if column is None:
        return {}
    if column not in adata.var:
        raise InputError(f"{where}: .var has no column {column!r}{nearest(column, adata.var)}")
    symbols = adata.var[column].astype(object)
    symbols = symbols[symbols.notna()].astype(str)
    return dict(zip(map(str, symbols.index), symbols, strict=True))


def observed(
    data, outcome: str | None, groups: Iterable[str], ids: pd.Index
) -> tuple[pd.Series | None, dict[str, pd.Series]]:
    """The outcome and the groups that columns of `.obs` hold, indexed by `ids`.

    Raises
    ------
    InputError
        Names all columns that are not there.
    """
    names = [groups] if isinstance(groups, str) else list(groups)
    wanted = names if outcome is None else [outcome, *names]
    columns = observations(data, list(dict.fromkeys(wanted)), "")
    columns = columns.set_axis(ids, axis=0)
    labels = None if outcome is None else columns[outcome]
    return labels, {name: columns[name] for name in names}


def by_modality(given: Mapping[str, str] | str | None, known: Iterable[str], what: str) -> dict:
    """The same word for every modality, or the given words by modality.

    Raises
    ------
    InputError
        For names that are no modality.
    """
    if given is None or isinstance(given, str):
        return dict.fromkeys(known, given)
    faults = Faults(what)
    for name in given:
        if name not in known:
            faults.add(f"no modality {name!r}{nearest(name, known)}")
    faults.stop()
    return dict(given)
