"""Modalities from checked tables in memory: numbers or records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from graphfuse.data.modality import Modality
from graphfuse.data.numeric_tables import check_range, numeric
from graphfuse.data.records.read_records import Records, typed
from graphfuse.errors import Faults, InputError


def modalities(
    tables: Mapping[str, pd.DataFrame],
    types: Mapping[str, Mapping[str, str]],
    genes: Mapping[str, Mapping[str, str]],
    faults: Faults,
    notices: list[str],
) -> list[Modality]:
    """One modality for each table, over the patients of that table.

    Parameters
    ----------
    tables
        Checked tables by name.
    types
        Name → types of columns, of the tables that hold records.
    genes
        Name → column → gene symbol, of the tables that have any.
    faults, notices
        As of `modality`.
    """
    made = []
    for name, frame in tables.items():
        symbols = genes.get(name, {})
        made.append(modality(name, frame, types.get(name), symbols, faults, notices))
    return made


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
        The name of the modality.
    frame
        A checked table.
    types
        Types of columns where the table holds records; None where it holds measurements.
    genes
        Name of column → gene symbol.
    faults
        A fault is added where columns hold values that they cannot.
    notices
        Notices are added about records, such as bounds among numbers.
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
    """Records read as those of files, with guessed types where none are given."""
    records = typed(frame, types, where, faults)
    check_range(records.table.select_dtypes("number"), where, faults)
    return records
