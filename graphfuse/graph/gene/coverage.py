"""What of a cohort a gene network can use, what is lost on the way, and why."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.genes import date_genes
from graphfuse.data.genes.feature_types import mouse_symbols
from graphfuse.data.modality import Modality
from graphfuse.errors import examples
from graphfuse.graph.gene.aliases import NO_ALIASES, Aliases
from graphfuse.graph.gene.edge_cleaning import is_id, tidy_symbol
from graphfuse.graph.gene.network import GeneNetwork

log = logging.getLogger(__name__)

TINY = 0.05  # share of symbols in the network below which names are likely of another kind
# Families that were renamed as a whole, and names given until a gene's function is known.
_RETIRED = re.compile(
    r"^((SEPT|MARCH|MARC)\d{1,2}|DEC1|KIAA\d{4}L?|C\d+orf\d+|CXorf\d+|FAM\d+[A-Z]\d*|LOC\d+|"
    r"FLJ\d+|MGC\d+)$"
)


@dataclass(frozen=True, eq=False)
class Coverage:
    """How a network covers a cohort: `steps` (modality, step, count, share, lost, reason,
    examples), `lost` (modality, reason, count, examples), `notices`, and the network's name."""

    network: str
    steps: pd.DataFrame
    lost: pd.DataFrame
    notices: list[str]

    def __str__(self) -> str:
        if self.steps.empty:
            return f"gene network {self.network}: no modality has a gene symbol"
        lines = [f"gene network {self.network}:"]
        for name, steps in self.steps.groupby("modality", sort=False):
            lines.append(f"  {name}: " + ", ".join(f"{s.count_:,} {s.step}" for s in _rows(steps)))
            lost = self.lost[self.lost["modality"] == name]
            lines += [f"    {r.count_:,} lost: {r.reason} ({r.examples})" for r in _rows(lost)]
        return "\n".join(lines + [f"  - {notice}" for notice in self.notices])


def _rows(frame: pd.DataFrame):
    return frame.rename(columns={"count": "count_"}).itertuples(index=False)


def cover(network: GeneNetwork, cohort: Cohort, aliases: Aliases = NO_ALIASES) -> Coverage:
    """Coverage of every modality with a gene symbol; symbols that `aliases` would rename are told
    as such."""
    steps, lost, notices = [], [], []
    for modality in cohort.modalities.values():
        if any(modality.symbols):
            steps.append(by_step(network, modality).reset_index().assign(modality=modality.name))
            lost.append(by_reason(network, modality, aliases).assign(modality=modality.name))
            notices += [
                f"{modality.name}: {notice}" for notice in suspicions(network, modality.symbols)
            ]
    whole = [
        pd.concat(part, ignore_index=True) if part else pd.DataFrame() for part in (steps, lost)
    ]
    return Coverage(network.name, *whole, notices)


def by_step_with_warnings(network: GeneNetwork, modality: Modality) -> pd.DataFrame:
    """The same as `by_step`; the log tells what looks wrong with the modality's symbols."""
    for suspicion in suspicions(network, modality.symbols):
        log.warning("%s on %s: %s", modality.name, network.name, suspicion)
    return by_step(network, modality)


def by_step(network: GeneNetwork, modality: Modality) -> pd.DataFrame:
    """How many of a modality's columns the network can use, step by step: `count`, `share` of all
    columns, `lost` since the row above, `reason`, `examples` (three lost columns)."""
    known, linked = set(network.genes), _linked(network, modality)
    steps = [
        ("columns measured", "", [True] * len(modality.symbols)),
        (
            "with a gene symbol",
            "no gene symbol",
            [symbol is not None for symbol in modality.symbols],
        ),
        (
            "symbol in the network",
            "not in the network",
            [symbol in known for symbol in modality.symbols],
        ),
        (
            "in an edge among measured genes",
            "isolated",
            [symbol in linked for symbol in modality.symbols],
        ),
    ]
    rows, before = [], np.ones(len(modality.symbols), bool)
    for step, reason, kept in steps:
        kept = np.array(kept, bool)
        lost = [modality.columns[i] for i in np.flatnonzero(before & ~kept)]
        share = kept.mean() if len(kept) else 0.0
        rows.append(
            (step, int(kept.sum()), float(share), len(lost), reason, ", ".join(map(str, lost[:3])))
        )
        before = kept
    return pd.DataFrame(
        rows, columns=["step", "count", "share", "lost", "reason", "examples"]
    ).set_index("step")


