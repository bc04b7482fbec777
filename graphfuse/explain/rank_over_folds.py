"""Rankings over fold models, each explained on the test patients of its fold.

The seeds of a fold are one model. Labels have no part in scores: a score is the mean over patients
and directions, such as classes, of the absolute attribution, which was averaged over models with
its sign, in units of its noise between models. Ranks are also taken in every fold, and the interval
is that of the folds' ranks. Folds share training patients, so it is narrower than that of new
cohorts would be. How columns go with the outcome without any model stands beside the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain import ranked_edges_and_sets
from graphfuse.explain.attributions_over_folds import FoldColumns
from graphfuse.explain.column_groups import ColumnGroups
from graphfuse.explain.group_scores import first_groups, with_ablation
from graphfuse.explain.joint_ablation import joint_ablation
from graphfuse.explain.load_method import attributed, ranking_method
from graphfuse.explain.method import Attribution, FoldNet, Method
from graphfuse.explain.methods import DEFAULT
from graphfuse.explain.model_inputs import ModelInputs
from graphfuse.explain.ranked_columns import RankedColumns
from graphfuse.explain.ranked_tables import features
from graphfuse.explain.ranking import Ranking
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.progress import progress
from graphfuse.schema import Recipe
from graphfuse.task.task import Task


def rank(
    replicas: Sequence[Replica],
    cohort: Cohort,
    network: GeneNetwork | None,
    device: str = "cpu",
    method: Method | None = None,
) -> Ranking:
    """Rank the items of fold models.

    Parameters
    ----------
    replicas : sequence of Replica
        The fold models.
    cohort : Cohort
        The cohort that they were trained on: each is explained on the patients that it was tested
        on.
    network : GeneNetwork or None
        The gene network.
    device : str
        Where gradients are computed.
    method : Method, optional
        How columns and edges are scored; by default integrated gradients.

    Returns
    -------
    Ranking

    Raises
    ------
    InputError
        Where a method of the user's own fails.
    GraphfuseError
        Where a net cannot be explained by the method.
    """
    method = ranking_method(DEFAULT) if method is None else method
    model = replicas[0].model
    modalities = [cohort.modalities[name] for name in model.modalities_]
    measured = _measured(network, modalities)
    models = [replica.model.fitted_ for replica in replicas]
    groups = ColumnGroups.of(modalities, _trained(replicas))
    described = features(modalities, measured).assign(group=groups.of_columns)
    group_of = described.set_index("id")["group"]
    columns = RankedColumns(described, ModelInputs(modalities, models), cohort, groups)
    folds, edges = [], []
    with progress("ranking", len(replicas)) as step:
        for replica in replicas:
            fitted = replica.model.fitted_.on(device)
            tested = cohort.take(replica.tested)
            explained, means = _explain(fitted, tested, measured, method, group_of)
            columns.add(explained, fitted, replica.tested)
            folds.append(means)
            edges.append(_patient_edges(replica, fitted, tested, cohort, method))
            step(True)
    ranked = columns.tables(model.target_, model.task_)
    ranked |= _tables(folds, modalities, measured, model.task_)
    ranked["groups"] = _with_ablation(ranked["groups"], replicas, cohort, group_of, device)
    tables_by_name = {name: table.assign(method=method.name) for name, table in ranked.items()}
    return Ranking(
        **tables_by_name,
        patient_edges=pd.concat(edges, ignore_index=True),
        folds=len(replicas),
        error=_largest_error(folds),
        method=method.name,
        target=model.target_,
        about=_about(method, folds, measured, model.task_, model.recipe_),
    )


def _largest_error(folds: Sequence[Means]) -> float | None:
    """The largest completeness error; `None` where the method has none."""
    return max((fold.error for fold in folds if fold.error is not None), default=None)


def _trained(replicas: Sequence[Replica]) -> np.ndarray:
    """The rows of the patients that some fold model was trained on."""
    return np.unique(np.concatenate([replica.train for replica in replicas]))


def _with_ablation(
    table: pd.DataFrame,
    replicas: Sequence[Replica],
    cohort: Cohort,
    group_of: pd.Series,
    device: str,
) -> pd.DataFrame:
    """The groups, the first of them with their joint ablation."""
    first = first_groups(table)
    if first.empty:
        return table
    return with_ablation(table, first, joint_ablation(replicas, cohort, group_of, first, device))


def _patient_edges(
    replica: Replica, fitted: Fitted, tested: Cohort, cohort: Cohort, method: Method
) -> pd.DataFrame:
    """The edges into a fold's test patients, with the numbers of its repeat and fold."""
    edges = method.patient_edges(fitted, tested, cohort.patients[replica.train])
    return edges.assign(repeat=replica.repeat, fold=replica.fold)


def _measured(network: GeneNetwork | None, modalities: Sequence[Modality]) -> GeneNetwork | None:
    """The part of the network among genes that these modalities measure."""
    if network is None:
        return None
    symbols = []
    for modality in modalities:
        symbols += [symbol for symbol in modality.symbols if symbol]
    return network.on(symbols)


