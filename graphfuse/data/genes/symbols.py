"""Which gene a column of a modality measures."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from graphfuse.data.read import column_names, read_table
from graphfuse.data.safe_regex import first_groups
from graphfuse.errors import InputError, counted, examples
from graphfuse.schema import ModalitySpec

# What annotation tables and TCGA's columns (?|100130426) write where a gene has no symbol.
_NO_SYMBOL = ("", "?", "-", "--", "---", ".", "NA", "NaN", "nan")
_ENSEMBL = re.compile(r"^ENS[A-Z]*\d{6,}", re.IGNORECASE)
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
        What a user should be told is appended here.

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
        found = _by_table(columns, table, [] if notices is None else notices)
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
    """The first group of the pattern in each column, or the whole match of one without groups."""
    symbols = first_groups(pattern, columns)
    return tuple(_known_symbol(symbol) for symbol in symbols)


def _known_symbol(symbol: str | None) -> str | None:
    """A symbol without blanks around it; None for what stands in the place of none."""
    plain = (symbol or "").strip()
    return None if plain in _NO_SYMBOL else plain


def _by_table(columns: list[str], table: Path, notices: list[str]) -> tuple[str | None, ...]:
    """Symbols of Ensembl ids, whatever their version (ENSG….12).

    An id with two symbols has none, and is told.
    """
    pairs = _read_pairs(table)
    symbols = pairs.groupby(level=0).unique()
    genes = {key: found[0] for key, found in symbols.items() if len(found) == 1}
    torn = [column for column in columns if len(symbols.get(unversioned(column), ())) > 1]
    if torn:
        several = symbols[unversioned(torn[0])]
        notices.append(
            f"{table.name}: {counted(len(torn), 'column has', 'columns have')} more than one "
            f"symbol ({torn[0]}: {', '.join(sorted(several))}) and count as without one; keep "
            "one row for each id"
        )
    return tuple(genes.get(unversioned(column)) for column in columns)


def _read_pairs(table: Path) -> pd.Series:
    """Symbols indexed by unversioned Ensembl id, rows without a symbol left out."""
    names = column_names(table)
    if len(names) < 2:
        raise InputError(f"{table}: expected two columns, Ensembl id and symbol")
    if _ENSEMBL.match(names[0]):
        raise InputError(f"{table}: its first line is no heading ({examples(names)}); add one")
    wanted = names[1]
    if len(names) > 2:
        headed = [name for name in names[1:] if _SYMBOL_HEADING.match(name)]
        if len(headed) != 1:
            which = examples(headed) if headed else "none of them"
            raise InputError(
                f"{table}: which column holds the symbols, of {examples(names[1:], 6)}? "
                f"({which} is called so); keep two columns, Ensembl id and symbol"
            )
        wanted = headed[0]
    frame = read_table(table, columns=[wanted], repeats=True, as_text=True)
    symbols = frame.iloc[:, 0].dropna()
    symbols = symbols[~symbols.isin(_NO_SYMBOL)]
    if len(symbols) and symbols.str.fullmatch(r"\d+(\.0)?").mean() > 0.5:
        raise InputError(
            f"{table}: column {wanted!r} holds numbers ({examples(symbols.iloc[:3])}), as ids of "
            "Entrez are; the gene network knows symbols"
        )
    return symbols.set_axis(symbols.index.map(unversioned))


def unversioned(name: str) -> str:
    """'ENSG00000141510.17' → 'ENSG00000141510'."""
    return name.split(".")[0].upper()
