"""Gene networks: which genes interact, from a card, a file or a table, and what of it a modality can use."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from graphfuse.data.fetch import obtain
from graphfuse.data.modality import Modality
from graphfuse.errors import Faults, InputError, examples
from graphfuse.files import read_toml, resolve
from graphfuse.graph.edgelist import clean, read_edges
from graphfuse.schema import NetworkCard

log = logging.getLogger(__name__)

TINY = 0.05  # share of symbols in the network below which names are likely of another kind
_LISTS = (".csv", ".tsv", ".txt", ".gz", ".parquet")
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = re.compile(rf"^(\d{{1,2}}-({_MONTHS})|({_MONTHS})-\d{{1,2}}|\d(\.\d+)?e\+\d+)$", re.IGNORECASE)
_MOUSE = re.compile(r"^[A-Z][a-z0-9]*[a-z][a-z0-9]*$")


@dataclass(frozen=True, eq=False)
class GeneNetwork:
    """Genes and their weighted interactions.

    `genes` sorted; `source`, `target` int64 `[E]` (places in `genes`), `weight` float64 `[E]` > 0. Undirected networks
    hold every edge once with source < target; directed ones point from source to target. `about` says where it comes
    from, `cleaned` how many edges were left out and why.
    """

    name: str
    genes: tuple[str, ...]
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    directed: bool = False
    about: dict = field(default_factory=dict)
    cleaned: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_frame(
        cls, edges: pd.DataFrame, name: str = "network", *, directed: bool = False, min_score: float | None = None
    ) -> GeneNetwork:
        """A network from a frame `source, target[, score]`, cleaned. Raises `InputError` when no edge is left."""
        missing = [column for column in ("source", "target") if column not in edges]
        if missing:
            raise InputError(f"network {name!r}: no column {missing}; got {list(edges.columns)}; rename them")
        found = clean(edges, min_score=min_score, directed=directed, where=f"network {name!r}")
        return cls(name, found.genes, found.source, found.target, found.weight, directed, {}, found.cleaned)

    @property
    def edges(self) -> int:
        return len(self.source)

    @property
    def degree(self) -> np.ndarray:
        """int64 `[G]`: edges of each gene, in and out."""
        return np.bincount(np.concatenate([self.source, self.target]), minlength=len(self.genes)).astype(np.int64)

    def adjacency(self) -> sparse.csr_matrix:
        """float64 `[G, G]`: weights, symmetric for undirected networks, else row = source and column = target."""
        shape = (len(self.genes), len(self.genes))
        arrows = sparse.csr_matrix((self.weight, (self.source, self.target)), shape=shape)
        return arrows if self.directed else (arrows + arrows.T).tocsr()

    def on(self, symbols: Sequence[str | None]) -> GeneNetwork:
        """The network among these genes: edges with both ends measured, in the same order; isolated genes stay."""
        measured = set(symbols)
        kept = np.array([gene in measured for gene in self.genes], bool)
        edges = kept[self.source] & kept[self.target] if len(kept) else np.zeros(0, bool)
        place = np.cumsum(kept) - 1
        return replace(
            self,
            genes=tuple(gene for gene, keep in zip(self.genes, kept, strict=True) if keep),
            source=place[self.source[edges]],
            target=place[self.target[edges]],
            weight=self.weight[edges],
        )

    def smoothing(self, symbols: Sequence[str | None]) -> sparse.csr_matrix:
        """float64 `[F, F]`: the operator that gives each feature what its neighbouring genes say.

        `symbols`: the gene of each of F features, `None` for none. Between genes it is D^-1/2 A D^-1/2 of the network
        among the measured genes (directed: in-strength, out-strength, and targets hear sources); a gene says the mean
        of its features. Features without a gene, outside the network or isolated have empty rows.
        """
        measured = self.on(symbols)
        hears = measured.adjacency().T.tocsr()  # row = who hears
        into, out = (np.asarray(hears.sum(axis=axis)).ravel() for axis in (1, 0))
        scale = [sparse.diags(1 / np.sqrt(np.where(s > 0, s, 1))) for s in (into, out)]
        member = measured._members(symbols)
        count = np.asarray(member.sum(axis=0)).ravel()
        says = sparse.diags(1 / np.maximum(count, 1)) @ member.T
        return (member @ (scale[0] @ hears @ scale[1]) @ says).tocsr()

    def edge_features(self, symbols: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which feature pairs stand for which edge: `edge`, `a`, `b`, each int64 `[P]`.

        `edge` counts the edges of `self.on(symbols)`; `a` is a feature of its source, `b` one of its target; an edge
        between genes with 2 and 3 features has 6 rows. A gradient `g [F, F]` on the operator is summed per edge by
        `np.bincount(edge, g[a, b] + g[b, a], minlength=E)` (directed: `g[b, a]` alone, since targets hear sources).
        """
        measured = self.on(symbols)
        features = measured._members(symbols).T.tocsr()  # [G, F]: rows list the features of a gene
        count = np.diff(features.indptr)
        left, right = count[measured.source], count[measured.target]
        edge = np.repeat(np.arange(measured.edges), left * right)
        start = np.cumsum(left * right) - left * right
        step = np.arange(len(edge)) - start[edge]
        a = features.indptr[measured.source][edge] + step // right[edge]
        b = features.indptr[measured.target][edge] + step % right[edge]
        return edge, features.indices[a].astype(np.int64), features.indices[b].astype(np.int64)

    def _members(self, symbols: Sequence[str | None]) -> sparse.csr_matrix:
        """float64 `[F, G]`: 1 where a feature measures a gene."""
        place = {gene: i for i, gene in enumerate(self.genes)}
        rows = [row for row, symbol in enumerate(symbols) if symbol in place]
        genes = [place[symbols[row]] for row in rows]
        return sparse.csr_matrix((np.ones(len(rows)), (rows, genes)), shape=(len(symbols), len(self.genes)))

    def coverage(self, modality: Modality) -> pd.DataFrame:
        """How many of a modality's columns the network can use, step by step.

        Rows: columns measured, with a gene symbol, symbol in the network, in an edge among measured genes. Columns:
        `count`, `share` of all columns, `lost` since the row above, `reason`, `examples` (three lost columns). Logs
        `notices` where names look like those of another species or like dates.
        """
        place = {gene: i for i, gene in enumerate(self.genes)}
        measured = self.on(modality.symbols)
        linked = {gene for gene, degree in zip(measured.genes, measured.degree, strict=True) if degree}
        steps = [
            ("columns measured", "", [True] * len(modality.symbols)),
            ("with a gene symbol", "no gene symbol", [symbol is not None for symbol in modality.symbols]),
            ("symbol in the network", "not in the network", [symbol in place for symbol in modality.symbols]),
            ("in an edge among measured genes", "isolated", [symbol in linked for symbol in modality.symbols]),
        ]
        rows, before = [], np.ones(len(modality.symbols), bool)
        for step, reason, kept in steps:
            kept = np.array(kept, bool)
            lost = [modality.columns[i] for i in np.flatnonzero(before & ~kept)]
            share = kept.mean() if len(kept) else 0.0
            rows.append((step, int(kept.sum()), float(share), len(lost), reason, ", ".join(map(str, lost[:3]))))
            before = kept
        for notice in self.notices(modality.symbols):
            log.warning("%s on %s: %s", modality.name, self.name, notice)
        return pd.DataFrame(rows, columns=["step", "count", "share", "lost", "reason", "examples"]).set_index("step")

    def notices(self, symbols: Sequence[str | None]) -> list[str]:
        """What looks wrong with the names of measured genes: dates, another species, ids of another kind."""
        named = sorted({symbol for symbol in symbols if symbol})
        dates = [symbol for symbol in named if _DATE.match(symbol)]
        found = []
        if dates:
            found.append(f"{len(dates)} symbols look like genes a spreadsheet turned into dates ({examples(dates)})")
        known = set(self.genes)
        outside = [symbol for symbol in named if symbol not in known]
        if not named or 1 - len(outside) / len(named) >= TINY:
            return found
        share = f"{len(named) - len(outside):,} of {len(named):,} symbols are in the network"
        mouse = sum(bool(_MOUSE.match(symbol)) for symbol in outside) > len(outside) / 2
        cure = "they are written like mouse genes: map them to human symbols" if mouse else (
            f"the network writes {examples(self.genes)}, the table {examples(outside)}: map one to the other"
        )  # fmt: skip
        return [*found, f"{share}; {cure}"]

    def to_frame(self) -> pd.DataFrame:
        """One row per edge: `source`, `target` (symbols), `weight`."""
        genes = np.array(self.genes, dtype=object)
        return pd.DataFrame({"source": genes[self.source], "target": genes[self.target], "weight": self.weight})

    def __repr__(self) -> str:
        arrows = ", directed" if self.directed else ""
        return f"GeneNetwork({self.name}: {len(self.genes):,} genes, {self.edges:,} edges{arrows})"


