"""Which gene a column of a modality measures."""

from __future__ import annotations

import re
from pathlib import Path

from graphfuse.data.read import read_table
from graphfuse.errors import InputError, examples
from graphfuse.schema import ModalitySpec

_DATED = re.compile(
    r"^(\d{1,2}-(mar|sep|sept|dec|oct|apr|feb)|(mar|sep|dec|oct)-\d{1,2}|4[0-9]{4}|\d\.\d+E\+\d+)$",
    re.IGNORECASE,
)


def gene_symbols(
    columns: list[str], spec: ModalitySpec, table: Path | None = None
) -> tuple[str | None, ...]:
    """Gene symbol per column, `None` where there is none.

    By `ids = "ensembl"` through `table` (Ensembl id, symbol), by the pattern `symbol`, else the
    column's own name where the entity is gene. Raises `InputError` where a declared way maps no
    column at all.
    """
    if spec.ids == "ensembl":
        found = _by_table(columns, table)
        way = f"map = {spec.map!r}"
    elif spec.symbol is not None:
        found = _by_pattern(columns, spec.symbol)
        way = f"symbol = {spec.symbol!r}"
    else:
        return tuple(columns) if spec.entity == "gene" else (None,) * len(columns)
    if columns and not any(found):
        raise InputError(
            f"{way} yields no gene symbol for any column (columns: {examples(columns)}); correct it"
        )
    return found


def _by_pattern(columns: list[str], pattern: str) -> tuple[str | None, ...]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"symbol = {pattern!r} is no regular expression ({error})") from None
    matches = [compiled.search(column) for column in columns]
    return tuple((m[1 if compiled.groups else 0] or None) if m else None for m in matches)


def _by_table(columns: list[str], table: Path | None) -> tuple[str | None, ...]:
    """Symbols of Ensembl ids, whatever their version (ENSG….12)."""
    frame = read_table(table)
    if frame.shape[1] == 0:
        raise InputError(f"{table}: expected two columns, Ensembl id and symbol")
    pairs = frame.iloc[:, 0].dropna().astype(str)
    genes = {unversioned(key): symbol for key, symbol in pairs.items()}
    return tuple(genes.get(unversioned(column)) for column in columns)


def unversioned(name: str) -> str:
    """'ENSG00000141510.17' → 'ENSG00000141510'."""
    return name.split(".")[0].upper()


def turned_into_dates(columns: list[str]) -> list[str]:
    """Columns that look like gene names a spreadsheet made into dates or numbers (2-Sep, 43891)."""
    return [column for column in columns if _DATED.match(column)]
