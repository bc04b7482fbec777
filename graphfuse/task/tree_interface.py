"""What forests and boosting ask of a task: scikit-learn's estimators, and their outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class LearnedByTrees(ABC):
    """A task as trees learn it, by estimators of scikit-learn's."""

    @abstractmethod
    def forest(self, **settings):
        """Makes an unfitted random forest.

        Parameters
        ----------
        **settings
            As scikit-learn's `RandomForestClassifier` takes them.

        Returns
        -------
        sklearn.base.BaseEstimator
        """

    @abstractmethod
    def boosting(self, **settings):
        """Makes an unfitted gradient boosting.

        Parameters
        ----------
        **settings
            As scikit-learn's `HistGradientBoostingClassifier` takes them.

        Returns
        -------
        sklearn.base.BaseEstimator
        """

    def for_trees(self, target) -> np.ndarray:
        """The values on which trees are fitted.

        Parameters
        ----------
        target : Target
            Of N patients.

        Returns
        -------
        np.ndarray
            `[N]`.
        """
        return target.values

    @abstractmethod
    def trees_output(self, model, x: np.ndarray) -> np.ndarray:
        """What fitted trees predict.

        Parameters
        ----------
        model : sklearn.base.BaseEstimator
            A fitted forest or boosting.
        x : np.ndarray
            Columns `[n, F]`.

        Returns
        -------
        np.ndarray
            `[n, O]`, as `output`.
        """

    @abstractmethod
    def out_of_bag(self, model) -> np.ndarray:
        """What a forest predicts of its own training patients, each by the trees that never saw it.

        Parameters
        ----------
        model : sklearn.base.BaseEstimator
            A forest, fitted with `oob_score=True` on n patients.

        Returns
        -------
        np.ndarray
            `[n, O]`.
        """

    @abstractmethod
    def staged_output(self, model, x: np.ndarray) -> np.ndarray:
        """What boosting predicts after each of its S trees.

        Parameters
        ----------
        model : sklearn.base.BaseEstimator
            A fitted boosting.
        x : np.ndarray
            Columns `[n, F]`.

        Returns
        -------
        np.ndarray
            `[S, n, O]`.
        """

    @abstractmethod
    def trees_loss(self, output: np.ndarray, target) -> np.ndarray:
        """The summed loss of outputs, by which settings of trees are chosen.

        Parameters
        ----------
        output : np.ndarray
            `[…, n, O]`; trees may give a class the probability 0, which must cost a finite loss.
        target : Target
            Of n patients, all of them known.

        Returns
        -------
        np.ndarray
            `[…]`.
        """

    def bounded(self, output: np.ndarray, loss: float) -> np.ndarray:
        """Outputs of trees, with bounds as wide as their errors on held-out patients.

        Parameters
        ----------
        output : np.ndarray
            `[…, O]`.
        loss : float
            The mean of `trees_loss` over held-out patients.

        Returns
        -------
        np.ndarray
            `[…, O]`; by default the same.
        """
        return output
