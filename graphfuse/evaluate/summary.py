"""A row for every model and fold, and what can be said of all rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from graphfuse.evaluate.bootstrap import bootstrap_compare, bootstrap_scores
from graphfuse.evaluate.graph_controls import pairs
from graphfuse.evaluate.metrics import compare, summary
from graphfuse.evaluate.shapley import by_subset, contributions, subsets
from graphfuse.schema import SECONDS, Contribution, Metrics
from graphfuse.schema.model_id import ONLY, OURS, PATTERN, ModelId
from graphfuse.task.metric import Metric, MetricSet
from graphfuse.task.registry import kind_of, metrics_of


def columns(metrics: MetricSet) -> tuple[str, ...]:
    """Of the table of scores: a row for every model and fold."""
    return ("model", "repeat", "fold", "tested", "trained", *metrics.names, "seconds")


def tally(table: pd.DataFrame, target: str, protocol: dict, metrics: MetricSet) -> Metrics:
    """Means over folds with corrected intervals of a table with `columns`, and the net against
    every other model.

    `tested` and `trained` count labelled patients. Patterns of modalities are the net itself on
    some patients: they are scored, and compared with nothing.
    """
    share = test_share(table)
    folds = {
        name: part.set_index(["repeat", "fold"])
        for name, part in table.groupby("model", sort=False)
    }
    rows = {
        name: {m.name: summary(part[m.name].to_numpy(float), share, m) for m in metrics}
        | {SECONDS: round(float(part["seconds"].sum()), 2)}
        for name, part in folds.items()
    }
    models = {name: ModelId.parse(name) for name in folds}
    names = [name for name, model in models.items() if not model.is_one_of(PATTERN)]
    wanted = (
        [(OURS, name) for name in names if name != OURS] + pairs(names) if OURS in folds else []
    )
    found = [
        _compared(folds, a, b, metric, share)
        for a, b in dict.fromkeys(wanted)
        for metric in metrics.compared
    ]
    return Metrics(
        target=target,
        kind=metrics.kind,
        protocol=protocol,
        models={name: row for name, row in rows.items() if not models[name].is_variant},
        variants={name: row for name, row in rows.items() if models[name].is_variant},
        comparisons=[pair for pair in found if pair],
    )


def of_one_part(
    found: Metrics, y: np.ndarray, output: Mapping[str, np.ndarray], seed: int = 0
) -> Metrics:
    """The same scores where one part is held out: no folds differ, so intervals and comparisons are
    those of a bootstrap over its patients. `y` `[N]`: the known outcomes; `output`: model → `[N,
    K]`."""
    metrics = metrics_of(found.kind)

    def spanned(rows: dict) -> dict:
        return {
            name: _spanned(row, metrics, y, output.get(name), seed) for name, row in rows.items()
        }

    names = [name for name in output if name != OURS]
    wanted = [(OURS, name) for name in names] + pairs(list(output))
    compared = [
        pair
        for a, b in dict.fromkeys(wanted)
        for pair in bootstrap_compare(a, b, y, output[a], output[b], metrics.compared, seed=seed)
    ]
    update = {
        "models": spanned(found.models),
        "variants": spanned(found.variants),
        "comparisons": compared,
    }
    return found.model_copy(update=update)


def _spanned(
    row: dict, metrics: MetricSet, y: np.ndarray, output: np.ndarray | None, seed: int
) -> dict:
    """A model's scores with intervals over resampled patients; without, where it was not scored on
    all of them."""
    if output is None:
        return row
    intervals = bootstrap_scores(metrics, y, output, seed=seed)
    return {
        m: score.model_copy(update={"ci95": intervals[m]}) if m in intervals else score
        for m, score in row.items()
    }


def has_every_subset(names: Iterable[str], modalities: tuple[str, ...]) -> bool:
    """Whether the models of these names are of every subset of several modalities."""
    every = {str(ModelId.of_modalities(ONLY, some)) for some in subsets(modalities)}
    return len(modalities) > 1 and every <= set(names)


def shapley_of(
    table: pd.DataFrame, modalities: tuple[str, ...], metrics: MetricSet
) -> list[Contribution]:
    """What each modality adds (Shapley), in the metrics compared, where every subset of them was
    scored."""
    if not has_every_subset(table["model"], modalities):
        return []
    share, baseline, found = test_share(table), kind_of(metrics.kind).baseline, []
    for metric in metrics.compared:
        scores = by_subset(table, modalities, metric.name, baseline)
        found += contributions(scores, modalities, metric.name, share)
    return found


def test_share(table: pd.DataFrame) -> float:
    """Labelled patients tested in a fold, for each one trained on."""
    whole = table[table["model"] == OURS] if (table["model"] == OURS).any() else table
    return float(whole["tested"].mean() / max(whole["trained"].mean(), 1))


def _compared(folds: dict[str, pd.DataFrame], a: str, b: str, metric: Metric, share: float):
    """The comparison over the folds that both have."""
    both = folds[a].index.intersection(folds[b].index)
    first, second = (folds[name].loc[both, metric.name].to_numpy(float) for name in (a, b))
    return (
        compare(a, b, metric, first, second, share)
        if len(both) and np.isfinite(first).any()
        else None
    )
