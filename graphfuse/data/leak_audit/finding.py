"""Findings of an audit, and the audited cohort: its label and columns as numbers, its folds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.data.modality import Modality
from graphfuse.errors import InputError
from graphfuse.task.outcome import Outcome
from graphfuse.task.wording import CategoryWords
from graphfuse.text.cell_words import as_word

SEVERITIES = ("leak", "warning", "note")
RARE = 0.01  # accepted number of false alarms, over all columns and classes that are tested
_CELLS = 2**24  # values in memory at once


@dataclass(frozen=True)
class Finding:
    """One result of an audit.

    Parameters
    ----------
    kind : str
        Such as "duplicate-patients" or "label-like".
    severity : {"leak", "warning", "note"}
    where : str
        The modality, group or other part of the cohort.
    message : str
        What is wrong; it names no patient.
    count : int
        The number of columns, patients or groups concerned.
    cure : str
        What to do.
    columns : tuple of str
        Names of the columns concerned.
    patients : tuple of tuple of int
        Sets of patients concerned, as row numbers of the cohort.
    """

    kind: str
    severity: str
    where: str
    message: str
    count: int
    cure: str
    columns: tuple[str, ...] = ()
    patients: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Subject:
    """A cohort under audit, with its outcome and folds.

    Parameters
    ----------
    cohort : Cohort
        Of N patients.
    outcome : Outcome, optional
        Its categories are the classes; of a survival outcome, whether the event was seen; of a
        number, whether it is above the median.
    folds : float array `[repeats, N]`, optional
        The fold in which each patient is tested; NaN: always training.
    reported : set of tuple
        (modality, column) of columns that a finding has already.
    """

    cohort: Cohort
    outcome: Outcome | None = None
    folds: np.ndarray | None = None
    reported: frozenset[tuple[str, str]] = frozenset()

    def unreported(self, modality: str, columns: Iterable[str]) -> list[str]:
        """The columns of a modality that no finding has yet."""
        return [column for column in columns if (modality, column) not in self.reported]

    @property
    def labels(self) -> np.ndarray:
        """The category of each patient: int `[N]`, -1 for unlabelled."""
        return self._categories[0]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the categories."""
        return self._categories[1]

    @property
    def _categories(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Labels and the names of the categories."""
        if self.outcome is None:
            return np.full(len(self.cohort), -1), ()
        return self.outcome.task.categories(self.outcome.target)

    @property
    def in_words(self) -> CategoryWords:
        """Words for the outcome's categories in sentences."""
        return CategoryWords() if self.outcome is None else self.outcome.task.category_words

    @property
    def derived(self) -> tuple[str, ...]:
        """Modalities from which the outcome is declared to be derived."""
        return () if self.outcome is None else self.outcome.derived_from

    def split(self, sets: list[np.ndarray]) -> tuple[int, int]:
        """The number of these sets of rows that are on both sides of a fold, and the number of
        folds with such a set."""
        if self.folds is None:
            return 0, 0
        split, spoiled = 0, set()
        for rows in sets:
            fold_of = np.nan_to_num(self.folds[:, rows], nan=-1)  # [repeats, rows]
            differs = (fold_of != fold_of[:, :1]).any(axis=1)
            split += bool(differs.any())
            for repeat in np.flatnonzero(differs):
                spoiled |= {(repeat, fold) for fold in fold_of[repeat] if fold >= 0}
        return split, len(spoiled)


def numbers(modality: Modality) -> tuple[pd.DataFrame, np.ndarray]:
    """A modality's table as numbers. Dates become days.

    Parameters
    ----------
    modality
        Of N patients and F columns.

    Returns
    -------
    table : DataFrame of float `[N, F]`
        An omics table is returned as it is, not copied.
    words : bool array `[F]`
        Columns of words, whose numbers only number their levels.
    """
    table = modality.table
    if modality.kind != "ehr":
        return table, np.zeros(table.shape[1], dtype=bool)
    columns, words = [], []
    for name, column in table.items():
        kind = modality.types.get(name) or _guessed_type(column)
        words.append(kind in ("categorical", "ordinal"))
        columns.append(_coded(column, kind))
    values = np.column_stack(columns) if columns else np.empty((len(table), 0))
    coded = pd.DataFrame(values, index=table.index, columns=table.columns)
    return coded, np.array(words, dtype=bool)


def _guessed_type(column: pd.Series) -> str:
    """The type of a column of records that has none."""
    return "numeric" if pd.api.types.is_numeric_dtype(column) else "categorical"


def _coded(column: pd.Series, kind: str) -> np.ndarray:
    """float `[N]`: numbers, days since 2000, or the number of a level."""
    if kind == "numeric":
        return pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if kind == "date":
        dates = pd.to_datetime(column, errors="coerce", format="mixed", utc=True)
        since_2000 = dates - pd.Timestamp("2000-01-01", tz="UTC")
        return (since_2000 / pd.Timedelta(days=1)).to_numpy(dtype=float)
    words = column.map(as_word, na_action="ignore")
    levels, _ = pd.factorize(words, sort=True)
    return np.where(levels < 0, np.nan, levels)


def column_blocks(table: pd.DataFrame, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(first column, float `[rows, some columns]`): a wide table a few columns at a time."""
    width = max(1, _CELLS // max(len(rows), 1))
    is_whole = np.array_equal(rows, np.arange(len(table)))
    for start in range(0, table.shape[1], width):
        block = table.iloc[:, start : start + width]
        if not is_whole:
            block = block.iloc[rows]
        yield start, block.to_numpy(dtype=float)


def row_blocks(table: pd.DataFrame, rows: np.ndarray) -> Iterator[np.ndarray]:
    """float `[some rows, F]`: a long table a few rows at a time."""
    height = max(1, _CELLS // max(table.shape[1], 1))
    for start in range(0, len(rows), height):
        yield table.iloc[rows[start : start + height]].to_numpy(dtype=float)


def spread(positions: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of the positions, evenly spread over them."""
    if len(positions) <= most:
        return positions
    chosen = np.linspace(0, len(positions) - 1, most).astype(int)
    return positions[chosen]


def fold_matrix(folds: pd.DataFrame, patients: pd.Index) -> np.ndarray:
    """float `[repeats, N]`: the fold in which each patient is tested, NaN for none. Raises
    `InputError` for a table that is not one of folds."""
    if not {"patient", "fold"} <= set(folds.columns):
        raise InputError(
            "folds: columns patient and fold are needed; a folds file has patient, repeat, fold"
        )
    number = pd.to_numeric(folds["fold"], errors="coerce")
    if (number.isna() & folds["fold"].notna()).any():
        raise InputError(
            "folds: some folds are no numbers; count folds 0, 1, 2, …, and leave blank who "
            "always trains"
        )
    ids = folds["patient"].astype(str)
    folds = folds.assign(patient=ids, repeat=folds.get("repeat", 0), fold=number)
    unknown = ~ids.isin(patients)
    if unknown.any():
        raise InputError(
            f"folds: {int(unknown.sum())} rows are of patients who are not in the cohort; correct "
            "the ids"
        )
    if folds.duplicated(["patient", "repeat"]).any():
        raise InputError(
            "folds: some patients appear twice in a repeat; a patient is tested in one fold"
        )
    wide = folds.pivot(index="repeat", columns="patient", values="fold")
    return wide.reindex(columns=patients).to_numpy(dtype=float, na_value=np.nan)
