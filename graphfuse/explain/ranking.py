"""The result of a ranking: tables of features, genes, edges and modalities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from graphfuse.data.safe_csv import csv_and_parquet, safe_csv
from graphfuse.errors import InputError
from graphfuse.explain.biology.biology import TABLES, Biology
from graphfuse.explain.biology.known_genes import KnownGenes
from graphfuse.explain.faithfulness.faithfulness import Faithfulness
from graphfuse.explain.knockoff_list import KnockoffList
from graphfuse.explain.null_scores import quantile_by_item
from graphfuse.explain.ranked_tables import first_count
from graphfuse.explain.rankings_readme import readme
from graphfuse.explain.recovery.recovery import Recovery
from graphfuse.explain.stability import Stability
from graphfuse.files.atomic_write import Kind, whole, whole_folder
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema.check_arguments import Count, checked

_TABLES = (
    "nodes", "levels", "genes", "groups", "edges", "modalities", "pathways", "nodes_by_class",
)  # fmt: skip
_MEASURED = ("stability", "knockoffs", "faithfulness", "recovery")
BESIDE = (*TABLES, *_MEASURED)
_CSV = (*_TABLES, "links", *BESIDE)
_BOTH = [f"{name}.{kind}" for name in _CSV for kind in ("csv", "parquet")]
_FILES = (*_BOTH, "patient_edges.parquet", "README.txt")
RANKINGS = Kind.of("folder of rankings", "nodes_by_class.csv", *_FILES)


@checked
@dataclass(frozen=True, eq=False)
class Ranking:
    """Features, genes, edges and modalities ranked by their attributions, over the folds of a run.

    `graphfuse.rank` returns it. Each table has one row for each item and the columns of
    `graphfuse.schema.RANKING_COLUMNS`: among them `id`, `score` (mean absolute attribution in
    units of its noise, by which items are ranked: what the models use, given all other columns),
    `sign`, `rank`, the interval `rank_lo` to `rank_hi` of ranks over resamples (over folds, where
    none were made), and `selected_frequency`, the share of these models that have the item among
    their first 100, or the first twentieth of its table where that is fewer. Beside them, and with
    no part in the ranks, `marginal`, `effect` and `q` say how a column goes with the outcome by
    itself.

    Parameters
    ----------
    nodes : pandas.DataFrame
        Features: every measured column of every modality.
    levels : pandas.DataFrame
        Levels of categories, and flags of missing values (`kind` is `level` or `flag`).
    genes : pandas.DataFrame
        Genes; attributions are summed over the columns that measure a gene, of which
        `marginal_column` is the one that the association with the outcome is of.
    groups : pandas.DataFrame
        Groups of correlated columns, with `size`, the `best` member, all `members`, and of the
        first groups `ablation`, the change of predictions without the whole group; attributions are
        summed over the columns of a group.
    edges : pandas.DataFrame
        Edges of the gene network among measured genes.
    links : pandas.DataFrame
        Edges between the nodes of one gene in a signalling graph; empty for other graphs.
    modalities : pandas.DataFrame
        Modalities; scores are their shares of the total.
    pathways : pandas.DataFrame
        Gene sets; empty for recipes without `[pathways]`.
    nodes_by_class : pandas.DataFrame
        Features ranked for each class, with a column `class`; empty where a number is predicted.
    patient_edges : pandas.DataFrame
        Edges between patients, `layer, source, target, weight, score`, and what else a method says.
    folds : int
        Number of fold models.
    error : float or None
        Largest completeness error: the share of the predictions' change that attributions miss.
        `None` where the method has no such error.
    method : str
        Name of the ranking method.
    target : str
        Name of the outcome that is predicted.
    about : dict of str to str
        Descriptions for README.txt of the `method`, and of those tables and columns whose meaning
        depends on it or on the kind of outcome.
    shown : int
        Number of items that are printed.
    biology : Biology or None
        Gene sets, network modules and known markers among the first genes.
    knockoffs : KnockoffList or None
        Features and groups with a bounded false-discovery rate.
    stability : Stability or None
        How far lists of the first features and groups agree between resamples.
    faithfulness : Faithfulness or None
        Whether models depend on what is ranked first.
    recovery : Recovery or None
        What is found in planted cohorts shaped like this one.

    Examples
    --------
    >>> import graphfuse as gf
    >>> from graphfuse.data.synth import planted
    >>> made = planted(40, {"rna": 8}, carriers=2, effect=4.0)
    >>> recipe = gf.Recipe(name="plain")
    >>> ranking = gf.rank(gf.train(made.cohort, recipe, cv=(2, 1), ledger=False))
    >>> ranking.top(2)
    Ranking over 2 fold models: 8 features; top 2 genes
     rank  gene                        score  rank in the folds   in top 1   alone       q
        1  G0006                      ...       1 to 1           100%    1.00   <.001
        2  G0003                      ...       2 to 2             0%    ...   <.001
    >>> made.genes
    ('G0003', 'G0006')
    >>> ranking.to_csv("biomarkers.csv")
    """

    nodes: pd.DataFrame
    levels: pd.DataFrame
    genes: pd.DataFrame
    groups: pd.DataFrame
    edges: pd.DataFrame
    links: pd.DataFrame
    modalities: pd.DataFrame
    pathways: pd.DataFrame
    nodes_by_class: pd.DataFrame
    patient_edges: pd.DataFrame
    folds: int
    error: float | None
    method: str
    target: str
    about: dict[str, str]
    shown: int = 50
    biology: Biology | None = None
    knockoffs: KnockoffList | None = None
    stability: Stability | None = None
    faithfulness: Faithfulness | None = None
    recovery: Recovery | None = None

    def top(self, count: Count) -> Ranking:
        """Return the same ranking with another number of items printed.

        Parameters
        ----------
        count : int
            Number of items that are printed; tables and files keep all.

        Returns
        -------
        Ranking
        """
        return replace(self, shown=count)

    def with_nulls(self, nulls: Sequence[Ranking]) -> Ranking:
        """Return the same ranking with `null_quantile`, from rankings of permuted labels.

        The column `null_quantile` of each table is the share of null rankings in which the item
        scores lower (`graphfuse.explain.null_scores.null_quantile`). Models of permuted labels have
        larger penalties, for which units of noise make up where columns are concerned, not edges
        and gene sets. The quantile is evidence against the hypothesis that no column is associated
        with the label, not for the single item.

        Parameters
        ----------
        nulls : sequence of Ranking
            Rankings by the same method of models that were trained on permuted labels, and
            otherwise alike: the same patients, columns, folds and recipe; one ranking for each
            permutation.

        Returns
        -------
        Ranking

        Raises
        ------
        InputError
            Where `nulls` is empty, or one is by another method or of other features.
        """
        if not nulls:
            raise InputError("nulls: no ranking is given; give one for each permutation of labels")
        for null in nulls:
            self._require_comparable(null)
        tables = {}
        for name in (*_TABLES, "links"):
            given = [getattr(null, name) for null in nulls]
            own = getattr(self, name)
            quantile = quantile_by_item(own, given).to_numpy()
            tables[name] = own.assign(null_quantile=quantile)
        meaning = f"share of {len(nulls)} models of permuted labels in which the item scores lower"
        about = self.about | {"null_quantile": meaning}
        return replace(self, **tables, about=about)

    def _require_comparable(self, null: object) -> None:
        """Raises `InputError` where `null` is no ranking of the same features by the same
        method."""
        if not isinstance(null, Ranking):
            raise InputError(f"nulls: expected rankings (got {type(null).__name__})")
        if null.method != self.method:
            raise InputError(f"nulls: one is by {null.method}; expected {self.method}")
        if set(null.nodes["id"]) != set(self.nodes["id"]):
            raise InputError("nulls: one has other features; rank models of the same columns")

    def with_biology(
        self, network: GeneNetwork | None = None, known: KnownGenes | None = None
    ) -> Ranking:
        """Return the same ranking with what is known of its first genes.

        Parameters
        ----------
        network : GeneNetwork, optional
            The gene network, for modules of first genes that are neighbours in it.
        known : KnownGenes, optional
            Gene sets, which are tested for over-representation, and known markers.

        Returns
        -------
        Ranking

        Raises
        ------
        InputError
            Where none of the known genes is measured.
        """
        return replace(self, biology=Biology.of(self.genes, self.nodes, network, known))

    def with_knockoffs(self, found: KnockoffList) -> Ranking:
        """Return the same ranking with a list whose false-discovery rate is bounded.

        Parameters
        ----------
        found : KnockoffList
            Of the same cohort.

        Returns
        -------
        Ranking
        """
        return replace(self, knockoffs=found)

    def to_csv(self, path: str | Path) -> None:
        """Write the ranking of features as one csv file.

        Parameters
        ----------
        path : str or pathlib.Path
            The file to write.
        """
        safe_csv(self.nodes, Path(path))

    def to_parquet(self, path: str | Path) -> None:
        """Write the ranking of features as one parquet file, with the types of its columns.

        Parameters
        ----------
        path : str or pathlib.Path
            The file to write.
        """
        with whole(path) as part:
            self.nodes.to_parquet(part, index=False)

    def write(self, folder: str | Path) -> None:
        """Write the files of `save`, all or none, in place of an older ranking.

        Parameters
        ----------
        folder : str or pathlib.Path
            The folder to write.

        Raises
        ------
        InputError
            Where the folder holds other files than those of a ranking.
        """
        with whole_folder(Path(folder), RANKINGS) as part:
            self.save(part)

    def save(self, folder: str | Path) -> None:
        """Write all tables, every row of them, and a README.txt that explains them.

        Parameters
        ----------
        folder : str or pathlib.Path
            The folder that the files are written into; made where it is missing.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        links = ("links",) if len(self.links) else ()
        for name in (*_TABLES, *links):
            csv_and_parquet(getattr(self, name), folder, name)
        for added in self._added():
            added.save(folder)
        self.patient_edges.to_parquet(folder / "patient_edges.parquet", index=False)
        text = readme(self.about, self._ranged, self.biology, self._added())
        (folder / "README.txt").write_text(text, encoding="utf-8")

    def __repr__(self) -> str:
        """The first items: genes, or features where no column has a gene."""
        has_genes = len(self.genes) > 0
        what = "genes" if has_genes else "features"
        table = self.genes if has_genes else self.nodes
        shown = table.head(self.shown)
        top = first_count(len(table))
        head = f"Ranking over {self.folds} fold models: {len(self.nodes):,} features"
        lines = [f"{head}; top {len(shown)} {what}"]
        ranges = "rank in the folds" if self.stability is None else "rank in resamples"
        ends = f"{ranges}   in top {top}   alone       q"
        lines += [f"{'rank':>5}  {what[:-1]:<24}{'score':>9}  {ends}"]
        for row in shown.itertuples():
            has_name = has_genes and isinstance(row.gene, str)
            name = row.gene if has_name else row.id
            lines.append(f"{row.rank:>5.0f}  {name:<24}{_numbers(row)}")
        below = [line for added in self._added() for line in added.lines()]
        if below:
            lines += ["", *below]
        return "\n".join(lines)

    @property
    def beside(self) -> set[str]:
        """The names of the tables that stand beside the rankings."""
        made = {name for name in _MEASURED if getattr(self, name) is not None}
        return made if self.biology is None else made | set(self.biology.made())

    @property
    def _ranged(self) -> str:
        """The models over which ranges of ranks are taken."""
        if self.stability is None:
            return f"{self.folds} fold models, which share training patients"
        return self.stability.ranged

    def _added(self) -> list[Biology | KnockoffList | Faithfulness | Recovery | Stability]:
        """What stands beside the tables."""
        first = (self.stability, self.biology, self.knockoffs)
        beside = (*first, self.faithfulness, self.recovery)
        return [added for added in beside if added is not None]


def _numbers(row: Any) -> str:
    """An item's score, interval of ranks and selected frequency, and its association with the
    outcome by itself, as they are printed."""
    ranks = f"{row.rank_lo:>6.0f} to {row.rank_hi:<8.0f}"
    shown = f"{row.score:>9.4f}  {ranks}{row.selected_frequency:>8.0%}"
    if math.isnan(row.marginal):
        return shown
    q = "<.001" if row.q < 0.001 else f"{row.q:.3f}"
    return f"{shown}{row.marginal:>8.2f}{q:>8}"
