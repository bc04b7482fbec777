"""Checks of tables in memory: ids, names of columns, types, labels, groups."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd

from graphfuse.data.numeric_tables import plain
from graphfuse.data.read.check_id_column import NotTheIds, check_first_column
from graphfuse.data.read.request import names_as_text
from graphfuse.errors import Faults, counted, examples, nearest, warn_once
from graphfuse.schema.names import TAKEN_BY_LAYERS, TAKEN_BY_TABLES, name_fault
from graphfuse.text.id_spelling import ids_as_text, missing_words, visible

log = logging.getLogger(__name__)

TYPES = ("numeric", "categorical", "ordinal", "date")
_MADE_TEXT = ("nan", "NaN", "<NA>", "NaT")  # what astype(str) makes of missing values


def checked_tables(tables: Mapping[str, pd.DataFrame], faults: Faults) -> dict[str, pd.DataFrame]:
    """Tables with ids and names of columns as text.

    Parameters
    ----------
    tables
        Patients × columns, by the names of modalities.
    faults
        A fault is added for each table that is no frame, and for ids or names that are missing or
        repeated.

    Returns
    -------
    dict of pd.DataFrame
        The tables that can be used.
    """
    if not tables:
        faults.add(
            'tables: expected {"name": DataFrame, …}, a patients × columns frame for each '
            f"modality (got {_what(tables)})"
        )
        return {}
    checked = {}
    for name, frame in tables.items():
        _check_name(name, f"table {name!r}", TAKEN_BY_LAYERS, faults)
        if not isinstance(frame, pd.DataFrame):
            faults.add(
                f"table {name!r}: expected a DataFrame indexed by patient (got {_what(frame)}); "
                "pd.DataFrame(values, index=ids, columns=names) makes one"
            )
            continue
        checked[name] = _checked_frame(frame, f"table {name!r}", faults)
    return checked


def _check_name(name, where: str, taken: Collection[str], faults: Faults) -> None:
    """A fault where a modality, outcome or group cannot have this name."""
    if not isinstance(name, str):
        faults.add(f"{where}: a name is text (got {type(name).__name__}); rename it")
    elif name_fault(name, taken):
        faults.add(f"{where}: {name_fault(name, taken)}")


def _what(given) -> str:
    """The type of an argument, in words."""
    return "nothing" if isinstance(given, Mapping) else type(given).__name__


def _checked_frame(frame: pd.DataFrame, where: str, faults: Faults) -> pd.DataFrame:
    """One table with ids and names of columns as text, and columns of numpy's types."""
    index = _checked_ids(frame.index, where, faults)
    if isinstance(frame.columns, pd.MultiIndex):
        faults.add(f"{where}: columns are named on several levels; give each one name")
        return frame.set_axis(index, axis=0)
    columns = pd.Index(names_as_text(frame.columns), dtype=object)
    nameless = int(frame.columns.isna().sum())
    if nameless:
        faults.add(f"{where}: {counted(nameless, 'column has', 'columns have')} no name")
    if columns.has_duplicates:
        twice = columns[columns.duplicated()].unique()
        faults.add(
            f"{where}: {len(twice)} columns appear more than once ({examples(twice)}); keep or "
            "average one each"
        )
        return frame.set_axis(index, axis=0)
    named = frame.set_axis(columns, axis=1)
    try:
        check_first_column(
            where,
            frame.index.name,
            index,
            list(columns),
            named.__getitem__,
            cure='.set_index("{}") makes them the index',
            warns=False,
        )
    except NotTheIds as error:
        faults.add(str(error).replace("its first column", "its index"))
    return plain(named.set_axis(index, axis=0))


def _checked_ids(index: pd.Index, where: str, faults: Faults) -> pd.Index:
    """Ids as text; a fault where they are missing or repeated."""
    if isinstance(index, pd.MultiIndex):
        faults.add(f"{where}: the index has several levels; one id a patient is needed")
    ids = ids_as_text(index)
    blank = (ids == "") | missing_words(ids)
    if blank.any():
        faults.add(
            f"{where}: {counted(int(blank.sum()), 'row has', 'rows have')} no patient id in the "
            "index (blank or missing); fill or remove them"
        )
    known = ids[~blank]
    if known.has_duplicates:
        faults.add(
            f"{where}: {known[known.duplicated()].nunique()} patient ids appear more than once; "
            "keep or average one row each"
        )
    return ids


def checked_series(given, what: str, faults: Faults) -> pd.Series | None:
    """Labels or groups indexed by patient id as text; None after a fault.

    Parameters
    ----------
    given
        A Series indexed by patient.
    what
        Its name in messages: "outcome" or "group 'site'".
    faults
        A fault is added where it is no Series, or ids are missing or repeated.
    """
    if not isinstance(given, pd.Series):
        faults.add(
            f"{what}: expected a pandas Series indexed by patient (got {type(given).__name__})"
        )
        return None
    before = len(faults.messages)
    series = given.set_axis(_checked_ids(given.index, what, faults), axis=0)
    if len(faults.messages) > before:
        return None
    values = series.astype(object).where(series.notna(), np.nan)
    seen = values.map(lambda value: visible(value) if isinstance(value, str) else value)
    if seen.map(_is_collection).any():
        faults.add(f"{what}: holds lists or other collections; one value a patient is needed")
        return None
    return seen.where(seen != "", np.nan).infer_objects()


def _is_collection(value) -> bool:
    """Whether a cell holds several values."""
    return isinstance(value, list | dict | set | tuple | np.ndarray)


