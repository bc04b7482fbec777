"""The inputs of fold models as one list: values, levels of categories, and flags of missing values.

A fold's model has the inputs that its training patients gave it: columns that were selected, levels
that were seen, flags of columns with gaps. Here they are numbered alike for all folds, and known by
the column of the table that they stand for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from graphfuse.data.modality import Modality
from graphfuse.data.prepare.pipeline import Pipeline
from graphfuse.learn.fold_model import Fitted

COLUMNS = ["feature", "modality", "kind", "level"]


class ModelInputs:
    """All inputs of a run's fold models.

    Parameters
    ----------
    modalities : sequence of Modality
        Whose columns are the C features of the rankings, in this order.
    models : sequence of Fitted
        The fold models.

    Attributes
    ----------
    table : pandas.DataFrame
        A row for each of the G inputs: the position of its `feature` among the C, its `modality`,
        its `kind` (`value`, `level` or `flag`), and a category's `level`.
    features : int
        The number C of columns of all modalities.
    """

    def __init__(self, modalities: Sequence[Modality], models: Sequence[Fitted]):
        self._first = {}
        self.features = 0
        for modality in modalities:
            self._first[modality.name] = self.features
            self.features += len(modality.columns)
        self._place: dict[tuple, int] = {}
        for fitted in models:
            for name, pipeline in fitted.preparation.pipelines.items():
                for key in self._keys(name, pipeline):
                    self._place.setdefault(key, len(self._place))
        self.table = pd.DataFrame(list(self._place), columns=COLUMNS)

    def __len__(self) -> int:
        """The number G of inputs."""
        return len(self._place)

    def _keys(self, name: str, pipeline: Pipeline) -> list[tuple]:
        """What the F inputs of a modality of one model stand for."""
        first = self._first[name]
        return [(first + column, name, kind, level) for column, kind, level in pipeline.parts]

    def sum_into(self, fitted: Fitted) -> sparse.csr_array:
        """The matrix that sums a model's own inputs, modality after modality, into the G inputs.

        Parameters
        ----------
        fitted : Fitted
            One of the fold models.

        Returns
        -------
        scipy.sparse.csr_array
            `[own inputs, G]`, one 1 in each row.
        """
        places = []
        for name, pipeline in fitted.preparation.pipelines.items():
            places += [self._place[key] for key in self._keys(name, pipeline)]
        return grouping(np.array(places, dtype=int), len(self))

    def of_kind(self, kind: str) -> np.ndarray:
        """Which of the G inputs are of a kind, bool `[G]`."""
        return (self.table["kind"] == kind).to_numpy()

    def by_feature(self) -> sparse.csr_array:
        """The matrix `[G, C]` that sums inputs to the columns of the tables."""
        return grouping(self.table["feature"].to_numpy(int), self.features)


def grouping(group: np.ndarray, groups: int) -> sparse.csr_array:
    """The matrix that sums values by group.

    Parameters
    ----------
    group : numpy.ndarray
        The group of each item, int `[items]`; -1 for none.
    groups : int
        How many groups there are.

    Returns
    -------
    scipy.sparse.csr_array
        float64 `[items, groups]`.

    Examples
    --------
    >>> grouping(np.array([0, 1, 0]), 2).toarray().tolist()
    [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    """
    has_group = np.flatnonzero(group >= 0)
    ones = np.ones(len(has_group))
    return sparse.csr_array((ones, (has_group, group[has_group])), (len(group), groups))
