"""Tables of a run directory, which others may have written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from graphfuse.data.safe_csv import unguarded
from graphfuse.errors import InputError
from graphfuse.files.json import damaged
from graphfuse.files.safe_paths import inside
from graphfuse.schema import FOLD_COLUMNS, PREDICTION_COLUMNS
from graphfuse.task.outcome import Target
from graphfuse.task.task import Task


def load_folds(folder: Path) -> pd.DataFrame:
    """`folds.csv` of a run directory: `patient` as text, `repeat` int64 and `fold` Int64, blank for
    who always trains.

    Raises `InputError` where it is gone, or damaged.
    """
    path = inside(folder, "folds.csv")
    if not path.is_file():
        raise InputError(
            f"{path}: is gone, so nobody can say whom this run trained on; bring it back"
        )
    table = _text(path, FOLD_COLUMNS)
    folds = table["fold"].where(table["fold"] != "", "0")
    _refuse_odd_numbers(path, [table["repeat"], folds])
    return pd.DataFrame(
        {
            "patient": unguarded(table["patient"]),
            "repeat": table["repeat"].astype("int64"),
            "fold": table["fold"].replace("", None).astype("Int64"),
        }
    )


def load_predictions(folder: Path, task: Task) -> pd.DataFrame:
    """`predictions.csv` of a run directory: `repeat` and `fold` int64, what the `task` predicts in
    numbers float64, all else as text.

    Raises `InputError` where it is gone, or damaged.
    """
    path = inside(folder, "predictions.csv")
    table = _text(path, (*PREDICTION_COLUMNS, *task.columns, "flag"))
    _refuse_odd_numbers(path, [table["repeat"], table["fold"]])
    for name in table:
        is_number = name in ("repeat", "fold")
        table[name] = table[name].astype("int64") if is_number else unguarded(table[name])
    try:
        output, truth = task.read_table(table)
    except ValueError as error:
        raise damaged(path, str(error)) from None
    target = Target(truth, task.known(truth))
    columns = {"truth": task.shown(target)[""], **task.table(output)}
    numbers = pd.DataFrame(columns).select_dtypes("number")
    return table.assign(**numbers)


def _text(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    """All cells as text: a patient may be called NA."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:  # those of pandas' parser are ValueErrors
        raise damaged(path, f"no csv ({error})") from None
    absent = [column for column in wanted if column not in table]
    if absent:
        raise damaged(path, f"no column {absent[0]}")
    return table


def _refuse_odd_numbers(path: Path, columns: Sequence[pd.Series]) -> None:
    if not all(column.str.fullmatch("[0-9]{1,9}").all() for column in columns):
        raise damaged(path, "a repeat or a fold is no whole number")
