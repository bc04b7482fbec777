"""What rankings ask of a task: what attributions are of, and how much each patient counts."""

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
        """The names `[W]` of what a predictor's numbers speak for, such as the classes."""

    @property
    def ranked_apart(self) -> tuple[str, ...]:
        """The directions of which items are ranked one by one too: none where there is only one."""
        return self.directions if self.width > 1 else ()

    @property
    def sign_of(self) -> int | None:
        """The direction whose signs rankings show; `None` for that in which an item matters
        most."""
        return None

    def direction_called(self, output: np.ndarray) -> np.ndarray:
        """int `[N]`: the direction that a model's output `[N, O]` stands for."""
        return np.zeros(len(output), int)

    @abstractmethod
    def patient_weights(self, predictor: np.ndarray, calibration: float) -> np.ndarray:
        """Each patient's weight, `[N, W]`, in what explains each number of the predictor `[N, W]`.

        Below 0 for whoever shows the direction by its opposite; absolute values sum to 1 in each
        column.
        """

    @abstractmethod
    def contrast(self, predictor):
        """What attributions are of: of predictors `[…, W]`, an array or a tensor, what they say of
        each direction, without what they say of all alike. It is linear."""
