"""Alias tables: which symbol a retired, synonymous or technical name of a gene stands for."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.errors import InputError, examples
from graphfuse.graph.gene.edge_cleaning import is_id, tidy_symbol
from graphfuse.graph.pair_table import pair_table, readable
from graphfuse.graph.read_edges import plain_headings

log = logging.getLogger(__name__)

# Headings of the column of symbols, and the sources in STRING's protein.aliases that hold symbols,
# best first.
SYMBOL_HEADINGS = (
    "symbol",
    "gene_symbol",
    "approved symbol",
    "hgnc_symbol",
    "preferred_name",
    "gene name",
    "gene_name",
)
NAME_HEADINGS = ("name", "alias", "id", "previous symbol", "previous symbols", "synonym")
STRING_SOURCES = ("Ensembl_HGNC_symbol", "BioMart_HUGO", "UniProt_GN_Name", "Ensembl_UniProt_GN")
_BLANK = {"", "-", "na", "nan", "none"}
_SEVERAL = re.compile(r"\s*[|,;]\s*")


@dataclass(frozen=True, eq=False)
class Renamed:
    """Names after an alias table: `names`, one for each that was given; `changed` (old → new);
    `ambiguous` and `known`, which are left as they were."""

    names: tuple[str | None, ...]
    changed: dict[str, str]
    ambiguous: tuple[str, ...]
    known: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Aliases:
    """An alias table: which symbol a name stands for.

    A symbol is never renamed, so that applying a table twice changes nothing more.

    Parameters
    ----------
    title : str
        What messages call the table.
    table : dict of str to str
        Name → symbol, for names that stand for one symbol only.
    ambiguous : frozenset of str
        Names that stand for two symbols or more; they are left as they are.
    symbols : frozenset of str
        Every symbol of the table.
    """

    title: str
    table: dict[str, str]
    ambiguous: frozenset[str] = frozenset()
    symbols: frozenset[str] = frozenset()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], title: str = "aliases") -> Aliases:
        """From (name, symbol) pairs; Ensembl ids lose taxon and version, blank pairs are passed
        over."""
        symbols_of: dict[str, set[str]] = {}
        for name, symbol in pairs:
            symbol = tidy_symbol(str(symbol))
            for part in map(tidy_symbol, _SEVERAL.split(str(name))):
                if part.lower() not in _BLANK and symbol.lower() not in _BLANK:
                    symbols_of.setdefault(part, set()).add(symbol)
        symbols = frozenset().union(*symbols_of.values())
        table, ambiguous = {}, set()
        for name, its_symbols in symbols_of.items():
            if name in symbols:
                continue
            if len(its_symbols) == 1:
                table[name] = min(its_symbols)
            else:
                ambiguous.add(name)
        return cls(title, table, frozenset(ambiguous), symbols)

    @classmethod
    def read(cls, path: str | Path) -> Aliases:
        """The table at `path` (csv, tsv, gz): a name and its symbol, headings optional; several
        names of one symbol may share a cell (`MLL|HRX`). Raises `InputError` for files that cannot
        be read or hold no pair."""
        path = Path(path)
        if not path.is_file():
            raise InputError(
                f"{path}: no such alias table; give a file with two columns, name and symbol"
            )
        with readable(path, "an alias table", "csv or tsv"):
            pairs = _pairs(path)
        aliases = cls.of(pairs, path.name)
        if not aliases.symbols:
            raise InputError(
                f"{path}: no row has a name and a symbol; give two columns, name and symbol"
            )
        log.info(
            "%s: %d names of %d symbols, %d ambiguous",
            path.name,
            len(aliases.table),
            len(aliases.symbols),
            len(aliases.ambiguous),
        )
        return aliases

    def apply(self, names: Sequence[str | None], known: Collection[str] = ()) -> Renamed:
        """Every name as its symbol where the table knows one; names in `known`, symbols and
        ambiguous names stay.

        Ensembl ids lose taxon and version in any case. `None` stays `None`.
        """
        known = frozenset(known)
        tidy = [None if name is None else tidy_symbol(name) for name in names]
        distinct = {name for name in tidy if name is not None}
        in_table = distinct & self.table.keys()
        changed = {name: self.table[name] for name in sorted(in_table - known)}
        ambiguous = sorted(distinct & self.ambiguous - known)
        renamed_names = tuple(changed.get(name, name) for name in tidy)
        return Renamed(renamed_names, changed, tuple(ambiguous), tuple(sorted(in_table & known)))

    def nodes(self, names: Sequence[str]) -> Renamed:
        """`apply` to the names of a network: two nodes are never made one, unless the alias is an
        id and no symbol."""
        nodes = {tidy_symbol(name) for name in names}
        two_nodes = {name for name in nodes if self.table.get(name) in nodes}
        kept = {name for name in two_nodes if not is_id(name)}
        return self.apply(names, kept)


NO_ALIASES = Aliases("no aliases", {})


def renamed(
    cohort: Cohort, aliases: Aliases = NO_ALIASES, known: Collection[str] = ()
) -> tuple[Cohort, list[str]]:
    """The cohort with its symbols renamed, and what to tell the user; columns and values stay.

    `known`: genes of the network, which keep their names. Without a table only taxon and version of
    Ensembl ids go.
    """
    modalities, notices = {}, []
    for name, modality in cohort.modalities.items():
        renaming = aliases.apply(modality.symbols, known)
        if renaming.names != modality.symbols:
            modality = replace(modality, symbols=renaming.names)
        modalities[name] = modality
        summary = _in_words(renaming)
        if summary:
            notices.append(f"{aliases.title} on {name}: {summary}")
    is_same = all(modalities[name] is modality for name, modality in cohort.modalities.items())
    if is_same:
        return cohort, notices
    return replace(cohort, modalities=modalities), notices


def _in_words(renaming: Renamed) -> str:
    """Counts and examples in words; empty where nothing happened."""
    parts = []
    if renaming.changed:
        shown = examples(f"{old} is {new}" for old, new in renaming.changed.items())
        parts.append(f"{len(renaming.changed):,} symbols renamed ({shown})")
    if renaming.ambiguous:
        parts.append(
            f"{len(renaming.ambiguous):,} stand for more than one symbol and are left "
            f"({examples(renaming.ambiguous)})"
        )
    if renaming.known:
        parts.append(
            f"{len(renaming.known):,} are genes of the network themselves and are left "
            f"({examples(renaming.known)})"
        )
    return "; ".join(parts)


# ------------------------------------------------------------------------------------------ reading


def _pairs(path: Path) -> Iterable[tuple[str, str]]:
    """(name, symbol) of every row of the file."""
    table = pair_table(path, lambda first, rows: _is_heading(first))
    if table.width < 2:
        raise ValueError("it has one column")
    headings = plain_headings(table.names or [""] * table.width)
    if headings[1:3] == ["alias", "source"]:
        # STRING's protein.aliases: id, any other name, who says so
        return _of_string(table.read([0, 1, 2], dict.fromkeys(range(3), "category")))
    symbol = _first_place(headings, SYMBOL_HEADINGS, default=1)
    name = _first_place(headings, NAME_HEADINGS, default=int(symbol == 0))
    frame = table.read([name, symbol], {name: str, symbol: str}).fillna("")
    return zip(frame[name], frame[symbol], strict=True)


def _first_place(headings: list[str], wanted: Sequence[str], default: int) -> int:
    """The position of the first of the wanted headings that is there."""
    return next((headings.index(heading) for heading in wanted if heading in headings), default)


def _is_heading(first: Sequence[str]) -> bool:
    """Whether the cells of a line name columns."""
    known = {*SYMBOL_HEADINGS, *NAME_HEADINGS, "#string_protein_id", "string_protein_id"}
    as_written = {cell.lower() for cell in first}
    return bool(known & {*as_written, *plain_headings(first)})


def _of_string(frame: pd.DataFrame) -> Iterable[tuple[str, str]]:
    """(id, symbol) from STRING's protein.aliases, by the best of its sources that names symbols."""
    sources = sorted(frame[2].cat.categories)
    best = next((source for source in STRING_SOURCES if source in sources), None)
    if best is None:
        raise ValueError(
            f"none of its sources names symbols ({examples(sources)}); take protein.info instead"
        )
    chosen = frame[frame[2] == best]
    return zip(chosen[0], chosen[1], strict=True)
