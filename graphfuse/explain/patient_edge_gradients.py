"""Scores of edges between patients by gradients of the whole net."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphfuse.data.cohort import Cohort
from graphfuse.explain.edge_gradients import EdgeGradients, edge_contributions
from graphfuse.explain.method import FoldNet
from graphfuse.explain.patient_edges import EdgeColumns, sender_predictors
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.fold_model import Fitted


def net_scores(
    fitted: Fitted, cohort: Cohort, gradients_of: Callable[[FoldNet], EdgeGradients]
) -> EdgeColumns:
    """Score edges by what they add to the output of the direction predicted for the receiver.

    Parameters
    ----------
    fitted : Fitted
        A fold's model.
    cohort : Cohort
        The receivers.
    gradients_of : callable
        Gradients of one net.

    Returns
    -------
    callable
        As `patient_edges` takes it: scores are means over the model's nets.
    """
    nets = [FoldNet(fitted, number, cohort) for number in range(len(fitted.nets))]
    gradients = [gradients_of(net) for net in nets]
    views = nets[0].views
    predicted = fitted.task.direction_called(fitted.output(views))  # [N]

    def columns(name: str, number: int, neighbours: Neighbours) -> dict[str, np.ndarray]:
        predictors = sender_predictors(fitted, views, name, neighbours)
        by_net = []
        for net, found in zip(nets, gradients, strict=True):
            by_net.append(edge_contributions(net, found, name, number, predictors))
        mean = np.mean(by_net, axis=0)  # [K, E]
        called = predicted[neighbours.receivers]
        return {"score": mean[called, np.arange(mean.shape[1])]}

    return columns
