"""Rankings of features, genes, edges and modalities, with intervals over the folds' models.

The unit is a fold: its seeds are one model, explained on the patients it never saw (their labels
are not read). A score is the mean over classes of the absolute mean attribution among patients of
the class (each class counts alike, however rare); ranks are taken in every fold, and the interval
is that of the folds' ranks. Folds share training patients, so it is narrower than that of new
cohorts would be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from graphfuse.data.cohort import Cohort
from graphfuse.data.export import safe_csv
from graphfuse.evaluate.study import Replica
from graphfuse.explain.attribute import attribute
from graphfuse.explain.edges import gene_edges, onto, patient_edges, typed_edges
from graphfuse.explain.tokens import set_tokens
from graphfuse.files.written import Kind, whole_folder
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.progress import progress
from graphfuse.schema import RANKING_COLUMNS, Recipe
from graphfuse.schema.arguments import Count, checked

TOP = 100  # `selected_frequency` is the share of folds in which an item stands among this many
METHOD = "integrated gradients"
_TABLES = ("nodes", "genes", "edges", "modalities", "pathways", "nodes_by_class")
_FILES = (*(f"{name}.csv" for name in (*_TABLES, "links")), "patient_edges.parquet", "README.txt")
RANKINGS = Kind.of("folder of rankings", "nodes_by_class.csv", *_FILES)


@checked
@dataclass(frozen=True, eq=False)
class Ranking:
    """Ranked items: `nodes` (features), `genes`, `edges`, `modalities`, `pathways` and
    `nodes_by_class` in the columns of `schema.RANKING_COLUMNS`, and `patient_edges`; `links`: of a
    signalling graph, the edges between a gene's own nodes. `about_pathways`: what the gene sets'
    scores are, or why there are none. `folds`: how many models stand behind it; `error`: the
    largest completeness error of their attributions."""

    nodes: pd.DataFrame
    genes: pd.DataFrame
    edges: pd.DataFrame
    links: pd.DataFrame
    modalities: pd.DataFrame
    pathways: pd.DataFrame
    nodes_by_class: pd.DataFrame
    patient_edges: pd.DataFrame
    folds: int
    error: float
    about_pathways: str
    shown: int = 50

    def top(self, count: Count) -> Ranking:
        """The same ranking, showing `count` items when printed; tables and files stay whole."""
        return replace(self, shown=count)

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
        told = _README.format(top=TOP, folds=self.folds, pathways=self.about_pathways)
        (folder / "README.txt").write_text(told, encoding="utf-8")

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

nodes.csv             every measured feature, one row, one rank (ties share a rank)
genes.csv             the same, summed over the features of a gene
edges.csv             every edge of the gene network among the measured genes
links.csv             only of a signalling graph: edges between a gene's own nodes
                      (methylation to transcript to protein)
modalities.csv        each modality's share
nodes_by_class.csv    features by class (column `class`)
pathways.csv          {pathways}
patient_edges.parquet edges between patients (ids inside): what each neighbour adds to the called
                      class

score                 mean over classes of the absolute mean attribution among patients of the class
                      (integrated gradients of the class's logit, neighbours held fixed; for edges,
                      along the edge's weight)
sign                  + a high value speaks for the class in which the item matters most (the second
                      class where there are two), - against it
rank_mean, rank_lo, rank_hi   mean and 2.5 and 97.5 percentiles of the rank over {folds} fold models
selected_frequency    share of those models that have the item among their first {top}
null_quantile         blank: no null was asked for
degree                neighbours in the gene network among measured genes (edges: sum over both
                      ends)
"""


def rank(
    replicas: Sequence[Replica],
    cohort: Cohort,
    network: GeneNetwork | None,
    classes: Sequence[str],
    device: str = "cpu",
) -> Ranking:
    """The ranking behind fold models, each explained on the patients of `cohort` that it was tested
    on; `device`: where gradients are computed."""
    modalities = [cohort.modalities[name] for name in replicas[0].model.modalities_]
    symbols = [s for m in modalities for s in m.symbols]
    measured = network.on([s for s in symbols if s]) if network is not None else None
    found = []
    with progress("ranking", len(replicas)) as step:
        for replica in replicas:
            found.append(_explain(replica, cohort, measured, device))
            step(True)
    push, lean = np.stack([f.push for f in found]), np.stack([f.lean for f in found])
    features = _features(modalities, measured)
    nodes, by_gene = _nodes(features, push, lean), _genes(features, push, lean)
    by_class = [
        _nodes(features, push[:, [k]], lean[:, [k]]).assign(**{"class": c})
        for k, c in enumerate(classes)
    ]
    edges = np.stack([f.edges for f in found])
    sets = [f.sets for f in found]
    between = [
        f.patients.assign(repeat=r.repeat, fold=r.fold)
        for f, r in zip(found, replicas, strict=True)
    ]
    return Ranking(
        nodes=nodes,
        genes=by_gene,
        edges=_edges(measured, edges, "+".join(m.name for m in modalities if any(m.symbols))),
        links=_links([f.links for f in found]),
        modalities=_modalities(features, push),
        pathways=_pathways(sets),
        nodes_by_class=pd.concat(by_class, ignore_index=True),
        patient_edges=pd.concat(between, ignore_index=True),
        folds=len(replicas),
        error=max(f.error for f in found),
        about_pathways=_about(sets, replicas[0].model.recipe_),
    )


