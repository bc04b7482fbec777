"""What is known of the first genes of a ranking: their gene sets, modules and known markers."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.data.safe_csv import csv_and_parquet
from graphfuse.errors import InputError, examples
from graphfuse.explain.biology.known_genes import UNNAMED, KnownGenes
from graphfuse.explain.biology.marker_list import marker_ranks
from graphfuse.explain.biology.network_modules import network_modules
from graphfuse.explain.biology.over_representation import LARGEST, SMALLEST, over_representation
from graphfuse.explain.biology.ranked_genes import DRAWS, RankedGenes
from graphfuse.graph.gene.network import GeneNetwork

TABLES = ("enrichment", "modules", "positive_control", "markers")
LEVEL = 0.05  # gene sets with a smaller q are counted
_INDENT = "\n" + 22 * " "  # of lines in README.txt that go on
_DESCRIPTIONS = {  # table → what it holds, and why it is not there
    "enrichment": (
        "over-representation of gene sets among the first genes (list_size of them): one-sided "
        "hypergeometric p with the measured genes as background, q by Benjamini-Hochberg; "
        f"p_matched: share of {DRAWS:,} random lists, of genes with like degrees and measured in "
        "the same modalities, that overlap with the set as much; rank_auroc: AUROC of being in the "
        "set, by rank; pathways.csv is about something else, the gene-set tokens inside a model",
        "no gene sets were given (--gene-sets FILE.gmt)",
    ),
    "modules": (
        "first genes that are connected through edges of the gene network among themselves; "
        "p_matched: share of such random lists whose largest module is as large",
        "there are no genes in a gene network",
    ),
    "markers": (
        "known markers and their ranks; positive_control.csv tests them as one gene set, in the "
        "columns of enrichment.csv",
        "no list of markers was given (--markers FILE)",
    ),
}


@dataclass(frozen=True, eq=False)
class Biology:
    """Gene sets, network modules and known markers among the first genes of a ranking.

    Make one with `Biology.of`; `Ranking.with_biology` does.

    Parameters
    ----------
    items : str
        What is ranked: `genes`, or `features` where no column has a gene.
    enrichment : pandas.DataFrame or None
        Over-representation of gene sets (`over_representation`); `None` where none were given.
    modules : pandas.DataFrame or None
        Connected components of the gene network (`network_modules`); `None` without a network.
    positive_control : pandas.DataFrame or None
        The list of markers tested as one gene set, in the columns of `enrichment`; `None` where
        none was given.
    markers : pandas.DataFrame or None
        Where the ranking puts each marker (`marker_ranks`).
    untested : int
        Gene sets with too few or too many measured genes.
    """

    items: str
    enrichment: pd.DataFrame | None = None
    modules: pd.DataFrame | None = None
    positive_control: pd.DataFrame | None = None
    markers: pd.DataFrame | None = None
    untested: int = 0

    @classmethod
    def of(
        cls,
        genes: pd.DataFrame,
        features: pd.DataFrame,
        network: GeneNetwork | None = None,
        known: KnownGenes | None = None,
    ) -> Biology:
        """What is known of the first genes of a ranking.

        Parameters
        ----------
        genes, features : pandas.DataFrame
            Ranked genes, and the ranked features in whose place they stand where there are any.
        network : GeneNetwork or None
            For modules.
        known : KnownGenes, optional
            Gene sets and markers; by default there are none.

        Returns
        -------
        Biology

        Raises
        ------
        InputError
            Where no gene of the gene sets, or no marker, is measured.
        """
        known = KnownGenes() if known is None else known
        has_genes = len(genes) > 0
        table = genes if has_genes else features
        if known.gene_sets is not None and not has_genes:
            raise InputError(
                "gene sets: no column has a gene symbol, so none can be tested; declare entity = "
                '"gene" in the manifest'
            )
        ranked = RankedGenes.of(table)
        enrichment = modules = control = where = None
        untested = 0
        if known.gene_sets is not None:
            enrichment = over_representation(ranked, known.gene_sets)
            untested = len(known.gene_sets) - len(enrichment)
        if network is not None and has_genes:
            modules = network_modules(ranked, network)
        if known.markers is not None:
            _require_measured(known.marker_name, known.markers, ranked)
            by_name = {known.marker_name: known.markers}
            control = over_representation(ranked, by_name, smallest=1, largest=len(table))
            where = marker_ranks(known.markers, table, ranked.first)
        items = "genes" if has_genes else "features"
        return cls(items, enrichment, modules, control, where, untested)

    def made(self) -> dict[str, pd.DataFrame]:
        """The tables that there are, by name."""
        tables = {name: getattr(self, name) for name in TABLES}
        return {name: table for name, table in tables.items() if table is not None}

    def save(self, folder: Path) -> None:
        """Write each table as a csv and a parquet file."""
        for name, table in self.made().items():
            csv_and_parquet(table, folder, name)

    def lines(self) -> list[str]:
        """What is printed below a ranking, a line for each table that there is."""
        said = []
        if self.enrichment is not None:
            said.append(self._of_gene_sets(self.enrichment))
        if self.modules is not None:
            said.append(self._of_modules(self.modules))
        if self.positive_control is not None and self.markers is not None:
            said.append(self._of_markers(self.positive_control, self.markers))
        return said

    def _of_gene_sets(self, table: pd.DataFrame) -> str:
        """The line on gene sets."""
        left_out = ""
        if self.untested:
            bounds = f"{SMALLEST} to {LARGEST}"
            left_out = f" ({self.untested:,} have not {bounds} measured genes: not tested)"
        if table.empty:
            return f"gene sets: none tested{left_out}"
        shown = int((table["q"] < LEVEL).sum())
        best = table.iloc[0]
        first = f"{best.overlap} of the first {best.list_size} genes, {best.expected:.1f} expected"
        values = f"p {best.p:.2g}, q {best.q:.2g}, matched p {best.p_matched:.2g}"
        head = f"gene sets: {shown:,} of {len(table):,} over-represented at q < {LEVEL}{left_out}"
        return f"{head}; strongest: {best.gene_set} ({first}; {values})"

    def _of_modules(self, table: pd.DataFrame) -> str:
        """The line on modules."""
        if table.empty:
            return "modules: no two of the first genes are neighbours in the gene network"
        best = table.iloc[0]
        genes = examples(best.genes.split(";"), 5)
        joined = f"{best['size']} of the first {best.list_size} genes"
        return f"modules: the largest joins {joined} (matched p {best.p_matched:.2g}): {genes}"

    def _of_markers(self, control: pd.DataFrame, markers: pd.DataFrame) -> str:
        """The line on markers."""
        row = control.iloc[0]
        measured = f"{row['size']} of {len(markers)} measured"
        first = f"{row.overlap} among the first {row.list_size} {self.items}"
        values = f"{row.expected:.1f} expected; p {row.p:.2g}, matched p {row.p_matched:.2g}"
        auroc = "" if np.isnan(row.rank_auroc) else f"; AUROC by rank {row.rank_auroc:.2f}"
        head = "markers" if row.gene_set == UNNAMED else f"markers {row.gene_set}"
        return f"{head}: {measured}, {first} ({values}){auroc}"


def descriptions(made: Biology | None) -> dict[str, str]:
    """What the files hold, or why they are not there, for README.txt.

    Parameters
    ----------
    made : Biology or None
        Of the ranking.

    Returns
    -------
    dict of str to str
        `enrichment`, `modules` and `markers`.
    """
    found = {} if made is None else made.made()
    texts = {}
    for name, (text, absent) in _DESCRIPTIONS.items():
        said = text if name in found else f"not made: {absent}"
        texts[name] = textwrap.fill(said, 70).replace("\n", _INDENT)
    return texts


def _require_measured(name: str, listed: Sequence[str], ranked: RankedGenes) -> None:
    """Raises `InputError` where no marker is measured."""
    if set(listed).isdisjoint(ranked.names):
        ids = f"such as {examples(ranked.names, 2)}"
        raise InputError(
            f"markers {name}: none of {len(listed)} ({examples(listed)}) is measured; write them "
            f"as this cohort does, {ids}"
        )
