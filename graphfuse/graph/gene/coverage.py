"""Coverage: how many of a cohort's columns a gene network can use, and why others are lost."""

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
    """How a network covers a cohort.

    Parameters
    ----------
    network : str
        The network's name.
    steps : pd.DataFrame
        `modality, step, count, share, lost, reason, examples` (see `by_step`).
    lost : pd.DataFrame
        `modality, reason, count, examples` (see `by_reason`).
    notices : list of str
        What looks wrong with the names of genes.
    """

    network: str
    steps: pd.DataFrame
    lost: pd.DataFrame
    notices: list[str]

    def __str__(self) -> str:
        if self.steps.empty:
            return f"gene network {self.network}: no modality has a gene symbol"
        lines = [f"gene network {self.network}:"]
        for name, steps in self.steps.groupby("modality", sort=False):
            counts = [f"{row['count']:,} {row['step']}" for row in steps.to_dict("records")]
            lines.append(f"  {name}: " + ", ".join(counts))
            lost = self.lost[self.lost["modality"] == name]
            for row in lost.to_dict("records"):
                lines.append(f"    {row['count']:,} lost: {row['reason']} ({row['examples']})")
        lines += [f"  - {notice}" for notice in self.notices]
        return "\n".join(lines)


def cover(network: GeneNetwork, cohort: Cohort, aliases: Aliases = NO_ALIASES) -> Coverage:
    """How a network covers every modality with a gene symbol.

    Parameters
    ----------
    network : GeneNetwork
    cohort : Cohort
    aliases : Aliases
        Symbols that this table would rename are counted as such.

    Returns
    -------
    Coverage
    """
    steps, lost, notices = [], [], []
    for modality in cohort.modalities.values():
        if not any(modality.symbols):
            continue
        name = modality.name
        steps.append(by_step(network, modality).reset_index().assign(modality=name))
        lost.append(by_reason(network, modality, aliases).assign(modality=name))
        notices += [f"{name}: {notice}" for notice in suspicions(network, modality.symbols)]
    return Coverage(network.name, _joined(steps), _joined(lost), notices)


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def by_step_with_warnings(network: GeneNetwork, modality: Modality) -> pd.DataFrame:
    """`by_step`, with a warning in the log for what looks wrong with the modality's symbols."""
    for suspicion in suspicions(network, modality.symbols):
        log.warning("%s on %s: %s", modality.name, network.name, suspicion)
    return by_step(network, modality)


def by_step(network: GeneNetwork, modality: Modality) -> pd.DataFrame:
    """How many of a modality's columns the network can use, step by step.

    Parameters
    ----------
    network : GeneNetwork
    modality : Modality
        F columns.

    Returns
    -------
    pd.DataFrame
        Index `step`; `count` of columns left, their `share` of all, `lost` since the row above, the
        `reason`, and `examples` of three lost columns.
    """
    known, linked = set(network.genes), _linked(network, modality)
    symbols, columns = modality.symbols, modality.columns
    has_symbol = [symbol is not None for symbol in symbols]
    in_network = [symbol in known for symbol in symbols]
    in_edge = [symbol in linked for symbol in symbols]
    kept_at = {
        ("columns measured", ""): [True] * len(symbols),
        ("with a gene symbol", "no gene symbol"): has_symbol,
        ("symbol in the network", "not in the network"): in_network,
        ("in an edge among measured genes", "isolated"): in_edge,
    }
    rows, before = [], np.ones(len(symbols), bool)
    for (step, reason), flags in kept_at.items():
        kept = np.array(flags, bool)
        lost_at = np.flatnonzero(before & ~kept)
        lost = [str(columns[i]) for i in lost_at]
        count = int(kept.sum())
        share = float(kept.mean()) if len(kept) else 0.0
        rows.append((step, count, share, len(lost), reason, ", ".join(lost[:3])))
        before = kept
    facts = ["step", "count", "share", "lost", "reason", "examples"]
    return pd.DataFrame(rows, columns=facts).set_index("step")


def by_reason(
    network: GeneNetwork, modality: Modality, aliases: Aliases = NO_ALIASES
) -> pd.DataFrame:
    """Why columns are in no edge, the most frequent reason first.

    Parameters
    ----------
    network : GeneNetwork
    modality : Modality
    aliases : Aliases
        Symbols that this table would rename are counted as such.

    Returns
    -------
    pd.DataFrame
        `reason, count, examples`; every lost column counts once.
    """
    known, linked = frozenset(network.genes), _linked(network, modality)
    folded = {gene.upper(): gene for gene in network.genes}
    symbols = [symbol for symbol in modality.symbols if symbol]
    dates = frozenset(date_genes.turned_into_dates(symbols))
    lost_by_reason: dict[str, list[str]] = {}
    for column, symbol in zip(modality.columns, modality.symbols, strict=True):
        if symbol not in linked:
            reason = _reason(symbol, known, folded, aliases, dates)
            lost_by_reason.setdefault(reason, []).append(_shown(column, symbol))
    rows = [(reason, len(lost), examples(lost)) for reason, lost in lost_by_reason.items()]
    rows.sort(key=lambda row: (-row[1], row[0]))
    return pd.DataFrame(rows, columns=["reason", "count", "examples"])


def _reason(
    symbol: str | None,
    known: frozenset[str],
    folded: dict[str, str],
    aliases: Aliases,
    dates: frozenset[str],
) -> str:
    """Why a symbol is in no edge.

    `known`: genes of the network; `folded`: these in capitals → as they are; `dates`: symbols that
    look like dates.
    """
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
    """A column's name, and its symbol where that is another."""
    return str(column) if symbol in (None, column) else f"{column}: {symbol}"


def suspicions(network: GeneNetwork, symbols: Sequence[str | None]) -> list[str]:
    """What looks wrong with the names of measured genes: dates, another case, another species, ids
    of another kind."""
    named = sorted({symbol for symbol in symbols if symbol})
    dates = date_genes.notice(named)
    known, notices = set(network.genes), [dates] if dates else []
    outside = [symbol for symbol in named if symbol not in known]
    if not named or 1 - len(outside) / len(named) >= TINY:
        return notices
    inside = len(named) - len(outside)
    share = f"{inside:,} of {len(named):,} symbols are in the network"
    return [*notices, f"{share}; {_spelling(network, outside)}"]


def _spelling(network: GeneNetwork, outside: list[str]) -> str:
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
