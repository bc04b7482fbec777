"""Scores of columns alone, without the tables of a ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.cross_validation_results import Replica
from graphfuse.explain.attributions_over_folds import FoldColumns
from graphfuse.explain.column_groups import ColumnGroups
from graphfuse.explain.load_method import attributed
from graphfuse.explain.method import FoldNet, Method
from graphfuse.explain.model_inputs import ModelInputs
from graphfuse.explain.ranked_columns import RankedColumns
from graphfuse.explain.ranked_tables import features


def column_scores(
    replicas: Sequence[Replica],
    cohort: Cohort,
    method: Method,
    device: str = "cpu",
    groups: ColumnGroups | None = None,
) -> tuple[pd.Series, pd.Series]:
    """The scores by which a ranking orders columns, and groups of them.

    Parameters
    ----------
    replicas : sequence of Replica
        The fold models, each explained on the patients that it was tested on.
    cohort : Cohort
        Their patients.
    method : Method
        How columns are scored.
    device : str
        Where gradients are computed.
    groups : ColumnGroups, optional
        Of the columns of the models' modalities; by default each is a group by itself.

    Returns
    -------
    columns, groups : pandas.Series
        Scores by id.
    """
    modalities = [cohort.modalities[name] for name in replicas[0].model.modalities_]
    described = features(modalities, None)
    if groups is None:
        groups = ColumnGroups(np.arange(len(described)), pd.Index(described["id"]))
    models = [replica.model.fitted_ for replica in replicas]
    ranked = RankedColumns(described, ModelInputs(modalities, models), cohort, groups)
    for replica in replicas:
        fitted = replica.model.fitted_.on(device)
        tested = cohort.take(replica.tested)
        nets = [FoldNet(fitted, number, tested) for number in range(len(fitted.nets))]
        explained = [FoldColumns.of(attributed(method, net), net) for net in nets]
        ranked.add(FoldColumns.mean(explained), fitted, replica.tested)
    scores = ranked.scores()
    of_columns = pd.Series(scores["nodes"].score, described["id"])
    return of_columns, pd.Series(scores["groups"].score, groups.names)


def order_of(scores: pd.Series) -> np.ndarray:
    """The positions of items from the highest score to the lowest, those with the same by id.

    Parameters
    ----------
    scores : pandas.Series
        By id.

    Returns
    -------
    numpy.ndarray
        int `[items]`.

    Examples
    --------
    >>> order_of(pd.Series({"b": 1.0, "c": 2.0, "a": 1.0})).tolist()
    [1, 2, 0]
    """
    return np.lexsort((scores.index.to_numpy(str), -scores.to_numpy(float)))
