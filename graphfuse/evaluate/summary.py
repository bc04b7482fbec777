"""Means, intervals and comparisons of the scores of all models of a run."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from graphfuse.evaluate.fold_statistics import Difference, judged, score_over_folds
from graphfuse.evaluate.graph_controls import pairs
from graphfuse.evaluate.patient_draws import PatientDraws
from graphfuse.evaluate.shapley import contributions, subsets
from graphfuse.schema import SECONDS, Contribution, Metrics, Score
from graphfuse.schema.run_model_name import ONLY, OURS, PATTERN, ModelId
from graphfuse.task.metric import MetricSet
from graphfuse.task.registry import kind_of


def columns(metrics: MetricSet) -> tuple[str, ...]:
    """The columns of a table of scores, which has a row for every model and fold."""
    return ("model", "repeat", "fold", "tested", "trained", *metrics.names, "seconds")


def tally(
    table: pd.DataFrame, draws: PatientDraws, target: str, protocol: dict, metrics: MetricSet
) -> Metrics:
    """Means over folds with their intervals, and the net against every other model.

    Patterns of modalities are the net itself on some patients: they are scored, and compared with
    nothing.

    Parameters
    ----------
    table : pd.DataFrame
        With these `columns`; `tested` and `trained` count labelled patients.
    draws : PatientDraws
        The same scores under draws of the tested patients.
    target : str
        The outcome's name.
    protocol : dict
        What `metrics.json` says of the protocol.
    metrics : MetricSet
        Those of the outcome's kind.
    """
    models, variants = {}, {}
    for name, part in table.groupby("model", sort=False):
        row = _row(name, part, draws, metrics)
        if ModelId.parse(name).is_variant:
            variants[name] = row
        else:
            models[name] = row
    differences = []
    for a, b in _wanted_pairs(draws.scores):
        for metric in metrics.compared:
            difference = Difference.between(a, b, metric, draws)
            if difference is not None:
                differences.append(difference)
    return Metrics(
        target=target,
        kind=metrics.kind,
        protocol=protocol,
        models=models,
        variants=variants,
        comparisons=judged(differences, draws),
    )


def _row(
    name: str, part: pd.DataFrame, draws: PatientDraws, metrics: MetricSet
) -> dict[str, Score | float]:
    """The scores of one model, of which `part` are the rows of the table."""
    row: dict[str, Score | float] = {}
    for metric in metrics:
        by_fold = part[metric.name].to_numpy(float)
        drawn = draws.scores[name][metric.name]
        fewest = draws.fewest[name][metric.name]
        row[metric.name] = score_over_folds(by_fold, drawn, metric, fewest, draws)
    row[SECONDS] = round(float(part["seconds"].sum()), 2)
    return row


def _wanted_pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """The models that are compared: the net with every other, and each graph's controls."""
    scored = [name for name in names if not ModelId.parse(name).is_one_of(PATTERN)]
    if OURS not in scored:
        return []
    against_net = [(OURS, name) for name in scored if name != OURS]
    return list(dict.fromkeys(against_net + pairs(scored)))


def has_every_subset(names: Iterable[str], modalities: tuple[str, ...]) -> bool:
    """Whether the models of these names are of every subset of several modalities."""
    every = {str(ModelId.of_modalities(ONLY, some)) for some in subsets(modalities)}
    return len(modalities) > 1 and every <= set(names)


def shapley_of(
    draws: PatientDraws, modalities: tuple[str, ...], metrics: MetricSet
) -> list[Contribution]:
    """Shapley values of the modalities in the metrics compared; none where a subset of them was
    not scored."""
    if not has_every_subset(draws.scores, modalities):
        return []
    return contributions(draws, modalities, metrics.compared, kind_of(metrics.kind).baseline)
