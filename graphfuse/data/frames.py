"""Tables in memory, checked as files are: ids, names of columns, values, labels."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from graphfuse.data.ehr import Records, typed
from graphfuse.data.modality import Modality
from graphfuse.data.numeric import check_range, numeric, plain
from graphfuse.data.read.id_column import NotTheIds, check_first_column
from graphfuse.data.read.wanted import names_as_text
from graphfuse.errors import Faults, InputError, counted, examples, nearest, warn_once
from graphfuse.schema.names import TAKEN_BY_LAYERS, TAKEN_BY_TABLES, name_fault
from graphfuse.text.spelling import ids_as_text, missing_words, visible

log = logging.getLogger(__name__)

TYPES = ("numeric", "categorical", "ordinal", "date")
_MADE_TEXT = ("nan", "NaN", "<NA>", "NaT")  # what astype(str) makes of missing values


def checked_tables(tables: Mapping[str, pd.DataFrame], faults: Faults) -> dict[str, pd.DataFrame]:
    """Tables with ids and names of columns as text; what is wrong becomes a fault.

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
        Those that can be used.
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
    """A fault where a modality, outcome or group cannot be called so."""
    if not isinstance(name, str):
        faults.add(f"{where}: a name is text (got {type(name).__name__}); rename it")
    elif name_fault(name, taken):
        faults.add(f"{where}: {name_fault(name, taken)}")


def _what(thing) -> str:
    return "nothing" if isinstance(thing, Mapping) else type(thing).__name__


