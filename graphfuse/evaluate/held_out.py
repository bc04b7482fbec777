"""Folds that hold out whole groups, one part, or a share of the patients."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from graphfuse.data.groups import group_known
from graphfuse.errors import InputError, counted, few, few_counted, nearest
from graphfuse.evaluate.folds import (
    grouped,
    spread,
    table_of,
)
from graphfuse.evaluate.metrics import FEWEST

log = logging.getLogger(__name__)

_SLICES = 20  # of whole groups, of which a held-out part is put together


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
    train. `called`: what a stratum is called, and several. Raises `InputError` where no group is
    large enough.
    """
    known = (strata >= 0) & group_known(groups)
    counts = pd.crosstab(groups[known].to_numpy(), strata[known])
    own = sorted(counts.index[(counts.sum(axis=1) >= FEWEST) & ((counts > 0).sum(axis=1) > 1)])
    if not own or len(counts) < 2:
        raise InputError(
            f"--leave-out {groups.name}: there must be two groups, and one of {FEWEST} "
            f"labelled patients of two {called[1]} (got "
            f"{counted(len(counts), 'group')} with labels). Take --group-by {groups.name}, "
            "which tests several at once"
        )
    fold_of = {name: k for k, name in enumerate(own)}
    small = known & ~groups.isin(own).to_numpy()
    if small.any():
        pool = grouped(
            strata[small],
            groups[small].to_numpy(),
            int(small.sum() // counts.sum(axis=1)[own].median()),
            seed,
        )
        fits = [
            k
            for k in np.unique(pool)
            if (pool == k).sum() >= FEWEST and len(set(strata[small][pool == k])) > 1
        ]
        for number, k in enumerate(fits, len(own)):
            fold_of |= dict.fromkeys(groups[small][pool == k], number)
    fold = groups.map(fold_of).fillna(-1).to_numpy(np.int64)
    never = (fold < 0) & (strata >= 0)
    if never.any():
        log.warning(
            
                "--leave-out %s: %s in groups that are too small, even together, or not known; "
                "they always train"
            ,
            groups.name, few_counted(never.sum(), "labelled patient"),
        )  # fmt: skip
    return table_of(patients, fold[None])


def part_held_out(patients: pd.Index, groups: pd.Series, value: str) -> pd.DataFrame:
    """One held-out part: everyone whose group has this value is fold 0. Raises `InputError` where
    nobody has."""
    held = (groups == value).to_numpy()
    if not held.any():
        raise InputError(
            f"--split {groups.name}={value}: no patient has this "
            f"value{nearest(value, groups.unique())}"
        )
    return table_of(patients, np.where(held, 0, -1)[None])


def share_held_out(
    patients: pd.Index,
    strata: np.ndarray,
    share: float,
    repeats: int,
    seed: int,
    groups: pd.Series | None = None,
    called: tuple[str, str] = ("class", "classes"),
) -> pd.DataFrame:
    """A stratified share of the labelled patients is fold 0, drawn anew in every repeat; with
    `groups`, whole groups that come nearest to it. `called`: what a stratum is called, and several.
    Raises `InputError` where one has fewer than 2 members, or the share leaves a side without
    patients."""
    if not 0 < share < 1:
        raise InputError(
            f"--holdout {share:g}: give the share to hold out, between 0 and 1, such as 0.3"
        )
    known = strata >= 0
    rows, dealt = np.flatnonzero(known), np.full((repeats, len(strata)), -1)
    for repeat in range(repeats):
        if groups is not None:
            dealt[repeat] = spread(
                _share_of_groups(strata[known], groups[known], share, seed + repeat), known, groups
            )
            continue
        try:
            held = train_test_split(
                rows, test_size=share, stratify=strata[rows], random_state=seed + repeat
            )[1]
        except ValueError:
            raise InputError(
                f"--holdout {share:g} of {few(len(rows))} labelled patients leaves fewer than "
                f"one of each {called[0]} on a side; "
                "take another share, or --cv"
            ) from None
        dealt[repeat, held] = 0
    return table_of(patients, dealt)


def _share_of_groups(strata: np.ndarray, groups: pd.Series, share: float, seed: int) -> np.ndarray:
    """0 for whole groups that are about this share of the patients, -1 for the rest."""
    slices = grouped(strata, groups.to_numpy(), _SLICES, seed)
    reached = np.cumsum(np.bincount(slices)) / len(slices)
    if len(reached) < 2:
        raise InputError(
            f"--group-by {groups.name}: all labelled patients are of one group; nothing can "
            "be held out"
        )
    return np.where(slices <= np.abs(reached[:-1] - share).argmin(), 0, -1)
