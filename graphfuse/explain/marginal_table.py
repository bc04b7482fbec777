"""How every column goes with the outcome by itself, without any model.

The patients are those on whom fold models are explained, and who have a known outcome. Missing
values are left out, column by column; a category is judged level by level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.data.records.encode import ColumnPart, TypedColumns
from graphfuse.task.ranking_interface import Marginal

#: Columns of rankings that are filled here.
COLUMNS = [
    "marginal", "marginal_lo", "marginal_hi", "marginal_class", "effect", "difference", "p", "q",
]  # fmt: skip
_KEY = ["feature", "kind", "level"]


class MarginalTables:
    """The association of each value, level and flag with the outcome.

    Parameters
    ----------
    cohort : Cohort
        The patients on whom fold models are explained.
    modalities : sequence of str
        Whose columns are the features of the rankings, in this order.
    target : str
        The name of the outcome that is predicted.
    """

    def __init__(self, cohort: Cohort, modalities: Sequence[str], target: str):
        outcome = cohort.outcome(target)
        task = outcome.task
        self._task, self._directions = task, task.ranked_apart
        known = np.flatnonzero(outcome.known)
        learned = outcome.target.take(known)
        keys, tables, first = [], [], 0
        self._ids: list[str] = []
        for name in modalities:
            modality = cohort.modalities[name].take(known)
            values, parts = measured_values(modality)
            for column, kind, level in parts:
                keys.append((first + column, kind, level))
            tables.append(_frames(task.marginal(values, learned)))
            first += len(modality.columns)
            self._ids += modality.feature_ids
        index = pd.MultiIndex.from_tuples(keys, names=_KEY)
        self._features = first
        self._tables = []  # of the strongest direction, then of each
        for by_modality in zip(*tables, strict=True):
            table = pd.concat(by_modality, ignore_index=True)
            self._tables.append(table.set_axis(index))

    def of_features(self, direction: int | None = None) -> pd.DataFrame:
        """The columns `COLUMNS` of each feature.

        Parameters
        ----------
        direction : int, optional
            The direction, such as a class; by default the one that each column tells best.

        Returns
        -------
        pandas.DataFrame
            A row for each feature. A category has the association of the level that tells most,
            and a p-value and an interval corrected for the number of levels.
        """
        return self._named(self._by_feature(direction))

    def of_genes(self, gene: np.ndarray, genes: int) -> pd.DataFrame:
        """The columns `COLUMNS` of each gene.

        Parameters
        ----------
        gene : numpy.ndarray
            int `[features]`: the number of each feature's gene; -1 for none.
        genes : int
            How many genes there are.

        Returns
        -------
        pandas.DataFrame
            A row for each gene, with `marginal_column` beside: the association of that column, of
            the gene's columns the one that tells most, and a p-value and an interval corrected for
            the number of its columns.
        """
        table = self._by_feature(None).assign(gene=gene, marginal_column=self._ids)
        measured = table[table["gene"] >= 0].reset_index(drop=True)
        strongest = self._strongest(measured, "gene", genes)
        is_known = strongest["marginal"].notna().to_numpy()
        column = np.where(is_known, strongest["marginal_column"], "")
        return self._named(strongest).assign(marginal_column=column)

    def _by_feature(self, direction: int | None) -> pd.DataFrame:
        """Each feature's association in a direction, a category's by its strongest level."""
        table = self._of_direction(direction).reset_index()
        values = table[table["kind"] != "flag"].reset_index(drop=True)
        return self._strongest(values, "feature", self._features)

    def _strongest(self, table: pd.DataFrame, by: str, groups: int) -> pd.DataFrame:
        """The row of each group, numbered from 0, with the strongest association; its p-value is
        multiplied by the number of rows, and its interval is as wide as that takes, except that two
        levels of a category say the same."""
        rows = table.groupby(by)["p"].transform("size")
        is_twice = (rows == 2) & (table["kind"] == "level")
        chosen_of = np.where(is_twice, 1, rows)
        choices = table["choices"] * chosen_of
        table = table.assign(p=np.minimum(table["p"] * chosen_of, 1.0), choices=choices)
        size = table["marginal"].abs().fillna(-1.0)
        strongest = size.groupby(table[by]).idxmax()
        chosen = table.loc[strongest]
        several = chosen[chosen_of[strongest] > 1]
        sizes = several[["marginal", "positives", "negatives", "choices"]].to_numpy(float).T
        low, high = self._task.marginal_interval(*sizes)
        chosen.loc[several.index, "marginal_lo"] = low
        chosen.loc[several.index, "marginal_hi"] = high
        return chosen.set_index(by).reindex(range(groups))

    def of_inputs(self, inputs: pd.DataFrame) -> pd.DataFrame:
        """The columns `COLUMNS` of levels and flags.

        Parameters
        ----------
        inputs : pandas.DataFrame
            Rows by `feature, kind, level`, as in `ModelInputs.table`.

        Returns
        -------
        pandas.DataFrame
            A row for each; blank where no patient is explained who has the level.
        """
        wanted = pd.MultiIndex.from_frame(inputs[_KEY])
        return self._named(self._tables[0].reindex(wanted))

    def _of_direction(self, direction: int | None) -> pd.DataFrame:
        return self._tables[0 if direction is None else 1 + direction]

    def _named(self, table: pd.DataFrame) -> pd.DataFrame:
        """With the names of classes, and p-values as false-discovery rates."""
        names = np.array([*self._directions, ""], dtype=object)
        is_known = table["marginal"].notna().to_numpy()
        place = table["direction"].fillna(-1).to_numpy(int)
        if not self._directions:
            place = np.full(len(place), -1)
        shown = np.where(is_known, names[place], "")
        q = false_discovery_rate(table["p"].to_numpy(float))
        named = table.assign(marginal_class=shown, q=q)
        return named[COLUMNS].reset_index(drop=True)


def measured_values(modality: Modality) -> tuple[np.ndarray, list[ColumnPart]]:
    """The values of a modality's columns, as they were measured.

    Parameters
    ----------
    modality : Modality
        Of N patients.

    Returns
    -------
    values : numpy.ndarray
        float64 `[N, G]`, NaN where missing; levels and flags are 0 or 1.
    parts : list of ColumnPart
        What each of them stands for.
    """
    if modality.kind != "ehr":
        values = modality.table.to_numpy(float)
        return values, [ColumnPart(column) for column in range(values.shape[1])]
    table = modality.table
    typed = TypedColumns.fit(table[modality.present], modality.types, modality.levels)
    values = typed.apply(table)
    is_missing = table.isna().to_numpy()
    for position, part in enumerate(typed.parts):
        if part.kind == "level":
            values[is_missing[:, part.column], position] = np.nan
    values[~modality.present] = np.nan
    return values, typed.parts


def false_discovery_rate(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's adjusted p-values; NaN stays NaN and counts as no test.

    Parameters
    ----------
    p : numpy.ndarray
        `[tests]`.

    Returns
    -------
    numpy.ndarray
        `[tests]`.

    Examples
    --------
    >>> false_discovery_rate(np.array([0.01, np.nan, 0.5])).tolist()
    [0.02, nan, 0.5]
    """
    adjusted = np.full(len(p), np.nan)
    is_test = ~np.isnan(p)
    if is_test.any():
        adjusted[is_test] = false_discovery_control(p[is_test])
    return adjusted


def _frames(marginals: tuple[Marginal, ...]) -> list[pd.DataFrame]:
    """Each as a table with the names of the columns of rankings."""
    names = {"association": "marginal", "lo": "marginal_lo", "hi": "marginal_hi"}
    return [pd.DataFrame(each._asdict()).rename(columns=names) for each in marginals]
