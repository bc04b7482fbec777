"""Values and labels of held-out patients in whatever a program keeps them: recognised, and
changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import atanh, sqrt

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.leak_audit.finding import numbers, spread
from graphfuse.data.modality import Modality
from graphfuse.evaluate.leakage.perturbed_cohort import other_values, perturbed, relabelled
from graphfuse.task.outcome import Outcome

_LEVELS = 20  # different entries up to which a column is one of levels
_COLUMNS = 32  # of a table without ids, that are compared with the cohort's
_ALIKE, _SURE = 0.8, 6.5  # rank correlation of one and the same column, and its Fisher z
_SAME = 0.999  # rank correlation of a column that is the label


def is_table(value: object) -> bool:
    """Whether a value is an array, a frame or a part of a cohort, inside which nothing is looked
    for."""
    kinds = (np.ndarray, pd.DataFrame, pd.Series, pd.Index, Cohort, Modality, Outcome)
    return isinstance(value, kinds) or _is_tensor(value)


def _is_tensor(value: object) -> bool:
    """Whether a value is one of PyTorch's, which need not be imported to know it."""
    return hasattr(value, "detach") and hasattr(value, "new_tensor") and not isinstance(value, type)


@dataclass(frozen=True, eq=False)
class PatientData:
    """The cohort of N patients and the rows held out, by which their data is recognised."""

    cohort: Cohort
    held_out: np.ndarray

    def held_in(self, value: object) -> set[str]:
        """What of held-out patients a value holds: "values", "labels", both or nothing.

        Tables with the patients' ids are recognised by these; an array or list by its length, and
        by a column that has the ranks of one of the cohort's.
        """
        if isinstance(value, Cohort):
            is_theirs = len(self._of(value.patients)) > 0
            return {"values", "labels"} if is_theirs else set()
        if isinstance(value, Modality):
            return {"values"} if len(self._of(value.table.index)) else set()
        if isinstance(value, Outcome):
            value = value.values
        if isinstance(value, tuple):
            return set().union(*(self.held_in(each) for each in value[:_LEVELS]))
        table = self._table(value)
        if table is None:
            return set()
        is_label = self._is_label(table)
        if is_label.all():
            return {"labels"}
        if self._has_ids(table) or self._has_values(table):
            return {"values", "labels"} if is_label.any() else {"values"}
        return {"labels"} if is_label.any() else set()

    def changed(self, value: object, what: str, seed: int) -> object:
        """The value with other values, or labels, of held-out patients."""
        rng = np.random.default_rng(seed)
        if isinstance(value, Cohort):
            return perturbed(value, self._of(value.patients), what, "scrambled", seed)
        if isinstance(value, Modality):
            rows = self._of(value.table.index)
            return replace(value, table=other_values(value.table, rows, "scrambled", rng))
        if isinstance(value, Outcome):
            return relabelled(value, self.held_out, "scrambled", rng)
        if isinstance(value, tuple):
            items = [self.changed(each, what, seed) for each in value]
            is_named = hasattr(value, "_fields")
            return type(value)(*items) if is_named else tuple(items)
        table = self._table(value)
        if table is None:
            return value
        wanted = self._is_label(table)
        if what == "values":
            wanted = ~wanted
        return _like(value, self._other(table, wanted, rng))

    def _other(
        self, table: pd.DataFrame, wanted: np.ndarray, rng: np.random.Generator
    ) -> pd.DataFrame:
        """The table with other entries of held-out patients in the columns `wanted` bool `[F]`, of
        the same types; numbers of few levels become another of these."""
        chosen = table.iloc[:, wanted]
        chosen = chosen.set_axis(range(chosen.shape[1]), axis=1)
        has_levels = _of_levels(chosen)
        drawn_as = {}
        for position, kind in enumerate(chosen.dtypes):
            if _is_number(kind):
                drawn_as[position] = object if has_levels[position] else float
        rows = self._rows(table)
        drawn = other_values(chosen.astype(drawn_as), rows, "scrambled", rng)
        changed = table.copy()
        for position, column in enumerate(np.flatnonzero(wanted)):
            entries = drawn[position]
            kind = chosen.dtypes[position]
            if kind.kind in "iu" and not has_levels[position]:
                entries = entries.round()
            changed.isetitem(column, entries.astype(kind))
        return changed

    # ------------------------------------------------------------------------- recognised

    def _table(self, value: object) -> pd.DataFrame | None:
        """The value as a table `[n, F]` that may be about held-out patients; None where it cannot
        be."""
        if _is_tensor(value):
            value = value.detach().cpu().numpy()
        if isinstance(value, dict):
            value = _series_of(value)
        if isinstance(value, list):
            value = _array_of(value)
        if isinstance(value, np.ndarray):
            value = _frame_of(value)
        if isinstance(value, pd.Series):
            value = value.to_frame()
        if not isinstance(value, pd.DataFrame) or not value.shape[1]:
            return None
        return None if self._patients(value) is None else value

    def _of(self, ids: pd.Index) -> np.ndarray:
        """Positions of held-out patients in an index of ids."""
        held_out = self.cohort.patients[self.held_out]
        is_held_out = ids.astype(str).isin(held_out.astype(str))
        return np.flatnonzero(is_held_out)

    def _has_ids(self, table: pd.DataFrame) -> bool:
        """Whether the table's index names held-out patients."""
        is_numbered = isinstance(table.index, pd.RangeIndex)
        return not is_numbered and len(self._of(table.index)) > 0

    def _patients(self, table: pd.DataFrame) -> np.ndarray | None:
        """The cohort's row for each row of the table (-1: of none); None where that is unknown."""
        if self._has_ids(table):
            ids = table.index.astype(str)
            return self.cohort.patients.astype(str).get_indexer(ids)
        everyone = np.arange(len(self.cohort))
        by_length = {len(self.held_out): self.held_out, len(self.cohort): everyone}
        return by_length.get(len(table))

    def _rows(self, table: pd.DataFrame) -> np.ndarray:
        """Positions of held-out patients in the table."""
        is_held_out = np.isin(self._patients(table), self.held_out)
        return np.flatnonzero(is_held_out)

    @cached_property
    def _values(self) -> np.ndarray:
        """The cohort's columns as numbers, float `[N, F]`."""
        tables = []
        for modality in self.cohort.modalities.values():
            table, _ = numbers(modality)
            tables.append(table.to_numpy(float))
        return np.column_stack(tables)

    @cached_property
    def _labels(self) -> np.ndarray:
        """Outcomes, and who is of which class, float `[N, columns]`."""
        columns = []
        for outcome in self.cohort.outcomes.values():
            columns.append(np.where(outcome.known, outcome.values, np.nan))
            codes, names = outcome.task.categories(outcome.target)
            for k in range(len(names)):
                columns.append(np.where(codes < 0, np.nan, codes == k))
        if not columns:
            return np.empty((len(self.cohort), 0))
        return np.column_stack(columns).astype(float)

    def _is_label(self, table: pd.DataFrame) -> np.ndarray:
        """bool `[F]`: columns that are an outcome, or who is of a class, under any names."""
        patients = self._patients(table)
        known = patients >= 0
        is_label = np.zeros(table.shape[1], bool)
        if known.sum() < 3:
            return is_label
        labels = self._labels[patients[known]]
        rows = table[known]
        is_numeric = np.array([_is_number(kind) for kind in table.dtypes])
        numeric = rows.iloc[:, is_numeric].to_numpy(float)
        similarity = np.abs(_rank_correlation(numeric, labels))
        is_label[is_numeric] = similarity.max(axis=1, initial=0.0) > _SAME
        for position in np.flatnonzero(_of_levels(rows) & ~is_label):
            coded = _coded(rows.iloc[:, position])
            similarity = np.abs(_rank_correlation(coded, labels))
            is_label[position] = similarity.max(initial=0.0) > _SAME
        return is_label

    def _has_values(self, table: pd.DataFrame) -> bool:
        """Whether a column has the ranks of one of the cohort's columns."""
        patients = self._patients(table)
        chosen = spread(np.arange(table.shape[1]), _COLUMNS)
        coded = [_coded(table.iloc[:, each]) for each in chosen]
        theirs = self._values[patients]
        similarity = np.abs(_rank_correlation(np.column_stack(coded), theirs))
        highest = min(similarity.max(initial=0.0), 1 - 1e-12)
        degrees = max(len(patients) - 3, 0)
        fisher_z = atanh(highest) * sqrt(degrees)
        return highest > _ALIKE and fisher_z > _SURE


