"""Who is tested when: stratified folds, whole groups, a part held out, or the user's own folds.

A folds table has `patient, repeat, fold` and, in every repeat, all patients in the cohort's order.
`fold` is that in which a patient is held out, and tested where the label is known; blank = always
training. Where groups must not be parted, an unlabelled patient of a tested group has the group's
fold: it trains nothing there, for its values tell of its relatives'.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from graphfuse.data.groups import group_known
from graphfuse.data.safe_csv import unguarded
from graphfuse.errors import Faults, InputError, LeakError, counted
from graphfuse.files.hashes import text_sha256
from graphfuse.learn.stratified_folds import grouped, stratified
from graphfuse.schema import FOLD_COLUMNS
from graphfuse.text.id_spelling import MISSING_IDS

log = logging.getLogger(__name__)

_TRIES = 20  # at a partition into groups that no earlier repeat had


class Split(NamedTuple):
    """Rows of the cohort: those `tested` and those in `train`; who is held out without a label is
    in neither."""

    repeat: int
    fold: int
    tested: np.ndarray
    train: np.ndarray


def repeated(
    patients: pd.Index,
    strata: np.ndarray,
    folds: int,
    repeats: int,
    seed: int,
    groups: pd.Series | None = None,
) -> pd.DataFrame:
    """Repeated stratified folds: labelled patients are tested once a repeat; unlabelled ones train,
    except those of tested groups (see above).

    Parameters
    ----------
    patients : pd.Index
    strata : np.ndarray
        int `[N]`, what every fold has its share of (`Task.strata`); -1 for unlabelled.
    folds, repeats : int
    seed : int
        Of the first repeat; the next one's is one more.
    groups : pd.Series, optional
        Each patient's group, none of which is parted (`grouped`); repeats that no new partition is
        left for are dropped.

    Raises
    ------
    InputError
        Where there is one fold, or there are fewer groups than folds.
    """
    if folds < 2:
        raise InputError(f"--cv: {folds} folds; at least 2 are needed")
    if groups is not None:
        return table_of(patients, _partitions(strata, groups, folds, repeats, seed))
    known = np.flatnonzero(strata >= 0)
    dealt = np.full((repeats, len(strata)), -1)
    for repeat in range(repeats):
        dealt[repeat, known] = stratified(strata[known], folds, seed + repeat)
    return table_of(patients, dealt)


def _partitions(
    strata: np.ndarray, groups: pd.Series, folds: int, repeats: int, seed: int
) -> np.ndarray:
    """int `[repeats, N]`, -1 = always training: partitions into whole groups, all different."""
    known = strata >= 0
    labelled, group = strata[known], groups[known].to_numpy()
    count = _count_groups(groups[known], folds)
    partitions: dict[bytes, np.ndarray] = {}
    for attempt in range(repeats * _TRIES):
        fold = grouped(labelled, group, folds, seed + attempt)
        if len(set(fold)) == folds and _taught(labelled, fold, group):
            key = pd.factorize(fold)[0].tobytes()
            partitions.setdefault(key, spread(fold, known, groups))
        if len(partitions) == repeats:
            break
    if not partitions:
        raise InputError(
            f"--group-by {groups.name}: the groups are too unequal for {folds} folds; take fewer"
        )
    if len(partitions) < repeats:
        log.warning(
            "--group-by %s: %d groups make %s of %d folds, so that there are no %d repeats",
            groups.name, count, counted(len(partitions), "even partition"), folds, repeats,
        )  # fmt: skip
    return np.stack(list(partitions.values()))


def _count_groups(groups: pd.Series, folds: int) -> int:
    """How many groups there are. Raises `InputError` for fewer than folds."""
    count = groups.nunique()
    if count < folds:
        raise InputError(
            f"--group-by {groups.name}: {folds} folds need at least {folds} groups with "
            f"labelled patients; there are {count}. "
            f"Take fewer folds, or --leave-out {groups.name}"
        )
    return count


def _taught(strata: np.ndarray, fold: np.ndarray, groups: np.ndarray) -> bool:
    """Whether every stratum of two groups or more is in two folds or more, so that the rest can
    train it."""
    table = pd.DataFrame({"stratum": strata, "fold": fold, "group": groups})
    counts = table.groupby("stratum").nunique()
    is_taught = (counts["fold"] > 1) | (counts["group"] < 2)
    return bool(is_taught.all())


def spread(fold: np.ndarray, known: np.ndarray, groups: pd.Series) -> np.ndarray:
    """int `[N]`: the labelled patients' folds given to all of their groups; -1 for groups without a
    fold."""
    fold_of = dict(zip(groups[known], fold, strict=True))
    return groups.map(fold_of).fillna(-1).to_numpy(np.int64)


def table_of(patients: pd.Index, dealt: np.ndarray) -> pd.DataFrame:
    """The folds table of int `[repeats, N]`, -1 = always training."""
    repeats = len(dealt)
    fold = pd.Series(dealt.ravel().astype(np.int64), dtype="Int64")
    table = pd.DataFrame({"patient": np.tile(patients.to_numpy(object), repeats)})
    table["repeat"] = np.repeat(np.arange(repeats), len(patients))
    table["fold"] = fold.mask(fold < 0)
    return table


# ----------------------------------------------------------------------------------- the user's own


def read_folds(
    path: str | Path | pd.DataFrame, patients: pd.Index, known: np.ndarray
) -> pd.DataFrame:
    """The user's folds file: `patient, repeat, fold`, the fold in which a patient is held out;
    blank = always training.

    Who has a fold and no label is held out with it and not scored.

    Parameters
    ----------
    path : str, Path or pd.DataFrame
        The file, or its table; without `repeat`, all is one repeat.
    patients : pd.Index
        The ids of all N patients of the cohort.
    known : np.ndarray
        bool `[N]`: who has a label.

    Raises
    ------
    InputError
        For missing columns, unknown or doubled patients and folds that test nobody.
    LeakError
        Where a patient is in two folds of a repeat, or in one and blank.
    """
    where = "folds" if isinstance(path, pd.DataFrame) else str(path)
    faults = Faults(where)
    table = _checked_columns(_folds_table(path), faults)
    is_named = table["patient"].isin(patients)
    table["patient"] = table["patient"].where(is_named, unguarded(table["patient"]))
    on_both_sides = _judge(table, patients, known, faults)
    try:
        faults.stop()
    except InputError as error:
        if on_both_sides:
            raise LeakError(str(error)) from None
        raise error from None
    tested = table["patient"][table["fold"].notna()]
    never = len(patients.difference(tested))
    if never:
        log.warning(
            "%s: %d of %d patients are tested nowhere; they always train",
            where,
            never,
            len(patients),
        )
    return _completed(table, patients)


def _checked_columns(table: pd.DataFrame, faults: Faults) -> pd.DataFrame:
    """The columns of a folds table, repeat and fold as numbers. Raises `InputError` where one is
    missing, or holds what is no whole number."""
    if "repeat" not in table:
        table = table.assign(repeat="0")
    absent = [c for c in FOLD_COLUMNS if c not in table.columns]
    if absent:
        raise InputError(
            f"{faults.where}: columns {', '.join(absent)} are missing; a folds file has patient, "
            "repeat, fold"
        )
    repeat = _whole(table["repeat"].fillna("blank"), faults)
    fold = _whole(table["fold"], faults)
    faults.stop()
    return table.assign(repeat=repeat, fold=fold)


def _completed(table: pd.DataFrame, patients: pd.Index) -> pd.DataFrame:
    """The folds table of all patients in every repeat; those it does not name always train."""
    repeats = sorted(table["repeat"].astype(np.int64).unique())
    every = pd.MultiIndex.from_product([repeats, patients])
    fold = table.set_index(["repeat", "patient"])["fold"].reindex(every).astype("Int64")
    return pd.DataFrame(
        {
            "patient": every.get_level_values(1),
            "repeat": every.get_level_values(0),
            "fold": fold.reset_index(drop=True),
        }
    )


def _judge(table: pd.DataFrame, patients: pd.Index, known: np.ndarray, faults: Faults) -> bool:
    """Adds what is wrong with a table whose columns are right; gives whether a patient is on both
    sides of a fold."""
    unknown = ~table["patient"].isin(patients)
    if unknown.any():
        faults.add(f"patient: {int(unknown.sum())} ids are not in the cohort")
    twice = table[table.duplicated(["patient", "repeat"], keep=False)]
    sides = twice.groupby(["patient", "repeat"])["fold"].nunique(dropna=False) > 1
    if sides.any():
        faults.add(
            f"patient: {int(sides.sum())} appear twice in a repeat and are tested by a model "
            "that they train; "
            "a patient is held out in one fold, or in none"
        )
    if not sides.all():
        faults.add(
            f"patient: {int((~sides).sum())} appear twice in a repeat, in the same fold; "
            "keep one row each"
        )
    tested = table["fold"].notna() & ~unknown
    _judge_tested(table[tested], patients, known, faults)
    return bool(sides.any())


def _judge_tested(
    tested: pd.DataFrame, patients: pd.Index, known: np.ndarray, faults: Faults
) -> None:
    """Adds folds that test nobody with a label, and warns of patients who have none."""
    if tested.empty:
        faults.add("fold: nobody is tested")
        return
    scored = known[patients.get_indexer(tested["patient"])]
    if not scored.all():
        log.warning(
            "%s: %s without a label: held out with their fold, not scored",
            faults.where,
            counted((~scored).sum(), "row"),
        )
    has_scored = tested.assign(scored=scored).groupby(["repeat", "fold"])["scored"].any()
    if not has_scored.all():
        idle = counted((~has_scored).sum(), "fold")
        faults.add(f"fold: in {idle}, no tested patients have a label")


def _folds_table(path: str | Path | pd.DataFrame) -> pd.DataFrame:
    """A folds file as text, blank as missing. Raises `InputError` where it cannot be read."""
    if isinstance(path, pd.DataFrame):
        return path.astype("string").astype(object)
    try:
        # A patient may be called NA; in the other columns that is a blank.
        missing = {name: ["", *MISSING_IDS] for name in ("repeat", "fold")}
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=missing)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError):
        raise InputError(
            f"{path}: is empty or no csv; a folds file has patient, repeat, fold"
        ) from None


def _whole(column: pd.Series, faults: Faults) -> pd.Series:
    """Text as numbers, blank as NaN; adds a fault for what is no whole number."""
    number = pd.to_numeric(column, errors="coerce")
    is_bad = column.notna() & (number % 1 != 0)
    bad = int(is_bad.sum())
    if bad:
        faults.add(
            f"{column.name}: {bad} values are no whole numbers; count {column.name}s 0, 1, 2, …"
        )
    return number


# ------------------------------------------------------------------------------- checks and splits


def digest(table: pd.DataFrame) -> str:
    """sha256 of a folds table as `folds.csv` has it: the same for folds written and read back."""
    return text_sha256(table[list(FOLD_COLUMNS)].to_csv(index=False, lineterminator="\n"))


def check_groups(table: pd.DataFrame, groups: pd.Series) -> None:
    """Raises `LeakError` where a known group has patients on both sides of a fold."""
    real = group_known(groups)
    for repeat, part in table.groupby("repeat", sort=True):
        folds = part["fold"].fillna(-1).to_numpy(np.int64)
        by_group = pd.Series(folds[real]).groupby(groups[real].to_numpy())
        split = by_group.nunique() > 1
        if split.any():
            raise LeakError(
                f"{groups.name}: {counted(split.sum(), 'group')} of {len(split)} in repeat "
                f"{repeat} stand on both sides of a "
                "fold; give all patients of a group one fold, the unlabelled too"
            )


def splits(table: pd.DataFrame, known: np.ndarray) -> list[Split]:
    """The splits of a folds table whose rows, within a repeat, are the cohort's patients in order;
    `known` bool `[N]`: who has a label. Raises `LeakError` where a patient is there twice."""
    result = []
    for repeat, part in table.groupby("repeat", sort=True):
        check_ids(part["patient"])
        fold = part["fold"].to_numpy(dtype="float64", na_value=np.nan)
        for number in np.unique(fold[~np.isnan(fold)]):
            tested = np.flatnonzero((fold == number) & known)
            train = np.flatnonzero(fold != number)
            result.append(Split(int(repeat), int(number), tested, train))
    return result


def check_ids(patients) -> None:
    """Raises `LeakError` where an id appears more than once: its patient would be on both sides of
    a fold."""
    twice = pd.Series(list(patients)).duplicated()
    if twice.any():
        raise LeakError(
            f"{counted(twice.sum(), 'patient id')} more than once: the same patient would "
            "train a model and test it; "
            "keep or average one row each"
        )