def by_reason(
    network: GeneNetwork, modality: Modality, aliases: Aliases = NO_ALIASES
) -> pd.DataFrame:
    """Why columns are in no edge: `reason`, `count`, `examples`, most frequent first; every lost
    column counts once."""
    known, linked = frozenset(network.genes), _linked(network, modality)
    folded = {gene.upper(): gene for gene in network.genes}
    symbols = [symbol for symbol in modality.symbols if symbol]
    dates = frozenset(date_genes.turned_into_dates(symbols))
    found: dict[str, list[str]] = {}
    for column, symbol in zip(modality.columns, modality.symbols, strict=True):
        if symbol not in linked:
            reason = _reason(symbol, known, folded, aliases, dates)
            found.setdefault(reason, []).append(_shown(column, symbol))
    rows = [(reason, len(lost), examples(lost)) for reason, lost in found.items()]
    rows.sort(key=lambda row: (-row[1], row[0]))
    return pd.DataFrame(rows, columns=["reason", "count", "examples"])


def _reason(
    symbol: str | None,
    known: frozenset[str],
    folded: dict[str, str],
    aliases: Aliases,
    dates: frozenset[str],
) -> str:
    """Why a symbol is in no edge; `dates`: symbols that look like dates."""
    if symbol is None:
        return "no gene symbol"
    if symbol in known:
        return "isolated among the measured genes"
    if aliases.table.get(tidy_symbol(symbol)) in known:
        return f"retired or another name: the alias table {aliases.title} would save it"
    if symbol in aliases.ambiguous:
        return "stands for more than one symbol in the alias table"
    if symbol in dates:
        return "made a date or a number by a spreadsheet"
    if is_id(symbol):
        return "an id, not a symbol: map it, by an alias table or by map = in the manifest"
    if symbol.upper() in folded:
        return "differs from a gene of the network in case only"
    if _RETIRED.match(symbol):
        return "a provisional or retired name: an alias table may save it"
    return "not in the network"


def _linked(network: GeneNetwork, modality: Modality) -> set[str]:
    """Genes with an edge among those the modality measures."""
    measured = network.on(modality.symbols)
    return {gene for gene, degree in zip(measured.genes, measured.degree, strict=True) if degree}


def _shown(column, symbol: str | None) -> str:
    return str(column) if symbol in (None, column) else f"{column}: {symbol}"


def suspicions(network: GeneNetwork, symbols: Sequence[str | None]) -> list[str]:
    """What looks wrong with the names of measured genes: dates, another case, another species, ids
    of another kind."""
    named = sorted({symbol for symbol in symbols if symbol})
    dates = date_genes.turned_into_dates(named)
    known, found = set(network.genes), []
    if dates:
        found.append(
            f"{len(dates)} symbols look like genes a spreadsheet turned into dates "
            f"({date_genes.in_words(dates)}); {date_genes.CURE}"
        )
    outside = [symbol for symbol in named if symbol not in known]
    if not named or 1 - len(outside) / len(named) >= TINY:
        return found
    share = f"{len(named) - len(outside):,} of {len(named):,} symbols are in the network"
    return [*found, f"{share}; {_kind(network, outside)}"]


def _kind(network: GeneNetwork, outside: list[str]) -> str:
    """What the names outside the network look like, and the cure."""
    if mouse_symbols(outside):
        return "they are written like mouse genes: map them to human symbols"
    folded = {gene.upper() for gene in network.genes}
    alike = [symbol for symbol in outside if symbol.upper() in folded]
    if len(alike) > len(outside) / 2:
        return (
            f"{len(alike):,} differ in case only ({examples(alike)}): write them as the network "
            "does"
        )
    return (
        f"the network writes {examples(network.genes)}, the table {examples(outside)}: map one "
        "to the other"
    )
