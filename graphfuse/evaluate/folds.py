"""Who is tested when: repeated stratified folds, or the user's own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from graphfuse.errors import Faults, InputError
from graphfuse.learn.splits import stratified
from graphfuse.schema import FOLD_COLUMNS

log = logging.getLogger(__name__)


def repeated(
    patients: pd.Index, codes: np.ndarray, folds: int, repeats: int, seed: int, classes: Sequence[str] = ()
) -> pd.DataFrame:
    """A folds table (`patient, repeat, fold`): labelled patients tested once a repeat; unlabelled ones always train.

    Raises `InputError` where a class has fewer members than folds.
    """
    known = np.flatnonzero(codes >= 0)
    counts = np.bincount(codes[known])
    if folds < 2:
        raise InputError(f"--cv: {folds} folds; at least 2 are needed")
    if len(counts) < 2 or (counts[counts > 0] < folds).any() or (counts > 0).sum() < 2:
        names = classes or [f"class {k}" for k in range(len(counts))]
        small = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=False))
        raise InputError(
            f"--cv: {folds} folds need at least 2 classes of at least {folds} patients; there are {small}. Take fewer folds, "
            "or merge small classes, or leave their labels blank"
        )
    tables = []
    for repeat in range(repeats):
        fold = np.full(len(codes), -1)
        fold[known] = stratified(codes[known], folds, seed + repeat)
        tables.append(pd.DataFrame({"patient": patients, "repeat": repeat, "fold": fold}))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(fold=table["fold"].astype("Int64").mask(table["fold"] < 0))


def read_folds(path: str | Path | pd.DataFrame, patients: pd.Index, codes: np.ndarray) -> pd.DataFrame:
    """The user's folds file: `patient, repeat, fold`, the fold in which a patient is tested; blank = always training.

    Raises `InputError` for missing columns, unknown or doubled patients, and tested patients without a label.
    """
    where = "folds" if isinstance(path, pd.DataFrame) else str(path)
    table, faults = _folds_table(path), Faults(where)
    table = table if "repeat" in table else table.assign(repeat="0")
    absent = [c for c in FOLD_COLUMNS if c not in table.columns]
    if absent:
        raise InputError(f"{where}: columns {', '.join(absent)} are missing; a folds file has patient, repeat, fold")
    table = table.assign(repeat=_whole(table["repeat"].fillna("blank"), faults), fold=_whole(table["fold"], faults))
    faults.stop()
    unknown = ~table["patient"].isin(patients)
    if unknown.any():
        faults.add(f"patient: {int(unknown.sum())} ids are not in the cohort")
    if table.duplicated(["patient", "repeat"]).any():
        faults.add("patient: some stand twice in a repeat; a patient is tested in one fold")
    tested = table[table["fold"].notna() & ~unknown]
    blank = codes[patients.get_indexer(tested["patient"])] < 0
    if blank.any():
        faults.add(f"fold: {int(blank.sum())} tested patients have no label; leave their fold blank")
    if tested.empty:
        faults.add("fold: nobody is tested")
    faults.stop()
    never = len(patients.difference(tested["patient"]))
    if never:
        log.warning("%s: %d of %d patients are tested nowhere; they always train", where, never, len(patients))
    every = pd.MultiIndex.from_product([sorted(table["repeat"].unique()), patients], names=["repeat", "patient"])
    table = table.set_index(["repeat", "patient"])["fold"].reindex(every).astype("Int64")
    return table.reset_index()[list(FOLD_COLUMNS)]


def _folds_table(path: str | Path | pd.DataFrame) -> pd.DataFrame:
    if isinstance(path, pd.DataFrame):
        return path.astype("string").astype(object)
    try:
        return pd.read_csv(path, dtype=str)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError):
        raise InputError(f"{path}: is empty or no csv; a folds file has patient, repeat, fold") from None


def _whole(column: pd.Series, faults: Faults) -> pd.Series:
    """Text as numbers, blank as NaN; adds a fault for what is no whole number."""
    number = pd.to_numeric(column, errors="coerce")
    bad = int((column.notna() & (number % 1 != 0)).sum())
    if bad:
        faults.add(f"{column.name}: {bad} values are no whole numbers; count {column.name}s 0, 1, 2, …")
    return number


def tasks(table: pd.DataFrame) -> list[tuple[int, int, np.ndarray]]:
    """(repeat, fold, rows tested) of a folds table whose rows, within a repeat, are the cohort's patients in order."""
    found = []
    for repeat, part in table.groupby("repeat", sort=True):
        fold = part["fold"].to_numpy(dtype="float64", na_value=np.nan)
        found += [(int(repeat), int(k), np.flatnonzero(fold == k)) for k in np.unique(fold[~np.isnan(fold)])]
    return found