@dataclass(frozen=True, eq=False)
class _Explained:
    push: np.ndarray
    lean: np.ndarray
    edges: np.ndarray
    links: pd.DataFrame
    sets: pd.DataFrame
    patients: pd.DataFrame
    error: float


def _explain(
    replica: Replica, cohort: Cohort, measured: GeneNetwork | None, device: str
) -> _Explained:
    """One fold's model, the mean over its seeds: `push`, `lean` `[K, columns]`, `edges` `[K, E]`,
    `links` (a row each, a column per class), `sets` as `set_tokens` gives them."""
    fitted, tested = replica.model.fitted_.on(device), cohort.take(replica.tested)
    pushes, leans, edges, links, sets, errors = [], [], [], [], [], []
    for net in range(len(fitted.nets)):
        found = attribute(fitted, net, tested)
        pushes.append(np.concatenate(list(found.push.values()), 1))
        leans.append(np.concatenate(list(found.lean.values()), 1))
        sets.append(set_tokens(fitted, found))
        errors.append(found.slopes.error)
        if measured is not None:
            symbols = _symbols(fitted, cohort)
            typed, carried = typed_edges(fitted, found)
            own = (typed["source"] == typed["target"]).to_numpy(bool)  # a gene's own nodes
            links.append(pd.DataFrame(carried[:, own].T, pd.MultiIndex.from_frame(typed[own])))
            between = onto(measured, typed[~own], carried[:, ~own])
            edges.append(gene_edges(fitted, found, measured, symbols) + between)
    carried = np.mean(edges, axis=0) if edges else np.zeros((len(replica.model.classes_), 0))
    between = patient_edges(fitted, tested, cohort.patients[replica.train])
    own = pd.concat(links).groupby(level=[0, 1, 2]).sum() / len(links) if links else pd.DataFrame()
    push, lean, tokens = np.mean(pushes, axis=0), np.mean(leans, axis=0), sum(sets) / len(sets)
    return _Explained(push, lean, carried, own, tokens, between, max(errors))


def _symbols(fitted, cohort: Cohort) -> dict[str, list[str | None]]:
    """Modality → the gene of each column that its encoder sees."""
    found = {}
    for name, pipeline in fitted.preparation.pipelines.items():
        symbols = cohort.modalities[name].symbols
        found[name] = [symbols[column] for column in pipeline.owners]
    return found


def _features(modalities, network: GeneNetwork | None) -> pd.DataFrame:
    degree = dict(zip(network.genes, network.degree, strict=True)) if network is not None else {}
    rows = [
        (feature, symbol, m.name, degree.get(symbol))
        for m in modalities
        for feature, symbol in zip(m.feature_ids, m.symbols, strict=True)
    ]
    return pd.DataFrame(rows, columns=["id", "gene", "modality", "degree"])


def _nodes(features: pd.DataFrame, push: np.ndarray, lean: np.ndarray) -> pd.DataFrame:
    return _table("feature", features, np.abs(push).mean(1), _signs(push, lean))


def _genes(features: pd.DataFrame, push: np.ndarray, lean: np.ndarray) -> pd.DataFrame:
    mapped = features["gene"].notna().to_numpy()
    part = features[mapped]
    gene, names = pd.factorize(part["gene"], sort=True)
    adding = np.zeros((len(names), mapped.sum()))
    adding[gene, np.arange(len(gene))] = 1.0
    whole = part.groupby("gene", sort=True).agg(
        modality=("modality", lambda m: "+".join(dict.fromkeys(m))), degree=("degree", "first")
    )
    whole = whole.reset_index().assign(id=lambda t: t["gene"])
    scores = np.abs(push[:, :, mapped]).mean(1) @ adding.T
    return _table(
        "gene", whole, scores, _signs(push[:, :, mapped] @ adding.T, lean[:, :, mapped] @ adding.T)
    )