def checked_labels(outcome: pd.Series | None, faults: Faults) -> pd.Series | None:
    """Labels indexed by patient id as text; None where there are none, or after a fault.

    Parameters
    ----------
    outcome
        A Series indexed by patient, or None.
    faults
        As of `checked_series`; and one is added where labels are missing values that became text.
    """
    labels = None if outcome is None else checked_series(outcome, "outcome", faults)
    if labels is not None:
        check_labels(labels, faults)
    return labels


def check_labels(labels: pd.Series, faults: Faults) -> None:
    """A fault where labels are missing values that became text."""
    name = str(labels.name or "outcome")
    where = f"outcome {name!r}"
    _check_name(name, where, TAKEN_BY_TABLES, faults)
    is_made = labels.isin(_MADE_TEXT)
    if is_made.any():
        count = counted(int(is_made.sum()), "label is", "labels are")
        first = labels[is_made].iloc[0]
        faults.add(
            f"{where}: {count} the text {first!r}, which astype(str) makes of a missing value; "
            "leave them missing"
        )
    if labels.isin(["None"]).any():
        warn_once(log, f"{where}: 'None' is taken for a class; leave labels missing where unknown")


def checked_symbols(
    symbols: Mapping[str, Mapping[str, str]] | None,
    tables: Mapping[str, pd.DataFrame],
    faults: Faults,
) -> dict[str, dict[str, str]]:
    """Gene symbols by table and column.

    Parameters
    ----------
    symbols
        For each gene table, name of column → gene symbol; None: of no table.
    tables
        Checked tables by name.
    faults
        A fault is added for tables and columns that are not there.

    Returns
    -------
    dict of dict of str
        Without symbols that are missing or blank.
    """
    checked = {}
    for name, genes in _of_tables(symbols or {}, "symbols", tables, faults):
        if isinstance(genes, pd.Series):
            genes = genes.to_dict()
        if not isinstance(genes, Mapping):
            faults.add(
                f"symbols of {name!r}: expected {{column: symbol}} (got {type(genes).__name__})"
            )
            continue
        named = {str(column).strip(): symbol for column, symbol in genes.items()}
        _check_mapped(named, name, tables[name].columns, faults)
        known = {column: gene for column, gene in named.items() if isinstance(gene, str)}
        checked[name] = {column: gene.strip() for column, gene in known.items() if gene.strip()}
    return checked


def _check_mapped(named: Iterable[str], table: str, columns: pd.Index, faults: Faults) -> None:
    """A fault where symbols are given to columns that the table does not have."""
    unknown = [column for column in named if column not in columns]
    if unknown:
        meant = nearest(unknown[0], columns) if len(unknown) == 1 else ""
        count = counted(len(unknown), "column is", "columns are")
        faults.add(f"symbols of {table!r}: {count} not in the table ({examples(unknown)}){meant}")


def checked_types(
    ehr: Mapping[str, Mapping[str, str]] | Iterable[str] | None,
    tables: Mapping[str, pd.DataFrame],
    faults: Faults,
) -> dict[str, dict[str, str]]:
    """Types of columns by EHR table.

    Parameters
    ----------
    ehr
        Names of tables that are records, or for each the types of its columns; None: none is.
    tables
        Checked tables by name.
    faults
        A fault is added for tables, columns and types that are not known.

    Returns
    -------
    dict of dict of str
        The types that can be used, an empty dict for a table where all are to be guessed.
    """
    names = [ehr] if isinstance(ehr, str) else ehr or ()
    given = names if isinstance(names, Mapping) else {name: {} for name in names}
    checked = {}
    for name, types in _of_tables(given, "ehr", tables, faults):
        if isinstance(types, Mapping):
            checked[name] = _usable_types(types, name, tables[name].columns, faults)
        else:
            faults.add(f"ehr of {name!r}: expected {{column: type}} (got {type(types).__name__})")
    return checked


def _usable_types(
    types: Mapping[str, str], table: str, columns: pd.Index, faults: Faults
) -> dict[str, str]:
    """The types that are known, of columns that are there; a fault for each other."""
    usable = {}
    for column, kind in types.items():
        is_there, is_type = column in columns, _is_type(kind)
        if not is_there:
            faults.add(f"ehr of {table!r}: no column {column!r}{nearest(str(column), columns)}")
        if not is_type:
            meant = nearest(str(kind), TYPES)
            faults.add(f"ehr of {table!r}: {column!r} cannot be of type {kind!r}{meant}")
        if is_there and is_type:
            usable[column] = kind
    return usable


def _is_type(kind) -> bool:
    """Whether this is a type's name, or a list of an ordinal's levels."""
    return kind in TYPES if isinstance(kind, str) else isinstance(kind, list | tuple)


def _of_tables(given: Mapping, what: str, tables: Mapping, faults: Faults):
    """The entries whose key is a table; a fault for each other key."""
    for key in given:
        if key not in tables:
            faults.add(f"{what}: {key!r} is no table{nearest(str(key), tables)}")
    return [(key, value) for key, value in given.items() if key in tables]


def checked_groups(groups: Mapping[str, pd.Series] | None, faults: Faults) -> dict[str, pd.Series]:
    """Groups by name, each indexed by patient id as text; adds faults for the others."""
    if groups is None:
        return {}
    for name in groups:
        _check_name(str(name), f"group {name!r}", TAKEN_BY_TABLES, faults)
    checked = {}
    for name, given in groups.items():
        series = checked_series(given, f"group {name!r}", faults)
        if series is not None:
            checked[str(name)] = series
    return checked
