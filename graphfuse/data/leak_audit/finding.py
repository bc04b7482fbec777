"""What an audit finds, and what it looks at: findings, the label as codes, folds as sides, columns
as numbers."""

from __future__ import annotations

from collections.abc import Iterator
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
RARE = (
    0.01  # expected number of false alarms that is let pass, over all columns and classes looked at
)
_CELLS = 2**24  # values held at once


@dataclass(frozen=True)
class Finding:
    """One thing found: its `kind`, `severity` (leak | warning | note), `where`, what it is, how
    often, and the cure.

    `columns`: names of the columns concerned; `patients`: sets of patients concerned, as row
    numbers of the cohort.
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
    """A cohort under audit: its outcome, whose categories are codes int `[N]` (-1 = unlabelled),
    and the folds each patient is tested in.

    `folds` float `[repeats, N]`, NaN = always training; `None` where no folds are given. Categories
    are the classes; of a survival outcome, whether the event was seen; of a number, whether it is
    above the median.
    """

    cohort: Cohort
    outcome: Outcome | None = None
    folds: np.ndarray | None = None

    @property
    def codes(self) -> np.ndarray:
        return self._categories[0]

    @property
    def classes(self) -> tuple[str, ...]:
        return self._categories[1]

    @property
    def _categories(self) -> tuple[np.ndarray, tuple[str, ...]]:
        if self.outcome is None:
            return np.full(len(self.cohort), -1), ()
        return self.outcome.task.categories(self.outcome.target)

    @property
    def in_words(self) -> CategoryWords:
        """How sentences speak of the outcome's categories."""
        return CategoryWords() if self.outcome is None else self.outcome.task.category_words

    @property
    def derived(self) -> tuple[str, ...]:
        return () if self.outcome is None else self.outcome.derived_from

    def split(self, sets: list[np.ndarray]) -> tuple[int, int]:
        """How many of these sets of rows stand on both sides of a fold, and in how many folds that
        is so."""
        if self.folds is None:
            return 0, 0
        torn, spoiled = 0, set()
        for rows in sets:
            of = np.nan_to_num(self.folds[:, rows], nan=-1)
            apart = (of != of[:, :1]).any(axis=1)
            torn += bool(apart.any())
            spoiled |= {(r, k) for r in np.flatnonzero(apart) for k in of[r] if k >= 0}
        return torn, len(spoiled)


def numbers(modality: Modality) -> tuple[pd.DataFrame, np.ndarray]:
    """A modality's table as numbers. Dates become days.

    Parameters
    ----------
    modality
        Of N patients and F columns.

    Returns
    -------
    table : DataFrame of float `[N, F]`
        An omics table is handed out as it is, not copied.
    words : bool array `[F]`
        Columns of words, whose numbers are only names for their levels.
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
    return "numeric" if pd.api.types.is_numeric_dtype(column) else "categorical"


def _coded(column: pd.Series, kind: str) -> np.ndarray:
    """float `[N]`: numbers, days since 2000, or a number that is only the name of a level."""
    if kind == "numeric":
        return pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if kind == "date":
        dates = pd.to_datetime(column, errors="coerce", format="mixed", utc=True)
        since_2000 = dates - pd.Timestamp("2000-01-01", tz="UTC")
        return (since_2000 / pd.Timedelta(days=1)).to_numpy(dtype=float)
    words = column.map(as_word, na_action="ignore")
    codes, _ = pd.factorize(words, sort=True)
    return np.where(codes < 0, np.nan, codes)


def column_blocks(table: pd.DataFrame, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(first column, float `[rows, some columns]`): a wide table a few columns at a time."""
    width = max(1, _CELLS // max(len(rows), 1))
    every = len(rows) == len(table)
    for start in range(0, table.shape[1], width):
        part = table.iloc[:, start : start + width]
        yield start, (part if every else part.iloc[rows]).to_numpy(dtype=float)


def row_blocks(table: pd.DataFrame, rows: np.ndarray) -> Iterator[np.ndarray]:
    """float `[some rows, F]`: a long table a few rows at a time."""
    height = max(1, _CELLS // max(table.shape[1], 1))
    for start in range(0, len(rows), height):
        yield table.iloc[rows[start : start + height]].to_numpy(dtype=float)


def spread(positions: np.ndarray, most: int) -> np.ndarray:
    """At most so many of these, evenly spread over them."""
    if len(positions) <= most:
        return positions
    chosen = np.linspace(0, len(positions) - 1, most).astype(int)
    return positions[chosen]


def fold_matrix(folds: pd.DataFrame, patients: pd.Index) -> np.ndarray:
    """float `[repeats, N]`: the fold each patient is tested in, NaN where in none. Raises
    `InputError`."""
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
    folds = folds.assign(
        patient=folds["patient"].astype(str), repeat=folds.get("repeat", 0), fold=number
    )
    strange = ~folds["patient"].isin(patients)
    if strange.any():
        raise InputError(
            f"folds: {int(strange.sum())} rows are of patients who are not in the cohort; "
            "correct the ids"
        )
    if folds.duplicated(["patient", "repeat"]).any():
        raise InputError(
            "folds: some patients stand twice in a repeat; a patient is tested in one fold"
        )
    wide = folds.pivot(index="repeat", columns="patient", values="fold").reindex(columns=patients)
    return wide.to_numpy(dtype=float, na_value=np.nan)
