"""The gene that each column of a modality measures."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from graphfuse.data.genes.ensembl import is_ensembl_id
from graphfuse.data.read import column_names, read_table
from graphfuse.data.safe_regex import first_groups
from graphfuse.errors import InputError, counted, examples
from graphfuse.schema import ModalitySpec

# What annotation tables and TCGA's columns (?|100130426) write where a gene has no symbol.
_NO_SYMBOL = ("", "?", "-", "--", "---", ".", "NA", "NaN", "nan")
_SYMBOL_HEADING = re.compile(
    r"^(gene|hgnc|approved|external[_. ]gene|mgi|official)?[_. ]?(symbols?|gene[_. ]name|name)$",
    re.IGNORECASE,
)


def gene_symbols(
    columns: list[str],
    spec: ModalitySpec,
    table: Path | None = None,
    notices: list[str] | None = None,
) -> tuple[str | None, ...]:
    """The gene symbol of each column.

    Parameters
    ----------
    columns
        Names of the columns of a modality.
    spec
        How they yield symbols: `ids = "ensembl"` by a table, `symbol` by a pattern; else the
        column's own name where the entity is gene.
    table
        The table of Ensembl ids and symbols, for `ids = "ensembl"`.
    notices
        Notices for users are appended here.

    Returns
    -------
    tuple of str or None
        One a column; `None` where a column has no symbol.

    Raises
    ------
    InputError
        Where a declared way maps no column at all, or the table is not one of ids and symbols.
    """
    if spec.ids == "ensembl":
        symbols = _by_table(columns, table, [] if notices is None else notices)
        key = f"map = {spec.map!r}"
    elif spec.symbol is not None:
        symbols = _by_pattern(columns, spec.symbol)
        key = f"symbol = {spec.symbol!r}"
    else:
        return tuple(columns) if spec.entity == "gene" else (None,) * len(columns)
    if columns and not any(symbols):
        raise InputError(
            f"{key} yields no gene symbol for any column (columns: {examples(columns)}); correct it"
        )
    return symbols


def _by_pattern(columns: list[str], pattern: str) -> tuple[str | None, ...]:
    """The first group of the pattern in each column, or the whole match of one without groups."""
    symbols = first_groups(pattern, columns)
    return tuple(_known_symbol(symbol) for symbol in symbols)


def _known_symbol(symbol: str | None) -> str | None:
    """A symbol without blanks around it; None for the words that tables write where there is
    none."""
    plain = (symbol or "").strip()
    return None if plain in _NO_SYMBOL else plain


def _by_table(columns: list[str], table: Path, notices: list[str]) -> tuple[str | None, ...]:
    """Symbols of Ensembl ids, whatever their version (ENSG….12).

    An id with two symbols counts as without one, and a notice is given.
    """
    pairs = _read_pairs(table)
    symbols_of = pairs.groupby(level=0).unique().to_dict()
    genes: list[str | None] = []
    ambiguous = []
    for column in columns:
        symbols = symbols_of.get(unversioned(column), ())
        genes.append(symbols[0] if len(symbols) == 1 else None)
        if len(symbols) > 1:
            ambiguous.append(column)
    if ambiguous:
        first = ambiguous[0]
        several = ", ".join(sorted(symbols_of[unversioned(first)]))
        count = counted(len(ambiguous), "column has", "columns have")
        notices.append(
            f"{table.name}: {count} more than one symbol ({first}: {several}) and count as without "
            "one; keep one row for each id"
        )
    return tuple(genes)


def _read_pairs(table: Path) -> pd.Series:
    """Symbols indexed by unversioned Ensembl id, rows without a symbol left out."""
    wanted = _symbol_column(table)
    frame = read_table(table, columns=[wanted], repeats=True, as_text=True)
    symbols = frame.iloc[:, 0].dropna()
    symbols = symbols[~symbols.isin(_NO_SYMBOL)]
    if len(symbols) and symbols.str.fullmatch(r"\d+(\.0)?").mean() > 0.5:
        raise InputError(
            f"{table}: column {wanted!r} holds numbers ({examples(symbols.iloc[:3])}), as ids of "
            "Entrez are; the gene network knows symbols"
        )
    return symbols.set_axis(symbols.index.map(unversioned))


def _symbol_column(table: Path) -> str:
    """The column of symbols; raises `InputError` where that is not clear."""
    names = column_names(table)
    if len(names) < 2:
        raise InputError(f"{table}: expected two columns, Ensembl id and symbol")
    if is_ensembl_id(names[0].upper()):
        raise InputError(f"{table}: its first line is no heading ({examples(names)}); add one")
    if len(names) == 2:
        return names[1]
    headed = [name for name in names[1:] if _SYMBOL_HEADING.match(name)]
    if len(headed) != 1:
        which = examples(headed) if headed else "none of them"
        raise InputError(
            f"{table}: which column holds the symbols, of {examples(names[1:], 6)}? "
            f"({which} is called so); keep two columns, Ensembl id and symbol"
        )
    return headed[0]


def unversioned(name: str) -> str:
    """'ENSG00000141510.17' → 'ENSG00000141510'."""
    return name.split(".")[0].upper()
