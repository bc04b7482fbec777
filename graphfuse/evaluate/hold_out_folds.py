"""Folds that hold out whole groups, one part, or a share of the patients."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from graphfuse.data.groups import group_known
from graphfuse.errors import InputError, counted, few, few_counted, nearest
from graphfuse.evaluate.fold_statistics import FEWEST
from graphfuse.evaluate.folds import grouped, spread, table_of

log = logging.getLogger(__name__)

_SLICES = 20  # parts of whole groups, of which some are put together to be held out


def left_out(
    patients: pd.Index,
    strata: np.ndarray,
    groups: pd.Series,
    seed: int = 0,
    called: tuple[str, str] = ("class", "classes"),
) -> pd.DataFrame:
    """Leave one group out: a fold for each with at least `FEWEST` labelled patients of two strata,
    in the order of names.

    Smaller groups are pooled, whole, into folds of about the middle size of those, so that they are
    tested too; a pool that is too small itself, and patients whose group is not known, always
    train.

    Parameters
    ----------
    patients : pd.Index
        The ids of all N patients.
    strata : np.ndarray
        int `[N]`, such as class codes (`Task.strata`); -1 for unlabelled.
    groups : pd.Series
        Each patient's group.
    seed : int
        Of the pools.
    called : tuple of str
        What a stratum is called, and several.

    Returns
    -------
    pd.DataFrame
        A folds table.

    Raises
    ------
    InputError
        Where no group is large enough.
    """
    known = (strata >= 0) & group_known(groups)
    sizes = _large_groups(strata[known], groups[known], called[1])
    fold_of = {name: k for k, name in enumerate(sizes.index)}
    small = known & ~groups.isin(sizes.index).to_numpy()
    if small.any():
        pools = int(small.sum() // sizes.median())
        group = groups[small].to_numpy()
        fold_of |= _pooled(strata[small], group, pools, len(sizes), seed)
    fold = groups.map(fold_of).fillna(-1).to_numpy(np.int64)
    never = int(((fold < 0) & (strata >= 0)).sum())
    if never:
        log.warning(
            "--leave-out %s: %s in groups that are too small, even together, or not known; "
            "they always train",
            groups.name,
            few_counted(never, "labelled patient"),
        )
    return table_of(patients, fold[None])


def _large_groups(strata: np.ndarray, groups: pd.Series, called: str) -> pd.Series:
    """The sizes of the groups that make a fold of their own, in the order of names. Raises
    `InputError` where there is none."""
    counts = pd.crosstab(groups.to_numpy(), strata)  # [groups, strata]
    sizes = counts.sum(axis=1)
    is_large = (sizes >= FEWEST) & ((counts > 0).sum(axis=1) > 1)
    if not is_large.any() or len(counts) < 2:
        raise InputError(
            f"--leave-out {groups.name}: there must be two groups, and one of {FEWEST} "
            f"labelled patients of two {called} (got "
            f"{counted(len(counts), 'group')} with labels). Take --group-by {groups.name}, "
            "which tests several at once"
        )
    return sizes[is_large].sort_index()


def _pooled(
    strata: np.ndarray, groups: np.ndarray, pools: int, first: int, seed: int
) -> dict[str, int]:
    """Group → fold, counted from `first`, of small groups put together into so many pools; without
    the groups of pools that are too small."""
    pool = grouped(strata, groups, pools, seed)
    fold_of = {}
    fold = first
    for number in np.unique(pool):
        own = pool == number
        if own.sum() >= FEWEST and len(set(strata[own])) > 1:
            fold_of |= dict.fromkeys(groups[own], fold)
            fold += 1
    return fold_of


def part_held_out(patients: pd.Index, groups: pd.Series, value: str) -> pd.DataFrame:
    """One held-out part: everyone whose group has this value is fold 0. Raises `InputError` where
    nobody has."""
    tested = (groups == value).to_numpy()
    if not tested.any():
        raise InputError(
            f"--split {groups.name}={value}: no patient has this "
            f"value{nearest(value, groups.unique())}"
        )
    fold = np.where(tested, 0, -1)
    return table_of(patients, fold[None])


def share_held_out(
    patients: pd.Index,
    strata: np.ndarray,
    share: float,
    repeats: int,
    seed: int,
    groups: pd.Series | None = None,
    called: tuple[str, str] = ("class", "classes"),
) -> pd.DataFrame:
    """A stratified share of the labelled patients is fold 0, drawn anew in every repeat.

    Parameters
    ----------
    patients : pd.Index
        The ids of all N patients.
    strata : np.ndarray
        int `[N]`, such as class codes (`Task.strata`); -1 for unlabelled.
    share : float
        Between 0 and 1.
    repeats : int
    seed : int
        Of the first repeat; the next one's is one more.
    groups : pd.Series, optional
        Each patient's group: whole groups are held out, that come nearest to the share.
    called : tuple of str
        What a stratum is called, and several.

    Returns
    -------
    pd.DataFrame
        A folds table.

    Raises
    ------
    InputError
        Where a stratum has fewer than 2 members, the share leaves a side without patients, or there
        is no repeat.
    """
    require_share(share, repeats)
    known = strata >= 0
    rows = np.flatnonzero(known)
    dealt = np.full((repeats, len(strata)), -1)
    for repeat in range(repeats):
        if groups is not None:
            fold = _share_of_groups(strata[known], groups[known], share, seed + repeat)
            dealt[repeat] = spread(fold, known, groups)
            continue
        tested = _share_of(rows, strata[rows], share, seed + repeat, called[0])
        dealt[repeat, tested] = 0
    return table_of(patients, dealt)


def require_share(share: float, repeats: int) -> None:
    """Raises `InputError` for a share that is not between 0 and 1, and for less than one repeat."""
    if not 0 < share < 1:
        raise InputError(
            f"--holdout {share:g}: give the share to hold out, between 0 and 1, such as 0.3"
        )
    if repeats < 1:
        raise InputError(
            f"--holdout {share:g}, {repeats} times: give 1 repeat or more, such as 0.3x10 "
            "(Python: holdout=(0.3, 10))"
        )


def _share_of(
    rows: np.ndarray, strata: np.ndarray, share: float, seed: int, called: str
) -> np.ndarray:
    """A stratified share of the rows."""
    try:
        _, tested = train_test_split(rows, test_size=share, stratify=strata, random_state=seed)
    except ValueError:
        raise InputError(
            f"--holdout {share:g} of {few(len(rows))} labelled patients leaves fewer than "
            f"one of each {called} on a side; "
            "take another share, or --cv"
        ) from None
    return tested


def _share_of_groups(strata: np.ndarray, groups: pd.Series, share: float, seed: int) -> np.ndarray:
    """0 for whole groups that are about this share of the patients, -1 for the rest."""
    slices = grouped(strata, groups.to_numpy(), _SLICES, seed)
    reached = np.cumsum(np.bincount(slices)) / len(slices)
    if len(reached) < 2:
        raise InputError(
            f"--group-by {groups.name}: all labelled patients are of one group; nothing can "
            "be held out"
        )
    last = np.abs(reached[:-1] - share).argmin()
    return np.where(slices <= last, 0, -1)
