"""How columns go with classes by themselves: the AUROC of a class against all other patients."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from graphfuse.statistics.rank_association import OneVsRest, auroc_interval, one_vs_rest
from graphfuse.task.ranking_interface import Marginal

LEVEL = 0.95


def class_marginals(values: np.ndarray, labels: np.ndarray, classes: int) -> tuple[Marginal, ...]:
    """The association of each column with the class that it tells best, and with each class.

    An AUROC below 0.5 is turned round, so that 1 is the strongest in either direction; the effect
    keeps its sign. The interval of the best of several classes is wide enough to hold for all of
    them together (Bonferroni), and its p-value is of all classes (Kruskal-Wallis).

    Parameters
    ----------
    values : np.ndarray
        float `[N, F]`, NaN where missing.
    labels : np.ndarray
        int `[N]`: classes; below 0 for patients without one, who are left out.
    classes : int
        The number K of classes.

    Returns
    -------
    tuple of Marginal
        Of the best class, then of each of the K.

    Examples
    --------
    >>> values = np.array([[4.0], [3.0], [2.0], [1.0], [3.5]])
    >>> best, *_ = class_marginals(values, np.array([0, 0, 1, 1, 0]), 2)
    >>> best.association.tolist(), best.direction.tolist(), bool(best.effect[0] < 0)
    ([1.0], [1], True)
    """
    has_class = labels >= 0
    compared = one_vs_rest(values[has_class], labels[has_class], classes)
    distance = np.abs(compared.auroc - 0.5)  # [K, F]
    best = np.nan_to_num(distance, nan=-1.0).argmax(0)  # [F]
    tests = classes
    if classes == 2:  # both say the same: the second class is shown, as by signs
        best = np.ones_like(best)
        tests = 1
    overall = _marginal(compared, best, tests)._replace(p=compared.p_any)
    by_class = []
    for k in range(classes):
        by_class.append(_marginal(compared, np.full_like(best, k), 1))
    return (overall, *by_class)


def _marginal(compared: OneVsRest, chosen: np.ndarray, tests: int) -> Marginal:
    """The comparison of the chosen class of each column, whose interval holds for so many tests."""
    column = np.arange(len(chosen))
    auroc = compared.auroc[chosen, column]
    auroc = np.maximum(auroc, 1 - auroc)
    positives = compared.positives[chosen, column]
    negatives = compared.negatives[chosen, column]
    sizes = positives, negatives, np.full(len(chosen), tests)
    low, high = class_interval(auroc, *sizes)
    effect, difference = compared.effect[chosen, column], compared.difference[chosen, column]
    p = compared.p[chosen, column]
    return Marginal(auroc, low, high, effect, difference, p, chosen, *sizes)


def class_interval(
    auroc: np.ndarray, positives: np.ndarray, negatives: np.ndarray, choices: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of AUROCs, each the strongest of several.

    Parameters
    ----------
    auroc, positives, negatives, choices : np.ndarray
        `[F]`: the AUROC, the patients of the class and the others, and of how many AUROCs it was
        chosen.

    Returns
    -------
    low, high : np.ndarray
        `[F]`; NaN where the AUROC is.
    """
    z = norm.isf((1 - LEVEL) / 2 / choices)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = auroc_interval(auroc, positives, negatives, z)
    is_known = ~np.isnan(auroc)
    return np.where(is_known, low, np.nan), np.where(is_known, high, np.nan)