def _modalities(features: pd.DataFrame, push: np.ndarray) -> pd.DataFrame:
    names = list(dict.fromkeys(features["modality"]))
    parts = np.stack(
        [np.abs(push[:, :, (features["modality"] == n).to_numpy()].sum(2)).mean(1) for n in names],
        1,
    )
    shares = parts / np.maximum(parts.sum(1, keepdims=True), 1e-300)
    return _table("modality", pd.DataFrame({"id": names, "modality": names}), shares, None)


def _edges(network: GeneNetwork | None, carried: np.ndarray, modality: str) -> pd.DataFrame:
    if network is None or not network.edges:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    ends = network.to_frame()[["source", "target"]]
    degree = network.degree[network.source] + network.degree[network.target]
    ends = ends.assign(
        id=ends["source"] + "|" + ends["target"],
        relation="interacts",
        modality=modality,
        degree=degree,
    )
    return _table("edge", ends, np.abs(carried).mean(1), _signs(carried, carried))


def _links(folds: list[pd.DataFrame]) -> pd.DataFrame:
    """Ranked links; one that a fold's graph did not have scores 0 there."""
    names = sorted(set().union(*(fold.index for fold in folds)))
    if not names:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    index = pd.MultiIndex.from_tuples(names, names=["source", "target", "relation"])
    carried = np.stack([fold.reindex(index, fill_value=0.0).to_numpy().T for fold in folds])
    items = index.to_frame(index=False)
    items = items.assign(id=items["source"] + "|" + items["relation"], gene=items["source"])
    return _table("edge", items, np.abs(carried).mean(1), _signs(carried, carried))


def _pathways(folds: list[pd.DataFrame]) -> pd.DataFrame:
    """Ranked gene sets; one that a fold's model did not have scores 0 there."""
    names = sorted(set().union(*(fold.index for fold in folds)))
    if not names:
        return pd.DataFrame(columns=RANKING_COLUMNS)
    found = [fold.reindex(names, fill_value=0.0) for fold in folds]
    push, lean = (
        np.stack([fold[kind].to_numpy().T for fold in found]) for kind in ("push", "lean")
    )
    return _table("pathway", pd.DataFrame({"id": names}), np.abs(push).mean(1), _signs(push, lean))


def _about(folds: list[pd.DataFrame], recipe: Recipe) -> str:
    """What pathways.csv holds, or why it holds nothing."""
    if recipe.pathways is None:
        return "empty: the recipe has no [pathways]"
    if not any(len(fold) for fold in folds):
        return "empty: no gene set of the recipe's [pathways] has enough measured genes"
    silent = sum(not fold.to_numpy().any() for fold in folds)
    still = (
        f"; all 0 in {silent} of {len(folds)} models, which stayed at their linear start"
        if silent
        else ""
    )
    return (
        "gene sets of [pathways], by what their tokens add beside the linear start (which "
        f"knows no sets){still}"
    )


def _signs(push: np.ndarray, lean: np.ndarray) -> np.ndarray:
    """+1, -1 or 0 `[items]`: the direction in the class where the item matters most (of two
    classes, the second)."""
    push, lean = push.mean(0), lean.mean(0)
    strongest = np.ones(push.shape[1], int) if len(push) == 2 else np.abs(push).argmax(0)
    return np.sign(lean[strongest, np.arange(push.shape[1])]).astype(int)


def _table(
    kind: str, items: pd.DataFrame, scores: np.ndarray, signs: np.ndarray | None
) -> pd.DataFrame:
    """Items ranked by their mean score `[folds, items]`, ties sharing a rank, in the columns of the
    schema."""
    scores = np.round(scores / max(scores.max(initial=0), 1e-300), 9) * scores.max(initial=0)
    mean = scores.mean(0)
    ranks = rankdata(-scores, axis=1)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
    least = min(TOP, max(1, scores.shape[1] // 2))
    table = items.assign(
        kind=kind,
        score=mean,
        sign=signs if signs is not None else pd.NA,
        rank=rankdata(-np.round(mean / max(mean.max(initial=0), 1e-300), 9), method="min").astype(
            int
        ),
        rank_mean=ranks.mean(0),
        rank_lo=low,
        rank_hi=high,
        selected_frequency=((ranks <= least) & (scores > 0)).mean(0),
        method=METHOD,
    )
    if "degree" in table:
        table["degree"] = table["degree"].astype("Int64")
    return table.reindex(columns=RANKING_COLUMNS).sort_values(["rank", "id"], ignore_index=True)
