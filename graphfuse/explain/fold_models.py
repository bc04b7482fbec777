"""The ranking behind fold models, each explained on the patients it never saw.

The unit is a fold: its seeds are one model (their labels are not read). A score is the mean over
directions, such as classes, of the absolute mean attribution among the patients who show it (each
class counts alike, however rare); ranks are taken in every fold, and the interval is that of the
folds' ranks. Folds share training patients, so it is narrower than that of new cohorts would be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.evaluate.findings import Replica
from graphfuse.explain import tables
from graphfuse.explain.edges import patient_edges
from graphfuse.explain.method import Attribution, FoldNet, Method, attributed, ranking_method
from graphfuse.explain.methods import DEFAULT
from graphfuse.explain.ranking import Ranking
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.fitted import Fitted
from graphfuse.learn.progress import progress
from graphfuse.schema import RANKING_COLUMNS, Recipe
from graphfuse.task.task import Task


def rank(
    replicas: Sequence[Replica],
    cohort: Cohort,
    network: GeneNetwork | None,
    device: str = "cpu",
    method: Method | None = None,
) -> Ranking:
    """The ranking behind fold models.

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
    modalities = [cohort.modalities[name] for name in replicas[0].model.modalities_]
    symbols = [s for m in modalities for s in m.symbols]
    measured = network.on([s for s in symbols if s]) if network is not None else None
    task, found, between = replicas[0].model.task_, [], []
    with progress("ranking", len(replicas)) as step:
        for replica in replicas:
            fitted, tested = replica.model.fitted_.on(device), cohort.take(replica.tested)
            found.append(_explain(fitted, tested, measured, method))
            edges = patient_edges(fitted, tested, cohort.patients[replica.train])
            between.append(edges.assign(repeat=replica.repeat, fold=replica.fold))
            step(True)
    ranked = _tables(found, modalities, measured, task)
    return Ranking(
        **{name: table.assign(method=method.name) for name, table in ranked.items()},
        patient_edges=pd.concat(between, ignore_index=True),
        folds=len(replicas),
        error=max((f.error for f in found if f.error is not None), default=None),
        method=method.name,
        about=_about(method, found, measured, task, replicas[0].model.recipe_),
    )


@dataclass(frozen=True, eq=False)
class Means:
    """`Attribution` as means over the patients in each direction, of a fold's nets: `columns` and
    `gradient` `[K, columns]`, all modalities' columns side by side; the rest as there."""

    columns: np.ndarray
    gradient: np.ndarray | None
    edges: np.ndarray | None
    links: pd.DataFrame | None
    sets: pd.DataFrame | None
    error: float | None

    @classmethod
    def of(cls, found: Attribution, net: FoldNet) -> Means:
        """Of one net."""
        return cls(
            _side_by_side(net, found.columns, net.weight),
            None if found.gradient is None else _side_by_side(net, found.gradient, net.share),
            found.edges,
            found.links,
            found.sets,
            found.error,
        )

    @classmethod
    def mean(cls, nets: Sequence[Means]) -> Means:
        """Over nets of one model; the largest `error`."""
        columns = np.mean([net.columns for net in nets], axis=0)
        gradient, edges = _all([n.gradient for n in nets]), _all([n.edges for n in nets])
        links, sets = _all([n.links for n in nets]), _all([n.sets for n in nets])
        errors = _all([n.error for n in nets])
        return cls(
            columns,
            np.mean(gradient, axis=0) if gradient else None,
            np.mean(edges, axis=0) if edges else None,
            pd.concat(links).groupby(level=[0, 1, 2]).sum() / len(links) if links else None,
            sum(sets) / len(sets) if sets else None,
            max(errors) if errors else None,
        )


def _side_by_side(net: FoldNet, values: dict[str, np.ndarray], weight: np.ndarray) -> np.ndarray:
    means = [net.mean(name, values[name], weight) for name in net.columns]
    return np.concatenate(means, 1)


def _all(found: list) -> list | None:
    """The list, or `None` where something of it is."""
    return None if any(each is None for each in found) else found


def _stacked(found: list[np.ndarray | None]) -> np.ndarray | None:
    """`[folds, K, …]`."""
    return None if _all(found) is None else np.stack(found)


def _explain(fitted: Fitted, tested: Cohort, measured: GeneNetwork | None, method: Method) -> Means:
    """One fold's model, the mean over its seeds."""
    found = []
    for number in range(len(fitted.nets)):
        net = FoldNet(fitted, number, tested, measured)
        found.append(Means.of(attributed(method, net), net))
    return Means.mean(found)


def _tables(
    found: Sequence[Means],
    modalities: Sequence[Modality],
    measured: GeneNetwork | None,
    task: Task,
) -> dict[str, pd.DataFrame]:
    """The tables of a `Ranking`, by name."""
    features = tables.features(modalities, measured)
    columns = np.stack([f.columns for f in found])  # [folds, K, columns]
    gradient = _stacked([f.gradient for f in found])
    apart, nothing = [], pd.DataFrame(columns=[*RANKING_COLUMNS, "class"])
    for k, name in enumerate(task.ranked_apart):
        slope = None if gradient is None else gradient[:, [k]]
        table = tables.nodes(features, columns[:, [k]], slope)
        apart.append(table.assign(**{"class": name}))
    with_genes = "+".join(m.name for m in modalities if any(m.symbols))
    edges = _stacked([f.edges for f in found])
    return {
        "nodes": tables.nodes(features, columns, gradient, task.sign_of),
        "genes": tables.genes(features, columns, gradient, task.sign_of),
        "edges": tables.edges(measured, edges, with_genes, task.sign_of),
        "links": tables.links(_all([f.links for f in found]) or [], task.sign_of),
        "modalities": tables.modalities(features, columns),
        "pathways": tables.pathways(_all([f.sets for f in found]) or [], task.sign_of),
        "nodes_by_class": pd.concat(apart, ignore_index=True) if apart else nothing,
    }


def _about(
    method: Method,
    found: Sequence[Means],
    measured: GeneNetwork | None,
    task: Task,
    recipe: Recipe,
) -> dict[str, str]:
    """What the README says of the method and of what it leaves empty."""
    silent = f"empty: {method.name} says nothing of"
    sets = _all([f.sets for f in found])
    said = method.said_of(task)
    about = {
        "method": f"{method.name}: {said}" if said else method.name,
        "score": task.attribution_words.score,
        "sign": task.attribution_words.sign,
        "nodes_by_class": task.attribution_words.by_direction,
        "patient_edges": task.attribution_words.neighbours,
        "pathways": _about_pathways(sets, recipe, f"{silent} gene sets"),
    }
    if measured is not None and _all([f.edges for f in found]) is None:
        about["edges"] = f"{silent} edges"
    if _all([f.gradient for f in found]) is None:
        about["sign"] = f"blank for columns: {method.name} gives no direction"
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
    linear = (
        f"; all 0 in {still} of {len(folds)} models, which stayed at their linear start"
        if still
        else ""
    )
    return (
        "gene sets of [pathways], by what their tokens add beside the linear start (which "
        f"knows no sets){linear}"
    )
