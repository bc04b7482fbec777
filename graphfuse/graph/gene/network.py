"""Gene networks: which genes interact, from a card, a file or a table, and what of it a modality
can use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import sparse

from graphfuse.errors import InputError
from graphfuse.graph.gene.aliases import Aliases
from graphfuse.graph.gene.edge_cleaning import clean
from graphfuse.schema.arguments import checked

log = logging.getLogger(__name__)

_ENDS = ("source", "target")


@checked
@dataclass(frozen=True, eq=False)
class GeneNetwork:
    """Genes and their weighted interactions.

    `genes` sorted; `source`, `target` int64 `[E]` (places in `genes`), `weight` float64 `[E]` > 0.
    Undirected networks hold every edge once with source < target; directed ones point from source
    to target. Only the control `identity` has self-loops. `about` says where it comes from,
    `cleaned` how many edges were left out and why.
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
        cls,
        edges: pd.DataFrame,
        name: str = "network",
        *,
        directed: bool = False,
        min_score: float | None = None,
        symbols: Callable[[Sequence[str]], Sequence[str | None]] | None = None,
    ) -> GeneNetwork:
        """A network from a frame `source, target[, score]`, cleaned; `symbols` gives the gene
        symbol of each name, `None` for none. Raises `InputError` when no edge is left."""
        missing = [column for column in ("source", "target") if column not in edges]
        if missing:
            raise InputError(
                f"network {name!r}: edges have no column {missing}; got {list(edges.columns)}; "
                "rename them"
            )
        found = clean(
            edges,
            min_score=min_score,
            directed=directed,
            where=f"network {name!r}",
            symbols=symbols,
        )
        about = {"one_way": found.one_way} if found.cleaned["both_directions"] else {}
        return cls(
            name,
            found.genes,
            found.source,
            found.target,
            found.weight,
            directed,
            about,
            found.cleaned,
        )

    @property
    def edges(self) -> int:
        return len(self.source)

    @property
    def degree(self) -> np.ndarray:
        """int64 `[G]`: edges of each gene, in and out; a self-loop is one edge."""
        ends = np.concatenate([self.source, self.target[self.source != self.target]])
        return np.bincount(ends, minlength=len(self.genes)).astype(np.int64)

    def arrows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(source, target, weight) `[A]`, each direction of an edge in turn; self-loops and
        directed edges go one way."""
        if self.directed:
            return self.source, self.target, self.weight
        back = self.source != self.target
        source = np.concatenate([self.source, self.target[back]])
        target = np.concatenate([self.target, self.source[back]])
        weight = np.concatenate([self.weight, self.weight[back]])
        return source, target, weight

    def adjacency(self) -> sparse.csr_matrix:
        """float64 `[G, G]`: weights, symmetric for undirected networks, else row = source and
        column = target."""
        shape = (len(self.genes), len(self.genes))
        one_way = sparse.csr_matrix((self.weight, (self.source, self.target)), shape=shape)
        if self.directed:
            return one_way
        loops = sparse.diags(one_way.diagonal())
        return (one_way + one_way.T - loops).tocsr()

    def on(self, symbols: Sequence[str | None]) -> GeneNetwork:
        """The network among these genes: edges with both ends measured, in the same order; isolated
        genes stay."""
        measured = set(symbols)
        genes = tuple(gene for gene in self.genes if gene in measured)
        kept = np.array([gene in measured for gene in self.genes], bool)
        edges = kept[self.source] & kept[self.target] if len(kept) else np.zeros(0, bool)
        place = np.cumsum(kept) - 1
        return replace(
            self,
            genes=genes,
            source=place[self.source[edges]],
            target=place[self.target[edges]],
            weight=self.weight[edges],
        )

    def smoothing(self, symbols: Sequence[str | None]) -> sparse.csr_matrix:
        """The operator that gives each feature the mean of its neighbouring genes.

        Between genes it is D^-1/2 A D^-1/2 of the network among the measured genes (directed:
        in-strength, out-strength, and messages go from source to target); the value of a gene is
        the mean of its features.

        Parameters
        ----------
        symbols : sequence of str or None
            The gene of each of F features, `None` for none.

        Returns
        -------
        sparse.csr_matrix
            float64 `[F, F]`; features without a gene, outside the network or isolated have empty
            rows.
        """
        measured = self.on(symbols)
        messages = measured.adjacency().T.tocsr()  # row = receiver, column = sender
        scale_in = _inverse_root(messages.sum(axis=1))
        scale_out = _inverse_root(messages.sum(axis=0))
        member = measured._members(symbols)
        features = np.asarray(member.sum(axis=0)).ravel()
        gene_means = sparse.diags(1 / np.maximum(features, 1)) @ member.T
        return (member @ (scale_in @ messages @ scale_out) @ gene_means).tocsr()

    def edge_features(
        self, symbols: Sequence[str | None]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which feature pairs stand for which edge: `edge`, `a`, `b`, each int64 `[P]`.

        `edge` counts the edges of `self.on(symbols)`; `a` is a feature of its source, `b` one of
        its target; an edge between genes with 2 and 3 features has 6 rows. A gradient `g [F, F]` on
        the operator is summed per edge by `np.bincount(edge, g[a, b] + g[b, a], minlength=E)`
        (directed: `g[b, a]` alone, since targets hear sources; so for a self-loop, whose rows hold
        every pair both ways round).
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
        shape = (len(symbols), len(self.genes))
        return sparse.csr_matrix((np.ones(len(rows)), (rows, genes)), shape=shape)

    def renamed(self, aliases: Aliases) -> GeneNetwork:
        """The network with its genes renamed.

        Names that come to one gene are joined: of edges that then stand twice the highest weight
        stays, self-loops go, both counted in `cleaned`. Two genes of the network are never made one
        symbol of the other (see `Aliases.nodes`).

        Parameters
        ----------
        aliases : Aliases

        Returns
        -------
        GeneNetwork
            Itself where no name changes.
        """
        renaming = aliases.nodes(self.genes)
        if renaming.names == self.genes:
            return self
        genes = tuple(sorted(set(renaming.names)))
        edges = self._renamed_edges(renaming.names)
        loops = self.edges - len(edges)
        cleaned = dict(self.cleaned, self_loop=self.cleaned.get("self_loop", 0) + loops)
        source = target = np.zeros(0, np.int64)
        weight = np.zeros(0)
        if len(edges):
            left = clean(edges, directed=self.directed, where=self.name)
            place = np.searchsorted(genes, left.genes)
            source, target, weight = place[left.source], place[left.target], left.weight
            for what in ("duplicate", "both_directions"):
                cleaned[what] = cleaned.get(what, 0) + left.cleaned[what]
        about = {
            **self.about,
            "aliases": aliases.title,
            "renamed": len(renaming.changed),
            "ambiguous": len(renaming.ambiguous),
        }
        return replace(
            self,
            genes=genes,
            source=source,
            target=target,
            weight=weight,
            about=about,
            cleaned=cleaned,
        )

    def _renamed_edges(self, names: Sequence[str]) -> pd.DataFrame:
        """Edges `source, target, score` between genes of these names, self-loops left out."""
        name_of = dict(zip(self.genes, names, strict=True))
        edges = self.to_frame().rename(columns={"weight": "score"})
        for side in _ENDS:
            edges[side] = edges[side].map(name_of)
        return edges[edges["source"] != edges["target"]]

    def to_frame(self) -> pd.DataFrame:
        """One row per edge: `source`, `target` (symbols), `weight`."""
        genes = np.array(self.genes, dtype=object)
        return pd.DataFrame(
            {"source": genes[self.source], "target": genes[self.target], "weight": self.weight}
        )

    def __repr__(self) -> str:
        arrows = ", directed" if self.directed else ""
        return f"GeneNetwork({self.name}: {len(self.genes):,} genes, {self.edges:,} edges{arrows})"


def _inverse_root(strength) -> sparse.dia_matrix:
    """Diagonal `[G, G]` of 1 / √strength, 1 for genes without an edge."""
    strength = np.asarray(strength).ravel()
    return sparse.diags(1 / np.sqrt(np.where(strength > 0, strength, 1)))
