"""What linear models ask of a task: the loss of a linear predictor, and its gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np


class LearnedByLinearModels(ABC):
    """A task as linear models learn it: a patient's linear predictor is W numbers."""

    #: Whether the columns of `residual` add up to zero for every patient, as those of a softmax do:
    #: linear models then solve for all columns but the last.
    residuals_sum_to_zero: ClassVar[bool] = False

    #: An upper bound of the second derivative of a patient's loss in its linear predictor.
    curvature: ClassVar[float] = 1.0

    @property
    @abstractmethod
    def width(self) -> int:
        """W, the numbers of a linear predictor: a logit for each class, or one number."""

    @abstractmethod
    def coded(self, target) -> np.ndarray:
        """Writes the target as what the mean of the outcome is compared with.

        Parameters
        ----------
        target : Target
            Of N patients.

        Returns
        -------
        np.ndarray
            Float64 `[N, W]`, such as 1 at a patient's class; zeros where nothing is known.
        """

    @abstractmethod
    def intercepts(self, means: np.ndarray) -> np.ndarray:
        """Where the intercepts of a regression start.

        Parameters
        ----------
        means : np.ndarray
            `[W, …]`: the means of `coded` over the training patients.

        Returns
        -------
        np.ndarray
            `[W, …]`.
        """

    @abstractmethod
    def residual(self, predictor: np.ndarray, coded: np.ndarray) -> np.ndarray:
        """The gradient of each patient's loss in its linear predictor, in the same memory.

        Parameters
        ----------
        predictor : np.ndarray
            `[W, …, n]`; is overwritten.
        coded : np.ndarray
            `[W, …, n]`, as `coded` gives it.

        Returns
        -------
        np.ndarray
            `[W, …, n]`.
        """

    @abstractmethod
    def loss(self, predictor: np.ndarray, coded: np.ndarray) -> tuple[float, np.ndarray]:
        """The summed loss of n patients, and its gradient.

        Parameters
        ----------
        predictor, coded : np.ndarray
            `[n, W]`.

        Returns
        -------
        loss : float
        gradient : np.ndarray
            `[n, W]`, in the predictor.
        """

    @abstractmethod
    def mean_loss(self, predictor: np.ndarray, target) -> np.ndarray:
        """The mean loss of each of L linear predictors, over the patients with a known outcome.

        Parameters
        ----------
        predictor : np.ndarray
            `[L, n, W]`.
        target : Target
            Of the n patients.

        Returns
        -------
        np.ndarray
            `[L]`.
        """

    def calibration_at(self, loss: float) -> float:
        """The calibration of a regression, from its mean loss on held-out patients.

        Parameters
        ----------
        loss : float
            As `mean_loss` gives it.

        Returns
        -------
        float
            As `output` takes it; by default 1.
        """
        return 1.0