def _series_of(value: dict) -> pd.Series | None:
    """A dict of one entry a patient as a series."""
    is_plain = all(map(np.isscalar, value.values()))
    is_named = all(isinstance(key, str) for key in value)
    return pd.Series(value) if value and is_plain and is_named else None


def _array_of(value: list) -> np.ndarray | None:
    """A list of scalars as an array."""
    return np.array(value) if value and all(map(np.isscalar, value)) else None


def _frame_of(value: np.ndarray) -> pd.DataFrame | None:
    """An array of numbers or words `[n]` or `[n, F]` as a frame."""
    is_flat = value.ndim in (1, 2)
    is_plain = value.dtype.kind in "biufOU"
    return pd.DataFrame(value) if is_flat and is_plain else None


def _is_number(kind: object) -> bool:
    """Whether a column's type is one of numbers, not of truth values."""
    is_bool = pd.api.types.is_bool_dtype(kind)
    return pd.api.types.is_numeric_dtype(kind) and not is_bool


def _of_levels(table: pd.DataFrame) -> np.ndarray:
    """bool `[F]`: columns of few different entries."""
    return (table.nunique() <= _LEVELS).to_numpy()


def _coded(column: pd.Series) -> np.ndarray:
    """float `[n, columns]`: numbers as they are, words as the numbers of their levels; beside it a
    column for each of few levels."""
    codes, levels = pd.factorize(column, sort=False)
    first = np.where(codes < 0, np.nan, codes)
    if _is_number(column.dtype):
        first = column.to_numpy(dtype=float)
    coded = [first]
    if len(levels) <= _LEVELS:
        coded += [(codes == k).astype(float) for k in range(len(levels))]
    return np.column_stack(coded)


def _rank_correlation(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Spearman's correlation of columns `[n, a]` with columns `[n, b]`, gaps at the mean rank."""
    ranks = []
    for values in (one, two):
        rank = pd.DataFrame(values).rank().to_numpy()
        centred = np.nan_to_num(rank - np.nanmean(rank, axis=0))
        norms = np.linalg.norm(centred, axis=0)
        ranks.append(centred / np.where(norms > 0, norms, 1))
    return ranks[0].T @ ranks[1]


def _like(value: object, table: pd.DataFrame) -> object:
    """The table in the form that the value has."""
    if isinstance(value, pd.DataFrame):
        return table
    if isinstance(value, pd.Series):
        return table.iloc[:, 0].rename(value.name)
    if isinstance(value, dict):
        return dict(zip(value, table.iloc[:, 0].tolist(), strict=True))
    if isinstance(value, list):
        return table.iloc[:, 0].tolist()
    array = table.to_numpy()
    if _is_tensor(value):
        return value.new_tensor(array.reshape(value.shape))
    return array.astype(value.dtype).reshape(value.shape)
