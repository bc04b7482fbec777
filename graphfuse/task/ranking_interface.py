"""What rankings ask of a task: directions of attributions, and how much each patient counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from graphfuse.task.wording import AttributionWords


class Attributed(ABC):
    """A task whose models are explained, direction by direction."""

    #: What rankings say of attributions.
    attribution_words: ClassVar[AttributionWords]

    @property
    @abstractmethod
    def directions(self) -> tuple[str, ...]:
        """The names `[W]` of what the numbers of a predictor stand for, such as the classes."""

    @property
    def ranked_apart(self) -> tuple[str, ...]:
        """The directions in which items are also ranked one by one; none where there is one."""
        return self.directions if self.width > 1 else ()

    @property
    def sign_of(self) -> int | None:
        """The direction whose signs rankings show; `None` for that in which an item matters
        most."""
        return None

    def direction_called(self, output: np.ndarray) -> np.ndarray:
        """The direction that each output stands for, such as the most probable class.

        Parameters
        ----------
        output : np.ndarray
            `[N, O]`.

        Returns
        -------
        np.ndarray
            Int `[N]`.
        """
        return np.zeros(len(output), int)

    @abstractmethod
    def patient_weights(self, predictor: np.ndarray, calibration: float) -> np.ndarray:
        """How much each patient counts in the explanation of each direction.

        Parameters
        ----------
        predictor : np.ndarray
            `[N, W]`.
        calibration : float
            The net's, as `output` takes it.

        Returns
        -------
        np.ndarray
            `[N, W]`: below 0 for patients who show the opposite of a direction; absolute values sum
            to 1 in each column.
        """

    @abstractmethod
    def contrast(self, predictor):
        """The part of a predictor that attributions explain: what differs between directions.

        Parameters
        ----------
        predictor : np.ndarray or torch.Tensor
            `[…, W]`.

        Returns
        -------
        np.ndarray or torch.Tensor
            `[…, W]`, linear in the predictor.
        """
