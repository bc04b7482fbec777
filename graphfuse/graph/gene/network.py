"""`GeneNetwork`: genes and their weighted interactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import sparse

from graphfuse.errors import InputError
from graphfuse.graph.gene.aliases import Aliases
from graphfuse.graph.gene.edge_cleaning import clean
from graphfuse.graph.gene.feature_operators import feature_genes, feature_pairs, smoothing_operator
from graphfuse.schema.check_arguments import checked

_ENDS = ("source", "target")


@checked
@dataclass(frozen=True, eq=False)
class GeneNetwork:
    """Genes and their weighted interactions.

    Build one with `GeneNetwork.from_frame`. Undirected networks hold every edge once, with `source`
    < `target`; directed ones point from source to target. Only the control `identity` has
    self-loops.

    Parameters
    ----------
    name : str
        What messages and records call the network.
    genes : tuple of str
        G gene symbols, sorted.
    source, target : np.ndarray
        int64 `[E]`, the ends of each edge as positions in `genes`.
    weight : np.ndarray
        float64 `[E]`, greater than 0.
    directed : bool
        Whether edges point from source to target.
    about : dict
        Where the network comes from: title, version, licence, file.
    cleaned : dict of str to int
        How many edges of the list were left out, by reason.

    Examples
    --------
    >>> import pandas as pd
    >>> import graphfuse as gf
    >>> edges = pd.DataFrame(
    ...     {"source": ["TP53", "TP53", "MYC"], "target": ["MDM2", "EP300", "EP300"],
    ...      "score": [0.9, 0.7, 0.2]}
    ... )
    >>> gf.GeneNetwork.from_frame(edges, "p53", min_score=0.5)
    GeneNetwork(p53: 3 genes, 2 edges)
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
        """Build a network from a table of edges, and count what is left out in `cleaned`.

        Left out are edges without a symbol, self-loops, scores that are missing or not above 0, and
        edges that appear twice (the highest score stays).

        Parameters
        ----------
        edges : pd.DataFrame
            `source, target[, score]`; edges without a score weigh 1.
        name : str
            What messages and records call the network.
        directed : bool
            Whether edges point from source to target.
        min_score : float, optional
            Edges with a lower score are left out.
        symbols : callable, optional
            The names of the list → their gene symbols, `None` for a name without one. By default
            names are symbols.

        Returns
        -------
        GeneNetwork

        Raises
        ------
        InputError
            For missing columns, scores that are no numbers, a `min_score` without scores, and where
            no edge is left.
        """
        missing = [column for column in _ENDS if column not in edges]
        if missing:
            raise InputError(
                f"network {name!r}: edges have no column {missing}; got {list(edges.columns)}; "
                "rename them"
            )
        options = {"min_score": min_score, "directed": directed, "symbols": symbols}
        kept = clean(edges, where=f"network {name!r}", **options)
        about = {"one_way": kept.one_way} if kept.cleaned["both_directions"] else {}
        return cls(
            name, kept.genes, kept.source, kept.target, kept.weight, directed, about, kept.cleaned
        )

    @property
    def edges(self) -> int:
        """How many edges there are."""
        return len(self.source)

    @property
    def degree(self) -> np.ndarray:
        """int64 `[G]`: edges of each gene, in and out; a self-loop is one edge."""
        is_loop = self.source == self.target
        ends = np.concatenate([self.source, self.target[~is_loop]])
        return np.bincount(ends, minlength=len(self.genes)).astype(np.int64)

    def arrows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every edge in each of its directions: A edges, all of one way first.

        Self-loops and the edges of a directed network go one way.

        Returns
        -------
        source, target, weight : np.ndarray
            int64 `[A]` positions in `genes`, and float64 `[A]`.

        Examples
        --------
        >>> network = GeneNetwork.from_frame(pd.DataFrame({"source": ["A"], "target": ["B"]}))
        >>> source, target, weight = network.arrows()
        >>> source.tolist(), target.tolist()
        ([0, 1], [1, 0])
        """
        if self.directed:
            return self.source, self.target, self.weight
        back = self.source != self.target
        source = np.concatenate([self.source, self.target[back]])
        target = np.concatenate([self.target, self.source[back]])
        return source, target, np.concatenate([self.weight, self.weight[back]])

    def adjacency(self) -> sparse.csr_matrix:
        """The weights as a matrix.

        Returns
        -------
        sparse.csr_matrix
            float64 `[G, G]`, symmetric for undirected networks; else row = source and column =
            target.

        Examples
        --------
        >>> network = GeneNetwork.from_frame(pd.DataFrame({"source": ["A"], "target": ["B"]}))
        >>> network.adjacency().toarray()
        array([[0., 1.],
               [1., 0.]])
        """
        shape = (len(self.genes), len(self.genes))
        ends = (self.source, self.target)
        one_way = sparse.csr_matrix((self.weight, ends), shape=shape)
        if self.directed:
            return one_way
        loops = sparse.diags(one_way.diagonal())
        return (one_way + one_way.T - loops).tocsr()

    def on(self, symbols: Sequence[str | None]) -> GeneNetwork:
        """The network among the genes that are measured.

        Parameters
        ----------
        symbols : sequence of str or None
            The symbols measured; `None` is skipped.

        Returns
        -------
        GeneNetwork
            The edges with both ends measured, in the same order; genes without an edge stay.

        Examples
        --------
        >>> edges = pd.DataFrame({"source": ["A", "B"], "target": ["B", "C"]})
        >>> GeneNetwork.from_frame(edges).on(["A", "B", None])
        GeneNetwork(network: 2 genes, 1 edges)
        """
        measured = set(symbols)
        genes = tuple(gene for gene in self.genes if gene in measured)
        kept = np.array([gene in measured for gene in self.genes], bool)
        edges = kept[self.source] & kept[self.target]
        place = np.cumsum(kept) - 1
        source, target = place[self.source[edges]], place[self.target[edges]]
        return replace(self, genes=genes, source=source, target=target, weight=self.weight[edges])

    def smoothing(self, symbols: Sequence[str | None]) -> sparse.csr_matrix:
        """The operator that gives each feature the weighted mean of its neighbouring genes.

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

        References
        ----------
        Kipf and Welling 2017, arXiv 1609.02907, here without self-loops.

        Examples
        --------
        >>> network = GeneNetwork.from_frame(pd.DataFrame({"source": ["A"], "target": ["B"]}))
        >>> network.smoothing(["A", "B", None]) @ np.array([1.0, 2.0, 3.0])
        array([2., 1., 0.])
        """
        measured = self.on(symbols)
        messages = measured.adjacency().T.tocsr()  # row = receiver, column = sender
        return smoothing_operator(messages, feature_genes(measured.genes, symbols))

    def edge_features(
        self, symbols: Sequence[str | None]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which pairs of features each edge of the network joins.

        An edge between genes with 2 and 3 features joins 6 pairs. A gradient `g` `[F, F]` on the
        operator of `smoothing` is summed per edge by `np.bincount(edge, g[a, b] + g[b, a],
        minlength=E)`. For a directed network it is `g[b, a]` alone, since messages go from source
        to target; so it is for a self-loop, whose rows hold every pair both ways round.

        Parameters
        ----------
        symbols : sequence of str or None
            The gene of each of F features, `None` for none.

        Returns
        -------
        edge, a, b : np.ndarray
            int64 `[P]`: the edge, by its position among those of `self.on(symbols)`, a feature of
            its source, and one of its target.

        Examples
        --------
        >>> network = GeneNetwork.from_frame(pd.DataFrame({"source": ["A"], "target": ["B"]}))
        >>> edge, a, b = network.edge_features(["A", "B", "B"])
        >>> edge.tolist(), a.tolist(), b.tolist()
        ([0, 0], [0, 0], [1, 2])
        """
        on = self.on(symbols)
        return feature_pairs(on.source, on.target, feature_genes(on.genes, symbols))

    def renamed(self, aliases: Aliases) -> GeneNetwork:
        """The network with its genes renamed by an alias table.

        Names that come to one gene are joined: of edges that then appear twice the highest weight
        stays, self-loops go, both counted in `cleaned`. Two genes of the network are never joined
        because one is an alias of the other (see `Aliases.nodes`).

        Parameters
        ----------
        aliases : Aliases
            Name → symbol.

        Returns
        -------
        GeneNetwork
            Itself where no name changes.

        Examples
        --------
        >>> from graphfuse.graph.gene.aliases import Aliases
        >>> network = GeneNetwork.from_frame(pd.DataFrame({"source": ["MLL"], "target": ["B"]}))
        >>> network.renamed(Aliases.of([("MLL", "KMT2A")])).genes
        ('B', 'KMT2A')
        """
        renaming = aliases.nodes(self.genes)
        if renaming.names == self.genes:
            return self
        genes = tuple(sorted(set(renaming.names)))
        edges = self._renamed_edges(renaming.names)
        cleaned = dict(self.cleaned)
        cleaned["self_loop"] = cleaned.get("self_loop", 0) + self.edges - len(edges)
        ends = {"source": np.zeros(0, np.int64), "target": np.zeros(0, np.int64)}
        weight = np.zeros(0)
        if len(edges):
            kept = clean(edges, directed=self.directed, where=self.name)
            place = np.searchsorted(genes, kept.genes)
            ends = {"source": place[kept.source], "target": place[kept.target]}
            weight = kept.weight
            for what in ("duplicate", "both_directions"):
                cleaned[what] = cleaned.get(what, 0) + kept.cleaned[what]
        about = dict(self.about, aliases=aliases.title)
        about |= {"renamed": len(renaming.changed), "ambiguous": len(renaming.ambiguous)}
        return replace(self, genes=genes, weight=weight, about=about, cleaned=cleaned, **ends)

    def _renamed_edges(self, names: Sequence[str]) -> pd.DataFrame:
        """Edges `source, target, score` between genes of these names, self-loops left out."""
        name_of = dict(zip(self.genes, names, strict=True))
        edges = self.to_frame().rename(columns={"weight": "score"})
        for side in _ENDS:
            edges[side] = edges[side].map(name_of)
        return edges[edges["source"] != edges["target"]]

    def to_frame(self) -> pd.DataFrame:
        """The edges as a table.

        Returns
        -------
        pd.DataFrame
            One row per edge: `source`, `target` (symbols), `weight`.

        Examples
        --------
        >>> GeneNetwork.from_frame(pd.DataFrame({"source": ["B"], "target": ["A"]})).to_frame()
          source target  weight
        0      A      B     1.0
        """
        genes = np.array(self.genes, dtype=object)
        ends = {"source": genes[self.source], "target": genes[self.target]}
        return pd.DataFrame({**ends, "weight": self.weight})

    def __repr__(self) -> str:
        arrows = ", directed" if self.directed else ""
        return f"GeneNetwork({self.name}: {len(self.genes):,} genes, {self.edges:,} edges{arrows})"
