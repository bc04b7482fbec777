"""Joint ablation: how far predictions move where all columns of a group are at their training mean.

An attribution says what a model uses while all other columns are there; correlated columns can
stand in for one another. With the whole group gone, nothing stands in for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain.method import FoldNet
from graphfuse.explain.occluded import without
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.progress import progress


def joint_ablation(
    replicas: Sequence[Replica],
    cohort: Cohort,
    group_of: pd.Series,
    groups: Sequence[str],
    device: str = "cpu",
) -> np.ndarray:
    """Return the mean absolute change of predictions where a group of columns is ablated.

    In the test patients of each fold, all columns of a group are set to 0, the training mean of
    standardised columns. What is measured is the change of `FoldNet.logits`: logits less their mean
    over the classes, or a number's standard deviations. It is averaged with its sign over the nets
    of a model and over the repeats in which a patient was tested; then its absolute value is
    averaged over patients and directions.

    Parameters
    ----------
    replicas : sequence of Replica
        The fold models.
    cohort : Cohort
        The cohort that they were trained on.
    group_of : pandas.Series
        The group of each column, by `modality:column`.
    groups : sequence of str
        The groups that are ablated, at least one.
    device : str
        Where the nets are evaluated.

    Returns
    -------
    numpy.ndarray
        float64 `[groups]`.
    """
    total: dict[int, np.ndarray] = {}
    times = np.zeros(len(cohort))
    with progress("ablation of groups", len(replicas)) as step:
        for replica in replicas:
            fitted = replica.model.fitted_.on(device)
            changes = _changes(fitted, cohort.take(replica.tested), group_of, groups)
            times[replica.tested] += 1
            for row, change in zip(replica.tested, changes, strict=True):
                total[row] = total.get(row, 0.0) + change
            step(True)
    means = [np.abs(change).mean(axis=-1) / times[row] for row, change in total.items()]
    return np.mean(means, axis=0)


def _changes(
    fitted: Fitted, tested: Cohort, group_of: pd.Series, groups: Sequence[str]
) -> np.ndarray:
    """How the outputs of a fold's model fall without each group, the mean over its nets:
    `[n, groups, K]`."""
    numbers = range(len(fitted.nets))
    nets = [FoldNet(fitted, number, tested, group_of=group_of) for number in numbers]
    of_inputs = nets[0].groups
    whole = [net.logits(net.columns) for net in nets]
    changes = []
    for group in groups:
        is_member = {name: own == group for name, own in of_inputs.items()}
        columns = without(nets[0].columns, is_member)
        falls = []
        for net, with_all in zip(nets, whole, strict=True):
            falls.append(with_all - net.logits(columns))
        changes.append(np.mean(falls, axis=0))  # [n, K]
    return np.stack(changes, axis=1)
