"""Means, intervals and comparisons of a table of scores with a row for every model and fold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from graphfuse.evaluate.bootstrap import bootstrap_compare, bootstrap_scores
from graphfuse.evaluate.fold_statistics import compare, summary
from graphfuse.evaluate.graph_controls import pairs
from graphfuse.evaluate.shapley import by_subset, contributions, subsets
from graphfuse.schema import SECONDS, Comparison, Contribution, Metrics
from graphfuse.schema.run_model_name import ONLY, OURS, PATTERN, ModelId
from graphfuse.task.metric import Metric, MetricSet
from graphfuse.task.registry import kind_of, metrics_of


def columns(metrics: MetricSet) -> tuple[str, ...]:
    """The columns of a table of scores, which has a row for every model and fold."""
    return ("model", "repeat", "fold", "tested", "trained", *metrics.names, "seconds")


def tally(table: pd.DataFrame, target: str, protocol: dict, metrics: MetricSet) -> Metrics:
    """Means over folds with corrected intervals, and the net against every other model.

    Patterns of modalities are the net itself on some patients: they are scored, and compared with
    nothing.

    Parameters
    ----------
    table : pd.DataFrame
        With these `columns`; `tested` and `trained` count labelled patients.
    target : str
        The outcome's name.
    protocol : dict
        What `metrics.json` says of the protocol.
    metrics : MetricSet
        Those of the outcome's kind.
    """
    share = test_share(table)
    folds = {}
    for name, part in table.groupby("model", sort=False):
        folds[name] = part.set_index(["repeat", "fold"])
    models, variants = {}, {}
    for name, part in folds.items():
        row = {}
        for metric in metrics:
            row[metric.name] = summary(part[metric.name].to_numpy(float), share, metric)
        row[SECONDS] = round(float(part["seconds"].sum()), 2)
        if ModelId.parse(name).is_variant:
            variants[name] = row
        else:
            models[name] = row
    comparisons = []
    for a, b in _wanted_pairs(folds):
        for metric in metrics.compared:
            pair = _compared(folds, a, b, metric, share)
            if pair is not None:
                comparisons.append(pair)
    return Metrics(
        target=target,
        kind=metrics.kind,
        protocol=protocol,
        models=models,
        variants=variants,
        comparisons=comparisons,
    )


def _wanted_pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """The models that are compared: the net with every other, and each graph's controls."""
    scored = [name for name in names if not ModelId.parse(name).is_one_of(PATTERN)]
    if OURS not in scored:
        return []
    against_net = [(OURS, name) for name in scored if name != OURS]
    return list(dict.fromkeys(against_net + pairs(scored)))


def of_one_part(
    metrics: Metrics, y: np.ndarray, output: Mapping[str, np.ndarray], seed: int = 0
) -> Metrics:
    """The same scores where one part is held out.

    No folds differ, so intervals and comparisons are those of a bootstrap over its patients.

    Parameters
    ----------
    metrics : Metrics
        The scores, as `tally` gives them.
    y : np.ndarray
        `[N]`, the known outcomes of the held-out patients.
    output : mapping of str to np.ndarray
        The output of every model, `[N, O]`.
    seed : int
        Of the bootstrap.
    """
    metric_set = metrics_of(metrics.kind)

    def with_intervals(rows: dict) -> dict:
        return {
            name: _with_intervals(row, metric_set, y, output.get(name), seed)
            for name, row in rows.items()
        }

    against_net = [(OURS, name) for name in output if name != OURS]
    wanted = dict.fromkeys(against_net + pairs(list(output)))
    comparisons = []
    for a, b in wanted:
        comparisons += bootstrap_compare(
            a, b, y, output[a], output[b], metric_set.compared, seed=seed
        )
    update = {
        "models": with_intervals(metrics.models),
        "variants": with_intervals(metrics.variants),
        "comparisons": comparisons,
    }
    return metrics.model_copy(update=update)


def _with_intervals(
    row: dict, metrics: MetricSet, y: np.ndarray, output: np.ndarray | None, seed: int
) -> dict:
    """A model's scores with intervals over resampled patients; without, where it was not scored on
    all of them."""
    if output is None:
        return row
    intervals = bootstrap_scores(metrics, y, output, seed=seed)
    updated = dict(row)
    for name in intervals:
        if name in row:
            updated[name] = row[name].model_copy(update={"ci95": intervals[name]})
    return updated


def has_every_subset(names: Iterable[str], modalities: tuple[str, ...]) -> bool:
    """Whether the models of these names are of every subset of several modalities."""
    every = {str(ModelId.of_modalities(ONLY, some)) for some in subsets(modalities)}
    return len(modalities) > 1 and every <= set(names)


def shapley_of(
    table: pd.DataFrame, modalities: tuple[str, ...], metrics: MetricSet
) -> list[Contribution]:
    """Shapley values of the modalities in the metrics compared; none where the table lacks a
    subset of them."""
    if not has_every_subset(table["model"], modalities):
        return []
    share = test_share(table)
    baseline = kind_of(metrics.kind).baseline
    shares = []
    for metric in metrics.compared:
        scores = by_subset(table, modalities, metric.name, baseline)
        shares += contributions(scores, modalities, metric.name, share)
    return shares


def test_share(table: pd.DataFrame) -> float:
    """Labelled patients tested in a fold, for each one trained on."""
    is_net = table["model"] == OURS
    whole = table[is_net] if is_net.any() else table
    return float(whole["tested"].mean() / max(whole["trained"].mean(), 1))


def _compared(
    folds: dict[str, pd.DataFrame], a: str, b: str, metric: Metric, share: float
) -> Comparison | None:
    """The comparison of two models over the folds that both have."""
    both = folds[a].index.intersection(folds[b].index)
    first = folds[a].loc[both, metric.name].to_numpy(float)
    second = folds[b].loc[both, metric.name].to_numpy(float)
    if not len(both) or not np.isfinite(first).any():
        return None
    return compare(a, b, metric, first, second, share)