def _checked_frame(frame: pd.DataFrame, where: str, faults: Faults) -> pd.DataFrame:
    """One table with ids and columns as text and plain types of columns."""
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
            f"{where}: {len(twice)} columns stand more than once ({examples(twice)}); keep or "
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
            tell=False,
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
            f"{where}: {known[known.duplicated()].nunique()} patient ids stand more than once; "
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
        What it is, for messages: "outcome" or "group 'site'".
    faults
        A fault is added where it is no Series, or ids are missing or repeated.
    """
    if not isinstance(given, pd.Series):
        faults.add(
            f"{what}: expected a pandas Series indexed by patient (got {type(given).__name__})"
        )
        return None
    before = len(faults.found)
    series = given.set_axis(_checked_ids(given.index, what, faults), axis=0)
    if len(faults.found) > before:
        return None
    values = series.astype(object).where(series.notna(), np.nan)
    seen = values.map(lambda value: visible(value) if isinstance(value, str) else value)
    if seen.map(_is_collection).any():
        faults.add(f"{what}: holds lists or other collections; one value a patient is needed")
        return None
    return seen.where(seen != "", np.nan).infer_objects()


def _is_collection(value) -> bool:
    return isinstance(value, list | dict | set | tuple | np.ndarray)


def check_labels(labels: pd.Series, faults: Faults) -> None:
    """A fault where labels are missing values that became text."""
    where = f"outcome {str(labels.name or 'outcome')!r}"
    _check_name(str(labels.name or "outcome"), where, TAKEN_BY_TABLES, faults)
    made = labels.isin(_MADE_TEXT)
    if made.any():
        faults.add(
            f"{where}: {counted(int(made.sum()), 'label is', 'labels are')} the text "
            f"{labels[made].iloc[0]!r}, which astype(str) makes of a missing value; leave them "
            "missing"
        )
    if labels.isin(["None"]).any():
        warn_once(log, f"{where}: 'None' is taken for a class; leave labels missing where unknown")


def checked_symbols(
    symbols: Mapping[str, Mapping[str, str]] | None,
    tables: Mapping[str, pd.DataFrame],
    faults: Faults,
) -> dict[str, dict[str, str]]:
    """Symbols by table and column; a fault for tables and columns that are not there."""
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
        strange = [column for column in named if column not in tables[name].columns]
        if strange:
            meant = nearest(strange[0], tables[name].columns) if len(strange) == 1 else ""
            faults.add(
                f"symbols of {name!r}: {counted(len(strange), 'column is', 'columns are')} not in "
                f"the table ({examples(strange)}){meant}"
            )
        known = {column: gene for column, gene in named.items() if isinstance(gene, str)}
        checked[name] = {column: gene.strip() for column, gene in known.items() if gene.strip()}
    return checked


def checked_types(
    ehr: Mapping[str, Mapping[str, str]] | Iterable[str] | None,
    tables: Mapping[str, pd.DataFrame],
    faults: Faults,
) -> dict[str, dict[str, str]]:
    """Types of columns by EHR table; a fault for tables, columns and types that are not known."""
    names = [ehr] if isinstance(ehr, str) else ehr or ()
    given = names if isinstance(names, Mapping) else {name: {} for name in names}
    checked = {}
    for name, types in _of_tables(given, "ehr", tables, faults):
        if not isinstance(types, Mapping):
            faults.add(f"ehr of {name!r}: expected {{column: type}} (got {type(types).__name__})")
            continue
        for column, kind in types.items():
            if column not in tables[name].columns:
                meant = nearest(str(column), tables[name].columns)
                faults.add(f"ehr of {name!r}: no column {column!r}{meant}")
            if not _is_type(kind):
                meant = nearest(str(kind), TYPES)
                faults.add(f"ehr of {name!r}: {column!r} cannot be of type {kind!r}{meant}")
        there = tables[name].columns
        usable = {key: kind for key, kind in types.items() if key in there and _is_type(kind)}
        checked[name] = usable
    return checked


def _is_type(kind) -> bool:
    """A type's name, or an ordinal's levels in their order."""
    return kind in TYPES if isinstance(kind, str) else isinstance(kind, list | tuple)


def _of_tables(given: Mapping, what: str, tables: Mapping, faults: Faults):
    """The entries whose key is a table; a fault for each other key."""
    for key in given:
        if key not in tables:
            faults.add(f"{what}: {key!r} is no table{nearest(str(key), tables)}")
    return [(key, value) for key, value in given.items() if key in tables]


def checked_groups(groups: Mapping[str, pd.Series] | None, faults: Faults) -> dict[str, pd.Series]:
    """Groups by name, each indexed by patient id as text; what is wrong becomes a fault."""
    if groups is None:
        return {}
    for name in groups:
        _check_name(str(name), f"group {name!r}", TAKEN_BY_TABLES, faults)
    found = {
        str(name): checked_series(given, f"group {name!r}", faults)
        for name, given in groups.items()
    }
    return {name: series for name, series in found.items() if series is not None}


def modality(
    name: str,
    frame: pd.DataFrame,
    types: Mapping[str, str | Sequence[str]] | None,
    genes: Mapping[str, str],
    faults: Faults,
    notices: list[str],
) -> Modality:
    """One modality over the patients of its table.

    Parameters
    ----------
    name
        What it is called.
    frame
        A checked table.
    types
        Types of columns where the table holds records; None where it holds measurements.
    genes
        Name of column → gene symbol.
    faults
        A fault is added where columns hold what they cannot.
    notices
        What is told of records, such as bounds among numbers.
    """
    where = f"table {name!r}"
    if types is not None:
        read = _records(frame, types, where, faults)
        notices += [f"{where}: {notice}" for notice in read.notices]
        return Modality(name, read.table, "ehr", types=read.types, levels=read.levels)
    try:
        table = numeric(frame, where)
    except InputError as error:
        faults.add(str(error))
        table = frame
    symbols = tuple(genes.get(column) for column in frame.columns)
    entity = "gene" if any(symbols) else "none"
    return Modality(name, table, entity=entity, symbols=symbols)


def _records(frame: pd.DataFrame, types: Mapping[str, str], where: str, faults: Faults) -> Records:
    """An EHR table read as those of files are, types guessed where silent."""
    found = typed(frame, types, where, faults)
    check_range(found.table.select_dtypes("number"), where, faults)
    return found