@dataclass(frozen=True, eq=False)
class Means:
    """What of an `Attribution` is a mean over patients in each direction, of a net or of a fold's
    nets; the attributes are those of `Attribution`."""

    edges: np.ndarray | None
    links: pd.DataFrame | None
    sets: pd.DataFrame | None
    error: float | None

    @classmethod
    def of(cls, attribution: Attribution) -> Means:
        """The means of one net's attributions."""
        return cls(attribution.edges, attribution.links, attribution.sets, attribution.error)

    @classmethod
    def mean(cls, nets: Sequence[Means]) -> Means:
        """The mean over the nets of one model, with the largest of their errors."""
        edges = _mean(_of_all(nets, "edges"))
        links = _mean_of_links(_of_all(nets, "links"))
        sets = _mean_of_sets(_of_all(nets, "sets"))
        errors = _of_all(nets, "error")
        error = max(errors) if errors else None
        return cls(edges, links, sets, error)


def _of_all(means: Sequence[Means], name: str) -> list | None:
    """The attribute of this name of all nets or folds; `None` where one of them lacks it."""
    values = [getattr(each, name) for each in means]
    return None if any(value is None for value in values) else values


def _mean(arrays: list[np.ndarray] | None) -> np.ndarray | None:
    return np.mean(arrays, axis=0) if arrays else None


def _mean_of_links(tables: list[pd.DataFrame] | None) -> pd.DataFrame | None:
    """The mean over tables by source, target and relation; what a table lacks is 0 there."""
    if not tables:
        return None
    by_link = pd.concat(tables).groupby(level=[0, 1, 2])
    return by_link.sum() / len(tables)


def _mean_of_sets(tables: list[pd.DataFrame] | None) -> pd.DataFrame | None:
    return sum(tables) / len(tables) if tables else None


def _stacked(folds: Sequence[Means], name: str) -> np.ndarray | None:
    """The attribute of this name of all folds `[folds, K, …]`; `None` where a fold lacks it."""
    arrays = _of_all(folds, name)
    return None if arrays is None else np.stack(arrays)


def _explain(
    fitted: Fitted,
    tested: Cohort,
    measured: GeneNetwork | None,
    method: Method,
    group_of: pd.Series,
) -> tuple[FoldColumns, Means]:
    """One fold's model, the mean over its seeds."""
    columns, means = [], []
    for number in range(len(fitted.nets)):
        net = FoldNet(fitted, number, tested, measured, group_of)
        attribution = attributed(method, net)
        columns.append(FoldColumns.of(attribution, net))
        means.append(Means.of(attribution))
    return FoldColumns.mean(columns), Means.mean(means)


def _tables(
    folds: Sequence[Means],
    modalities: Sequence[Modality],
    measured: GeneNetwork | None,
    task: Task,
) -> dict[str, pd.DataFrame]:
    """The tables of edges and gene sets of a `Ranking`, by name."""
    edges = _stacked(folds, "edges")
    links = _of_all(folds, "links") or []
    sets = _of_all(folds, "sets") or []
    with_genes = [modality.name for modality in modalities if any(modality.symbols)]
    sign_of = task.sign_of
    return {
        "edges": ranked_edges_and_sets.edges(measured, edges, "+".join(with_genes), sign_of),
        "links": ranked_edges_and_sets.links(links, sign_of),
        "pathways": ranked_edges_and_sets.pathways(sets, sign_of),
    }


def _about(
    method: Method,
    folds: Sequence[Means],
    measured: GeneNetwork | None,
    task: Task,
    recipe: Recipe,
) -> dict[str, str]:
    """Descriptions for README.txt: of the method, and of the tables that it leaves empty."""
    silent = f"empty: {method.name} gives no attribution of"
    sets = _of_all(folds, "sets")
    description = method.description(task)
    words = task.attribution_words
    about = {
        "method": f"{method.name}: {description}" if description else method.name,
        "score": words.score,
        "sign": words.sign,
        "marginal": words.marginal,
        "effect": words.effect,
        "nodes_by_class": words.by_direction,
        "patient_edges": method.about_patient_edges(task),
        "pathways": _about_pathways(sets, recipe, f"{silent} gene sets"),
    }
    if measured is not None and _of_all(folds, "edges") is None:
        about["edges"] = f"{silent} edges"
    return about


def _about_pathways(folds: list[pd.DataFrame] | None, recipe: Recipe, silent: str) -> str:
    """What pathways.csv holds, or why it holds nothing."""
    if recipe.pathways is None:
        return "empty: the recipe has no [pathways]"
    if folds is None:
        return silent
    if not any(len(fold) for fold in folds):
        return "empty: no gene set of the recipe's [pathways] has enough measured genes"
    still = sum(not fold.to_numpy().any() for fold in folds)
    linear = ""
    if still:
        linear = f"; all 0 in {still} of {len(folds)} models, for which 0 epochs were chosen"
    return (
        "gene sets of [pathways], by what their tokens add to the linear model (which has no "
        f"gene sets){linear}"
    )
