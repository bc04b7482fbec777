"""Measures a ranking's faithfulness: curves of removed columns, and models trained anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.evaluate.fold_statistics import Difference, interval, standard_error
from graphfuse.explain.column_scores import order_of
from graphfuse.explain.faithfulness.column_orders import (
    DEGREE,
    RANDOM,
    RANKED,
    counts_of,
    degree_order,
    random_orders,
)
from graphfuse.explain.faithfulness.faithfulness import FAITHFULNESS_COLUMNS, Faithfulness
from graphfuse.explain.faithfulness.removal_curves import RemovalCurves, removal_curves
from graphfuse.explain.faithfulness.retraining import Retrained, name_of, retrained
from graphfuse.explain.method import Method
from graphfuse.explain.refits import Refits
from graphfuse.schema.run_model_name import OURS

DRAWS = 5  # random orders
WIDE = 1.959963984540054  # standard errors to either side of a mean that hold 95 %
_FIDELITY = 0.101  # the largest share of columns of which fidelity is told


def faithfulness(
    nodes: pd.DataFrame,
    replicas: Sequence[Replica],
    cohort: Cohort,
    refits: Refits,
    method: Method,
) -> Faithfulness:
    """Measure whether models depend on what a ranking puts first.

    Parameters
    ----------
    nodes : pandas.DataFrame
        The ranked columns, `id, score, degree`.
    replicas : sequence of Replica
        The fold models.
    cohort : Cohort
        Their patients.
    refits : Refits
        How they were trained.
    method : Method
        By which columns were ranked.

    Returns
    -------
    Faithfulness
    """
    ids = []
    for name in replicas[0].model.modalities_:
        ids += cohort.modalities[name].feature_ids
    own = nodes.set_index("id").loc[ids]
    degree = degree_order(own["degree"])
    orders = {RANKED: [order_of(own["score"])], RANDOM: random_orders(len(ids), DRAWS)}
    if degree is not None:
        orders[DEGREE] = [degree]
    curves = removal_curves(replicas, cohort, orders, counts_of(len(ids)), refits.device)
    trained = retrained(replicas, cohort, refits, method, degree)
    rows = [*_curve_rows(curves), *_area_rows(curves), *_trained_rows(trained, replicas, len(ids))]
    table = pd.DataFrame(rows).reindex(columns=list(FAITHFULNESS_COLUMNS))
    table[["against", "metric"]] = table[["against", "metric"]].fillna("")
    return Faithfulness(table, replicas[0].model.task_.attribution_words.moved)


def _curve_rows(curves: RemovalCurves) -> list[dict]:
    """The points of all curves; those of the first columns are fidelity too."""
    rows = []
    both = {"deletion": curves.deletion, "insertion": curves.insertion}
    fidelity = {"deletion": "fidelity+", "insertion": "fidelity-"}
    columns = curves.counts[-1]
    for measure, by_order in both.items():
        for order, curve in by_order.items():
            for count, moved in zip(curves.counts, curve, strict=True):
                point = {"order": order, "k": count, "share": count / columns, **_mean(moved)}
                rows.append({"measure": measure, **point})
                is_first = count == curves.counts[1] or count / columns <= _FIDELITY
                if count and is_first:
                    rows.append({"measure": fidelity[measure], **point})
    return rows


def _area_rows(curves: RemovalCurves) -> list[dict]:
    """The areas under all curves, and what the ranking's has more than another's."""
    rows = []
    both = {"deletion area": curves.deletion, "insertion area": curves.insertion}
    for measure, by_order in both.items():
        areas = {order: curves.area(curve) for order, curve in by_order.items()}
        for order, area in areas.items():
            rows.append({"measure": measure, "order": order, **_mean(area)})
        for order in list(areas)[1:]:
            more = _mean(areas[RANKED] - areas[order])
            rows.append({"measure": measure, "order": RANKED, "against": order, **more})
    return rows


def _mean(values: np.ndarray) -> dict[str, float]:
    """The mean over patients with its 95 % interval; models are taken as they are."""
    mean = values.mean()
    half = WIDE * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return {"value": mean, "lo": mean - half, "hi": mean + half}


def _trained_rows(trained: Retrained, replicas: Sequence[Replica], columns: int) -> list[dict]:
    """Scores of models that were trained anew, of the run's own, and their differences."""
    metrics = replicas[0].model.task_.metrics
    metric, draws = metrics[metrics.primary], trained.draws

    def scored(name: str) -> dict[str, float]:
        drawn = draws.scores[name][metric.name]
        error = standard_error(drawn[1:], draws)
        low, high = interval(float(drawn[0]), error, metric.bounds, draws)
        return {"metric": metric.name, "value": float(drawn[0]), "lo": low, "hi": high}

    whole = {"measure": "retrained", "order": "all columns", "k": columns, "share": 1.0}
    rows = [{**whole, **scored(OURS)}]
    for count in trained.counts:
        place = {"measure": "retrained", "k": count, "share": count / columns}
        for order in trained.orders:
            rows.append({**place, "order": order, **scored(name_of(order, count))})
        for order in trained.orders[1:]:
            names = name_of(RANKED, count), name_of(order, count)
            more = Difference.between(*names, metric, draws)
            if more is not None:
                infinite = (-np.inf, np.inf)
                low, high = interval(more.size, more.error, infinite, draws)
                ends = {"metric": metric.name, "value": more.size, "lo": low, "hi": high}
                rows.append({**place, "order": RANKED, "against": order, **ends})
    return rows
