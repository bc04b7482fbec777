"""What rankings ask of a task: of what attributions are, over whom they are meant, and in what
words they are told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np


class Told(NamedTuple):
    """What rankings and messages say of attributions; lines are as wide as README.txt has room.

    Attributes
    ----------
    of : str
        What one attribution is of, as "the class's logit".
    outputs : str
        The same of many patients, as "logits".
    score : str
        How an item's attributions become its score.
    sign : str
        What + and - mean.
    by_direction : str
        What the table of each direction on its own holds, or why it holds nothing.
    neighbours : str
        What the score of an edge between patients is.
    """

    of: str
    outputs: str
    score: str
    sign: str
    by_direction: str
    neighbours: str


class Explained(ABC):
    """A task as it is explained, direction by direction."""

    #: How attributions are told.
    told: ClassVar[Told]

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
    def explained(self, predictor: np.ndarray, calibration: float) -> np.ndarray:
        """Each patient's weight, `[N, W]`, in what explains each number of the predictor `[N, W]`.

        Below 0 for whoever shows the direction by its opposite; absolute values sum to 1 in each
        column.
        """

    @abstractmethod
    def contrast(self, predictor):
        """What attributions are of: of predictors `[…, W]`, an array or a tensor, what they say of
        each direction, without what they say of all alike. It is linear."""
