"""What the score of a model on a cohort that it never saw asks of its task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from graphfuse.errors import InputError


class External(ABC):
    """A task of a trained model, as it meets the outcome of another cohort."""

    kind: ClassVar[str] = ""
    #: What models of it do, after "the model".
    model_does: ClassVar[str] = "predicts something else"

    def matched(self, outcome, cohort: str):
        """What another cohort says of its patients, as a target of this task.

        Parameters
        ----------
        outcome : Outcome
            The cohort's own; its classes may be others, or stand in another order.
        cohort : str
            Its name, for messages.

        Returns
        -------
        Target

        Raises
        ------
        InputError
            For an outcome of another kind, or of values that the model was not trained on.
        """
        if outcome.kind != self.kind:
            raise InputError(
                f"outcome {outcome.name!r} is of kind {outcome.kind!r}; the model {self.model_does}"
            )
        return outcome.target

    def caveats(self, target) -> list[str]:
        """What is said beside the scores of these patients, of all of whom something is known."""
        return []

    def on_record(self, target) -> dict[str, object]:
        """What a record says of the outcomes of its patients: JSON by key."""
        return {}

    def in_protocol(self, target) -> dict[str, object]:
        """What metrics say of how the outcomes of the scored patients are distributed: the same."""
        return {}

    @abstractmethod
    def null_on_record(self, fitted: Mapping[str, object]) -> np.ndarray | None:
        """What `null_output` was in training, `[O]`, by the task and what a run has on record of
        its training patients (`fitted` of run.json; empty where there is no run); None where they
        do not say."""
