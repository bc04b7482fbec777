"""Stratified folds of patients, or of whole groups of patients."""

from __future__ import annotations

import threading
import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

# Filters of warnings are shared by all threads of a process, and folds are assigned in threads.
_QUIET = threading.Lock()


def stratified(y: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Folds over which each class is spread evenly; unlabelled patients are a class too.

    Classes with fewer members than folds are spread as far as they go.

    Parameters
    ----------
    y : np.ndarray
        int `[N]`: class of each patient, -1 for unlabelled.
    folds : int
        How many folds.
    seed : int
        Of the shuffling.

    Returns
    -------
    np.ndarray
        int `[N]`: fold of each patient, 0 … `folds` - 1.
    """
    counts = np.bincount(y + 1)  # unlabelled first
    rare_classes = np.flatnonzero((counts > 0) & (counts < folds)) - 1
    rare = np.isin(y, rare_classes)
    fold = np.empty(len(y), np.int64)
    shuffled = np.random.default_rng(seed).random(rare.sum())
    order = np.lexsort((shuffled, y[rare]))
    fold[np.flatnonzero(rare)[order]] = np.arange(rare.sum()) % folds
    common = np.flatnonzero(~rare)
    if not len(common):
        return fold
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for k, (_, test) in enumerate(splitter.split(common, y[common])):
        fold[common[test]] = k
    return fold


def grouped(y: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Folds that keep groups whole, over which classes are about even.

    `StratifiedGroupKFold` goes by the sizes of groups and so assigns unequal groups alike whatever
    its seed (40 sites of TCGA-BRCA: adjusted Rand index 0.97 between seeds). It is given a random
    half of the patients, and one of each group: 0.31.

    Parameters
    ----------
    y : np.ndarray
        int `[N]`: class of each patient, -1 for unlabelled.
    groups : np.ndarray
        `[N]`: group of each patient, as any sortable labels.
    folds : int
        How many folds; there are only as many as groups where these are fewer.
    seed : int
        Of the random half and of the shuffling.

    Returns
    -------
    np.ndarray
        int `[N]`: fold of each patient.
    """
    rng = np.random.default_rng(seed)
    _, first = np.unique(groups, return_index=True)
    half = rng.permutation(len(y))[: len(y) // 2]
    sample = np.union1d(first, half)
    own_groups, own_y = groups[sample], y[sample]
    _, counts = np.unique(own_y, return_counts=True)
    folds = min(folds, len(first), int(counts.max()))
    if folds < 2:
        return np.zeros(len(y), np.int64)
    fold_of = _fold_of_groups(own_y, own_groups, folds, seed)
    return np.array([fold_of[group] for group in groups], np.int64)


def _fold_of_groups(y: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> dict:
    """Group → fold, by the patients that `StratifiedGroupKFold` is given."""
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold_of = {}
    with _QUIET, warnings.catch_warnings():
        # a class with fewer members than folds is spread as far as it goes
        warnings.simplefilter("ignore", UserWarning)
        for k, (_, test) in enumerate(splitter.split(y, y, groups)):
            fold_of |= dict.fromkeys(groups[test], k)
    return fold_of


def assign_folds(
    y: np.ndarray, folds: int, seed: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Inner fold of each patient, int `[N]`.

    They are `grouped` where there are at least two groups to keep whole, and else `stratified`.
    """
    if groups is None or len(set(groups)) < 2:
        return stratified(y, folds, seed)
    return grouped(y, groups, folds, seed)
