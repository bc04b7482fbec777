"""Stratified folds of labels."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import StratifiedKFold


def stratified(codes: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Fold of each patient, int `[N]` in `0 … folds - 1`, each class spread evenly; unlabelled ones are a class too.

    Classes with fewer members than folds are spread as far as they go.
    """
    counts = np.bincount(codes + 1)
    rare = np.isin(codes, np.flatnonzero((counts > 0) & (counts < folds)) - 1)
    fold = np.empty(len(codes), np.int64)
    dealt = np.lexsort((np.random.default_rng(seed).random(rare.sum()), codes[rare]))
    fold[np.flatnonzero(rare)[dealt]] = np.arange(rare.sum()) % folds
    common = np.flatnonzero(~rare)
    if not len(common):
        return fold
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for k, (_, held) in enumerate(splitter.split(common, codes[common])):
        fold[common[held]] = k
    return fold
