"""A ranking: tables of features, genes, edges and modalities, with intervals over the folds'
models."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from graphfuse.data.write_tables import safe_csv
from graphfuse.errors import InputError
from graphfuse.explain.null_scores import null_quantile
from graphfuse.explain.tables import TOP
from graphfuse.files.atomic_write import Kind, whole_folder
from graphfuse.schema.arguments import Count, checked

_TABLES = ("nodes", "genes", "edges", "modalities", "pathways", "nodes_by_class")
_FILES = (*(f"{name}.csv" for name in (*_TABLES, "links")), "patient_edges.parquet", "README.txt")
RANKINGS = Kind.of("folder of rankings", "nodes_by_class.csv", *_FILES)


@checked
@dataclass(frozen=True, eq=False)
class Ranking:
    """Ranked items, in the columns of `schema.RANKING_COLUMNS`.

    Attributes
    ----------
    nodes, genes, edges, modalities, pathways, nodes_by_class : pandas.DataFrame
        Features (every measured one), and what they add up to; `nodes_by_class` has a column
        `class` besides: the direction's name. It is empty where there is only one direction.
    links : pandas.DataFrame
        Of a signalling graph, the edges between a gene's own nodes.
    patient_edges : pandas.DataFrame
        Edges between patients, whatever the method.
    folds : int
        How many models stand behind it.
    error : float or None
        The largest completeness error of their attributions; `None` where the method has none.
    method : str
        The method's name.
    about : dict of str to str
        What README.txt says of the `method`, and of tables and columns (`nodes_by_class`,
        `pathways`, `patient_edges`, `edges`, `score`, `sign`, `null_quantile`) where that depends
        on it or on the kind of outcome.
    """

    nodes: pd.DataFrame
    genes: pd.DataFrame
    edges: pd.DataFrame
    links: pd.DataFrame
    modalities: pd.DataFrame
    pathways: pd.DataFrame
    nodes_by_class: pd.DataFrame
    patient_edges: pd.DataFrame
    folds: int
    error: float | None
    method: str
    about: dict[str, str]
    shown: int = 50

    def top(self, count: Count) -> Ranking:
        """The same ranking, showing `count` items when printed; tables and files stay whole."""
        return replace(self, shown=count)

    def with_nulls(self, nulls: Sequence[Ranking]) -> Ranking:
        """The same ranking with `null_quantile`: the share of null rankings in which the item
        scores lower.

        Models of permuted labels have larger penalties, and so smaller scores of all items. Where a
        model has learned something, its noise columns lie above most of their nulls too: the
        quantile speaks against "nothing is there at all", not for the single item.

        Parameters
        ----------
        nulls : sequence of Ranking
            What the same method gives of models that were trained on permuted labels, otherwise
            alike: the same patients, columns, folds and recipe; one ranking for each permutation.

        Returns
        -------
        Ranking

        Raises
        ------
        InputError
            Where there are none, or one is by another method or of other features.

        Examples
        --------
        >>> nulls = [gf.rank(gf.train(permuted, recipe)) for permuted in cohorts]  # doctest: +SKIP
        >>> gf.rank(report).with_nulls(nulls).to_csv("biomarkers.csv")  # doctest: +SKIP
        """
        if not nulls:
            raise InputError("nulls: no ranking is given; give one for each permutation of labels")
        for null in nulls:
            if not isinstance(null, Ranking):
                raise InputError(f"nulls: expected rankings (got {type(null).__name__})")
            if null.method != self.method:
                raise InputError(f"nulls: one is by {null.method}; expected {self.method}")
            if set(null.nodes["id"]) != set(self.nodes["id"]):
                raise InputError("nulls: one has other features; rank models of the same columns")
        tables = {}
        for name in (*_TABLES, "links"):
            given = [getattr(null, name) for null in nulls]
            tables[name] = _with_quantile(getattr(self, name), given)
        told = f"share of {len(nulls)} models of permuted labels in which the item scores lower"
        return replace(self, **tables, about=self.about | {"null_quantile": told})

    def to_csv(self, path: str | Path) -> None:
        """The feature ranking as one csv file."""
        safe_csv(self.nodes, Path(path))

    def write(self, folder: str | Path) -> None:
        """`save`, whole or not at all, in place of an older one."""
        with whole_folder(Path(folder), RANKINGS) as part:
            self.save(part)

    def save(self, folder: str | Path) -> None:
        """All tables in `folder`, every row, with a README."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        links = ("links",) if len(self.links) else ()
        for name in (*_TABLES, *links):
            safe_csv(getattr(self, name), folder / f"{name}.csv")
        self.patient_edges.to_parquet(folder / "patient_edges.parquet", index=False)
        (folder / "README.txt").write_text(self._readme(), encoding="utf-8")

    def _readme(self) -> str:
        told = _USUAL | self.about
        told["method"] = textwrap.fill(self.about["method"], 92)
        return _README.format(top=TOP, folds=self.folds, **told)

    def __repr__(self) -> str:
        genes = self.genes if len(self.genes) else self.nodes
        what = "genes" if len(self.genes) else "features"
        shown = genes.head(self.shown)
        head = f"Ranking over {self.folds} fold models: {len(self.nodes):,} features"
        lines = [f"{head}; top {len(shown)} {what}"]
        lines += [f"{'rank':>5}  {what[:-1]:<24}{'score':>9}  rank in the folds   in top {TOP}"]
        for row in shown.itertuples():
            name = row.gene if isinstance(row.gene, str) and what == "genes" else row.id
            lines.append(
                f"{row.rank:>5.0f}  {name:<24}{row.score:>9.4f}  {row.rank_lo:>6.0f} to "
                f"{row.rank_hi:<8.0f}"
                f"{row.selected_frequency:>8.0%}"
            )
        return "\n".join(lines)


_README = """Rankings of this run
====================

method: {method}

nodes.csv             every measured feature, one row, one rank (ties share a rank)
genes.csv             the same, summed over the features of a gene
edges.csv             {edges}
links.csv             only of a signalling graph: edges between a gene's own nodes
                      (methylation to transcript to protein)
modalities.csv        each modality's share
nodes_by_class.csv    {nodes_by_class}
pathways.csv          {pathways}
patient_edges.parquet edges between patients (ids inside): {patient_edges}

score                 {score}
sign                  {sign}
rank_mean, rank_lo, rank_hi   mean and 2.5 and 97.5 percentiles of the rank over {folds} fold models
selected_frequency    share of those models that have the item among their first {top}
null_quantile         {null_quantile}
degree                neighbours in the gene network among measured genes (edges: sum over both
                      ends)
"""
_USUAL = {
    "edges": "every edge of the gene network among the measured genes",
    "null_quantile": "blank: no null was asked for",
}


def _with_quantile(table: pd.DataFrame, nulls: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """A table with `null_quantile`; an item that a null does not have scores 0 there."""
    key = ["class", "id"] if "class" in table else ["id"]
    items = pd.MultiIndex.from_frame(table[key])
    scores = []
    for null in nulls:
        found = pd.Series(null["score"].to_numpy(float), pd.MultiIndex.from_frame(null[key]))
        scores.append(found.reindex(items, fill_value=0.0).to_numpy())
    quantile = null_quantile(table["score"].to_numpy(float), scores)
    return table.assign(null_quantile=quantile)
