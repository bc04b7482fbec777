"""Rankings over fold models, each explained on the test patients of its fold.

The seeds of a fold are one model. Labels have no part in scores: a score is the mean over patients
and directions, such as classes, of the absolute attribution, which was averaged over models with
its sign, in units of its noise between models. Ranges of ranks are over models of half the training
patients where there are such resamples, and else over the fold models alone: these share training
patients, so that their ranges are narrower than those of new cohorts would be. How columns go with
the outcome without any model stands beside the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain.explained_models import ExplainedModels, RankedItems
from graphfuse.explain.group_scores import first_groups, with_ablation
from graphfuse.explain.half_samples import HalfSamples
from graphfuse.explain.joint_ablation import joint_ablation
from graphfuse.explain.load_method import ranking_method
from graphfuse.explain.method import Method
from graphfuse.explain.methods import DEFAULT
from graphfuse.explain.model_inputs import ModelInputs
from graphfuse.explain.permuted_labels import PermutedLabels
from graphfuse.explain.ranking import Ranking
from graphfuse.explain.stability import Stability
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.progress import progress
from graphfuse.schema import Recipe
from graphfuse.task.task import Task


def rank(
    replicas: Sequence[Replica],
    cohort: Cohort,
    network: GeneNetwork | None,
    device: str = "cpu",
    method: Method | None = None,
    resamples: HalfSamples | None = None,
    nulls: int = 0,
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
    resamples : HalfSamples, optional
        Halves of the training patients, over whose models ranges of ranks are taken; by default
        they are over the fold models.
    nulls : int
        How many permutations of the labels items are compared with, on these halves.

    Returns
    -------
    Ranking

    Raises
    ------
    InputError
        Where a method of the user's own fails, or labels cannot be permuted.
    GraphfuseError
        Where a net cannot be explained by the method.
    """
    method = ranking_method(DEFAULT) if method is None else method
    model = replicas[0].model
    items = RankedItems.of(replicas, cohort, network)
    models = [replica.model.fitted_ for replica in replicas]
    halves = [] if resamples is None else resamples.fitted()
    inputs = ModelInputs(items.modalities, models + [half.model.fitted_ for half in halves])
    explained = ExplainedModels(items, inputs, method, device)
    with progress("ranking", len(replicas)) as step:
        for replica in replicas:
            explained.add(replica)
            step(True)
    ranges = stability = permuted = None
    if halves:
        ranges = _explained_pairs(ExplainedModels(items, inputs, method, device), halves)
        agreement = ranges.columns.agreement()
        if nulls:
            explain = partial(_explained_alone, items, method, device)
            permuted = PermutedLabels.of(resamples, halves, nulls, explain)
            agreement = agreement.beside(permuted.agreements)
        stability = Stability.of(ranges.columns.scores(), agreement)
    ranked = explained.tables(model.target_, model.task_, ranges)
    ranked["groups"] = _with_ablation(ranked["groups"], replicas, items, device)
    about = _about(method, explained, items.measured, model.task_, model.recipe_)
    if permuted is not None:
        ranked = permuted.fill(ranked)
        about |= {"null_quantile": permuted.description}
    return Ranking(
        **{name: table.assign(method=method.name) for name, table in ranked.items()},
        patient_edges=_patient_edges(replicas, cohort, method, device),
        folds=len(replicas),
        error=explained.error,
        method=method.name,
        target=model.target_,
        about=about,
        stability=stability,
    )


def _explained_alone(
    items: RankedItems, method: Method, device: str, replicas: Sequence[Replica]
) -> ExplainedModels:
    """Models that are compared with no others."""
    inputs = ModelInputs(items.modalities, [each.model.fitted_ for each in replicas])
    explained = ExplainedModels(items, inputs, method, device)
    for replica in replicas:
        explained.add(replica)
    return explained


def _explained_pairs(into: ExplainedModels, halves: Sequence[Replica]) -> ExplainedModels:
    """Resamples explained, complementary halves one after the other."""
    with progress("ranking resamples", len(halves)) as step:
        for half in halves:
            into.add(half)
            step(True)
    return into


def _with_ablation(
    table: pd.DataFrame, replicas: Sequence[Replica], items: RankedItems, device: str
) -> pd.DataFrame:
    """The groups, the first of them with their joint ablation."""
    first = first_groups(table)
    if first.empty:
        return table
    ablation = joint_ablation(replicas, items.cohort, items.group_of, first, device)
    return with_ablation(table, first, ablation)


def _patient_edges(
    replicas: Sequence[Replica], cohort: Cohort, method: Method, device: str
) -> pd.DataFrame:
    """The edges into each fold's test patients, with the numbers of its repeat and fold."""
    tables = []
    for replica in replicas:
        fitted = replica.model.fitted_.on(device)
        tested, trained = cohort.take(replica.tested), cohort.patients[replica.train]
        edges = method.patient_edges(fitted, tested, trained)
        tables.append(edges.assign(repeat=replica.repeat, fold=replica.fold))
    return pd.concat(tables, ignore_index=True)


def _about(
    method: Method,
    explained: ExplainedModels,
    measured: GeneNetwork | None,
    task: Task,
    recipe: Recipe,
) -> dict[str, str]:
    """Descriptions for README.txt: of the method, and of the tables that it leaves empty."""
    silent = f"empty: {method.name} gives no attribution of"
    sets = explained.of_all("sets")
    description = method.description(task)
    words = task.attribution_words
    about = {
        "method": f"{method.name}: {description}" if description else method.name,
        "score": words.score,
        "sign": words.sign,
        "marginal": words.marginal,
        "effect": words.effect,
        "p": words.test,
        "nodes_by_class": words.by_direction,
        "patient_edges": method.about_patient_edges(task),
        "pathways": _about_pathways(sets, recipe, f"{silent} gene sets"),
    }
    if measured is not None and explained.of_all("edges") is None:
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