# --------------------------------------------------------------------------------------------------- loading


def load_network(name_or_path: str | Path, min_score: float | None = None) -> GeneNetwork:
    """The network of a card (by name in `graphs/networks/` or by path), or of one's own edge list (see `read_edges`).

    `min_score` overrides the card's cut. Raises `InputError` for unknown names, unreadable files, no edges left, and,
    at the card's own cut, counts that are not those it expects.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml" and (path.is_file() or path.suffix in _LISTS):
        return _from_list(path, min_score)
    path = resolve(name_or_path, "graphs/networks")
    card = read_toml(path, NetworkCard)
    return _from_card(card, path, card.edges.min_score if min_score is None else min_score)


def _from_list(path: Path, min_score: float | None) -> GeneNetwork:
    network = GeneNetwork.from_frame(read_edges(path), path.name, min_score=min_score)
    return _described(network, {"title": path.name, "file": path.name, "min_score": min_score})


def _from_card(card: NetworkCard, path: Path, min_score: float | None) -> GeneNetwork:
    folder = obtain(card.source, beside=path.parent, where=str(path))
    spec = card.edges
    edges = read_edges(folder / spec.file, spec.source, spec.target, spec.score)
    network = GeneNetwork.from_frame(edges, card.name, directed=spec.directed, min_score=min_score)
    if min_score == spec.min_score:
        _check_expected(card, network, path)
    about = {key: getattr(card, key) for key in ("title", "version", "licence", "citation")}
    return _described(network, {**about, "file": spec.file, "min_score": min_score})


def _described(network: GeneNetwork, about: dict) -> GeneNetwork:
    left_out = {what: count for what, count in network.cleaned.items() if count}
    log.info("%r; left out: %s", network, left_out or "nothing")
    return replace(network, about=about)


def _check_expected(card: NetworkCard, network: GeneNetwork, path: Path) -> None:
    """Raises `InputError` when the counts are not those of `[expect]`."""
    if card.expect is None:
        return
    faults = Faults(str(path))
    for what, expected, got in (
        ("nodes", card.expect.nodes, len(network.genes)),
        ("edges", card.expect.edges, network.edges),
    ):
        if expected != got:
            faults.add(f"[expect] {what}: expected {expected:,}, got {got:,}; the file or the card has changed: check both")
    faults.stop()
