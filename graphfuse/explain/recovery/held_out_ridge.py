"""How well a ridge regression predicts held-out patients: the size of all effects together.

It is cheap for many outcomes of the same patients, since everything but the outcome is computed
once. The penalty is chosen for each outcome among the training patients, by leaving one out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

PENALTIES = np.logspace(-2, 4, 13)  # times the mean eigenvalue


class Explained(NamedTuple):
    """The share of an outcome's variance that is explained on held-out patients (R²).

    Attributes
    ----------
    share : float
        At most 1; below 0 where the training mean predicts better.
    error : float
        Its standard error over patients and training sets.
    """

    share: float
    error: float


class HeldOutRidge:
    """A ridge regression on the folds of a cohort.

    Parameters
    ----------
    values : numpy.ndarray
        `[n, F]`: columns that are comparable, without missing values.
    folds : sequence of (numpy.ndarray, numpy.ndarray)
        Rows of the n that train and that are tested; each is tested once, at most.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(100, 3))
    >>> rows = np.arange(100)
    >>> ridge = HeldOutRidge(x, [(rows[:50], rows[50:]), (rows[50:], rows[:50])])
    >>> ridge.explained(x[:, :1]).share > 0.99
    True
    """

    def __init__(self, values: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]):
        kernel = values @ values.T
        self._folds = [_Fold.of(kernel, *fold) for fold in folds]
        tested = sum(len(fold.tested) for fold in self._folds)
        trained = np.mean([len(fold.train) for fold in self._folds])
        self._widening = np.sqrt(1 + tested / trained)

    def explained(self, coded: np.ndarray) -> Explained:
        """How much of an outcome is explained.

        Parameters
        ----------
        coded : numpy.ndarray
            `[n, W]`: the outcome as numbers, such as 1 at a patient's class.

        Returns
        -------
        Explained
        """
        lost, total = [], []
        for fold in self._folds:
            mean = coded[fold.train].mean(0)
            predicted = mean + fold.predicted(coded[fold.train] - mean)
            truth = coded[fold.tested]
            lost.append(((truth - predicted) ** 2).sum(1))
            total.append(((truth - mean) ** 2).sum(1))
        lost, total = np.concatenate(lost), np.concatenate(total)
        share = 1 - lost.sum() / total.sum()
        influence = ((1 - share) * total - lost) / total.mean()
        error = self._widening * influence.std() / np.sqrt(len(lost))
        return Explained(float(share), float(error))


class _Fold(NamedTuple):
    """A fold, with the eigenvectors of its training patients' kernel."""

    train: np.ndarray
    tested: np.ndarray
    eigenvalues: np.ndarray  # [n]
    vectors: np.ndarray  # [n, n]
    across: np.ndarray  # [q, n], of the tested patients on the eigenvectors

    @classmethod
    def of(cls, kernel: np.ndarray, train: np.ndarray, tested: np.ndarray) -> _Fold:
        """The fold of a kernel `[N, N]`, centred at the training patients."""
        own = kernel[np.ix_(train, train)]
        other = kernel[np.ix_(tested, train)]
        means = own.mean(0)
        centred = own - means - means[:, None] + means.mean()
        across = other - means - other.mean(1, keepdims=True) + means.mean()
        eigenvalues, vectors = np.linalg.eigh(centred)
        return cls(train, tested, np.maximum(eigenvalues, 0.0), vectors, across @ vectors)

    def predicted(self, centred: np.ndarray) -> np.ndarray:
        """What is predicted of the tested patients from the centred outcome `[n, W]`."""
        turned = self.vectors.T @ centred
        mean = max(self.eigenvalues.mean(), np.finfo(float).tiny)
        best, least = mean, np.inf
        for penalty in PENALTIES * mean:
            shrunk = self.eigenvalues / (self.eigenvalues + penalty)
            leverage = 1 / len(centred) + self.vectors**2 @ shrunk
            rest = centred - self.vectors @ (shrunk[:, None] * turned)
            lost = ((rest / (1 - leverage)[:, None]) ** 2).sum()
            if lost < least:
                best, least = penalty, lost
        return self.across @ (turned / (self.eigenvalues + best)[:, None])
