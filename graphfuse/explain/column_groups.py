"""Which columns are one group in a ranking: those that correlate, whatever their modality.

Groups are the same for all fold models, or they could not be ranked over them. They are clustered
once, on the patients that some fold model was trained on, without labels: in a cross-validation all
patients, in a hold-out the training patients alone. They decide how scores are added up, and take
no part in any prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.modality import Modality
from graphfuse.data.records.encode import TypedColumns
from graphfuse.statistics.correlated_columns import LEAST, correlated_columns


@dataclass(frozen=True, eq=False)
class ColumnGroups:
    """Groups of the C columns of all modalities, side by side.

    Attributes
    ----------
    group : numpy.ndarray
        int `[C]`: the group of each column; a column that is like no other is a group by itself.
    names : pandas.Index
        The name of each group: its most central column, and how many more there are.
    """

    group: np.ndarray
    names: pd.Index

    @classmethod
    def of(
        cls, modalities: Sequence[Modality], rows: np.ndarray, least: float = LEAST
    ) -> ColumnGroups:
        """Group columns by their correlations.

        Numbers are compared as they were read, before a recipe's steps, missing ones at the median.
        Of patients' records, ordinal columns and dates are numbers too; a category is in no group
        with others.

        Parameters
        ----------
        modalities : sequence of Modality
            Over the N patients of a cohort.
        rows : numpy.ndarray
            The patients whose columns are compared: row numbers of the N.
        least : float
            The mean |r| between two clusters from which they are one group.

        Returns
        -------
        ColumnGroups

        Examples
        --------
        >>> table = pd.DataFrame({"A": range(9), "B": [3, 1] * 4 + [2], "C": range(0, -9, -1)})
        >>> ColumnGroups.of([Modality("rna", table)], np.arange(9)).of_columns.tolist()
        ['rna:A +1', 'rna:B', 'rna:A +1']
        """
        tables = [column_numbers(modality.take(rows)) for modality in modalities]
        found = correlated_columns(tables, least)
        features = [feature for modality in modalities for feature in modality.feature_ids]
        centres = pd.Index(features, dtype=object)[found.centre]
        others = np.bincount(found.group, minlength=len(centres)) - 1
        names = [_name(*each) for each in zip(centres, others, strict=True)]
        return cls(found.group, pd.Index(names, dtype=object))

    @property
    def of_columns(self) -> np.ndarray:
        """The name of each column's group, `[C]`."""
        return self.names.to_numpy()[self.group]


def _name(centre: str, others: int) -> str:
    """`rna:ESR1 +10`; the column's own name where it is alone."""
    return f"{centre} +{others}" if others else centre


def column_numbers(modality: Modality) -> np.ndarray:
    """One number for each column, float64 `[n, columns]`; missing in columns of categories."""
    if modality.kind != "ehr":
        return modality.table.to_numpy(dtype=float)
    present = modality.table[modality.present]
    typed = TypedColumns.fit(present, modality.types, modality.levels)
    encoded = typed.apply(modality.table)
    values = np.full(modality.table.shape, np.nan)
    for place, part in enumerate(typed.parts):
        if part.kind == "value":
            values[:, part.column] = encoded[:, place]
    return values
