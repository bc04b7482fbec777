"""Scores of the edges of patient layers: what each neighbour adds to a patient's prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.standardised_columns import Views

ENDS = ["layer", "source", "target"]
# of an edge that several modalities share
_TOGETHER = {"weight": "mean", "score": "sum", "attention": "mean", "in_degree": "mean"}

#: (modality, number of its layer, the layer's E edges) → columns of the table, `[E]` each; the
#: table's `score` among them.
EdgeColumns = Callable[[str, int, Neighbours], Mapping[str, np.ndarray]]


def patient_edges(
    fitted: Fitted, cohort: Cohort, training: pd.Index, columns: EdgeColumns | None = None
) -> pd.DataFrame:
    """Scores of every edge of the patient layers into the patients of a cohort.

    Parameters
    ----------
    fitted : Fitted
        A fold's model.
    cohort : Cohort
        The patients who receive messages.
    training : pandas.Index
        Ids of the training patients, in order.
    columns : callable, optional
        How the edges of a modality's layer are scored; by default through the linear model.

    Returns
    -------
    pandas.DataFrame
        `layer, source` (training patient), `target, weight, score`, and what else `columns` gives.
        By default the score is what the sender adds, through the layer's gates, to the linear
        predictor of the receiver's predicted class (its logit less the mean logit) or of the
        number, summed over the modalities that the layer carries.
    """
    preparation = fitted.preparation
    views = preparation.views(cohort)
    columns = linear_scores(fitted, views) if columns is None else columns
    senders = cohort.patients if preparation.isolates_patients else training
    lists = preparation.lists(views)
    tables = []
    for name, layers in preparation.layers_of.items():
        for number, (layer, neighbours) in enumerate(zip(layers, lists[name], strict=False)):
            edges = {
                "layer": layer,
                "source": senders[neighbours.index],
                "target": cohort.patients[neighbours.receivers],
                "weight": neighbours.mean_weights(),
            }
            tables.append(pd.DataFrame({**edges, **columns(name, number, neighbours)}))
    return _one_row_an_edge(tables)


def linear_scores(fitted: Fitted, views: Views) -> EdgeColumns:
    """Score edges by what senders add to the linear predictor, through the layers' gates.

    Parameters
    ----------
    fitted : Fitted
        A fold's model.
    views : Views
        The receivers.

    Returns
    -------
    callable
    """
    predicted = fitted.task.direction_called(fitted.output(views))  # [N]
    gates = fitted.gates()

    def columns(name: str, number: int, neighbours: Neighbours) -> dict[str, np.ndarray]:
        layer = fitted.preparation.layers_of[name][number]
        gate = gates[name].get("patients" if layer == name else layer, 0.0)
        predictors = sender_predictors(fitted, views, name, neighbours)
        contrast = fitted.task.contrast(predictors)  # [E, K]
        receivers = neighbours.receivers
        of_called = contrast[np.arange(len(receivers)), predicted[receivers]]
        return {"score": gate * neighbours.mean_weights() * of_called}

    return columns


def sender_predictors(
    fitted: Fitted, views: Views, name: str, neighbours: Neighbours
) -> np.ndarray:
    """The linear predictors of the senders of edges, each by its receiver's model.

    Parameters
    ----------
    fitted : Fitted
        A fold's model.
    views : Views
        The receivers.
    name : str
        The modality.
    neighbours : Neighbours
        E edges of one of its layers.

    Returns
    -------
    numpy.ndarray
        `[E, W]`.
    """
    linear = fitted.linear
    if fitted.preparation.isolates_patients:
        predictors = np.stack([views.own[name] @ slope for slope in linear.slopes[name]])
    else:
        predictors = linear.memory[name]  # [patterns, senders, W]
    pattern = linear.pattern(views.present)[neighbours.receivers]
    return predictors[pattern, neighbours.index]


def _one_row_an_edge(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The tables one below the other; an edge that several modalities share has the mean of their
    weights and the sum of their scores."""
    if not tables:
        no_edges = pd.DataFrame(columns=[*ENDS, "weight", "score"])
        return no_edges.astype({"weight": float, "score": float})
    table = pd.concat(tables, ignore_index=True)
    if not table.duplicated(ENDS).any():
        return table
    together = {name: how for name, how in _TOGETHER.items() if name in table}
    return table.groupby(ENDS, sort=False, as_index=False).agg(together)
