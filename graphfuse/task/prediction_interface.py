"""What predictions ask of a task: its output, and that output in words and tables."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pandas as pd

from graphfuse.errors import few


class Predicted(ABC):
    """A task as it is predicted: a model's output is O numbers of each patient."""

    @abstractmethod
    def output(self, predictor: np.ndarray, calibration: float = 1.0) -> np.ndarray:
        """The prediction that a linear predictor stands for.

        Parameters
        ----------
        predictor : np.ndarray
            `[…, W]`.
        calibration : float
            One of `calibrations`, or as `calibration_at` gives it.

        Returns
        -------
        np.ndarray
            `[…, O]`: probabilities of the classes, or a number with its bounds.
        """

    @abstractmethod
    def null_output(self, target) -> np.ndarray:
        """The prediction of a baseline that knows nothing of a patient.

        Parameters
        ----------
        target : Target
            Of the training patients.

        Returns
        -------
        np.ndarray
            `[O]`, such as the shares of the classes.
        """

    @abstractmethod
    def valid(self, output: np.ndarray) -> np.ndarray:
        """The nearest possible outputs to sums and differences of outputs.

        Parameters
        ----------
        output : np.ndarray
            `[…, O]`.

        Returns
        -------
        np.ndarray
            `[…, O]`.
        """

    @abstractmethod
    def called(self, output: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        """The one value that each output stands for, such as the most probable class.

        Parameters
        ----------
        output : np.ndarray
            `[N, O]`.
        classes : np.ndarray, optional
            `[K]`: what is given in place of the names of the classes.

        Returns
        -------
        np.ndarray
            `[N]`.
        """

    def in_total(self, called: np.ndarray) -> str:
        """How many patients have which prediction, for a log.

        Parameters
        ----------
        called : np.ndarray
            `[N]`, as `called` gives it.

        Returns
        -------
        str
            Without any number of patients under five.
        """
        return f"{few(len(called))} patients predicted"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of `table`."""
        output = self.output(np.zeros((1, self.width)))
        return tuple(self.table(output))

    @abstractmethod
    def table(self, output: np.ndarray) -> dict[str, np.ndarray]:
        """The columns of a table of predictions.

        Parameters
        ----------
        output : np.ndarray
            `[N, O]`.

        Returns
        -------
        dict of str to np.ndarray
            Name → column `[N]`, in order.
        """

    @abstractmethod
    def read_table(self, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Reads predictions back from a table.

        Parameters
        ----------
        table : pd.DataFrame
            The columns of `table`, and the outcomes in `truth`, as numbers or as text.

        Returns
        -------
        output : np.ndarray
            `[N, O]`.
        values : np.ndarray
            `[N]`, as in a `Target`.

        Raises
        ------
        ValueError
            Where a cell is no possible prediction.
        """
